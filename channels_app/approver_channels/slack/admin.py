"""The Slack workspace on the console's page of channels."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from channels_app.approver_channels.slack import connect
from channels_app.kit.admin.forms import AccountForm, SecretField
from channels_app.kit.admin.page import ChannelPage, calls, connects, edits, tests
from channels_app.models import SlackRoute
from console.base.forms import ConsoleForm
from conversations.models import ChannelAccount
from hitl.models import ApprovalWorkflow


class ChangeSlackForm(AccountForm):
    bot_token = SecretField("Bot token", "xoxb-…, under OAuth & Permissions.", needed=True)
    signing_secret = SecretField("Signing secret", "Under Basic Information.", needed=True)
    secondary_signing_secret = SecretField("Second signing secret (optional)", "Only while you rotate it.")
    channel = forms.CharField(
        label="Channel (optional)",
        max_length=40,
        required=False,
        help_text="Its ID, such as C0123456789. Requests are posted there; left empty, they are direct messages.",
    )


class ConnectSlackForm(ChangeSlackForm):
    is_new = True


class TestSlackForm(ConsoleForm):
    to = forms.CharField(label="Channel or member", max_length=40, help_text="A channel ID (C…) or a member ID (U…).")


class RouteForm(ConsoleForm):
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


class SlackPage(ChannelPage):
    """The actions on a Slack workspace."""

    order = 60
    noun = "a Slack workspace"
    shown: ClassVar[tuple[str, ...]] = ("channel",)
    shows_codes = True
    new_workspace = connects(
        connect.connect_slack,
        "connect-slack",
        title="Connect Slack",
        form=ConnectSlackForm,
        explain="Connect a Slack workspace, so that approvers can decide there. Create an app in Slack, give it the "
        "bot scope chat:write and install it. You'll see what Slack needs next. If you connect it, no button in "
        "Slack decides a request you are part of: decide those in the console.",
        done="Slack connected. Paste the address below into the Slack app.",
    )
    test = tests(
        "test-slack",
        title="Send test message to Slack",
        form=TestSlackForm,
        explain="Sends one message to a channel or a member.",
    )
    route = calls(
        connect.set_route,
        "slack-channel",
        title="Choose where a workflow posts",
        form=RouteForm,
        submit="Save",
        explain="Everyone in the channel can read its requests, with personal data masked. Only approvers can decide.",
        done="{}",
    )
    edit = edits(
        connect.connect_slack,
        "edit-slack",
        title="Edit Slack workspace",
        form=ChangeSlackForm,
        done="Slack workspace saved.",
    )

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
        """Return the workflows that post in a channel of their own."""
        rows = SlackRoute.objects.select_related("workflow").order_by("workflow__name")
        return {"routes": [(row.workflow.name, row.channel) for row in rows]}
