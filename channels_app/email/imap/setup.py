"""The guided set-up of a mailbox."""

from channels_app.email.imap import reads
from channels_app.kit.health import Health
from channels_app.kit.setup import SetupStep, send_a_test
from conversations.models import ChannelAccount


def steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps in order."""
    server = reads.server_of(account.credentials)
    return [
        SetupStep("Connect the mailbox", "Walker has signed in to it.", is_done=True),
        SetupStep(
            "Wait for the first reading",
            f"{server.host if server else 'The mailbox'} is read every minute, from the time you connected it.",
            is_done=health.last_read_at is not None,
        ),
        SetupStep(
            "Name the server that checks senders (optional)",
            "Under “Receive by IMAP”, enter it as “Checked by”. Without it no sender counts as proven.",
            is_done=bool((account.credentials or {}).get("imap_checked_by")),
        ),
        SetupStep(
            f"Write an email to {account.address}",
            "It appears under Conversations within a minute.",
            is_done=health.last_received_at is not None,
        ),
        send_a_test(
            "Use “Send test mail” with your own address. Answers leave through your SendGrid account, or through the "
            "mail server of this installation.",
            account,
            noun="mail",
        ),
    ]
