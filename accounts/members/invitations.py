"""Invitations: inviting a colleague by email, resending, withdrawing and finding invitations."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Final
from unicodedata import normalize
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from accounts.models import Invitation, Membership, Tenant
from accounts.permissions.role_limits import MANAGE, check_role, refuse_higher_role, refuse_weak_sign_in
from accounts.permissions.roles import with_role
from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Invalid, Refused, TooMany
from core.events import outbox
from core.privacy.encryption import blind_index, digest_of_secret
from core.privacy.pii import mask_value
from core.privacy.visible_text import visible
from core.reliability import limits
from core.tenancy import lookups

VIEW: Final = "accounts.view_membership"
OBJECT: Final = "accounts.invitation"
BYTES: Final = 32
LONGEST_NAME: Final = 120
MOST_ROUNDS: Final = 5
DAY: Final = timedelta(days=1)
KEPT_FOR: Final = timedelta(days=30)
"""How long a closed invitation is kept; the audit log still shows that there was one."""
PENDING: Final = Q(accepted_at=None, withdrawn_at=None)
_COLUMN: Final = "accounts_invitation.address_digest"
# The name is printed in an email to a stranger: it must not read as an address or a link.
_NO_NAME: Final = re.compile(r"[<>@/\\:。]|\w\.\w{2,}|\w{2,}\.\w")


def list_invitations(*, viewer: Actor, standing: bool = False) -> QuerySet[Invitation]:
    """Return invitations, newest first; `standing` those still pending. Needs `accounts.view_membership`."""
    viewer.require(VIEW)
    rows = with_role(Invitation.objects.select_related("invited_by").order_by("-pk"))
    return rows.filter(PENDING) if standing else rows


def invite_member(*, actor: Actor, email: str, role: str, name: str = "", now: datetime | None = None) -> Invitation:
    """Invite an address by email; the link works once, within `INVITATION_LIFE`.

    Needs `accounts.manage_membership` and every permission of the role. Roles with more than Support's also
    need the actor's second factor or, in a session without one, the password ("confirm_first"). Repeating
    an invitation returns the first one and sends nothing. Only membership of this tenant is disclosed, never
    whether the address has an account. Raises `Refused`, `Invalid`, `TooMany`, and `Conflict` ("already_member",
    "invited", "limit_reached"). Announces member_invited.
    """
    actor.require(MANAGE)
    check_role(role)
    refuse_higher_role(actor, role)
    refuse_weak_sign_in(actor, role)
    address, clean_name, moment = check_address(email), check_name(name), now or clock_now()
    with transaction.atomic():
        _lock_invitations()
        check_role(role)  # again: an own role that was being deleted is gone by now
        pending = Invitation.objects.filter(PENDING, address_digest=digest_of_address(address))
        earlier: Invitation | None = pending.first()
        _refuse_members(address)
        if earlier is not None and earlier.state(moment) == "open":
            if earlier.role == role:
                return earlier
            raise Conflict(
                "This address already has an invitation for another role. Withdraw that invitation first.",
                code="invited",
                invitation=str(earlier.pk),
            )
        _check_daily_limit(moment)
        limits.refuse_reached("members")
        if earlier is not None:
            Invitation.objects.filter(pk=earlier.pk).update(withdrawn_at=moment, digest=None)
        row: Invitation = Invitation.objects.create(
            address=address,
            name=clean_name,
            masked_address=mask_value("email", address)[:120],
            address_digest=digest_of_address(address),
            role=role,
            invited_by_id=actor.user_id,
            sent_at=moment,
            expires_at=moment + settings.INVITATION_LIFE,
        )
        outbox.announce("member_invited", ref=row.pk, round=str(row.round))
        _record(actor, "MEMBER_INVITED", row, role)
    return row


def resend_invitation(*, actor: Actor, invitation_id: UUID, now: datetime | None = None) -> Invitation:
    """Send an invitation again: earlier links stop working and its lifetime restarts.

    Needs the same as inviting; the actor becomes its inviter. Raises `Refused`, `NotFound`, `TooMany` ("sent_often"),
    and `Conflict` ("over", "already_member"). Announces member_invited.
    """
    actor.require(MANAGE)
    moment = now or clock_now()
    with transaction.atomic():
        _lock_invitations()
        row = _lock_pending(invitation_id)
        refuse_higher_role(actor, row.role)
        refuse_weak_sign_in(actor, row.role)
        _refuse_members(row.address)
        if row.round >= MOST_ROUNDS:
            raise TooMany(
                "This invitation has been sent too often. Withdraw it and invite a different address.",
                code="sent_often",
            )
        _check_daily_limit(moment)
        row.round, row.digest, row.mail_problem, row.mailed_at = row.round + 1, None, "", None
        row.invited_by_id, row.sent_at, row.expires_at = actor.user_id, moment, moment + settings.INVITATION_LIFE
        row.save()
        outbox.announce("member_invited", ref=row.pk, round=str(row.round))
        _record(actor, "INVITATION_SENT_AGAIN", row, row.role)
    return row


def withdraw_invitation(*, actor: Actor, invitation_id: UUID, now: datetime | None = None) -> Invitation:
    """Withdraw an invitation: its link stops working.

    Needs `accounts.manage_membership` and every permission of its role. Raises `Refused`, `NotFound`, and
    `Conflict` ("over"). Announces nothing.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = _lock_pending(invitation_id)
        refuse_higher_role(actor, row.role)
        row.withdrawn_at, row.digest = now or clock_now(), None
        row.save(update_fields=["withdrawn_at", "digest"])
        _record(actor, "INVITATION_WITHDRAWN", row, "")
    return row


