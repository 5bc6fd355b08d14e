"""Inviting a colleague: the offer of a seat to an address, its link, and who may still take it."""

from __future__ import annotations

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
from accounts.permissions.role_limits import MANAGE, check_role, refuse_above, refuse_weak
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
from core.tenancy import lookups

VIEW: Final = "accounts.view_membership"
OBJECT: Final = "accounts.invitation"
BYTES: Final = 32
LONGEST_NAME: Final = 120
MOST_ROUNDS: Final = 5
DAY: Final = timedelta(days=1)
KEPT_FOR: Final = timedelta(days=30)
"""How long an invitation that is over stays on record; the audit keeps that there was one."""
STANDING: Final = Q(accepted_at=None, withdrawn_at=None)
_COLUMN: Final = "accounts_invitation.address_digest"
# The name stands in a mail to somebody we do not know: nothing in it may read as an address or a link.
_NO_NAME: Final = re.compile(r"[<>@/\\:。]|\w\.\w{2,}|\w{2,}\.\w")


def list_invitations(*, viewer: Actor, standing: bool = False) -> QuerySet[Invitation]:
    """Return the invitations of the tenant in scope, newest first; with `standing` those nobody took or withdrew.

    Needs `accounts.view_membership`; raises `Refused`.
    """
    viewer.require(VIEW)
    rows = Invitation.objects.select_related("invited_by").order_by("-pk")
    return rows.filter(STANDING) if standing else rows


def invite_member(*, actor: Actor, email: str, role: str, name: str = "", now: datetime | None = None) -> Invitation:
    """Offer a seat to an address, by a mail with a link that counts once within `INVITATION_LIFE`.

    Needs `accounts.manage_membership` and all that the role allows; for roles that sign or erase the second
    factor too, if the actor has one, else in a session his password anew ("confirm_first"). The same offer
    again returns the first one and sends nothing. Whether the address has an account is not looked at: a seat
    here is all that is told. Raises `Refused`, `Invalid`, `TooMany`, and `Conflict` ("seated", "invited").
    Announces member_invited.
    """
    actor.require(MANAGE)
    check_role(role)
    refuse_above(actor, role)
    refuse_weak(actor, role)
    address, called, moment = _address(email), check_name(name), now or clock_now()
    with transaction.atomic():
        _one_at_a_time()
        known = Invitation.objects.filter(STANDING, address_digest=digest_of_address(address)).first()
        _refuse_seated(address)
        if known is not None and known.state(moment) == "open":
            return _same_offer(known, role)
        _refuse_too_many(moment)
        if known is not None:
            Invitation.objects.filter(pk=known.pk).update(withdrawn_at=moment, digest=None)
        row: Invitation = Invitation.objects.create(
            address=address,
            name=called,
            masked_address=mask_value("email", address)[:120],
            address_digest=digest_of_address(address),
            role=role,
            invited_by_id=actor.user_id,
            sent_at=moment,
            expires_at=moment + settings.INVITATION_LIFE,
        )
        _post(row)
        _record(actor, "MEMBER_INVITED", row, role)
    return row


def resend_invitation(*, actor: Actor, invitation_id: UUID, now: datetime | None = None) -> Invitation:
    """Send an invitation anew: the links before count no more, and its days begin again.

    Needs what inviting needs; who sends it stands for it from now on. Raises `Refused`, `NotFound`,
    `TooMany`, and `Conflict` ("over", "seated"). Announces member_invited.
    """
    actor.require(MANAGE)
    moment = now or clock_now()
    with transaction.atomic():
        _one_at_a_time()
        row = _standing(invitation_id)
        refuse_above(actor, row.role)
        refuse_weak(actor, row.role)
        _refuse_seated(row.address)
        if row.round >= MOST_ROUNDS:
            raise TooMany("It was sent often enough. Withdraw it and ask for another address.", code="sent_often")
        _refuse_too_many(moment)
        row.round, row.digest, row.mail_problem, row.mailed_at = row.round + 1, None, "", None
        row.invited_by_id, row.sent_at, row.expires_at = actor.user_id, moment, moment + settings.INVITATION_LIFE
        row.save()
        _post(row)
        _record(actor, "INVITATION_SENT_AGAIN", row, row.role)
    return row


