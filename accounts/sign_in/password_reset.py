"""A forgotten password: who is sent a link, what the link is worth at this moment, and the new password."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Membership, User
from accounts.selectors import Seat, seats_of
from accounts.sign_in.audit import STRANGER, note_everywhere, tell_of_new_password
from core import mail_settings
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Gone, Invalid, Refused
from core.events import outbox
from core.tenancy.scope import tenant_scope

STRENGTH: Final = "link"
_TOKEN: Final = re.compile(r"([0-9a-f]{32})-([0-9a-z]{1,13}-[0-9a-f]{32})")


class _Tokens(PasswordResetTokenGenerator):
    """Django's tokens, as of one moment: they hold the password's hash, the address and the last sign-in.

    So whatever changes one of these ends all links of the person, and nothing of a link is stored.
    """

    key_salt = "walker.password-reset"

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def _now(self) -> datetime:
        return self._moment.replace(tzinfo=None)


def is_offered() -> bool:
    """Tell whether the installation can send such links: no organisation's own mail account carries them."""
    return mail_settings.installation_sends()


def life() -> timedelta:
    """Return how long a link counts, from the asking on."""
    return timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def account_with(address: str) -> UUID | None:
    """Return the id of the account with an address, whether or not it may be reset. One query, always."""
    found: UUID | None = User.objects.filter(email__iexact=address).values_list("pk", flat=True).first()
    return found


def offer_reset(*, user_id: UUID, asked: datetime) -> bool:
    """Have a link sent to a person who is said to have forgotten his password, and tell whether one is.

    Whoever names the address may ask. Nobody gets one who could not sign in with a new password: an
    account that is switched off, has no password at all, or has no seat in any active organisation.
    The same moment of asking announces the same mail. Announces password_reset_asked.
    """
    user = _resettable(user_id)
    seats = seats_of(user_id) if user is not None else []
    if user is None or not seats or not is_offered():
        return False
    home = seats[0]
    with tenant_scope(home.tenant_id), transaction.atomic():
        outbox.announce("password_reset_asked", ref=home.membership_id, asked=str(int(asked.timestamp())))
        note_everywhere(seats, "PASSWORD_RESET_ASKED", _nobody_known)
    return True


def make_reset_link(*, actor: Actor, membership_id: UUID, asked: datetime) -> str:
    """Return the secret of a person's link, made as its mail leaves; "" where he is to get none any more.

    For the system only; nothing of it is stored. It counts for an hour from the asking on, however
    late the mail leaves. Raises `Refused`. Announces nothing.
    """
    if actor.kind != "system":
        raise Refused("Only the system can create links.")
    user_id = Membership.objects.filter(pk=membership_id, is_active=True).values_list("user_id", flat=True).first()
    user = _resettable(user_id) if user_id is not None else None
    return f"{user.pk.hex}-{_Tokens(asked).make_token(user)}" if user is not None else ""


def find_reset(secret: str, *, now: datetime | None = None) -> User | None:
    """Return whose password a link may set at this moment; None for anything that is no link that counts."""
    found = _TOKEN.fullmatch(secret)
    user = _resettable(UUID(found[1])) if found else None
    if found is None or user is None or not _counts(user, found[2], now or clock_now()) or not seats_of(user.pk):
        return None
    return user


def reset_password(
    *, secret: str, password: str, address: str = "", user_agent: str = "", now: datetime | None = None
) -> User:
    """Set a new password, once, and return whose it is; he is signed in nowhere then.

    Who may: whoever holds a link that counts. All sessions of the person end, as do all his links; a
    second factor and API keys stay as they are. Raises `Gone` ("reset_over") and `Invalid`. Announces
    password_changed.
    """
    moment, found = now or clock_now(), _TOKEN.fullmatch(secret)
    if found is None:
        raise Gone("This link counts no more.", code="reset_over")
    with transaction.atomic():
        # Of two who hold the link one is first: the other finds another hash, and so no link.
        user = User.objects.select_for_update().filter(pk=UUID(found[1]), is_active=True).first()
        if user is None or not user.has_usable_password() or not _counts(user, found[2], moment):
            raise Gone("This link counts no more.", code="reset_over")
        seats = seats_of(user.pk)
        if not seats:
            raise Gone("This link counts no more.", code="reset_over")
        _set(user, password)
        tell_of_new_password(seats)
        note_everywhere(seats, "PASSWORD_RESET", lambda seat: _holder(user, seat, address, user_agent))
    return user


def _resettable(user_id: UUID) -> User | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user if user is not None and user.has_usable_password() else None


def _counts(user: User, token: str, moment: datetime) -> bool:
    return bool(_Tokens(moment).check_token(user, token))


def _set(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise Invalid("Nothing was done yet.", fields={"password": list(weak.messages)}) from None
    user.set_password(password)
    user.save(update_fields=["password"])


def _nobody_known(_: Seat) -> Actor:
    return STRANGER


def _holder(user: User, seat: Seat, address: str, user_agent: str) -> Actor:
    return Actor(
        kind="user",
        id=user.pk,
        user_id=user.pk,
        role=seat.role,
        name=str(user.pk),
        address=address,
        user_agent=user_agent[:200],
        auth_strength=STRENGTH,
    )
