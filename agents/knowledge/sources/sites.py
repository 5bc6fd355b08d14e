"""Fetch sites as documents: in slices, so that a slow site holds no worker, and again when it is due."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from agents.knowledge.models import Collection, Document, DocumentVersion, Site
from agents.knowledge.search.index import digest_of, remove_passages
from agents.knowledge.selectors import VIEW
from agents.knowledge.services import (
    MANAGE,
    NO_COLLECTION,
    TITLE_LIMIT,
    address_problem,
    delete_row,
    searched_as,
    store_version,
)
from agents.knowledge.sources.crawler import Page, Unread, Walk, normalised, open_client
from agents.knowledge.sources.passages import cut
from core.actors import Actor, system
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Conflict, check_fields
from core.jobs.queues import enqueue_after_commit
from core.reliability import lease

SLICE: Final = 20.0
"""Seconds after which the worker does other work first."""
LEASE: Final = timedelta(minutes=5)
MISSING: Final = "There is no such site."
INTERVALS: Final = {0: "Only when you press Refresh", 24: "Every day", 168: "Every week"}
TROUBLES: Final = {
    "not_reachable": "The site can't be reached. Check its address.",
    "private_address": "The address belongs to a private network. Only public sites can be fetched.",
    "robots": "The site doesn't let programs read it (robots.txt, or a “noindex” on the page).",
    "elsewhere": "The address leads to another host. Remove this site and enter the address where it ends.",
    "redirects": "The address only leads on to other addresses.",
    "missing": "There is no page at this address.",
    "forbidden": "The site asks for a login, or refuses programs.",
    "site_error": "The site answered with an error. Refresh it later.",
    "too_large": "The page is larger than 5 MB.",
    "packed": "The site sends only compressed pages, which can't be read.",
    "no_page": "There is a file at this address and no page. Upload the file instead.",
    "no_text": "No text was found. Pages that only a script fills can't be read.",
}
State = Site.State


def query_sites(*, viewer: Actor) -> QuerySet[Site]:
    """Return the sites with their collections. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    rows: QuerySet[Site] = Site.objects.select_related("collection")
    return rows


