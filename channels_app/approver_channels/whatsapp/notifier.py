"""The WhatsApp channel of notifications: a template to the number that an approver proved, or else an email."""

from collections.abc import Collection
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from channels_app.approver_channels.whatsapp import messages, numbers
from conversations.models import ChannelAccount
from core.actors import system
from core.errors import NotFound
from core.reach.gate import NotReachable
from hitl.models import Notification, NotificationPreference
from hitl.notification_channels import ASKS, EMAIL, MAX_ATTEMPTS, TITLES, Delivery, Notifier, notifiers
from hitl.services import can_be_decided_by_link, make_link, own_text, track_notification, why_unneeded
from integrations.outcomes import Failed, Sent

CHANNEL: Final = "whatsapp"
LINK: Final = "whatsapp_link"
ACTOR: Final = system("whatsapp")
HEADLINE_LIMIT: Final = 200
RISKS: Final = {"low": "Low risk", "medium": "Medium risk", "high": "High risk", "critical": "Critical risk"}
OPTED_OUT: Final = "This person opted out of notices."
NO_NUMBER: Final = "This person can't be reached by WhatsApp right now."
REFUSED: Final = {"blocked": "This person is blocked.", "unreachable": "This person can't be reached."}
"""Why the gate refused, where it isn't that the person opted out."""
NOT_TAKEN: Final = "WhatsApp didn't take the message."
FAILED: Final = "WhatsApp couldn't deliver it."


class WhatsAppNotifier(Notifier):
    """Notifies approvers and requesters by WhatsApp; who can't be reached there gets the email."""

    label: ClassVar[str] = "WhatsApp"

    def notify(self, notification_id: UUID) -> Delivery:
        """Send the template; an email goes out instead where there is no proven number or no template."""
        row = Notification.objects.select_related("approval", "recipient").get(pk=notification_id)
        reason = why_unneeded([row]).get(row.pk, "")
        if reason:
            return skip(row, reason)
        own = numbers.number_of(row.recipient_id)
        if own is None:
            numbers.remind_of_old(row.recipient_id)
            return send_mail_instead(row, NO_NUMBER)
        languages = NotificationPreference.objects.filter(person_id=row.recipient_id).values_list("language", flat=True)
        try:
            outcome = messages.send_words(
                own.account,
                own.number,
                person_id=row.recipient_id,
                use=messages.NOTICE,
                words=words_of(row),
                language=languages.first() or "",
                ref=row.pk,
            )
        except NotReachable as refused:
            return send_mail_instead(row, REFUSED.get(refused.code, OPTED_OUT))
        if isinstance(outcome, Sent):
            return Delivery(sent=True, provider=own.account.provider, provider_message_id=outcome.message_id)
        is_last = row.attempts >= MAX_ATTEMPTS
        if is_last or (isinstance(outcome, Failed) and outcome.permanent):
            return send_mail_instead(row, NOT_TAKEN)
        # Without an answer the message may be there: two are better than none, and only the newer link decides.
        pause = (outcome.retry_after or 0) if isinstance(outcome, Failed) else 0
        return Delivery(
            sent=False, provider=own.account.provider, error="WhatsApp can't be reached.", retry=True, retry_after=pause
        )

    def people_who_can_read_mail(self) -> Collection[UUID]:
        """Return everyone who had a number's credentials, once notices were sent: Twilio lists what was sent."""
        if not Notification.objects.filter(channel=CHANNEL).exists():
            return ()
        rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.WHATSAPP).values_list("keepers", flat=True)
        return {person for keepers in rows for person in keepers}


def words_of(row: Notification) -> list[str]:
    """Return the template's words, masked; the link decides only where a link in an email would."""
    approval = row.approval
    template = "approval_reminder" if row.is_reminder else row.template
    own = own_text(template=template, approval=approval, person_id=row.recipient_id)
    title = own.subject if own else f"{approval.reference} {TITLES.get(template, 'needs you')}"
    headline = approval.masked(str(approval.preview.get("headline") or approval.summary))[:HEADLINE_LIMIT]
    risk = RISKS.get(approval.risk_level, approval.risk_level)
    return [f"{title}.", f"{headline} ({risk}).", _link_for(row)]


def _link_for(row: Notification) -> str:
    """Return a new decision link of the notification's person, or the request's page if no link can decide."""
    approval, secret = row.approval, ""
    if row.template in ASKS and can_be_decided_by_link(approval):
        secret = make_link(actor=ACTOR, approval_id=approval.pk, person_id=row.recipient_id, channel=LINK)
    if secret:
        return f"{settings.PUBLIC_URL}{reverse('decision_link', args=[secret])}"
    return f"{settings.PUBLIC_URL}{reverse('admin:hitl_approval_change', args=[approval.pk])}"


def send_mail_instead(row: Notification, why: str) -> Delivery:
    """Send the email of a notification of any channel, unless the workflow sends one anyway."""
    if EMAIL in (row.approval.snapshot.get("notify_by") or ()):
        return skip(row, f"{why} They get an email.")
    try:
        notifier = notifiers.get(EMAIL)()
    except NotFound:
        return skip(row, f"{why} No mail account is connected.")
    return notifier.notify(row.pk)


def skip(row: Notification, reason: str) -> Delivery:
    """Leave a notification out, and say why."""
    track_notification(actor=system(row.channel), notification_id=row.pk, status="skipped", reason=reason)
    return Delivery(sent=False, provider=row.channel, error=reason)


def apply_report(*, notification_id: UUID | None, status: str) -> bool:
    """Track the notification a report names; False if there is none. Safe to repeat. One that failed goes by email."""
    rows = Notification.objects.filter(channel=CHANNEL, pk=notification_id)
    row = rows.select_related("approval", "recipient").first()
    if row is None:
        return False
    if status == "failed":
        if track_notification(actor=ACTOR, notification_id=row.pk, status="failed", reason=FAILED):
            send_mail_instead(row, FAILED)
    elif status in ("delivered", "read"):
        track_notification(actor=ACTOR, notification_id=row.pk, status=status)  # type: ignore[arg-type]
    return True