def make_invitation_link(*, actor: Actor, invitation_id: UUID, round: int, now: datetime | None = None) -> str:
    """Return a new link's secret, "" if it is closed or was sent again. System only: `Refused`. Announces nothing."""
    if actor.kind != "system":
        raise Refused("Only the system creates invitation links.")
    with transaction.atomic():
        row = Invitation.objects.select_for_update().filter(pk=invitation_id, round=round).first()
        if row is None or row.state(now or clock_now()) != "open":
            return ""
        secret = secrets.token_urlsafe(BYTES)
        row.digest = digest_of_secret(secret)
        row.save(update_fields=["digest"])
    return secret


def note_invitation_mail(*, actor: Actor, invitation_id: UUID, problem: str = "", now: datetime | None = None) -> None:
    """Record that an invitation's email was sent, or why it wasn't. For the system only; refuses others."""
    if actor.kind != "system":
        raise Refused
    rows = Invitation.objects.filter(pk=invitation_id)
    if problem:
        rows.update(mail_problem=problem[:200])
    else:
        rows.update(mailed_at=now or clock_now(), mail_problem="")


def purge_invitations(*, now: datetime | None = None) -> int:
    """Delete invitations that closed more than a month ago and return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return retention.remove(Invitation, retention.made_before(before) & Q(expires_at__lt=before))


def find_invitation(secret: str) -> tuple[UUID, UUID] | None:
    """Return tenant and id of the invitation with this link, or None. Works outside a tenant scope."""
    rows = lookups.find("invitation", digest_of_secret(secret))
    return (rows[0]["tenant_id"], rows[0]["id"]) if rows else None


def digest_of_address(address: str) -> str:
    """Return the blind index of an address in the tenant's scope."""
    return blind_index(address.strip().lower(), column=_COLUMN)


def check_address(email: str) -> str:
    """Return an address in the form in which accounts have it. Raises `Invalid`."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    # No look-alike letters, and none that change with their case.
    if not address or not address.isascii() or len(address) > 254:
        raise Invalid("This isn't a valid email address.", fields={"email": ["Enter a valid email address."]})
    return address


def having_address(address: str) -> Q:
    """Return the condition of memberships of people with an address, their own or the one their company says."""
    return Q(user__email__iexact=address) | Q(user__company_address__iexact=address)


def check_name(name: str, field: str = "name") -> str:
    """Return the cleaned name. Raises `Invalid` if it reads as an address or link, or hides characters."""
    clean = " ".join(name.split())
    if len(clean) > LONGEST_NAME or not is_plain_name(clean):
        raise Invalid("This isn't a valid name.", fields={field: ["Enter only the person's name."]})
    return clean


def is_plain_name(text: str) -> bool:
    """Return True unless a text reads as an address or link, or hides characters."""
    return not _NO_NAME.search(normalize("NFKC", text)) and visible(text) == text


def _lock_invitations() -> None:
    """Serialise the tenant's invitations: they are counted, and each address has at most one pending."""
    Tenant.objects.select_for_update(no_key=True).first()


def _refuse_members(address: str) -> None:
    """Refuse an address of this tenant's members; accounts elsewhere are not looked at."""
    if Membership.objects.filter(having_address(address), is_active=True, erased_at=None).exists():
        raise Conflict("A member already uses this address. Change their role instead.", code="already_member")


def _check_daily_limit(moment: datetime) -> None:
    sent = Invitation.objects.filter(sent_at__gt=moment - DAY).aggregate(rounds=Sum("round"))["rounds"] or 0
    if sent >= settings.INVITATIONS_PER_DAY:
        raise TooMany("Your organisation has reached today's limit for invitations. Try again tomorrow.")


def _lock_pending(invitation_id: UUID) -> Invitation:
    row = locked(Invitation, invitation_id, "There is no such invitation.")
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise Conflict("This invitation was already accepted or withdrawn.", code="over")
    return row


def _record(actor: Actor, action: str, row: Invitation, new_state: str) -> None:
    facts = {"round": row.round}
    chain.record(actor, action, OBJECT, row.pk, new_state=new_state, facts=facts)
