"""Registering: somebody asks for an account, an email proves the address, and only then there is one.

The request writes the same row for every address, and reads none: a worker finds out which has an account already.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from allauth.core.ratelimit import consume
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from redis import RedisError

from accounts.members.acceptance import accept_invitation, open_invitation
from accounts.members.invitations import check_address, check_name, find_invitation
from accounts.members.profile import name_faults
from accounts.models import Membership, Registration, User
from accounts.selectors import memberships_of
from accounts.services import client_address
from accounts.sign_in.attempts import rate_limit_key
from core import mail_settings
from core.clock import now as clock_now
from core.errors import Gone, Invalid, Refused, TooMany, Unavailable
from core.ids import uuid7
from core.jobs import queues
from core.observability.logging import get_logger
from core.privacy import signing
from core.privacy.encryption import seal, unseal
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
OPEN: Final = "open"
INVITED: Final = "invited"
WAYS: Final = (OPEN, INVITED, "closed")
LIFE: Final = timedelta(days=1)
LEASE: Final = timedelta(minutes=2)
PURPOSE: Final = "registration"
LIMIT: Final = "register"
OVER: Final = "This link has expired or was used. Register again."
INVITATION_OVER: Final = "This invitation has expired."
MISMATCH: Final = "You didn't register with this password. If you registered twice, use the newest email."


@dataclass(frozen=True, slots=True)
class DueMail:
    """An email about a registration: with a link, or without one to an address that has an account."""

    registration_id: UUID
    address: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime
    attempts: int


def register(
    *,
    request: HttpRequest,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    now: datetime | None = None,
) -> None:
    """Ask for an account; the answer is the same whether or not the address has one.

    Open to everybody where `REGISTRATION` is "open", a few times an hour. The link in the email makes the account,
    which belongs to no organisation and sees nothing until it is invited. Raises `Refused` ("registration_closed",
    "invitation_needed"), `Invalid`, `TooMany` and `Unavailable`. In no audit log, as it concerns no organisation.
    """
    _require_mode(OPEN)
    if not mail_settings.installation_sends():
        raise Unavailable("This installation can't send email, so nobody can register.")
    _count(request, email)
    address = check_address(email)
    named = {"first_name": check_name(first_name, "first_name"), "last_name": check_name(last_name, "last_name")}
    faults = name_faults(named)
    try:
        validate_password(password, User(email=address, **named))
    except ValidationError as weak:
        faults["password"] = list(weak.messages)
    if faults:
        raise Invalid("Nothing was saved. Check what you entered.", fields=faults)
    asked = {"email": address, **named, "password": make_password(password)}
    moment, key = now or clock_now(), uuid7()
    content = seal(json.dumps(asked).encode(), purpose=PURPOSE, bound_to=key.hex)
    with transaction.atomic():
        kept = {"sealed": base64.b64encode(content).decode(), "expires_at": moment + LIFE}
        Registration.objects.create(pk=key, created_at=moment, due_at=moment, **kept)
        transaction.on_commit(partial(queues.enqueue, "send_mail"), robust=True)


def register_by_invitation(
    *, request: HttpRequest, secret: str, email: str, password: str, first_name: str, last_name: str
) -> User:
    """Accept an invitation by the secret of its link, as a new person, and return them.

    Its email has proven the address, so there is no other one. Open to the holder of the link unless `REGISTRATION`
    is "closed". Raises `Refused` ("registration_closed", "other_person") and what `accept_invitation` raises.
    """
    _require_mode(INVITED)
    _count(request, secret)
    found = find_invitation(secret)
    if found is None:
        raise Gone(INVITATION_OVER, code="invitation_over")
    with tenant_scope(found[0]):
        opened = open_invitation(invitation_id=found[1])
        if opened.problem is not None:
            raise opened.problem
        if email and check_address(email) != opened.invitation.address:
            raise Refused("This invitation is for someone else.", code="other_person")
        return accept_invitation(
            invitation_id=found[1],
            first_name=first_name,
            last_name=last_name,
            password=password,
            address=client_address(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
        )


def can_be_confirmed(token: str, *, now: datetime | None = None) -> bool:
    """Return True if a link's token still makes an account. Open to everybody."""
    return bool(_standing(token, now or clock_now()).exists())


