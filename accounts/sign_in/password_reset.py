"""Password reset: requesting a link, checking it, and setting the new password."""

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.members.records import record_in_each_tenant
from accounts.models import Membership, User
from accounts.selectors import ActiveMembership, memberships_by_password, memberships_of
from accounts.sessions import store
from accounts.sign_in.audit import STRANGER, announce_new_password
from core import mail_settings
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Gone, Invalid, Refused
from core.events import outbox
from core.tenancy.scope import tenant_scope

STRENGTH: Final = "link"
OVER: Final = "This link has expired. Request a new one."
_TOKEN: Final = re.compile(r"([0-9a-f]{32})-([0-9a-z]{1,13}-[0-9a-f]{32})")


class _Tokens(PasswordResetTokenGenerator):
    """Django's reset tokens as of one moment: a change of hash, address or last sign-in ends them; none is stored."""

    key_salt = "walker.password-reset"

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def _now(self) -> datetime:
        return self._moment.replace(tzinfo=None)


def is_offered() -> bool:
    """Return True if the installation can send reset links; tenants' own mail accounts never do."""
    return mail_settings.installation_sends()


def link_lifetime() -> timedelta:
    """Return how long a link works after it was requested."""
    return timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def find_account_id(address: str) -> UUID | None:
    """Return the id of the account with an address, resettable or not. Always one query."""
    user_id: UUID | None = User.objects.filter(email__iexact=address).values_list("pk", flat=True).first()
    return user_id


def offer_reset(*, user_id: UUID, asked: datetime) -> bool:
    """Send a reset link to a person and return whether one is sent.

    Anyone may ask for any address. No link goes to an account that could not sign in with a new password:
    inactive, without a password, or without a membership in an active tenant that a password opens. Repeating with
    the same `asked` announces the same email. Announces password_reset_asked.
    """
    user = _resettable(user_id)
    memberships = _opened(user_id) if user is not None else []
    if user is None or not memberships or not is_offered():
        return False
    home = memberships[0]
    with tenant_scope(home.tenant_id), transaction.atomic():
        outbox.announce("password_reset_asked", ref=home.membership_id, asked=str(int(asked.timestamp())))
        record_in_each_tenant(memberships, "PASSWORD_RESET_ASKED", lambda _membership: STRANGER)
    return True


def make_reset_link(*, actor: Actor, membership_id: UUID, asked: datetime) -> str:
    """Return the secret of a person's reset link, or "" if they may no longer get one.

    For the system only, when the email is sent; nothing is stored. It works for an hour after the
    request, however late the email is sent. Raises `Refused`. Announces nothing.
    """
    if actor.kind != "system":
        raise Refused("Only the system creates reset links.")
    user_id = Membership.objects.filter(pk=membership_id, is_active=True).values_list("user_id", flat=True).first()
    user = _resettable(user_id) if user_id is not None else None
    return f"{user.pk.hex}-{_Tokens(asked).make_token(user)}" if user is not None else ""


def find_user_by_link(secret: str, *, now: datetime | None = None) -> User | None:
    """Return the user whose password this link can set now, or None."""
    match = _TOKEN.fullmatch(secret)
    user = _resettable(UUID(match[1])) if match else None
    if match is None or user is None or not _is_valid(user, match[2], now or clock_now()) or not _opened(user.pk):
        return None
    return user


def reset_password(
    *, secret: str, password: str, address: str = "", user_agent: str = "", now: datetime | None = None
) -> User:
    """Set a new password once and return its owner, who is then signed out everywhere.

    Open to the holder of a valid link. All sessions and other links of the person end; second factors, linked
    accounts and API keys stay. Raises `Gone` ("reset_over") and `Invalid`. Announces password_changed.
    """
    moment, match = now or clock_now(), _TOKEN.fullmatch(secret)
    if match is None:
        raise Gone(OVER, code="reset_over")
    with transaction.atomic():
        # If two people use the link, the second finds another hash and so an invalid link.
        user = User.objects.select_for_update().filter(pk=UUID(match[1]), is_active=True).first()
        if user is None or not user.has_usable_password() or not _is_valid(user, match[2], moment):
            raise Gone(OVER, code="reset_over")
        if not _opened(user.pk):
            raise Gone(OVER, code="reset_over")
        try:
            validate_password(password, user)
        except ValidationError as weak:
            raise Invalid("Choose another password.", fields={"password": list(weak.messages)}) from None
        user.set_password(password)
        user.save(update_fields=["password", "updated_at"])
        memberships = memberships_of(user.pk)
        announce_new_password(memberships)
        record_in_each_tenant(
            memberships,
            "PASSWORD_RESET",
            lambda membership: Actor.of_user(
                user.pk,
                membership.role,
                role_version=membership.role_version,
                address=address,
                user_agent=user_agent,
                auth_strength=STRENGTH,
            ),
        )
        store.check_pages(user.pk)
    return user


def _resettable(user_id: UUID) -> User | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user if user is not None and user.has_usable_password() else None


def _opened(user_id: UUID) -> list[ActiveMembership]:
    """Return the memberships that a new password would open; a second factor is asked for as before."""
    return memberships_by_password(user_id, has_factor=True)


def _is_valid(user: User, token: str, moment: datetime) -> bool:
    return bool(_Tokens(moment).check_token(user, token))
