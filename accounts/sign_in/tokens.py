"""Signing in to the API as a person: password, second factor where it is set up, then tokens for one device.

Forms, limits and audit entries are those of the console's sign-in page.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from allauth.account.forms import LoginForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import update_last_login
from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from redis import RedisError

from accounts.models import Membership, Tenant, TokenFamily, User
from accounts.permissions import factor_rules
from accounts.permissions.roles import version_of_role
from accounts.selectors import (
    ActiveMembership,
    hold_membership,
    is_active_member,
    memberships_by_password,
    memberships_of,
)
from accounts.services import client_address
from accounts.sessions import families, store
from accounts.sign_in import attempts, known_devices
from accounts.sign_in.adapter import CodeForm
from accounts.sign_in.audit import STRANGER, record_api_sign_in
from accounts.sign_in.sessions import record_end
from accounts.tokens import access
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, NotSignedIn, Refused, TooMany, Unavailable, WalkerError
from core.privacy import signing
from core.privacy.encryption import digest_of_secret
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import tenant_scope

TICKET_SECONDS: Final = 300
DEVICES: Final = "/admin/accounts/tokenfamily/"
OVER: Final = "This refresh token isn't valid, or the device was signed out. Sign in again."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a device gets: an access token, when it ends, and the refresh token for the next one."""

    access: str
    refresh: str
    expires_at: datetime


def sign_in(*, request: HttpRequest, email: str, password: str, organisation: str = "") -> Tokens:
    """Check the password and return tokens for a new device, in the organisation named by its short name.

    Open to everybody, within the limits of wrong attempts. Raises `NotSignedIn` ("wrong_password", the same for known
    and unknown addresses, or "mfa_required" with a `ticket` for `confirm_code`), `Refused` ("no_membership", and
    "factor_required" for a role that needs a second factor, which is set up in the console alone),
    `Invalid` ("organisation_needed"), `TooMany` and `Unavailable`.
    """
    form = LoginForm({"login": email, "password": password}, request=request)
    if not form.is_valid():
        raise refusal_of(form, "This email address or password isn't correct.", "wrong_password")
    user: User = form.user
    has_factor = is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
    membership = choose_membership(user, organisation, has_factor=has_factor)
    if has_factor:
        ticket = {
            "person": user.pk.hex,
            "tenant": membership.tenant_id.hex,
            "proof": digest_of_secret(user.get_session_auth_hash()),
            "once": secrets.token_hex(16),
        }
        raise NotSignedIn(
            "Send the code of your app, or a recovery code, with this ticket within five minutes. A security key works "
            "in the console alone.",
            code="mfa_required",
            ticket=_tickets().sign_object(ticket),
        )
    factor_rules.refuse_lacking(user.pk, membership.factor_due)
    return begin(request=request, user=user, tenant_id=membership.tenant_id, strength="password")


def confirm_code(*, request: HttpRequest, ticket: str, code: str) -> Tokens:
    """Check the second factor, or a recovery code, and return tokens for a new device. A ticket works once.

    Open to the holder of a ticket, within the limits of wrong attempts. Raises `NotSignedIn` ("bad_ticket",
    "wrong_code"), `Refused` ("no_membership"), `TooMany` and `Unavailable`.
    """
    over = NotSignedIn("This ticket isn't valid any more. Start with your password again.", code="bad_ticket")
    try:
        told: dict[str, Any] = _tickets().unsign_object(ticket, max_age=TICKET_SECONDS)
    except (BadSignature, ValueError):
        raise over from None
    user = User.objects.filter(pk=UUID(told["person"]), is_active=True).first()
    if user is None or not constant_time_compare(told["proof"], digest_of_secret(user.get_session_auth_hash())):
        raise over
    form = CodeForm({"code": code}, user=user)
    if not form.is_valid():
        raise refusal_of(form, "This code isn't correct.", "wrong_code")
    try:
        # After the code: a mistyped one must not cost the password again.
        is_first = cache.add(f"sign-in-ticket:{told['once']}", 1, timeout=TICKET_SECONDS)
    except RedisError:
        raise Unavailable(attempts.NOT_NOW) from None
    if not is_first:
        raise over
    form.authenticator.record_usage()
    return begin(request=request, user=user, tenant_id=UUID(told["tenant"]), strength="mfa")