def verify_email(*, request: HttpRequest, token: str, password: str, now: datetime | None = None) -> User:
    """Make the account that was asked for, once, by the token of the email to its address; return it.

    Open to the holder of the token who knows the password, a few times an hour: nobody confirms what a stranger asked
    for, whose password the account would have. An account that is a member nowhere gets the name and the password: who
    forgot theirs registers again. Raises `Gone` ("registration_over"), also if the address got an account since or was
    confirmed by a later email, `Invalid`, `TooMany` and `Unavailable`. In no audit log, as it concerns no organisation.
    """
    row = _standing(token, now or clock_now()).first()
    if row is None:
        raise Gone(OVER, code="registration_over")
    _count(request, row.pk.hex)
    asked = _opened(row)
    if not check_password(password, asked["password"]):
        raise Invalid(MISMATCH, fields={"password": [MISMATCH]})
    with transaction.atomic():
        # Of two at once, the second waits here and finds nothing to delete.
        if not Registration.objects.filter(pk=row.pk).delete()[0]:
            raise Gone(OVER, code="registration_over")
        user = User.objects.select_for_update().filter(email__iexact=asked["email"]).first()
        if user is not None and (user.updated_at >= row.created_at or not _is_member_nowhere(user)):
            raise Gone(OVER, code="registration_over")
        user = user or User(email=asked["email"], is_staff=True)
        for name in ("first_name", "last_name", "password"):
            setattr(user, name, asked[name])
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:
            # An invitation to the address was accepted at the same moment: the account exists now.
            raise Gone(OVER, code="registration_over") from None
    log.info("registered", account=str(user.pk))
    return user


def claim_mail(*, now: datetime | None = None) -> DueMail | None:
    """Return the next email that is due, held for `LEASE`; None if none is. For the worker that sends it.

    Without a link for an address that has an account. Raises `Unavailable` for a row that can't be opened.
    """
    moment = now or clock_now()
    with transaction.atomic():
        due = Registration.objects.filter(due_at__lte=moment, expires_at__gt=moment)
        row = due.select_for_update(skip_locked=True).order_by("due_at").first()
        if row is None:
            return None
        row.due_at, row.attempts = moment + LEASE, row.attempts + 1
        row.save(update_fields=["due_at", "attempts"])
    address = _opened(row)["email"]
    user = User.objects.filter(email__iexact=address).first()
    with platform_scope():  # also of an organisation that is switched off
        is_member = user is not None and Membership.objects.filter(user=user, is_active=True).exists()
    is_free = user is None or (not is_member and _is_member_nowhere(user))
    token = _signer().sign(row.pk.hex) if is_free else ""
    return DueMail(row.pk, address, token, row.expires_at, row.attempts)


def settle_mail(registration_id: UUID, *, again_at: datetime | None = None) -> None:
    """Note that the email of a registration was handed over, or given up, or when it is tried again. For the worker."""
    Registration.objects.filter(pk=registration_id).update(due_at=again_at)


def purge(*, now: datetime | None = None) -> int:
    """Delete registrations whose link has expired; return how many. For the sweep."""
    return Registration.objects.filter(expires_at__lte=now or clock_now()).delete()[0]


def _require_mode(least: str) -> None:
    """Require that the installation lets people register so; anything but the two known words is closed."""
    if settings.REGISTRATION not in (OPEN, INVITED):
        raise Refused("Nobody can register here.", code="registration_closed")
    if least == OPEN and settings.REGISTRATION != OPEN:
        raise Refused("You need an invitation to register here.", code="invitation_needed")


def _count(request: HttpRequest, name: str) -> None:
    try:
        if not consume(request, action=LIMIT, key=rate_limit_key(name.strip())):
            raise TooMany("Too many requests. Check your inbox, or try again in an hour.", retry_after=3600)
    except RedisError:
        raise Unavailable("Registering isn't possible right now. Try again in a minute.") from None


def _is_member_nowhere(user: User) -> bool:
    """Return True for an active account that shows nothing of any organisation."""
    return user.is_active and not user.is_superuser and not memberships_of(user.pk)


def _standing(token: str, moment: datetime) -> Any:
    """Return the registration of a token that this installation signed, while it lasts."""
    try:
        key = UUID(hex=_signer().unsign(token))
    except (BadSignature, ValueError):
        return Registration.objects.none()
    return Registration.objects.filter(pk=key, expires_at__gt=moment)


def _opened(row: Registration) -> Mapping[str, str]:
    content = unseal(base64.b64decode(row.sealed), purpose=PURPOSE, bound_to=row.pk.hex)
    found: dict[str, str] = json.loads(content)
    return found


def _signer() -> Signer:
    return signing.signer("registration", salt="walker.registration")
