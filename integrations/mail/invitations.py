"""The mail that brings an invitation, and noting on the invitation what became of it."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.members.invitations import make_invitation_link, note_invitation_mail
from accounts.models import Invitation, Tenant
from accounts.selectors import tenant_zone
from core.actors import system
from core.clock import now
from integrations.mail import routes
from integrations.mail.errors import in_words
from integrations.mail.services import queue_mail
from integrations.mail.types import Belongs, MailEvent, MailReceiver
from integrations.models import MailDelivery

TYPE: Final = "invitation"
ACTOR: Final = system("mail")
FAILED: Final = frozenset({"failed", "bounced", "dropped"})


def on_invited(*, ref: UUID, payload: Mapping[str, str], **_: Any) -> None:
    """Queue the mail of an invitation, once for each time it is sent; nothing for one that is over."""
    row = Invitation.objects.select_related("invited_by").filter(pk=ref).first()
    if row is None or row.state(now()) != "open" or str(row.round) != payload["round"]:
        return
    if not routes.is_connected():
        note_invitation_mail(actor=ACTOR, invitation_id=row.pk, problem="No mail account is connected.")
        return
    texts = _texts(row)
    with transaction.atomic():
        queue_mail(
            actor=ACTOR,
            type=TYPE,
            recipient=row.address,
            subject=texts["title"],
            text=render_to_string("mail/invitation.txt", texts),
            html=render_to_string("mail/invitation.html", texts),
            ref=row.pk,
            key=_key(row),
        )


def _key(row: Invitation) -> str:
    return f"invitation:{row.pk}:{row.round}"


def _is_newest(invitation_id: UUID, delivery_id: UUID) -> bool:
    """Tell whether a mail is the one that was sent last; what becomes of one before says nothing any more."""
    row = Invitation.objects.filter(pk=invitation_id).first()
    return row is not None and MailDelivery.objects.filter(pk=delivery_id, key=_key(row)).exists()


def _texts(row: Invitation) -> dict[str, Any]:
    inviter = row.invited_by.get_full_name() if row.invited_by else "Walker"
    organisation = Tenant.objects.get().name
    return {
        "title": f"{inviter} invites you to {organisation}",
        "inviter": inviter,
        "organisation": organisation,
        "name": row.name or "",
        "role": row.get_role_display(),
        "ends": f"{row.expires_at.astimezone(tenant_zone()):%d %B %Y, %H:%M %Z}",
        "link": _link(_place(row)),
    }


def _link(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('invitation', args=[token])}"


def _place(row: Invitation) -> str:
    """Return what stands for the secret in the stored text; a mail that was sent before has another one."""
    return f"of-{row.pk.hex}-{row.round}"


class InvitationMail(MailReceiver):
    """Fills in the link as such a mail leaves, and hears what became of it."""

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, Belongs]:
        """Name the invitations."""
        rows = Invitation.objects.filter(pk__in=refs)
        return {
            row.pk: Belongs(
                f"Invitation as {row.get_role_display()}", reverse("admin:accounts_invitation_change", args=[row.pk])
            )
            for row in rows
        }

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Make the link; a mail whose invitation is over, or was sent anew, gets none that counts."""
        row = Invitation.objects.filter(pk=ref).first()
        if row is None or _place(row) not in text:
            return {}
        secret = make_invitation_link(actor=ACTOR, invitation_id=row.pk, round=row.round)
        return {_place(row): secret} if secret else {}

    def hear(self, event: MailEvent) -> None:
        """Note that it has left, or why not."""
        if event.ref is None or not _is_newest(event.ref, event.delivery_id):
            return
        if event.what in FAILED:
            problem = in_words(event.error) or "The mail did not arrive."
            note_invitation_mail(actor=ACTOR, invitation_id=event.ref, problem=problem)
        elif event.what in ("sent", "delivered"):
            note_invitation_mail(actor=ACTOR, invitation_id=event.ref, now=event.at)
