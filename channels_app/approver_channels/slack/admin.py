"""The console's actions on the Slack workspace, and the page on which people link their own Slack user."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.notices import USE
from channels_app.approver_channels import addresses
from channels_app.approver_channels.slack import connect, people, workspaces
from channels_app.approver_channels.whatsapp.admin import NumberActions
from channels_app.kit import diagnosis
from channels_app.models import ColleagueAddress, SlackRoute
from console.base.actions import ServiceAction, action_url, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.models import ChannelAccount
from core.clock import now
from hitl.models import ApprovalWorkflow

OWN_OF_SLACK: Final = ("test-slack", "edit-slack", "slack-channel")


def is_slack(account: ChannelAccount) -> bool:
    """Return True for a Slack workspace."""
    return bool(account.kind == workspaces.KIND)


def _secret(label: str, help_text: str, *, required: bool = False) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=200, required=required, widget=widget)


class ChangeSlackForm(ConsoleForm):
    """The settings of a workspace; empty secrets stay unchanged."""

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")
    bot_token = _secret("Bot token", "xoxb-…, under OAuth & Permissions. Leave empty to keep the current one.")
    signing_secret = _secret("Signing secret", "Under Basic Information. Leave empty to keep the current one.")
    secondary_signing_secret = _secret("Second signing secret (optional)", "Only while you rotate it.")
    channel = forms.CharField(
        label="Channel (optional)",
        max_length=40,
        required=False,
        help_text="Its ID, such as C0123456789. Requests are posted there; left empty, they are direct messages.",
    )


class ConnectSlackForm(ChangeSlackForm):
    """A new workspace."""

    bot_token = _secret("Bot token", "xoxb-…, under OAuth & Permissions.", required=True)
    signing_secret = _secret("Signing secret", "Under Basic Information.", required=True)
    field_order = ("name", "bot_token", "signing_secret")


class TestSlackForm(ConsoleForm):
    """Where the test message goes."""

    to = forms.CharField(label="Channel or member", max_length=40, help_text="A channel ID (C…) or a member ID (U…).")


class RouteForm(ConsoleForm):
    """Where a workflow posts."""

    workflow_id = forms.TypedChoiceField(label="Workflow", choices=())
    channel = forms.CharField(
        label="Channel",
        max_length=40,
        required=False,
        help_text="A channel ID (C…), “direct” for direct messages, or empty for what the workspace does.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = ApprovalWorkflow.objects.filter(is_active=True).order_by("name").values_list("pk", "name")
        self.fields["workflow_id"].choices = [(str(key), name) for key, name in rows]  # type: ignore[attr-defined]


class SlackActions(ServiceAdmin):
    """The actions on a Slack workspace."""

    def slack_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings that are not secret."""
        return {"name": account.name, "channel": str((account.credentials or {}).get("channel") or "")}

    def routes(self) -> list[tuple[str, str]]:
        """Return the workflows that post in a channel of their own."""
        rows = SlackRoute.objects.select_related("workflow").order_by("workflow__name")
        return [(row.workflow.name, row.channel) for row in rows]

    @service_action(
        path="connect-slack",
        title="Connect Slack",
        permission=workspaces.CHANGE,
        form=ConnectSlackForm,
        submit="Connect",
        on_list=True,
        explain="Connect a Slack workspace, so that approvers can decide there. Create an app in Slack, give it the "
        "bot scope chat:write and install it. You'll see what Slack needs next. If you connect it, no button in "
        "Slack decides a request you are part of: decide those in the console.",
    )
    def connect_slack(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect the workspace and show what Slack needs."""
        made = connect.connect_slack(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "Slack connected. Paste the address below into the Slack app.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(
        path="test-slack",
        title="Send test message to Slack",
        permission=workspaces.CHANGE,
        form=TestSlackForm,
        submit="Send",
        explain="Sends one message to a channel or a member.",
    )
    def test_slack(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Send a test message."""
        return diagnosis.send_test(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data).words

    @service_action(
        path="slack-channel",
        title="Choose where a workflow posts",
        permission=workspaces.CHANGE,
        form=RouteForm,
        submit="Save",
        explain="Everyone in the channel can read its requests, with personal data masked. Only approvers can decide.",
    )
    def slack_channel(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Choose the channel of a workflow."""
        return connect.set_route(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)

    @service_action(path="edit-slack", title="Edit Slack workspace", permission=workspaces.CHANGE,
                    form=ChangeSlackForm, submit="Save", tone="primary")  # fmt: skip
    def edit_slack(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Update the workspace's settings and secrets."""
        connect.connect_slack(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "Slack workspace saved."


class MemberForm(ConsoleForm):
    """One's own Slack user."""

    member_id = forms.CharField(
        label="Member ID",
        max_length=21,
        help_text="In Slack, open your profile, choose the three dots and “Copy member ID”. It begins with U or W.",
    )


class CodeForm(ConsoleForm):
    """The code from the direct message."""

    code = forms.CharField(
        label="Code",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


@admin.register(ColleagueAddress)
class ColleagueAddressAdmin(NumberActions):
    """The viewer's own Slack user and WhatsApp number; nobody sees or changes another person's."""

    view_permission = USE
    nav = Nav("My linked accounts", "link", order=62)
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

    @admin.display(description="Channel")
    def where(self, row: ColleagueAddress) -> str:
        """Return the workspace or number by which it is reached."""
        return str(row.channel_account)

    @admin.display(description="Address")
    def own_address(self, row: ColleagueAddress) -> str:
        """Return the viewer's own address."""
        return str(row.address)

    @admin.display(description="State")
    def standing(self, row: ColleagueAddress) -> str:
        """Return whether it is linked."""
        if row.proven_at is None:
            return chip("Waits for the code", "warn", "clock")
        is_number = row.channel_account.kind == ChannelAccount.Kind.WHATSAPP
        if is_number and row.proven_at <= now() - addresses.NUMBER_LIFE:
            return chip("Confirm it again", "warn", "clock")
        return chip("Linked", "good", "check")

    @service_action(
        path="slack-user",
        title="Link my Slack user",
        permission=USE,
        form=MemberForm,
        submit="Send code",
        tone="primary",
        on_list=True,
        explain="Walker sends a code to this Slack user. What that user presses then counts as your decision.",
    )
    def slack_user(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Send the code and ask for it."""
        said = people.send_code(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, said)
        return HttpResponseRedirect(action_url(self, self.service_actions["slack-code"], None))

    @service_action(
        path="slack-code",
        title="Enter the Slack code",
        permission=USE,
        form=CodeForm,
        submit="Link",
        on_list=True,
        explain="The code is in the direct message from Walker. It is valid for ten minutes.",
    )
    def slack_code(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Link the Slack user that got the code."""
        people.link(actor=viewer_of(request), **form.cleaned_data)
        return "Your Slack user is linked. You can decide requests in Slack."

    @service_action(
        path="slack-unlink",
        title="Unlink my Slack user",
        permission=USE,
        on_list=True,
        explain="What this Slack user presses no longer counts. Your decisions stay.",
    )
    def slack_unlink(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Unlink the viewer's Slack user."""
        people.unlink(actor=viewer_of(request))
        return "Your Slack user is unlinked."

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
