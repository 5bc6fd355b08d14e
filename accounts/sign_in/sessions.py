"""One's own sessions: where one is signed in, and signing out there."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.members.profile import USE
from accounts.members.records import record_in_each_tenant
from accounts.models import BrowserSession, User
from accounts.selectors import ActiveMembership, memberships_of
from accounts.sessions import store
from core.actors import Actor
from core.db.rows import get_or_missing
from core.privacy.encryption import digest_of_secret


def list_own(*, viewer: Actor) -> QuerySet[BrowserSession]:
    """Return where the viewer is signed in, the session used last first. Needs `accounts.use_profile`."""
    person = User.objects.get(pk=_require_person(viewer))
    opened = [row.pk for row in store.list_open(person)]
    return BrowserSession.objects.filter(pk__in=opened).order_by("-seen_at", "pk")


def is_this(session: BrowserSession, session_key: str | None) -> bool:
    """Return True if a session has the key."""
    return session.digest == digest_of_secret(session_key or "")


def end_session(*, actor: Actor, session_id: UUID) -> None:
    """Sign the actor out of one of their own sessions, whose open pages close at once.

    Needs `accounts.use_profile`; raises `NotFound`. Writes `SESSION_ENDED` in each of their organisations.
    """
    person = _require_person(actor)
    with transaction.atomic():
        own = BrowserSession.objects.filter(user_id=person).select_for_update()
        session = get_or_missing(own.filter(pk=session_id), "This session has ended.")
        store.end(person, session.digest)
        _record(actor, person, "SESSION_ENDED", 1)


def end_other_sessions(*, actor: Actor, session_key: str) -> int:
    """Sign the actor out of all sessions but the one with this key; return how many ended.

    Needs `accounts.use_profile`. Writes `OTHER_SESSIONS_ENDED` in each of their organisations if there were any.
    """
    person, this = _require_person(actor), digest_of_secret(session_key)
    with transaction.atomic():
        ended = store.end_all(person, but=this)
        if ended:
            _record(actor, person, "OTHER_SESSIONS_ENDED", ended)
    return ended


def _require_person(actor: Actor) -> UUID:
    """Return the person's id; raises `Refused` without the right, and for API keys, which have no session."""
    actor.require(USE)
    return actor.require_person("Only people have sessions, and only they see their own.", by_key=False)


def _record(actor: Actor, person: UUID, action: str, count: int) -> None:
    def actor_at(membership: ActiveMembership) -> Actor:
        return Actor.of_user(person, membership.role, address=actor.address, auth_strength=actor.auth_strength)

    record_in_each_tenant(memberships_of(person), action, actor_at, {"count": str(count)})