def begin(*, request: HttpRequest, user: User, tenant_id: UUID, strength: str) -> Tokens:
    """Begin a family for a person whose sign-in was checked, and return its first tokens.

    Beyond `TOKEN_DEVICES` the one unused for longest ends, and the person gets an alert. Raises `Refused`, and
    `Unavailable` while there is no key to sign with.
    """
    address, user_agent = client_address(request), str(request.META.get("HTTP_USER_AGENT", ""))
    with tenant_scope(tenant_id), transaction.atomic():
        # An end of the membership waits from now on, and then ends this family as well; so does a required sign-in.
        hold_membership(user.pk)
        opened = memberships_by_password(user.pk, has_factor=strength == "mfa")
        if not is_active_member(user.pk) or tenant_id not in {one.tenant_id for one in opened}:
            raise Refused("You aren't a member of this organisation.", code="no_membership")
        is_new = user.last_login is not None and families.is_new(user.pk, address=address, user_agent=user_agent)
        grant = families.begin(user=user, strength=strength, address=address, user_agent=user_agent)
        # Before the commit: with no key to sign with, no device begins, and none ends for it.
        issued = access.issue(grant)
        end_surplus(user, grant, address=address)
    if is_new:
        known_devices.tell(user, families.device_of(user_agent), link=DEVICES)
    update_last_login(User, user)
    # Not in the same transaction: each of the person's organisations has one of its own, as at the console.
    record_api_sign_in(request=request, user=user, strength=strength)
    return _tokens(grant, issued)


def refresh(*, request: HttpRequest, token: str, now: datetime | None = None) -> Tokens:
    """Return the next tokens of a device. A used refresh token that comes again late ends the family.

    Open to the holder of a refresh token. Within ten seconds of its use it leads to the same successor. Later the
    person gets an alert, and the audit log has `TOKENS_ENDED`. Raises `NotSignedIn` ("bad_refresh"), `Refused`
    ("factor_required") and `TooMany`.
    """
    moment, grant = now or clock_now(), families.read(token)
    if grant is None:
        raise NotSignedIn(OVER, code="bad_refresh")
    with tenant_scope(grant.tenant_id):
        family = families.find_open(grant.family_id, grant.person_id, now=moment)
        found = (one for one in memberships_of(grant.person_id) if one.tenant_id == grant.tenant_id)
        membership = next(found, None)
        if family is None or not family.user.is_active or membership is None:
            raise NotSignedIn(OVER, code="bad_refresh")
        factor_rules.refuse_lacking(grant.person_id, membership.factor_due, now=moment)
        if store.is_over(grant.since.timestamp(), membership.session_hours):
            raise NotSignedIn(OVER, code="bad_refresh")
        # Only now, and by device: a token that is over must not keep the person's other devices out.
        if count_or_let_pass(f"refresh:{family.pk.hex}", seconds=60) > settings.API_REQUESTS_PER_MINUTE:
            raise TooMany("Too many refreshes in this minute.", retry_after=60)
        # Before the number moves: with no key to sign with, the client comes again later with the same token.
        issued = access.issue(grant)
        following = families.advance(grant, now=moment)
        if following is None:
            end_copied(family, address=client_address(request))
            raise NotSignedIn(OVER, code="bad_refresh")
    return _tokens(following, issued)


def end_copied(family: TokenFamily, *, address: str) -> None:
    """End a family whose used refresh token came again: two have it, and one of them may be a thief."""
    with transaction.atomic():
        if not families.end(family.user_id, TokenFamily.End.REUSED, family_id=family.pk):
            return
        notices.leave(
            people=[family.user_id],
            kind=known_devices.NOTICE,
            title="One of your devices was signed out of the API",
            body="A refresh token was used twice, so someone may have copied it. If you don't know why, change your "
            "password.",
            link=DEVICES,
            level="alert",
            dedupe_key=f"copied:{family.pk}",
        )
        record_end(replace(STRANGER, address=address), family.pk, TokenFamily.End.REUSED)


