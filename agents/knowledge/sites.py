"""Fetch a site's pages as documents: one host, few and small pages, what robots may read, no private address."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.knowledge.cutting import cut
from agents.knowledge.indexing import digest_of
from agents.knowledge.models import Collection, Document, DocumentVersion, Site
from agents.knowledge.services import MANAGE, NO_COLLECTION, TITLE_LIMIT, address_problem, delete_row, store_version
from agents.knowledge.uploads import read_file
from core.actors import Actor, system
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.errors import Conflict, Invalid
from core.http import OutgoingHttp, Patience, Reply
from core.jobs.queueing import enqueue_after_commit
from core.tenancy.scope import platform_scope

MOST_PAGES: Final = 200
LARGEST: Final = 5 * 1024 * 1024
SECONDS: Final = 600.0
"""For a whole site; what was read until then is kept."""
PATIENCE: Final = Patience(connect=5.0, read=10.0, total=20.0, max_bytes=LARGEST)
LEASE: Final = timedelta(minutes=15)
MOST_REDIRECTS: Final = 3
AGENT: Final = "WalkerBot"
MISSING: Final = "There is no such site."
INTERVALS: Final = {0: "Only when you press Refresh", 24: "Every day", 168: "Every week"}
TROUBLES: Final = {
    "not_reachable": "The site can't be reached. Check its address.",
    "egress_refused": "The address belongs to a private network. Only public sites can be fetched.",
    "robots": "The site's robots.txt doesn't let programs read it.",
    "no_pages": "No page with text was found. Pages that only a script fills can't be read.",
}
State = Site.State


def add_site(
    *,
    actor: Actor,
    collection_id: UUID,
    address: str,
    language: str = Document.Language.ENGLISH,
    every_hours: int = 0,
) -> Site:
    """Add a site and fetch it in the background.

    Needs `agents.manage_knowledge`; raises `NotFound` and `Invalid` with the fields.
    """
    actor.require(MANAGE)
    start = normalised(address.strip())
    problems = {
        "address": address_problem(start) or ("" if start else "This field is required."),
        "language": "" if language in Document.Language.values else "Choose one of the list.",
        "every_hours": "" if every_hours in INTERVALS else "Choose one of the list.",
    }
    if wrong := {name: [sentence] for name, sentence in problems.items() if sentence}:
        raise Invalid("Some fields are not valid.", fields=wrong)
    with transaction.atomic():
        collection = locked(Collection, collection_id, NO_COLLECTION)
        row = Site(collection=collection, address=start, language=language, every_hours=every_hours, due_at=now())
        row.save(force_insert=True)
        enqueue_after_commit("fetch_site", row.pk)
        _record(actor, "SITE_ADDED", row, every_hours=every_hours)
    return row


@transaction.atomic
def refresh_site(*, actor: Actor, site_id: UUID) -> Site:
    """Fetch a site again now.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` while it is being fetched ("fetching").
    """
    actor.require(MANAGE)
    row = locked(Site, site_id, MISSING)
    if row.lease_until and row.lease_until > now():
        raise Conflict("This site is being fetched already.", code="fetching")
    row.due_at = now()
    row.save(update_fields=["due_at"])
    enqueue_after_commit("fetch_site", row.pk)
    _record(actor, "SITE_REFRESHED", row)
    return row


@transaction.atomic
def remove_site(*, actor: Actor, site_id: UUID) -> None:
    """Remove a site with its pages. Needs `agents.manage_knowledge`; raises `NotFound`."""
    actor.require(MANAGE)
    row = locked(Site, site_id, MISSING)
    for document in Document.objects.filter(site=row).exclude(state=Document.State.DELETED):
        delete_row(document)
    Document.objects.filter(site=row).update(site=None)
    key = row.pk
    row.delete()
    chain.record(actor=actor, action="SITE_REMOVED", object_type="agents.site", object_id=key)


@dataclass
class Crawl:
    """One walk over a site."""

    start: str
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    trouble: str = ""
    is_whole: bool = True


def fetch_site(*, site_id: UUID, moment: datetime | None = None) -> str:
    """Fetch a site's pages and search them from then on; return its state, "" if it isn't due or another has it.

    For workers only. Pages that are gone are deleted if the whole site was walked.
    """
    at = moment or now()
    due = Site.objects.filter(Q(lease_until=None) | Q(lease_until__lt=at), pk=site_id, due_at__lte=at)
    if due.update(lease_until=at + LEASE, state=State.FETCHING) != 1:
        return ""
    row = Site.objects.get(pk=site_id)
    crawl = walk(row.address)
    for address, page in crawl.pages.items():
        _store_page(row, address, page)
    with transaction.atomic():
        site = Site.objects.select_for_update().filter(pk=site_id, lease_until=row.lease_until).first()
        if site is None:
            return ""
        if crawl.pages and crawl.is_whole:
            gone = Document.objects.filter(site=site).exclude(state=Document.State.DELETED)
            for document in gone.exclude(address__in=list(crawl.pages)):
                delete_row(document)
        site.state = State.FAILED if crawl.trouble else State.READY
        site.trouble, site.pages, site.fetched_at, site.lease_until = crawl.trouble, len(crawl.pages), now(), None
        site.due_at = now() + timedelta(hours=site.every_hours) if site.every_hours else None
        site.save()
        _record(system("agents"), "SITE_FETCHED", site, pages=len(crawl.pages), trouble=crawl.trouble)
    return str(site.state)


def walk(start: str, *, private_hosts: tuple[str, ...] = ()) -> Crawl:
    """Read a site's pages from its start on, breadth first."""
    crawl, origin = Crawl(start), origin_of(start)
    http = OutgoingHttp(
        origin, headers={"User-Agent": AGENT, "Accept": "text/html"}, patience=PATIENCE, private_hosts=private_hosts
    )
    try:
        rules = _rules(http, origin)
        waiting, seen, until = deque([start]), {start}, time.monotonic() + SECONDS
        while waiting:
            if len(crawl.pages) >= MOST_PAGES or time.monotonic() > until:
                crawl.is_whole = False
                break
            address = waiting.popleft()
            if not rules.can_fetch(AGENT, address):
                crawl.trouble = crawl.trouble or ("robots" if address == start else "")
                continue
            page = _page(http, address, crawl)
            if page is None:
                continue
            crawl.pages[address] = page
            for link in page["links"]:
                found = normalised(urljoin(address, link))
                if found and origin_of(found) == origin and found not in seen and len(seen) < MOST_PAGES * 10:
                    seen.add(found)
                    waiting.append(found)
    finally:
        http.close()
    if not crawl.pages:
        crawl.trouble = crawl.trouble or "no_pages"
    elif crawl.trouble == "robots":
        crawl.trouble = ""
    return crawl


def _rules(http: OutgoingHttp, origin: str) -> RobotFileParser:
    rules = RobotFileParser()
    answer = http.request("GET", "/robots.txt")
    is_text = isinstance(answer, Reply) and answer.status == 200
    lines = answer.body[:100_000].decode("utf-8", "replace").splitlines() if is_text else []  # type: ignore[union-attr]
    rules.parse(lines)
    return rules


def _page(http: OutgoingHttp, address: str, crawl: Crawl) -> dict[str, Any] | None:
    """Return a page's text, title and links, or None; redirects are followed on the same host only."""
    origin, at = origin_of(address), address
    for _ in range(MOST_REDIRECTS + 1):
        parts = urlsplit(at)
        answer = http.request("GET", parts.path + (f"?{parts.query}" if parts.query else "") or "/")
        if not isinstance(answer, Reply):
            if at == crawl.start:
                crawl.trouble = answer.code if answer.code in TROUBLES else "not_reachable"
            crawl.is_whole = False
            return None
        if answer.status in (301, 302, 303, 307, 308):
            at = normalised(urljoin(at, str(answer.headers.get("location", ""))))
            if not at or origin_of(at) != origin:
                return None
            continue
        kind = str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()
        if answer.status >= 500:
            crawl.is_whole = False
        if answer.status != 200 or kind not in ("text/html", "application/xhtml+xml"):
            return None
        found = read_file("html", answer.body)
        return None if "error" in found else found
    return None


def normalised(address: str) -> str:
    """Return an address without its fragment, "" for one that isn't of the web."""
    plain = urldefrag(address[:1000]).url
    try:
        parts = urlsplit(plain)
    except ValueError:
        return ""
    if address_problem(plain) or not parts.hostname:
        return ""
    return plain if parts.path else f"{plain}/"


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _store_page(site: Site, address: str, page: dict[str, Any]) -> None:
    text = str(page["text"])
    title = (str(page.get("title") or "") or address)[:TITLE_LIMIT]
    with transaction.atomic():
        rows = Document.objects.select_for_update().filter(site=site, address=address)
        row = rows.exclude(state=Document.State.DELETED).first()
        newest = DocumentVersion.objects.filter(document=row, number=row.version).first() if row else None
        if newest is not None and (newest.digest, newest.title) == (digest_of(text), title):
            return
        if row is None:
            row = Document(collection_id=site.collection_id, kind=Document.Kind.PAGE, site=site, address=address)
            row.language = site.language
        row.title = title
        if row._state.adding:
            row.save(force_insert=True)
        store_version(row, text=text, pieces=cut(text), author_id=None)


def list_due() -> list[tuple[UUID, UUID]]:
    """Return tenant and id of the sites that are due and that nobody fetches. For the sweep."""
    moment = now()
    free = Q(lease_until=None) | Q(lease_until__lt=moment)
    with platform_scope():
        return list(Site.objects.filter(free, due_at__lte=moment).values_list("tenant_id", "pk")[:50])


def _record(actor: Actor, action: str, row: Site, **facts: Any) -> None:
    chain.record(
        actor=actor, action=action, object_type="agents.site", object_id=row.pk, new_state=row.state, facts=facts
    )
