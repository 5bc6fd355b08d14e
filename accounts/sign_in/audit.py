"""Record sign-ins, failed attempts and changed credentials. Each tenant concerned gets an entry in its audit log."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from allauth.account.signals import authentication_step_completed, password_changed, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in as session_begun
from django.contrib.auth.signals import user_logged_out as session_ends
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts.members.records import record_in_each_tenant
from accounts.models import TokenFamily, User
from accounts.permissions.factor_rules import NOTICE
from accounts.selectors import ActiveMembership, memberships_of, memberships_opened_by
from accounts.services import auth_strength_of, client_address, proven_lately
from accounts.sessions import company, store
from core import notices
from core.actors import Actor
from core.catalogue import Code, EventType, Id, Shape, register
from core.clock import now
from core.events import outbox
from core.events.streams import NewEvent
from core.models import AuditEntry
from core.observability.facts import Fact
from core.observability.facts import register as register_fact
from core.observability.metrics import counter
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope

FAILED = counter("walker_sign_in_failed_total", "Sign-ins with a wrong address, password or code.")
STRANGER: Final = Actor(kind="system", name="sign-in", role="system")
"""The unidentified visitor at the sign-in page."""
STREAM: Final = "sign-ins"
LATELY: Final = timedelta(minutes=10)
COMPANY_CHANGES: Final = tuple(
    f"COMPANY_SIGN_IN_{what}" for what in ("CONNECTED", "CHANGED", "REQUIRED", "OPTIONAL", "REMOVED")
)


class SignedIn(Shape):
    """Who signed in, and how strongly."""

    person: Id
    strength: Code


class SignInFailed(Shape):
    """Whose account it was, and what was wrong."""

    person: Id
    what: Code


_PERSON: Final = {"person": "user"}

register(
    EventType("signed_in", "A member signed in.", SignedIn, owner=STREAM, names=_PERSON, public="member.signed_in"),
    EventType(
        "sign_in_failed",
        "A password or code was wrong.",
        SignInFailed,
        owner=STREAM,
        names=_PERSON,
        public="sign_in.failed",
    ),
)


FACTOR_CHANGES: Final = {
    authenticator_added: "SECOND_FACTOR_ADDED",
    authenticator_removed: "SECOND_FACTOR_REMOVED",
    authenticator_reset: "SECOND_FACTOR_RENEWED",
}


def connect() -> None:
    """Connect the signal receivers; safe to repeat."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    session_begun.connect(_session_begun, dispatch_uid="sessions")
    session_ends.connect(_session_ends, dispatch_uid="sessions")
    user_login_failed.connect(_wrong_password, dispatch_uid="audit")
    authentication_failed.connect(_wrong_code, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")
    for signal, action in FACTOR_CHANGES.items():
        signal.connect(partial(_factor_changed, action), weak=False, dispatch_uid="audit")
    authentication_step_completed.connect(_proven, dispatch_uid="proven")


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    # Those that this sign-in doesn't open are told nothing: it may be another company's.
    opened = memberships_opened_by(request.session, user.pk) or []
    is_passkey = any(proof.get("passwordless") for proof in store.proofs_of(request.session))
    own = "passkey" if is_passkey else store.linked_by(request.session)
    what = "company" if company.is_marked(request.session) else own
    _record(request, user, "SIGNED_IN", what=what, memberships=opened)


def _session_begun(*, request: HttpRequest, user: User, **_: Any) -> None:
    store.note_use(
        user_id=user.pk,
        session_key=request.session.session_key or "",
        address=client_address(request),
        user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
    )


def _session_ends(*, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None and request.session.session_key:
        # A moment before Django does: pages that ask find it gone.
        store.end(user.pk, digest_of_secret(request.session.session_key))


def _wrong_password(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Record it in the tenants of the account; an unknown address is only counted."""
    FAILED.inc()
    email = str(credentials.get("email") or credentials.get("username") or "")
    user = User.objects.filter(email__iexact=email).first() if email else None
    if request is not None and user is not None:
        _record(request, user, "SIGN_IN_FAILED", is_proven=False, what="password")


def _wrong_code(*, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    FAILED.inc()
    what = "key" if authenticator.type == Authenticator.Type.WEBAUTHN else "code"
    _record(request, user, "SIGN_IN_FAILED", is_proven=False, what=what)


def _proven(*, request: HttpRequest, user: User, **_: Any) -> None:
    """Update the request's actor: the form that asked for the password is executed in the same request."""
    actor = getattr(request, "actor", None)
    if actor is not None and actor.user_id == user.pk:
        fresh = replace(actor, proven_lately=proven_lately(request), auth_strength=auth_strength_of(request))
        request.actor = fresh  # type: ignore[attr-defined]


def _password_changed(*, request: HttpRequest, user: User, **_: Any) -> None:
    announce_new_password(memberships_of(user.pk))
    _record(request, user, "PASSWORD_CHANGED")
    store.check_pages(user.pk)


def _factor_changed(action: str, *, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    is_new_key = (action, authenticator.type) == ("SECOND_FACTOR_ADDED", Authenticator.Type.WEBAUTHN)
    if is_new_key and (memberships := memberships_of(user.pk)):
        # A code that was passed on is enough to add a key, which then counts for more.
        with tenant_scope(memberships[0].tenant_id), transaction.atomic():
            notices.leave(
                people=[user.pk],
                kind=NOTICE,
                title="A key was added to your sign-in",
                body="If that wasn't you, remove it, change your password, and sign out everywhere else.",
                link="/account/2fa/",
                level="alert",
                dedupe_key=f"key:{authenticator.pk}",
            )
    _record(request, user, action, what=str(authenticator.type))


def failed_lately() -> int:
    """Return how many passwords and codes of members were wrong in the last ten minutes, in the tenant in scope."""
    return int(AuditEntry.objects.filter(at__gt=now() - LATELY, action="SIGN_IN_FAILED").count())


def copied_lately() -> int:
    """Return how many devices were signed out in the last ten minutes as a used refresh token of theirs came again."""
    ended = AuditEntry.objects.filter(at__gt=now() - LATELY, action="TOKENS_ENDED", new_state=TokenFamily.End.REUSED)
    return int(ended.count())


def company_changes_lately() -> int:
    """Return how often the company's sign-in was connected, changed, required or removed in the last ten minutes."""
    return int(AuditEntry.objects.filter(at__gt=now() - LATELY, action__in=COMPANY_CHANGES).count())


register_fact(Fact("failed_sign_ins", "Failed sign-ins of members in the last 10 minutes", failed_lately))
register_fact(Fact("tokens_reused", "Devices whose refresh token was used twice in the last 10 minutes", copied_lately))
register_fact(
    Fact("company_sign_in_changes", "Changes of the company's sign-in in the last 10 minutes", company_changes_lately)
)


def announce_new_password(memberships: list[ActiveMembership]) -> None:
    """Announce the changed password to the person once, through their first tenant."""
    if not memberships:
        return
    with tenant_scope(memberships[0].tenant_id), transaction.atomic():
        outbox.announce("password_changed", ref=memberships[0].membership_id, changed=str(int(now().timestamp())))


def record_renamed_key(request: HttpRequest, user: User) -> None:
    """Record that a person gave one of their keys another name, which stays theirs."""
    _record(request, user, "SECOND_FACTOR_RENAMED", what=Authenticator.Type.WEBAUTHN)


def record_api_sign_in(*, request: HttpRequest, user: User, strength: str) -> None:
    """Record a sign-in to the API, which has no session, as one at the console is recorded."""
    _record(request, user, "SIGNED_IN", what="api", strength=strength)


def _record(
    request: HttpRequest,
    user: User,
    action: str,
    *,
    is_proven: bool = True,
    what: str = "",
    strength: str = "",
    memberships: list[ActiveMembership] | None = None,
) -> None:
    """Write the entry into the tenants of these memberships, or of all."""
    address, strength = client_address(request), strength or auth_strength_of(request)

    def actor_at(membership: ActiveMembership) -> Actor:
        if not is_proven:
            return replace(STRANGER, address=address)
        how = {"address": address, "auth_strength": strength}
        return Actor.of_user(user.pk, membership.role, role_version=membership.role_version, **how)

    told = {
        "SIGNED_IN": NewEvent(STREAM, "signed_in", {"person": str(user.pk), "strength": strength}),
        "SIGN_IN_FAILED": NewEvent(STREAM, "sign_in_failed", {"person": str(user.pk), "what": what}),
    }
    facts = {"what": what} if what else {}
    concerned = memberships_of(user.pk) if memberships is None else memberships
    record_in_each_tenant(concerned, action, actor_at, facts, told.get(action))