def end_surplus(user: User, grant: families.Grant, *, address: str) -> None:
    """End the devices that are too many since a person signed in on one more, and tell them once a day."""
    ended = families.end_surplus(user, newest=grant.family_id)
    if not ended:
        return
    notices.leave(
        people=[user.pk],
        kind=known_devices.NOTICE,
        title="One of your devices was signed out of the API",
        body=f"You signed in on more than {settings.TOKEN_DEVICES} devices, so the one unused for longest was signed "
        "out. If that wasn't you, change your password.",
        link=DEVICES,
        level="alert",
        dedupe_key=f"too-many:{grant.since:%Y-%m-%d}",
    )
    for family_id in ended:
        record_end(replace(STRANGER, address=address), family_id, TokenFamily.End.TOO_MANY)


def sign_out(*, request: HttpRequest, token: str) -> None:
    """Sign a device out: all its tokens are refused from the next request on. Safe to repeat.

    Open to the holder of any of its refresh tokens; one that was used long ago counts as copied. Raises `NotSignedIn`
    ("bad_refresh") for a token that isn't ours. Writes `TOKENS_ENDED`.
    """
    grant = families.read(token)
    if grant is None:
        raise NotSignedIn(OVER, code="bad_refresh")
    with tenant_scope(grant.tenant_id):
        family = families.find_open(grant.family_id, grant.person_id)
        if family is None:
            return
        if not families.is_fresh(grant, family, now=clock_now()):
            end_copied(family, address=client_address(request))
            return
        role = Membership.objects.filter(user_id=family.user_id).values_list("role", flat=True).first() or ""
        how = {"address": client_address(request), "auth_strength": grant.strength}
        actor = Actor.of_user(family.user_id, role, role_version=version_of_role(role), **how)
        with transaction.atomic():
            if families.end(family.user_id, TokenFamily.End.SIGNED_OUT, family_id=family.pk):
                record_end(actor, family.pk, TokenFamily.End.SIGNED_OUT)


def choose_membership(user: User, organisation: str, *, has_factor: bool) -> ActiveMembership:
    """Return the membership that is meant; without a name the only one that opens. Raises `Refused` and `Invalid`."""
    memberships = memberships_by_password(user.pk, has_factor=has_factor)
    if organisation:
        memberships = [one for one in memberships if is_named(one.tenant_id, organisation)]
    if not memberships:
        raise Refused("You aren't a member of this organisation.", code="no_membership")
    if len(memberships) > 1:
        raise Invalid(
            "You are a member of several organisations. Name one.",
            code="organisation_needed",
            fields={"organisation": ["Give the short name of the organisation."]},
        )
    return memberships[0]


def is_named(tenant_id: UUID, slug: str) -> bool:
    """Return True if an organisation has this short name. One query."""
    with tenant_scope(tenant_id):
        return Tenant.objects.filter(slug=slug).exists()


def refusal_of(form: Any, wrong: str, code: str) -> WalkerError:
    """Return the error of a sign-in form: too many attempts, or nothing to count them with, or what was wrong."""
    found = {problem.code for problems in form.errors.as_data().values() for problem in problems}
    if "too_many_login_attempts" in found:
        return TooMany(attempts.TOO_MANY, retry_after=attempts.PER_ACCOUNT[1])
    if found & {"busy", "unavailable"}:
        return Unavailable(attempts.NOT_NOW)
    return NotSignedIn(wrong, code=code)


def _tickets() -> TimestampSigner:
    return signing.timestamp_signer("sign-in-ticket", salt="walker.sign-in-ticket")


def _tokens(grant: families.Grant, issued: tuple[str, datetime]) -> Tokens:
    token, ends = issued
    return Tokens(token, grant.token(), ends)
