"""The guided set-up of a Slack workspace."""

from django.conf import settings
from django.urls import reverse

from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test
from channels_app.models import ColleagueAddress
from conversations.models import ChannelAccount


def steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps in order."""
    url = f"{settings.PUBLIC_URL}{reverse('slack_interactivity', args=[account.public_key])}"
    is_linked = ColleagueAddress.objects.filter(channel_account=account, proven_at__isnull=False).exists()
    return [
        SetupStep("Connect the workspace", "Bot token and signing secret are saved.", is_done=True),
        SetupStep(
            "Give the app its scope",
            "Under OAuth & Permissions it needs the bot scope chat:write. Invite the app to every channel it posts in.",
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
