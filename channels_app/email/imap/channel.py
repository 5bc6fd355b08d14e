"""The channel of emails from a mailbox that is read by IMAP."""

from channels_app import kit
from channels_app.email.channel import MAILS, EmailChannel
from channels_app.email.diagnosis import MailboxDiagnosis
from channels_app.email.imap import setup
from channels_app.kit import Without
from channels_app.kit.health import Health
from channels_app.kit.setup import SetupStep
from conversations.models import ChannelAccount
from core.privacy.erasure.registry import Table


class ImapEmail(EmailChannel):
    """Emails of a mailbox, read with its password."""

    provider = ChannelAccount.Provider.IMAP
    label = "Email by IMAP"
    verify = Without("A mailbox is read with its password: nobody posts anything.")
    diagnosis = MailboxDiagnosis
    doors = Without("A mailbox is read: it has no address of ours.")
    sources = (MAILS,)
    tables = (Table("channels_app.MailboxProgress", "Numbers of the organisation's own mailboxes."),)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        """Return the steps of a mailbox's guided set-up."""
        return setup.steps(account, health)


kit.register(ImapEmail)
