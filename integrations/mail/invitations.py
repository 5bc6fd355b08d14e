"""Invitation emails, and recording their delivery on the invitation."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.members.invitations import make_invitation_link, note_invitation_mail
from accounts.models import Invitation, Tenant
from accounts.permissions.roles import label_of, name_of_role, with_role
from accounts.selectors import tenant_zone
from core.actors import system
from core.clock import now
from core.models import Consent
from integrations.mail.errors import describe_error
from integrations.mail.providers import routes
from integrations.mail.services import queue_mail
from integrations.mail.types import MailEvent, MailReceiver, NewMail, RelatedObject
from integrations.models import MailDelivery

TYPE: Final = "invitation"
ACTOR: Final = system("mail")
FAILED: Final = frozenset({"failed", "bounced", "dropped"})


def on_invited(*, ref: UUID, payload: Mapping[str, str], **_: Any) -> None:
    """Queue an invitation's email once per sending; does nothing if the invitation is closed."""
    row = Invitation.objects.select_related("invited_by").filter(pk=ref).first()
    if row is None or row.state(now()) != "open" or str(row.round) != payload["round"]:
        return
    if not routes.is_connected():
        note_invitation_mail(actor=ACTOR, invitation_id=row.pk, problem="No mail account is connected.")
        return
    inviter = row.invited_by.get_full_name() if row.invited_by else "Walker"
    organisation = Tenant.objects.get().name
    texts = {
        "title": f"{inviter} invited you to {organisation}",
        "inviter": inviter,
        "organisation": organisation,
        "name": row.name or "",
        "role": name_of_role(row.role),
        "ends": f"{row.expires_at.astimezone(tenant_zone()):%d %B %Y, %H:%M %Z}",
        "link": f"{settings.PUBLIC_URL}{reverse('invitation', args=[_placeholder(row)])}",
    }
    with transaction.atomic():
        queue_mail(NewMail.rendered("invitation", texts, type=TYPE, recipient=row.address, ref=row.pk, key=_key(row)))


def _key(row: Invitation) -> str:
    return f"invitation:{row.pk}:{row.round}"


def _placeholder(row: Invitation) -> str:
    """Return the placeholder for the secret in the stored text; it differs for each sending."""
    return f"of-{row.pk.hex}-{row.round}"


class InvitationMail(MailReceiver):
    """Fills in the link when an invitation is sent, and records delivery events."""

    purpose: ClassVar[str] = Consent.Purpose.ACCOUNT

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        rows = with_role(Invitation.objects.filter(pk__in=refs))
        return {
            row.pk: RelatedObject(
                f"Invitation as {label_of(row)}", reverse("admin:accounts_invitation_change", args=[row.pk])
            )
            for row in rows
        }

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Create the link; the mail of a closed or resent invitation gets none that works."""
        row = Invitation.objects.filter(pk=ref).first()
        if row is None or _placeholder(row) not in text:
            return {}
        secret = make_invitation_link(actor=ACTOR, invitation_id=row.pk, round=row.round)
        return {_placeholder(row): secret} if secret else {}

    def on_event(self, event: MailEvent) -> None:
        """Record that it was sent, or why not; events of an earlier sending are ignored."""
        row = Invitation.objects.filter(pk=event.ref).first() if event.ref is not None else None
        if event.ref is None or row is None:
            return
        if not MailDelivery.objects.filter(pk=event.delivery_id, key=_key(row)).exists():
            return
        if event.what in FAILED:
            problem = describe_error(event.error) or "The email wasn't delivered."
            note_invitation_mail(actor=ACTOR, invitation_id=event.ref, problem=problem)
        elif event.what in ("sent", "delivered"):
            note_invitation_mail(actor=ACTOR, invitation_id=event.ref, now=event.at)
