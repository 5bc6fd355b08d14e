"""Approval emails: notifying approvers and requesters, and tracking delivery."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.selectors import erased_people, wants_mail, zone_of
from core.actors import system
from core.models import AuditEntry
from core.privacy.erasure.person import NOBODY
from hitl.models import Approval, Notification
from hitl.notification_channels import ASKS, TITLES, Delivery, Notifier
from hitl.services import Status, can_be_decided_by_link, make_link, own_text, track_notification, why_unneeded
from integrations.mail.errors import describe_error
from integrations.mail.providers import routes
from integrations.mail.services import queue_mail_to
from integrations.mail.types import EventKind, MailEvent, MailReceiver, RelatedObject
from integrations.models import MailDelivery

CHANNEL: Final = "email"
TYPE: Final = "approval"
DIGEST: Final = "approval_digest"
ACTOR: Final = system("mail")
BODY_LIMIT: Final = 3000
MOST_LINKS: Final = 10
"""How many requests of a digest get a decision link; the others open in the console."""
ACCOUNT: Final = "integrations.provideraccount"
CONNECTED: Final = ("provider_connected", "provider_credentials_replaced")
TO_REQUESTER: Final = "request_"
RISKS: Final = {"low": "Low risk", "medium": "Medium risk", "high": "High risk", "critical": "Critical risk"}
STATUSES: Final[dict[EventKind, Status]] = {
    "delivered": "delivered",
    "opened": "read",
    "clicked": "read",
    "failed": "failed",
    "bounced": "failed",
    "dropped": "failed",
}


class MailNotifier(Notifier):
    """Notifies approvers by email, if they want it and are still asked."""

    label: ClassVar[str] = "Email"
    gathers: ClassVar[bool] = True

    def notify(self, notification_id: UUID) -> Delivery:
        """Queue the mail once per notification; a worker sends it and tracks its status."""
        row = Notification.objects.select_related("approval", "recipient").get(pk=notification_id)
        reason = _why_skipped(row)
        if reason:
            track_notification(actor=ACTOR, notification_id=row.pk, status="skipped", reason=reason)
            return Delivery(sent=False, provider=CHANNEL, error=reason)
        key = f"notification:{row.pk}"
        return _delivery_of(queue_mail_to(row.recipient, "approval", _texts(row), type=TYPE, ref=row.pk, key=key))

    def notify_together(self, digest_id: UUID, notification_ids: Sequence[UUID]) -> Delivery:
        """Queue one mail about all of them, once per digest."""
        rows = list(Notification.objects.filter(pk__in=notification_ids).select_related("approval", "recipient"))
        if not wants_mail(rows[0].recipient_id) or not routes.is_connected():
            for row in rows:
                track_notification(actor=ACTOR, notification_id=row.pk, status="skipped", reason=_why_skipped(row))
            return Delivery(sent=False, provider=CHANNEL)
        person, key = rows[0].recipient, f"digest:{digest_id}"
        return _delivery_of(queue_mail_to(person, "digest", digest_texts(rows), type=DIGEST, ref=digest_id, key=key))

    def people_who_can_read_mail(self) -> Collection[UUID]:
        """Return everyone who ever connected the mail account or replaced its credentials. One query."""
        made = AuditEntry.objects.filter(action__in=CONNECTED, object_type=ACCOUNT, facts__provider=routes.PROVIDER)
        return set(made.exclude(actor_user_id=None).values_list("actor_user_id", flat=True))


def _delivery_of(mail: MailDelivery) -> Delivery:
    if mail.status == MailDelivery.Status.FAILED:
        return Delivery(sent=False, provider=CHANNEL, error=describe_error(mail.error))
    return Delivery(sent=True, provider=CHANNEL, provider_message_id=str(mail.pk))


def _why_skipped(row: Notification) -> str:
    if not wants_mail(row.recipient_id):
        return "This person turned off approval emails or is no longer a member."
    if not routes.is_connected():
        return "No mail account is connected."
    return why_unneeded([row]).get(row.pk, "")


def _texts(row: Notification) -> dict[str, Any]:
    approval = row.approval
    title = _title(row)
    preview = approval.preview
    headline = approval.masked(str(preview.get("headline") or approval.summary))
    body = approval.masked(str(preview.get("body") or ""))
    if len(body) > BODY_LIMIT:
        # Approvers read the whole text on the page the mail links to.
        body = f"{body[:BODY_LIMIT]}…\n\n(Open the request to read the full text.)"
    asker = "an agent"
    if approval.requester is not None:
        is_erased = approval.requester_id in erased_people()
        asker = NOBODY if is_erased else str(approval.requester.get_full_name())
    template = "approval_reminder" if row.is_reminder else row.template
    own = own_text(template=template, approval=approval, person_id=row.recipient_id)
    return {
        "subject": own.subject if own else f"{approval.reference} {title}: {headline}",
        "title": own.body if own else f"{approval.reference} {title}",
        "headline": headline,
        "summary": approval.masked(approval.summary),
        "body": body,
        "rows": [
            {name: approval.masked(str(line.get(name, ""))) for name in ("label", "before", "after")}
            for line in preview.get("rows", [])
        ],
        "risk": RISKS.get(approval.risk_level, approval.risk_level),
        "risk_level": approval.risk_level,
        "risk_score": approval.risk_score,
        "asked_by": asker,
        "due": _due_words(row),
        "is_yours": row.template.startswith(TO_REQUESTER),
        "link": _console_url(approval),
        "decision_link": _placeholder(row) if row.template in ASKS and can_be_decided_by_link(approval) else "",
        "preferences": f"{settings.PUBLIC_URL}{reverse('mail_preference')}",
    }


def _console_url(approval: Approval) -> str:
    return f"{settings.PUBLIC_URL}{reverse('admin:hitl_approval_change', args=[approval.pk])}"


def digest_texts(rows: Sequence[Notification]) -> dict[str, Any]:
    """Return the texts of a digest: each request once, by its newest notification, the most urgent first."""
    newest = {row.approval_id: row for row in sorted(rows, key=lambda row: row.pk)}
    lines, links = [], 0
    for row in sorted(newest.values(), key=_due_at):
        approval = row.approval
        by_link = row.template in ASKS and links < MOST_LINKS and can_be_decided_by_link(approval)
        links += by_link
        lines.append(
            {
                "title": f"{approval.reference} {_title(row)}",
                "headline": approval.masked(str(approval.preview.get("headline") or approval.summary)),
                "risk": RISKS.get(approval.risk_level, approval.risk_level),
                "due": "" if row.template.startswith(TO_REQUESTER) else _due_words(row),
                "link": _console_url(approval),
                "decision_link": _placeholder(row) if by_link else "",
            }
        )
    count = len(lines)
    named = ", ".join(line["title"].split()[0] for line in lines[:3]) + (" and more" if count > 3 else "")
    return {
        "subject": f"{count} request{'s' if count > 1 else ''} in your digest: {named}",
        "title": f"{count} request{'s' if count > 1 else ''} in your digest",
        "lines": lines,
        "has_links": links > 0,
        "preferences": f"{settings.PUBLIC_URL}{reverse('admin:hitl_notificationpreference_changelist')}",
    }


def _due_at(row: Notification) -> datetime:
    return row.approval.sla_due_at or row.approval.expires_at


def _due_words(row: Notification) -> str:
    due = _due_at(row).astimezone(zone_of(row.recipient_id))
    return f"{due:%d %B %Y, %H:%M %Z}"


def _title(row: Notification) -> str:
    return TITLES.get("approval_reminder" if row.is_reminder else row.template, "needs you")


def _placeholder(row: Notification) -> str:
    """Return the placeholder for the decision link in the stored text; requesters can't guess it."""
    return f"{settings.PUBLIC_URL}{reverse('decision_link', args=[f'of-{row.pk.hex}'])}"


