"""The page on which people link their own Slack user and WhatsApp number."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.notices import USE
from channels_app.approver_channels import addresses
from channels_app.approver_channels.slack import people
from channels_app.approver_channels.whatsapp import numbers
from channels_app.models import ColleagueAddress
from console.base.actions import ServiceAction, action_url, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import YOURS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.models import ChannelAccount
from core.clock import now


class MemberForm(ConsoleForm):
    member_id = forms.CharField(
        label="Member ID",
        max_length=21,
        help_text="In Slack, open your profile, choose the three dots and “Copy member ID”. It begins with U or W.",
    )


class NumberForm(ConsoleForm):
    number = forms.CharField(
        label="WhatsApp number",
        max_length=40,
        help_text="With + and the country code.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )


class CodeForm(ConsoleForm):
    code = forms.CharField(
        label="Code",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


def sends_code(service: Callable[..., str], path: str, *, then: str, **looks: Any) -> ServiceAction:
    """Return the action that sends a code to one's own address, and goes on to the action `then` that asks for it."""

    def send(self: Any, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        messages.success(request, service(actor=viewer_of(request), **form.cleaned_data))
        return HttpResponseRedirect(action_url(self, self.service_actions[then], None))

    return service_action(path=path, permission=USE, submit="Send code", tone="primary", on_list=True, **looks)(send)


@admin.register(ColleagueAddress)
class ColleagueAddressAdmin(ServiceAdmin):
    view_permission = USE
    nav = Nav("My linked accounts", "link", YOURS, order=30)
    intro = "Link your Slack user or WhatsApp number to be reached there when a request needs you. Only you see this."
    empty_title = "Nothing linked yet"
    empty_text = "Choose what to link above. Walker sends a code there, which you enter here."
    masked_fields = ("address", "address_digest", "code_digest")
    list_display = ("where", "own_address", "standing", "proven_at")
    ordering = ("id",)
    detail_fields = ("where", "own_address", "standing", "proven_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ColleagueAddress]:
        """Return the viewer's own rows."""
        rows = ColleagueAddress.objects.filter(person_id=viewer_of(request).user_id)
        return rows.select_related("channel_account").defer("channel_account__credentials")

    where = Column[ColleagueAddress]("Channel", lambda row: str(row.channel_account))
    own_address = Column[ColleagueAddress]("Address", lambda row: str(row.address))

    @admin.display(description="State")
    def standing(self, row: ColleagueAddress) -> str:
        if row.proven_at is None:
            return chip("Waits for the code", "warn", "clock")
        is_number = row.channel_account.kind == ChannelAccount.Kind.WHATSAPP
        if is_number and row.proven_at <= now() - addresses.NUMBER_LIFE:
            return chip("Confirm it again", "warn", "clock")
        return chip("Linked", "good", "check")

    own_number = sends_code(
        numbers.send_code,
        "own-number",
        title="Link my WhatsApp number",
        form=NumberForm,
        explain="Walker sends a code to this number by WhatsApp. Requests that need you are then sent there, with a "
        "link to decide them where an email would have one.",
        then="number-code",
    )
    number_code = calls(
        numbers.link,
        permission=USE,
        title="Enter the WhatsApp code",
        form=CodeForm,
        submit="Link",
        explain="The code is in the WhatsApp message from your organisation. It is valid for ten minutes.",
        done="Your WhatsApp number is linked. Requests that need you are sent there.",
    )
    number_unlink = calls(
        numbers.unlink,
        permission=USE,
        title="Unlink my WhatsApp number",
        explain="Nothing more is sent to it. You get emails instead.",
        done="Your WhatsApp number is unlinked.",
    )
    slack_user = sends_code(
        people.send_code,
        "slack-user",
        title="Link my Slack user",
        form=MemberForm,
        explain="Walker sends a code to this Slack user. What that user presses then counts as your decision.",
        then="slack-code",
    )
    slack_code = calls(
        people.link,
        permission=USE,
        title="Enter the Slack code",
        form=CodeForm,
        submit="Link",
        explain="The code is in the direct message from Walker. It is valid for ten minutes.",
        done="Your Slack user is linked. You can decide requests in Slack.",
    )
    slack_unlink = calls(
        people.unlink,
        permission=USE,
        title="Unlink my Slack user",
        explain="What this Slack user presses no longer counts. Your decisions stay.",
        done="Your Slack user is unlinked.",
    )

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions that apply: a code is entered once it was sent, and what is linked is unlinked."""
        shown = super().offered(request, obj, on_list=on_list)
        if not on_list:
            return shown
        rows = list(self.get_queryset(request).values_list("channel_account__kind", "proven_at"))
        linked = {kind for kind, proven_at in rows if proven_at is not None}
        waiting = {kind for kind, proven_at in rows if proven_at is None}
        slack, whatsapp = ChannelAccount.Kind.SLACK, ChannelAccount.Kind.WHATSAPP
        hidden = {
            "slack-user": slack in linked,
            "slack-code": slack not in waiting,
            "slack-unlink": slack not in linked,
            "own-number": whatsapp in linked,
            "number-code": whatsapp not in waiting,
            "number-unlink": whatsapp not in linked,
        }
        return [offer for offer in shown if not hidden.get(offer["action"].path)]

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return the list: a row's own page says no more."""
        return self.list_url()
