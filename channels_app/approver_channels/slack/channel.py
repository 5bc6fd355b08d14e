"""The channel of an organisation's Slack workspace, which carries approvals to colleagues."""

from django.conf import settings
from django.urls import reverse

from channels_app import kit
from channels_app.approver_channels.slack import handler, inbound, notifier, workspaces
from channels_app.approver_channels.slack.connect import SlackConnect
from channels_app.approver_channels.slack.diagnosis import SlackDiagnosis
from channels_app.kit import Door, Source, Verify, Without
from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test
from channels_app.models import ColleagueAddress, SlackMessage
from channels_app.webhooks.intake import WINDOW
from conversations.models import ChannelAccount
from core.clock import now
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import Batch, Step, Table
from hitl import notification_channels
from integrations.slack.errors import WORDS


def show_again(person: Person, after: str, limit: int) -> Batch:
    """Have the messages about the person's requests in Slack shown again, now that those are empty."""
    rows = SlackMessage.objects.filter(approval_id__in=person.ids("approvals")).exclude(ts="")
    return Batch(rows.exclude(shown_version=0).update(shown_version=0, is_settled=False, attempts=0, due_at=now()))


class Slack(kit.Channel):
    """Requests and outcomes for colleagues, with buttons; customers don't write here."""

    kind = workspaces.KIND
    provider = ChannelAccount.Provider.SLACK
    kind_label = provider_label = "Slack"
    transport = Without("It carries approvals to colleagues: the channel of notifications sends them.")
    verify = Verify(proof=SlackDiagnosis.proof, secrets=workspaces.secrets_of, window=WINDOW)
    connect = SlackConnect
    diagnosis = SlackDiagnosis
    doors = (Door("channels/slack/<str:key>/interactivity/", inbound.interactivity, "slack_interactivity"),)
    sources = (Source(inbound.PROVIDER, handler.receive_delivery),)
    codes = WORDS
    page = "channels_app.approver_channels.slack.admin.SlackPage"
    tables = (
        Table("channels_app.SlackRoute", "The organisation's own channels.", kept="channel"),
        Table("channels_app.SlackMessage", "Slack's ids of the message, which is shown again without the content.",
              kept="key template place ts"),
    )  # fmt: skip
    erase = (Step("slack_messages", "Messages about their requests in Slack", show_again),)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        url = f"{settings.PUBLIC_URL}{reverse('slack_interactivity', args=[account.public_key])}"
        is_linked = ColleagueAddress.objects.filter(channel_account=account, proven_at__isnull=False).exists()
        return [
            SetupStep("Connect the workspace", "Bot token and signing secret are saved.", is_done=True),
            SetupStep(
                "Give the app its scope",
                "Under OAuth & Permissions it needs the bot scope chat:write. Invite the app to every channel it "
                "posts in.",
                is_done=account.tested_at is not None,
            ),
            SetupStep(
                "Paste the address into the Slack app",
                "In your Slack app, open Interactivity & Shortcuts, turn it on, and paste this under “Request URL”.",
                is_done=health.last_received_at is not None,
                copies=(Copy("Request URL", url),),
            ),
            send_a_test("Use “Send test message to Slack” with a channel or your own member ID.", account),
            SetupStep(
                "Let approvers link their Slack user",
                "Each of them does it under My linked accounts. Who hasn't linked theirs can't decide in Slack.",
                is_done=is_linked,
            ),
        ]


kit.register(Slack)
notification_channels.register(notifier.CHANNEL, notifier.SlackNotifier)
