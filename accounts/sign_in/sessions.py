"""One's own sessions and devices: where one is signed in, and signing out there."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.members.profile import USE
from accounts.members.records import record_in_each_tenant
from accounts.models import BrowserSession, CompanySession, TokenFamily, User
from accounts.selectors import ActiveMembership, memberships_of
from accounts.sessions import company, families, store
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_or_missing
from core.errors import NotFound
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import current_tenant_id


def list_own(*, viewer: Actor) -> QuerySet[BrowserSession]:
    """Return where the viewer is signed in, the session used last first. Needs `accounts.use_profile`.

    In a session that the company began, only those that it began: the others may be of another organisation.
    """
    person = User.objects.get(pk=_require_person(viewer))
    opened = [row.pk for row in store.list_open(person)]
    return _own(viewer).filter(pk__in=opened).order_by("-seen_at", "pk")


def is_this(session: BrowserSession, session_key: str | None) -> bool:
    """Return True if a session has the key."""
    return session.digest == digest_of_secret(session_key or "")


def end_session(*, actor: Actor, session_id: UUID) -> None:
    """Sign the actor out of one of their own sessions, whose open pages close at once.

    Needs `accounts.use_profile`; raises `NotFound`. Writes `SESSION_ENDED` in each of their organisations.
    """
    person = _require_person(actor)
    with transaction.atomic():
        own = _own(actor).select_for_update()
        session = get_or_missing(own.filter(pk=session_id), "This session has ended.")
        store.end(person, session.digest)
        _record(actor, person, "SESSION_ENDED", 1)


def end_other_sessions(*, actor: Actor, session_key: str) -> int:
    """Sign the actor out of all sessions but the one with this key, and of all devices; return how many ended.

    In all their organisations; each gets `OTHER_SESSIONS_ENDED` if there were any. In a session that the company began,
    only what belongs to its organisation ends. Needs `accounts.use_profile`.
    """
    person, this = _require_person(actor), digest_of_secret(session_key)
    with transaction.atomic():
        if actor.by_company:
            others = CompanySession.objects.filter(identity__user_id=person).exclude(digest=this)
            ended = company.end(others) + families.end(person, TokenFamily.End.ENDED)
        else:
            ended = store.end_all(person, but=this) + families.end_everywhere(person, TokenFamily.End.ENDED)
        if ended:
            _record(actor, person, "OTHER_SESSIONS_ENDED", ended)
    return ended


def list_devices(*, viewer: Actor) -> QuerySet[TokenFamily]:
    """Return where the viewer is signed in to the API of this organisation, the device used last first.

    Needs `accounts.use_profile`.
    """
    person = User.objects.get(pk=_require_person(viewer))
    opened = [family.pk for family in families.list_open(person)]
    return TokenFamily.objects.filter(pk__in=opened).order_by("-used_at", "pk")


def end_device(*, actor: Actor, family_id: UUID) -> None:
    """Sign the actor out on one of their own devices: its tokens are refused from the next request on, and its
    sockets close at once.

    Needs `accounts.use_profile`; raises `NotFound`. Writes `TOKENS_ENDED`.
    """
    person = _require_person(actor)
    with transaction.atomic():
        if not families.end(person, TokenFamily.End.ENDED, family_id=family_id):
            raise NotFound("This device is no longer signed in.")
        record_end(actor, family_id, TokenFamily.End.ENDED)


def record_end(actor: Actor, family_id: UUID, why: str) -> None:
    """Write the audit entry about the end of a family; as the last statement before the commit."""
    chain.record(actor, "TOKENS_ENDED", "accounts.tokenfamily", family_id, new_state=why)


def _own(actor: Actor) -> QuerySet[BrowserSession]:
    person = _require_person(actor)
    own = BrowserSession.objects.filter(user_id=person)
    return own.filter(digest__in=company.digests_of(person)) if actor.by_company else own


def _require_person(actor: Actor) -> UUID:
    """Return the person's id; raises `Refused` without the right, and for API keys, which have no session."""
    actor.require(USE)
    return actor.require_person("Only people have sessions, and only they see their own.", by_key=False)


def _record(actor: Actor, person: UUID, action: str, count: int) -> None:
    def actor_at(membership: ActiveMembership) -> Actor:
        how = {"address": actor.address, "auth_strength": actor.auth_strength}
        return Actor.of_user(person, membership.role, role_version=membership.role_version, **how)

    memberships = memberships_of(person)
    if actor.by_company:
        memberships = [one for one in memberships if one.tenant_id == current_tenant_id()]
    record_in_each_tenant(memberships, action, actor_at, {"count": str(count)})
