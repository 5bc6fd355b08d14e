"""The channel of emails by SendGrid."""

from channels_app import kit
from channels_app.email import mailboxes
from channels_app.email.channel import MAILS, EmailChannel
from channels_app.email.diagnosis import SendGridDiagnosis
from channels_app.email.sendgrid import handler, inbound, mail_door, setup, signature
from channels_app.kit import Alarm, Door, Source, Verify
from channels_app.kit.health import Health
from channels_app.kit.setup import SetupStep
from conversations.models import ChannelAccount


class SendGridEmail(EmailChannel):
    """Emails that SendGrid takes, reports about and hands over."""

    provider = mailboxes.PROVIDER
    label = "Email by SendGrid"
    verify = Verify(
        proof=SendGridDiagnosis.proof,
        secrets=mailboxes.keys_of,
        window=signature.WINDOW,
        alarm=Alarm(
            "channels_app.W002",
            "The mail account {} has no verification key: its delivery reports are refused.",
            "Enter the verification key of the signed Event Webhook under Channels in the console.",
        ),
    )
    diagnosis = SendGridDiagnosis
    doors = (
        Door("channels/email/<str:key>/events/", inbound.events, "email_events"),
        Door("channels/email/<str:secret>/inbound/", mail_door.inbound, "email_inbound"),
    )
    # Reports are about many people at once, and about emails of all kinds: a pause doesn't hold them.
    sources = (Source(inbound.PROVIDER, handler.receive_delivery, is_held=False, is_shared=True), MAILS)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        """Return the steps of an account's guided set-up."""
        return setup.steps(account, health)


kit.register(SendGridEmail)
