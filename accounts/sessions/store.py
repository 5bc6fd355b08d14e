"""Where a person's sessions were last used, and the end of sessions: requests and open pages know it at once.

Django's table has the sessions, under the beginning of a digest of their keys, and ours the whole of it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from redis import RedisError

from accounts.models import BrowserSession, User
from accounts.sessions.engine import content_of, stored_key
from core.audit.chain import network_of
from core.clock import now as clock_now
from core.events import streams
from core.observability.logging import get_logger
from core.privacy.encryption import digest_of_secret
from core.reliability import loose_cache
from core.tenancy import lookups
from core.tenancy.scope import current_tenant_or_none

log = get_logger(__name__)
ENDED: Final = "sessions.ended"
SEEN_EVERY: Final = 300
"""Seconds in which a session is noted once."""
SLACK: Final = timedelta(days=1)
# In this order: most browsers also call themselves by the names of others.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
UNKNOWN: Final = "Unknown browser"
LINKED: Final = "linked"
"""The method, among proofs, of a sign-in with a linked account."""


def note_use(*, user_id: UUID, session_key: str, address: str, user_agent: str, now: datetime | None = None) -> None:
    """Note where a session is used, once in five minutes. While Redis is away nothing is noted."""
    if not session_key:
        return
    digest = digest_of_secret(session_key)
    try:
        if not cache.add(f"session-seen:{digest}", 1, timeout=SEEN_EVERY):
            return
    except (RedisError, OSError):
        log.warning("session_not_noted")
        return
    facts = {"device": device_of(user_agent), "network": network_of(address), "seen_at": now or clock_now()}
    try:
        BrowserSession.objects.bulk_create(
            [BrowserSession(user_id=user_id, digest=digest, **facts)],
            update_conflicts=True,
            unique_fields=["digest"],
            update_fields=list(facts),
        )
    except DatabaseError:
        loose_cache.forget(f"session-seen:{digest}", what="session seen")  # the next request notes it
        raise


def proofs_of(session: SessionBase) -> list[dict[str, Any]]:
    """Return what a person proved in a session, the oldest first: each a `method` and when, as allauth keeps it."""
    return [proof for proof in session.get("account_authentication_methods") or [] if isinstance(proof, dict)]


def linked_by(session: SessionBase) -> str:
    """Return the provider of the linked account by which a session was begun last, "" if it was by something else."""
    begun = [
        proof
        for proof in proofs_of(session)
        if not proof.get("reauthenticated")
        and (proof.get("method") in ("password", LINKED) or proof.get("passwordless"))
    ]
    return str(begun[-1].get("provider", "")) if begun and begun[-1].get("method") == LINKED else ""


def is_over(since: float, hours: int | None) -> bool:
    """Return True if who signed in at a moment has to do it again, as their role's sessions last so few hours."""
    return hours is not None and since < clock_now().timestamp() - 3600 * hours


def list_open(user: User) -> list[BrowserSession]:
    """Return where the sessions that sign a person in now were last used, the latest first. Two queries."""
    noted = {row.digest: row for row in BrowserSession.objects.filter(user=user)}
    found = _stored(noted).filter(expire_date__gt=clock_now())
    # Those of before a change of the password have another hash, until Django finds them.
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    kept = {row.pk: content_of(row) for row in found}
    opened = []
    for row in noted.values():
        facts = kept.get(stored_key(row.digest), {})
        if facts.get(SESSION_KEY) == str(user.pk) and facts.get(HASH_SESSION_KEY) in hashes:
            opened.append(row)
    return sorted(opened, key=lambda row: row.seen_at, reverse=True)


def end(user_id: UUID, digest: str) -> None:
    """End a session of a person. Its open pages close at once. For services that have checked permissions."""
    with transaction.atomic():
        BrowserSession.objects.filter(user_id=user_id, digest=digest).delete()
        _stored([digest]).delete()
        check_pages(user_id)


def end_all(user_id: UUID, *, but: str = "") -> int:
    """End all sessions of a person, noted or not, but the one with a digest; return how many.

    Their open pages close at once. For services that have checked permissions. Reads all of Django's sessions, as its
    table doesn't say whose they are.
    """
    with transaction.atomic():
        # Locked before Django's, in one order, as by every other end: two at once wait for each other.
        noted = BrowserSession.objects.filter(user_id=user_id).exclude(digest=but)
        list(noted.select_for_update().order_by("pk"))
        stored = Session.objects.filter(expire_date__gt=clock_now()).order_by("pk")
        own = {one.pk for one in stored.iterator() if content_of(one).get(SESSION_KEY) == str(user_id)}
        ended = Session.objects.filter(pk__in=own - {stored_key(but)}).delete()[0]
        noted.delete()
        check_pages(user_id)
    return ended


def leave(user_id: UUID) -> None:
    """End the sessions of a person who has just left the tenant in scope, unless they are a member of another one.

    Pages of the tenant close at once in either case.
    """
    if lookups.find("memberships", str(user_id)):
        check_pages(user_id)
    else:
        end_all(user_id)


def check_pages(user_id: UUID) -> None:
    """Let a person's open pages, in all their tenants, find out after the commit whether they are still signed in."""
    tenants = {row["tenant_id"] for row in lookups.find("memberships", str(user_id))} | {current_tenant_or_none()}

    def post() -> None:
        for tenant_id in tenants - {None}:
            streams.transient(stream_of(user_id), ENDED, {}, tenant_id=tenant_id)

    transaction.on_commit(post, robust=True)


def stream_of(user_id: UUID) -> str:
    """Return the stream whose listeners hear that one of the person's sessions may have ended."""
    return f"sign-ins-of:{user_id}"


def purge(*, now: datetime | None = None) -> int:
    """Delete what was noted about sessions that have expired since; return how many. For the sweep."""
    last = (now or clock_now()) - timedelta(seconds=settings.SESSION_COOKIE_AGE) - SLACK
    return BrowserSession.objects.filter(seen_at__lt=last).delete()[0]


def device_of(user_agent: str) -> str:
    """Return browser and system, such as "Firefox on Windows". Nothing that the browser wrote is in it."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), UNKNOWN)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def _stored(digests: Collection[str]) -> QuerySet[Any]:
    """Return Django's sessions with these digests of their keys."""
    return Session.objects.filter(pk__in=[stored_key(digest) for digest in digests])
