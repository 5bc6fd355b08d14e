"""Puts sign-ins, failed ones, and changes of how one signs in into the audit of each organisation concerned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from allauth.account.signals import authentication_step_completed, password_changed, user_logged_in
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.selectors import Seat, seats_of
from accounts.services import auth_strength_of, client_address, proven_lately
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.events import outbox
from core.observability.metrics import counter
from core.tenancy.scope import tenant_scope

FAILED = counter("walker_sign_in_failed_total", "Sign-ins with a wrong address, password or code.")
OBJECT: Final = "accounts.membership"
STRANGER: Final = Actor(kind="system", name="sign-in", role="system")
"""Whoever is at the sign-in page: what is not proven was done by nobody known."""


def connect() -> None:
    """Hear of sign-ins; safe to repeat."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_login_failed.connect(_wrong_password, dispatch_uid="audit")
    authentication_failed.connect(_wrong_code, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")
    authenticator_added.connect(_factor_added, dispatch_uid="audit")
    authenticator_removed.connect(_factor_removed, dispatch_uid="audit")
    authenticator_reset.connect(_factor_reset, dispatch_uid="audit")
    authentication_step_completed.connect(_proven, dispatch_uid="proven")


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, "SIGNED_IN")


def _wrong_password(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Tell those whose colleague it was said to be; an address that nobody has is only counted."""
    FAILED.inc()
    email = str(credentials.get("email") or credentials.get("username") or "")
    user = User.objects.filter(email__iexact=email).first() if email else None
    if request is not None and user is not None:
        _record(request, user, "SIGN_IN_FAILED", is_proven=False, what="password")


def _wrong_code(*, request: HttpRequest, user: User, **_: Any) -> None:
    FAILED.inc()
    _record(request, user, "SIGN_IN_FAILED", is_proven=False, what="code")


def _proven(*, request: HttpRequest, user: User, **_: Any) -> None:
    """Have the rest of the request know it: what was asked for before the password is done in the same one."""
    actor = getattr(request, "actor", None)
    if actor is not None and actor.user_id == user.pk:
        proven = replace(actor, proven_lately=proven_lately(request), auth_strength=auth_strength_of(request))
        request.actor = proven  # type: ignore[attr-defined]


def _password_changed(*, request: HttpRequest, user: User, **_: Any) -> None:
    tell_of_new_password(seats_of(user.pk))
    _record(request, user, "PASSWORD_CHANGED")


def _factor_added(*, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _record(request, user, "SECOND_FACTOR_ADDED", what=str(authenticator.type))


def _factor_removed(*, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _record(request, user, "SECOND_FACTOR_REMOVED", what=str(authenticator.type))


def _factor_reset(*, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _record(request, user, "SECOND_FACTOR_RENEWED", what=str(authenticator.type))


def tell_of_new_password(seats: list[Seat]) -> None:
    """Announce to the person that his password is another one: once, by way of his first organisation."""
    if not seats:
        return
    with tenant_scope(seats[0].tenant_id), transaction.atomic():
        outbox.announce("password_changed", ref=seats[0].membership_id, changed=str(int(now().timestamp())))


def note_everywhere(
    seats: Iterable[Seat], action: str, actor_of: Callable[[Seat], Actor], facts: dict[str, str] | None = None
) -> None:
    """Write one entry for each of a person's seats, into the audit of its organisation."""
    # In one order for everybody: each entry locks the end of its organisation's chain.
    for seat in sorted(seats, key=lambda seat: seat.tenant_id):
        with tenant_scope(seat.tenant_id), transaction.atomic():
            chain.record(
                actor=actor_of(seat),
                action=action,
                object_type=OBJECT,
                object_id=seat.membership_id,
                facts=facts,
            )


def _record(request: HttpRequest, user: User, action: str, *, is_proven: bool = True, what: str = "") -> None:
    def actor(seat: Seat) -> Actor:
        return _actor(request, user, seat.role) if is_proven else _stranger(request)

    note_everywhere(seats_of(user.pk), action, actor, {"what": what} if what else {})


def _actor(request: HttpRequest, user: User, role: str) -> Actor:
    return Actor(
        kind="user",
        id=user.pk,
        user_id=user.pk,
        role=role,
        name=str(user.pk),
        address=client_address(request),
        auth_strength=auth_strength_of(request),
    )


def _stranger(request: HttpRequest) -> Actor:
    return replace(STRANGER, address=client_address(request))
