"""The channel of emails from a mailbox that is read by IMAP."""

from channels_app import kit
from channels_app.email.channel import MAILS, EmailChannel
from channels_app.email.diagnosis import MailboxDiagnosis
from channels_app.email.imap import reads
from channels_app.kit import Without
from channels_app.kit.health import Health
from channels_app.kit.setup import SetupStep, send_a_test
from conversations.models import ChannelAccount
from core.privacy.erasure.registry import Table


class ImapEmail(EmailChannel):
    """Emails of a mailbox, read with its password."""

    provider = ChannelAccount.Provider.IMAP
    provider_label = "IMAP mailbox"
    verify = Without("A mailbox is read with its password: nobody posts anything.")
    diagnosis = MailboxDiagnosis
    doors = Without("A mailbox is read: it has no address of ours.")
    sources = (MAILS,)
    tables = (Table("channels_app.MailboxProgress", "Numbers of the organisation's own mailboxes."),)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
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
                "Use “Send test mail” with your own address. Answers leave through your SendGrid account, or through "
                "the mail server of this installation.",
                account,
                noun="mail",
            ),
        ]


kit.register(ImapEmail)