def withdraw_invitation(*, actor: Actor, invitation_id: UUID, now: datetime | None = None) -> Invitation:
    """Take an invitation back: its link counts no more.

    Needs `accounts.manage_membership` and all that its role allows. Raises `Refused`, `NotFound`, and
    `Conflict` ("over"). Announces nothing.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = _standing(invitation_id)
        refuse_above(actor, row.role)
        row.withdrawn_at, row.digest = now or clock_now(), None
        row.save(update_fields=["withdrawn_at", "digest"])
        _record(actor, "INVITATION_WITHDRAWN", row, "")
    return row


def make_invitation_link(*, actor: Actor, invitation_id: UUID, round: int, now: datetime | None = None) -> str:
    """Return the secret of an invitation's newest link, made as its mail leaves; "" when it is over or sent anew.

    For the system only: just the digest is stored. Raises `Refused`. Announces nothing.
    """
    if actor.kind != "system":
        raise Refused("Only the system can create links.")
    with transaction.atomic():
        row = Invitation.objects.select_for_update().filter(pk=invitation_id, round=round).first()
        if row is None or row.state(now or clock_now()) != "open":
            return ""
        secret = secrets.token_urlsafe(BYTES)
        row.digest = digest_of_secret(secret)
        row.save(update_fields=["digest"])
    return secret


def note_invitation_mail(*, actor: Actor, invitation_id: UUID, problem: str = "", now: datetime | None = None) -> None:
    """Note on an invitation that its mail has left, or why it has not. For the system only; refuses others."""
    if actor.kind != "system":
        raise Refused
    known = Invitation.objects.filter(pk=invitation_id)
    if problem:
        known.update(mail_problem=problem[:200])
    else:
        known.update(mailed_at=now or clock_now(), mail_problem="")


def purge_invitations(*, now: datetime | None = None, limit: int = retention.BATCH) -> int:
    """Remove invitations that were over more than a month ago; returns how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return retention.remove(Invitation, retention.made_before(before) & Q(expires_at__lt=before), limit=limit)


def find_invitation(secret: str) -> tuple[UUID, UUID] | None:
    """Return tenant and id of the invitation with this link, without a scope; None for anything that is none."""
    found = lookups.find("invitation", digest_of_secret(secret))
    return (found[0]["tenant_id"], found[0]["id"]) if found else None


def digest_of_address(address: str) -> str:
    """Return the blind index of an address, in the tenant's scope."""
    return blind_index(address.strip().lower(), column=_COLUMN)


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    # Letters that only look like an address's, or change with their case, are nobody's address.
    if not address or not address.isascii() or len(address) > 254:
        raise Invalid("This is no mail address.", fields={"email": ["This is no mail address."]})
    return address


def check_name(name: str, field: str = "name") -> str:
    """Return a name as it is kept. Raises `Invalid` for what reads as an address or a link, or is not what it shows."""
    called = " ".join(name.split())
    if len(called) > LONGEST_NAME or _NO_NAME.search(normalize("NFKC", called)) or visible(called) != called:
        raise Invalid("This is no name.", fields={field: ["Write just the person's name."]})
    return called


def _one_at_a_time() -> None:
    """Let the tenant's invitations be made one after another: they are counted, and one per address stands."""
    Tenant.objects.select_for_update(no_key=True).first()


def _refuse_seated(address: str) -> None:
    """Look among this tenant's own people only, whoever else has an account."""
    seats = Membership.objects.filter(user__email__iexact=address, is_active=True, erased_at=None)
    if seats.exists():
        raise Conflict("Somebody here has a seat with this address. Change the role there instead.", code="seated")


def _same_offer(known: Invitation, role: str) -> Invitation:
    if known.role != role:
        raise Conflict(
            "This address is invited already, in another role. Withdraw that invitation first.",
            code="invited",
            invitation=str(known.pk),
        )
    return known


def _refuse_too_many(moment: datetime) -> None:
    sent = Invitation.objects.filter(sent_at__gt=moment - DAY).aggregate(rounds=Sum("round"))["rounds"] or 0
    if sent >= settings.INVITATIONS_PER_DAY:
        raise TooMany("Your organisation has sent as many invitations as it may in a day. Try again tomorrow.")


def _standing(invitation_id: UUID) -> Invitation:
    row = locked(Invitation, invitation_id, "There is no such invitation.")
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise Conflict("This invitation is over: it was accepted or withdrawn.", code="over")
    return row


def _post(row: Invitation) -> None:
    outbox.announce("member_invited", ref=row.pk, round=str(row.round))


def _record(actor: Actor, action: str, row: Invitation, new_state: str) -> None:
    facts = {"round": row.round}
    chain.record(actor=actor, action=action, object_type=OBJECT, object_id=row.pk, new_state=new_state, facts=facts)
