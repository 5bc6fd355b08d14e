"""The console's list of what customers were asked to confirm, and what the hub brings to pages of other apps."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.base.lists import Column, SelectFilter, since
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import DESK, Nav
from console.templatetags.console_ui import moment
from console.viewers import viewer_of
from conversations.selectors import VIEW
from core.clock import now
from core.privacy.pii import mask_text
from hub import customer_panel
from hub.crm import admin as crm
from hub.models import TransactionDraft
from hub.selectors import amount_of, query_drafts

State = TransactionDraft.State


class StateFilter(SelectFilter):
    title, parameter_name = "State", "state"
    options = tuple((str(value), str(label)) for value, label in State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        return queryset.filter(state=chosen) if chosen else queryset


@admin.register(TransactionDraft)
class TransactionDraftAdmin(ReadOnlyAdmin):
    view_permission = VIEW
    nav = Nav("Confirmations", "check-circle", DESK, order=60)
    intro = "Payments that customers were asked to confirm. Nothing is booked without that and an approval."
    empty_title = "No confirmations yet"
    empty_text = "They appear here once an agent prepares a payment at your back office."
    masked_fields = ("customer", "description", "recipient", "masked_recipient", "destination")
    list_display = ("amount_shown", "to", "standing", "asked")
    detail_fields = ("amount_shown", "to", "what", "standing", "asked", "ends", "confirmed", "approval", "booked_as")
    list_filter: ClassVar = [StateFilter, since("created_at")]
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TransactionDraft]:
        """Return the drafts of conversations that the viewer sees."""
        return query_drafts(viewer=viewer_of(request))

    def object_title(self, draft: TransactionDraft) -> str:
        """Return the amount."""
        return amount_of(draft)

    amount_shown = Column[TransactionDraft]("Amount", amount_of)
    to = Column[TransactionDraft]("To", lambda draft: draft.masked_recipient or "–")
    what = Column[TransactionDraft]("What for", lambda draft: mask_text(draft.description) or "–")
    asked = Column[TransactionDraft]("Asked", lambda draft: moment(draft.created_at))
    ends = Column[TransactionDraft]("Ends", lambda draft: moment(draft.expires_at))
    booked_as = Column[TransactionDraft]("Booked as", lambda draft: draft.transaction_id or "–")

    @admin.display(description="State")
    def standing(self, draft: TransactionDraft) -> str:
        """Return the state; one that nobody confirmed in time has ended."""
        has_ended = draft.state == State.OPEN and draft.has_ended(now())
        return str(State.ENDED.label if has_ended else draft.get_state_display())

    @admin.display(description="Confirmed")
    def confirmed(self, draft: TransactionDraft) -> SafeString | str:
        if draft.confirmed_at is None:
            return "–"
        return format_html("{} · {}", moment(draft.confirmed_at), draft.get_confirmed_by_display())

    @admin.display(description="Request")
    def approval(self, draft: TransactionDraft) -> SafeString | str:
        """Link to the request that books it."""
        if draft.approval_id is None:
            return "–"
        url = reverse("admin:hitl_approval_change", args=[draft.approval_id])
        return format_html('<a href="{}">Open the request</a>', url)


crm.register()
customer_panel.register()