def get_site(*, viewer: Actor, site_id: UUID) -> Site:
    """Return one site. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(query_sites(viewer=viewer).filter(pk=site_id), MISSING)


def add_site(
    *,
    actor: Actor,
    collection_id: UUID,
    address: str,
    language: str = Document.Language.ENGLISH,
    every_hours: int = 0,
) -> Site:
    """Add a site and fetch it in the background.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Invalid` with the fields.
    """
    actor.require(MANAGE)
    start = normalised(address.strip())
    problems = {
        "address": ""
        if start
        else address_problem(address.strip()) or "Enter an address such as https://shop.example.",
        "language": "" if language in Document.Language.values else "Choose one from the list.",
        "every_hours": "" if every_hours in INTERVALS else "Choose one from the list.",
    }
    check_fields(problems)
    with transaction.atomic():
        collection = locked(Collection, collection_id, NO_COLLECTION)
        if Site.objects.filter(collection=collection, address=start).exists():
            check_fields({"address": "This site is in the collection already. Refresh it instead."})
        row = Site(collection=collection, address=start, language=language, every_hours=every_hours, due_at=now())
        row.save(force_insert=True)
        enqueue_after_commit("fetch_site", row.pk)
        _record(actor, "SITE_ADDED", row, every_hours=every_hours)
    return row


@transaction.atomic
def change_site(*, actor: Actor, site_id: UUID, every_hours: int) -> Site:
    """Change how often a site is fetched. Needs `agents.manage_knowledge`; raises `NotFound` and `Invalid`."""
    actor.require(MANAGE)
    row = locked(Site, site_id, MISSING)
    if every_hours not in INTERVALS:
        check_fields({"every_hours": "Choose one from the list."})
    if row.every_hours == every_hours:
        return row
    before, row.every_hours = row.every_hours, every_hours
    if row.state in (State.READY, State.FAILED):  # else the walk that goes on sets when the next one begins
        row.due_at = max(now(), (row.fetched_at or now()) + timedelta(hours=every_hours)) if every_hours else None
    row.save(update_fields=["every_hours", "due_at"])
    _record(actor, "SITE_CHANGED", row, every_hours=every_hours, before=before)
    return row


@transaction.atomic
def refresh_site(*, actor: Actor, site_id: UUID) -> Site:
    """Fetch a site again now.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` while it is being fetched ("fetching").
    """
    actor.require(MANAGE)
    row = locked(Site, site_id, MISSING)
    if row.state in (State.WAITING, State.FETCHING):
        raise Conflict("This site is being fetched already.", code="fetching")
    row.state, row.due_at = State.WAITING, now()
    row.save(update_fields=["state", "due_at"])
    enqueue_after_commit("fetch_site", row.pk)
    _record(actor, "SITE_REFRESHED", row)
    return row


@transaction.atomic
def remove_site(*, actor: Actor, site_id: UUID, seen_version: int | None = None) -> None:
    """Remove a site and delete its pages. Needs `agents.manage_knowledge`; raises `NotFound`.

    A site has no versions: `seen_version` is compared with nothing.
    """
    actor.require(MANAGE)
    row = locked(Site, site_id, MISSING)
    pages = Document.objects.select_for_update().filter(site=row).exclude(state=Document.State.DELETED)
    for document in pages.order_by("pk"):
        delete_row(document)
    Document.objects.filter(site=row).update(site=None)
    key = row.pk
    row.delete()
    chain.record(actor=actor, action="SITE_REMOVED", object_type="agents.site", object_id=key)


def fetch_site(*, site_id: UUID, moment: datetime | None = None) -> str:
    """Fetch a site for some seconds; return its state, "" if it isn't due or another worker has it.

    For workers only. Each page is searched as soon as it is read. A site that is not done is due again at once.
    """
    at = moment or now()
    row = lease.claim(Site.objects.filter(pk=site_id), LEASE, where=Q(due_at__lte=at), now=at)
    if row is None:
        return ""
    if not row.walk:
        row.walk, row.state, row.pages, row.trouble = Walk.begin(row.address, at).keep(), State.FETCHING, 0, ""
        if not _save_own(row, "walk", "state", "pages", "trouble"):
            return ""
    walk = Walk.of(row.walk)
    with closing(open_client(row.address)) as http:
        for found in walk.go(http, at=at, seconds=SLICE):
            with transaction.atomic():
                row.pages = len(walk.read)
                if not _save_own(row, "pages"):
                    return ""
                if isinstance(found, Unread):
                    walk.gone += _mark_gone(Document.objects.filter(site=row, address=found.address))
                else:
                    walk.changed += _store_page(row, found)
    return _finish(row, walk)


@transaction.atomic
def _finish(row: Site, walk: Walk) -> str:
    """Keep how far the walk is or, at its end, mark the pages that the site no longer has."""
    row.lease_until = None
    if walk.waiting:
        row.walk, row.due_at = walk.keep(), now()
        if not _save_own(row, "walk", "due_at", "lease_until"):
            return ""
        enqueue_after_commit("fetch_site", row.pk)
        return str(row.state)
    row.state = State.READY if walk.read else State.FAILED
    row.trouble = "" if walk.read else walk.trouble or "no_text"
    row.walk, row.fetched_at = {}, now()
    row.due_at = now() + timedelta(hours=row.every_hours) if row.every_hours else None
    if not _save_own(row, "state", "trouble", "walk", "fetched_at", "due_at", "lease_until"):
        return ""
    if walk.read and walk.is_whole:
        walk.gone += _mark_gone(Document.objects.filter(site=row).exclude(address__in=list(walk.read)))
    facts = {"pages": len(walk.read), "changed": walk.changed, "gone": walk.gone, "trouble": row.trouble}
    _record(system("agents"), "SITE_FETCHED", row, **facts)
    return str(row.state)


def _save_own(row: Site, *fields: str) -> bool:
    """Save fields of a site that this worker still holds, and lock it until the commit."""
    return bool(lease.held(row).update(**{name: getattr(row, name) for name in fields}))


def _store_page(site: Site, page: Page) -> int:
    """Keep what a page says now; return 1 if that is new. A page that a person deleted stays away."""
    rows = Document.objects.select_for_update().filter(site=site, address=page.address)
    row = rows.first() or Document(
        collection_id=site.collection_id, kind=Document.Kind.PAGE, site=site, address=page.address
    )
    title = page.title[:TITLE_LIMIT]
    newest = DocumentVersion.objects.filter(document=row, number=row.version).first() if row.version else None
    is_known = newest is not None and (newest.digest, newest.title) == (digest_of(page.text), title)
    if row.state == Document.State.DELETED or (is_known and row.state == Document.State.READY):
        return 0
    row.title = title
    row.language = searched_as(page.language) if page.language else site.language
    if row._state.adding:
        row.save(force_insert=True)
    store_version(row, text=page.text, pieces=cut(page.text), author_id=None)
    return 1


def _mark_gone(pages: QuerySet[Document]) -> int:
    """Take pages out of the search; their last text stays, and they come back when the site has them again."""
    rows = list(pages.select_for_update().filter(state=Document.State.READY).order_by("pk"))
    for row in rows:
        remove_passages(row)
        row.state, row.updated_at = Document.State.GONE, now()
        row.save(update_fields=["state", "passages", "updated_at"])
    return len(rows)


def list_due() -> list[tuple[UUID, UUID]]:
    """Return tenant and id of the sites that are due and that nobody fetches. For the sweep."""
    moment = now()
    return lease.list_free(Site, Q(due_at__lte=moment), order="due_at", limit=50, now=moment)


def _record(actor: Actor, action: str, row: Site, **facts: Any) -> None:
    chain.record(actor, action, "agents.site", row.pk, new_state=row.state, facts=facts)
