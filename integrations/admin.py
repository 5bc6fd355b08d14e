"""The console's list of mail that left, and what became of it."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import Membership
from console.base.lists import choose, since
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip
from integrations.mail import events
from integrations.mail.errors import in_words
from integrations.mail.types import Belongs
from integrations.models import MailCount, MailDelivery

CONTENT = ("address", "address_digest", "subject", "text", "html", "reply_to", "headers")
PROVIDERS = {"sendgrid": "SendGrid", "smtp": "The mail server", "console": "The terminal"}
TYPES = {
    "approval": "To an approver",
    "decision": "Outcome to the requester",
    "brief": "Daily brief",
    "invitation": "Invitation of a colleague",
    "test": "Test of the account",
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
    """Mail by its masked address; what it says is not shown."""

    view_permission = "channels_app.view_channelaccount"
    nav = Nav("Mail", "send", group="Oversight", order=65)
    intro = "Every mail that Walker sent or tried to send, and what became of it."
    empty_title = "No mail yet"
    empty_text = "Mail to approvers, customers and readers of the daily brief is listed here."
    masked_fields = CONTENT
    list_display = ("about", "belongs_to", "recipient", "standing", "trouble", "queued_at")
    list_filter: ClassVar = [choose("status", "State", MailDelivery.Status.choices), since("queued_at")]
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
        """Leave what the mail says where it is."""
        return super().get_queryset(request).defer(*CONTENT)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Say how many mails are so old that they are no rows any more."""
        gone = MailCount.objects.aggregate(gone=Sum("count"))["gone"] or 0
        older = f" {gone:,} older than {settings.MAIL_ROWS_DAYS} days are only counted any more." if gone else ""
        return {"intro": f"{self.intro}{older}"}

    def prepare_rows(self, request: HttpRequest, rows: list[MailDelivery]) -> None:
        """Read at once what the mails belong to, and which seat the colleagues have whom they go to."""
        found = events.belongings((row.type, row.ref) for row in rows if row.ref is not None)
        for row in rows:
            row.belongs = None if row.ref is None else found.get(row.ref)  # type: ignore[attr-defined]
        people = {row.user_id for row in rows if row.user_id is not None}
        seats = {seat.user_id: seat for seat in Membership.objects.filter(user_id__in=people)}
        for row in rows:
            row.seat = seats.get(row.user_id)  # type: ignore[attr-defined]

    def object_title(self, mail: MailDelivery) -> str:
        """Return what the mail is, and what it belongs to."""
        found: Belongs | None = getattr(mail, "belongs", None)
        return f"{self.about(mail)}: {found.words}" if found else f"{self.about(mail)} {str(mail.pk)[-6:]}"

    @admin.display(description="Mail")
    def about(self, mail: MailDelivery) -> str:
        """Return the type in words."""
        return TYPES.get(mail.type) or mail.type.replace("_", " ").capitalize()

    @admin.display(description="Belongs to")
    def belongs_to(self, mail: MailDelivery) -> str:
        """Return the request, conversation or day it is about, with a link where that has a page."""
        found: Belongs | None = getattr(mail, "belongs", None)
        if found is None:
            return "–"
        return format_html('<a class="wk-over" href="{}">{}</a>', found.url, found.words) if found.url else found.words

    @admin.display(description="To")
    def recipient(self, mail: MailDelivery) -> str:
        """Return the masked address; a colleague's with his role and the end of his id, since masks look alike."""
        seat: Membership | None = getattr(mail, "seat", None)
        note = format_html('<span class="wk-cell-note">{}</span>', seat) if seat else ""
        return format_html('<span class="wk-number">{}</span>{}', mail.masked_address, note)

    @admin.display(description="State")
    def standing(self, mail: MailDelivery) -> str:
        """Return how far it has come."""
        return chip(mail.get_status_display(), *TONES[mail.status])

    @admin.display(description="Sent by")
    def sent_by(self, mail: MailDelivery) -> str:
        """Return which way out it took."""
        return PROVIDERS.get(mail.provider, mail.provider) or "–"

    @admin.display(description="Trouble")
    def trouble(self, mail: MailDelivery) -> str:
        """Return what went wrong, in words."""
        return in_words(mail.error) or "–"
