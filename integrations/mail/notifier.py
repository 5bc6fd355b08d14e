"""Telling approvers by mail that something waits for them, and noting what became of that mail."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.selectors import erased_people, tenant_zone, wants_mail
from core.actors import system
from core.models import AuditEntry
from core.privacy.erasure.person import NOBODY
from core.privacy.pii import mask_text
from hitl.models import Approval, Notification, Seat
from hitl.notification_channels import Delivery, Notifier
from hitl.services import Status, can_be_decided_by_link, make_link, track_notification
from integrations.mail import routes
from integrations.mail.errors import in_words
from integrations.mail.services import queue_mail
from integrations.mail.types import Belongs, MailEvent, MailReceiver, Told

CHANNEL: Final = "email"
TYPE: Final = "approval"
ACTOR: Final = system("mail")
BODY_LIMIT: Final = 3000
# To those who hold a seat; the others go to whoever was named.
TO_SEATS: Final = frozenset({"approval_opened", "approval_reminder", "approval_answered"})
# These ask somebody to decide; where a link may do that, the mail brings one.
DECIDES: Final = TO_SEATS | {"approval_escalated", "approval_delegated"}
ACCOUNT: Final = "integrations.provideraccount"
CONNECTED: Final = ("provider_connected", "provider_credentials_replaced")
TITLES: Final = {
    "approval_opened": "waits for your signature",
    "approval_reminder": "still waits for your signature",
    "approval_escalated": "was passed up to you",
    "approval_answered": "has an answer to your question",
    "approval_stuck": "cannot go on by itself",
    "approval_overridden": "was decided by an override",
    "approval_delegated": "waits for your signature: a colleague's seat is yours now",
    "request_info_requested": "needs an answer from you",
    "request_returned": "was sent back to you to be changed",
    "request_unknown": "was approved, but its outcome is not known yet",
    "request_executed": "was carried out",
    "request_failed": "was approved, but could not be carried out",
    "request_rejected": "was rejected",
    "request_expired": "has expired",
    "request_cancelled": "was cancelled",
}
TO_REQUESTER: Final = "request_"
RISKS: Final = {"low": "Low risk", "medium": "Medium risk", "high": "High risk", "critical": "Critical risk"}
STATUSES: Final[dict[Told, Status]] = {
    "delivered": "delivered",
    "opened": "read",
    "clicked": "read",
    "failed": "failed",
    "bounced": "failed",
    "dropped": "failed",
}


class MailNotifier(Notifier):
    """Writes to an approver who wants mail and is still asked."""

    def notify(self, notification_id: UUID) -> Delivery:
        """Queue the mail, once per notification; a worker hands it over, and its row says what became of it."""
        row = Notification.objects.select_related("approval", "recipient").get(pk=notification_id)
        why_not = _why_not(row)
        if why_not:
            track_notification(actor=ACTOR, notification_id=row.pk, status="skipped", reason=why_not)
            return Delivery(sent=False, provider=CHANNEL, error=why_not)
        texts = _texts(row)
        with transaction.atomic():
            mail = queue_mail(
                actor=ACTOR,
                type=TYPE,
                recipient=row.recipient.email,
                subject=texts["subject"],
                text=render_to_string("mail/approval.txt", texts),
                html=render_to_string("mail/approval.html", texts),
                ref=row.pk,
                key=f"notification:{row.pk}",
                user_id=row.recipient_id,
            )
        return Delivery(sent=True, provider=CHANNEL, provider_message_id=str(mail.pk))

    def keepers(self) -> Collection[UUID]:
        """Return who ever connected the mail account, or gave it other credentials. One query."""
        made = AuditEntry.objects.filter(action__in=CONNECTED, object_type=ACCOUNT, facts__provider=routes.PROVIDER)
        return set(made.exclude(actor_user_id=None).values_list("actor_user_id", flat=True))


def _why_not(row: Notification) -> str:
    if not wants_mail(row.recipient_id):
        return "This person wants no mail about approvals, or has no seat any more."
    if not routes.is_connected():
        return "No mail account is connected."
    if row.template in TO_SEATS and not _is_asked(row):
        return "Nobody waits for this person's signature any more."
    return ""


def _is_asked(row: Notification) -> bool:
    if not row.approval.is_undecided:
        return False
    seats = Seat.objects.filter(approval_id=row.approval_id, person_id=row.recipient_id, closed_at=None)
    return bool(seats.exists())


def _texts(row: Notification) -> dict[str, Any]:
    approval = row.approval
    title = TITLES.get("approval_reminder" if row.is_reminder else row.template, "needs you")
    preview = approval.preview
    headline = mask_text(str(preview.get("headline") or approval.summary))
    return {
        "subject": f"{approval.reference} {title}: {headline}",
        "title": f"{approval.reference} {title}",
        "headline": headline,
        "summary": mask_text(approval.summary),
        "body": _beginning(mask_text(str(preview.get("body") or ""))),
        "rows": [
            {name: mask_text(str(line.get(name, ""))) for name in ("label", "before", "after")}
            for line in preview.get("rows", [])
        ],
        "risk": RISKS.get(approval.risk_level, approval.risk_level),
        "risk_level": approval.risk_level,
        "risk_score": approval.risk_score,
        "asked_by": _asker(approval),
        "due": _due(approval),
        "is_yours": row.template.startswith(TO_REQUESTER),
        "link": _console(approval),
        "decision_link": _place(row) if row.template in DECIDES and can_be_decided_by_link(approval) else "",
        "preferences": f"{settings.PUBLIC_URL}{reverse('mail_preference')}",
    }


def _beginning(text: str) -> str:
    """Return what a mail holds of a text; whoever decides reads all of it on the page the mail leads to."""
    return text if len(text) <= BODY_LIMIT else f"{text[:BODY_LIMIT]}…\n\n(The whole text stands where you decide.)"


def _asker(approval: Approval) -> str:
    if approval.requester is None:
        return "an agent"
    return NOBODY if approval.requester_id in erased_people() else str(approval.requester.get_full_name())


def _console(approval: Approval) -> str:
    return f"{settings.PUBLIC_URL}{reverse('admin:hitl_approval_change', args=[approval.pk])}"


def _place(row: Notification) -> str:
    """Return what stands for the decision link in the stored text; nobody who asks for something can know it."""
    return f"{settings.PUBLIC_URL}{reverse('decision_link', args=[f'of-{row.pk.hex}'])}"


def _due(approval: Approval) -> str:
    moment = approval.sla_due_at or approval.expires_at
    return f"{moment.astimezone(tenant_zone()):%d %B %Y, %H:%M %Z}"


class ApprovalMail(MailReceiver):
    """Hears what became of such a mail: the notification's row follows."""

    tracks_opens: ClassVar[bool] = True

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, Belongs]:
        """Name the approvals."""
        rows = Notification.objects.filter(pk__in=refs).select_related("approval")
        return {
            row.pk: Belongs(
                f"{row.approval.reference} {mask_text(row.approval.summary)}",
                reverse("admin:hitl_approval_change", args=[row.approval_id]),
            )
            for row in rows
        }

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Make the decision link of this mail; where there is none any more it leads behind the sign-in."""
        row = Notification.objects.select_related("approval").filter(pk=ref, template__in=DECIDES).first()
        if row is None or _place(row) not in text:
            return {}
        ids = {"approval_id": row.approval_id, "person_id": row.recipient_id}
        secret = make_link(actor=ACTOR, **ids) if can_be_decided_by_link(row.approval) else ""
        link = f"{settings.PUBLIC_URL}{reverse('decision_link', args=[secret])}" if secret else _console(row.approval)
        return {_place(row): link}

    def hear(self, event: MailEvent) -> None:
        """Move the notification."""
        status = STATUSES.get(event.what)
        if status is not None and event.ref is not None:
            reason = in_words(event.error) if status == "failed" else ""
            track_notification(actor=ACTOR, notification_id=event.ref, status=status, reason=reason, now=event.at)
