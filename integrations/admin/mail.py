"""Console pages of outgoing mail and its delivery status."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import Membership
from console.base.lists import Column, choose, since
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import CHANNELS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from integrations.mail import events
from integrations.mail.errors import describe_error
from integrations.mail.types import RelatedObject
from integrations.models import MailCount, MailDelivery

CONTENT = ("address", "address_digest", "subject", "text", "html", "reply_to", "headers")
PROVIDERS = {"sendgrid": "SendGrid", "smtp": "The mail server", "console": "The terminal"}
TYPES = {
    "approval": "Approval request",
    "decision": "Outcome for the requester",
    "brief": "Daily brief",
    "invitation": "Invitation",
    "test": "Test email",
}
TONES = {
    "queued": ("neutral", "clock"),
    "sending": ("info", "bolt"),
    "unknown": ("serious", "alert"),
    "sent": ("info", "send"),
    "failed": ("danger", "x-circle"),
    "dropped": ("warn", "ban"),
    "delivered": ("good", "check"),
    "bounced": ("danger", "x-circle"),
    "opened": ("good", "eye"),
    "clicked": ("good", "check-circle"),
}


@admin.register(MailDelivery)
class MailDeliveryAdmin(ReadOnlyAdmin):
    view_permission = "channels_app.view_channelaccount"
    nav = Nav("Email", "send", SETTINGS, CHANNELS, order=30)
    intro = "Every email Walker sent or tried to send, with its delivery status."
    empty_title = "No emails yet"
    empty_text = "Emails to approvers, customers and readers of the daily brief appear here."
    masked_fields = CONTENT
    list_display = ("about", "belongs_to", "recipient", "standing", "trouble", "queued_at")
    list_filter: ClassVar = [choose("status", "Status", MailDelivery.Status.choices), since("queued_at")]
    ordering = ("-id",)
    detail_fields = (
        "about",
        "belongs_to",
        "recipient",
        "standing",
        "trouble",
        "sent_by",
        "provider_message_id",
        "attempts",
        "queued_at",
        "sent_at",
        "delivered_at",
        "opened_at",
        "clicked_at",
        "failed_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailDelivery]:
        """Load the rows without the mail's content."""
        return super().get_queryset(request).defer(*CONTENT)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add how many mails are too old to be listed."""
        gone = MailCount.objects.aggregate(gone=Sum("count"))["gone"] or 0
        older = f" {gone:,} are older than {settings.MAIL_ROWS_DAYS} days and no longer listed." if gone else ""
        return {"intro": f"{self.intro}{older}"}

    def prepare_rows(self, request: HttpRequest, rows: list[MailDelivery]) -> None:
        """Load what the mails are about, and the memberships of recipients who are colleagues."""
        related = events.list_related_objects((row.type, row.ref) for row in rows if row.ref is not None)
        for row in rows:
            row.belongs = None if row.ref is None else related.get(row.ref)  # type: ignore[attr-defined]
        people = {row.user_id for row in rows if row.user_id is not None}
        memberships = {membership.user_id: membership for membership in Membership.objects.filter(user_id__in=people)}
        for row in rows:
            row.membership = memberships.get(row.user_id)  # type: ignore[attr-defined]

    def object_title(self, mail: MailDelivery) -> str:
        related: RelatedObject | None = getattr(mail, "belongs", None)
        return f"{self.about(mail)}: {related.words}" if related else f"{self.about(mail)} {str(mail.pk)[-6:]}"

    about = Column[MailDelivery]("Email", lambda mail: TYPES.get(mail.type) or mail.type.replace("_", " ").capitalize())

    @admin.display(description="About")
    def belongs_to(self, mail: MailDelivery) -> str:
        """Return the request, conversation or day it is about, linked if it has a page."""
        related: RelatedObject | None = getattr(mail, "belongs", None)
        if related is None:
            return "–"
        if not related.url:
            return related.words
        return format_html('<a class="wk-over" href="{}">{}</a>', related.url, related.words)

    @admin.display(description="To")
    def recipient(self, mail: MailDelivery) -> str:
        """Return the masked address; for colleagues with role and end of the id, since masks look alike."""
        membership: Membership | None = getattr(mail, "membership", None)
        note = format_html('<span class="wk-cell-note">{}</span>', membership) if membership else ""
        return format_html('<span class="wk-number">{}</span>{}', mail.masked_address, note)

    standing = Column[MailDelivery]("Status", lambda mail: chip(mail.get_status_display(), *TONES[mail.status]))
    sent_by = Column[MailDelivery]("Sent by", lambda mail: PROVIDERS.get(mail.provider, mail.provider) or "–")
    trouble = Column[MailDelivery]("Error", lambda mail: describe_error(mail.error) or "–")