def _secret_url(row: Notification) -> str:
    """Return a new decision link of a notification's person, or the request's page if no link can decide."""
    secret = ""
    if can_be_decided_by_link(row.approval):
        secret = make_link(actor=ACTOR, approval_id=row.approval_id, person_id=row.recipient_id)
    if not secret:
        return _console_url(row.approval)
    return f"{settings.PUBLIC_URL}{reverse('decision_link', args=[secret])}"


class ApprovalMail(MailReceiver):
    """Fills in decision links and updates the notification by the mail's events."""

    tracks_opens: ClassVar[bool] = True

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        rows = Notification.objects.filter(pk__in=refs).select_related("approval")
        return {
            row.pk: RelatedObject(
                f"{row.approval.reference} {row.approval.masked(row.approval.summary)}",
                reverse("admin:hitl_approval_change", args=[row.approval_id]),
            )
            for row in rows
        }

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Create the mail's decision link; if links are no longer allowed, link to the console."""
        row = Notification.objects.select_related("approval").filter(pk=ref, template__in=ASKS).first()
        if row is None or _placeholder(row) not in text:
            return {}
        return {_placeholder(row): _secret_url(row)}

    def on_event(self, event: MailEvent) -> None:
        status = STATUSES.get(event.what)
        if status is not None and event.ref is not None:
            reason = describe_error(event.error) if status == "failed" else ""
            track_notification(actor=ACTOR, notification_id=event.ref, status=status, reason=reason, now=event.at)


class DigestMail(MailReceiver):
    """Fills in the decision links of a digest and updates its notifications by the mail's events."""

    tracks_opens: ClassVar[bool] = True

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return the requests of each digest."""
        rows = Notification.objects.filter(digest_id__in=refs).order_by("id")
        references: dict[UUID, list[str]] = {}
        for digest_id, reference in rows.values_list("digest_id", "approval__reference").distinct():
            references.setdefault(digest_id, []).append(reference)
        return {ref: RelatedObject(f"Digest: {', '.join(found[:5])}"[:120]) for ref, found in references.items()}

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Create the digest's decision links; where links are no longer allowed, link to the console."""
        rows = Notification.objects.filter(digest_id=ref, template__in=ASKS).select_related("approval")
        return {place: _secret_url(row) for row in rows if (place := _placeholder(row)) in text}

    def on_event(self, event: MailEvent) -> None:
        """Update the status of every notification of the digest."""
        status = STATUSES.get(event.what)
        if status is None or event.ref is None:
            return
        reason = describe_error(event.error) if status == "failed" else ""
        for key in Notification.objects.filter(digest_id=event.ref).values_list("pk", flat=True):
            track_notification(actor=ACTOR, notification_id=key, status=status, reason=reason, now=event.at)
