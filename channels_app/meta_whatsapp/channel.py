"""The channel of WhatsApp by Meta."""

from channels_app import kit
from channels_app.kit import Door, Source, Verify
from channels_app.kit.health import Health
from channels_app.kit.phones.channel import PhoneChannel
from channels_app.kit.setup import SetupStep
from channels_app.meta_whatsapp import handler, inbound, numbers, setup, templates
from channels_app.meta_whatsapp.connect import MetaConnect
from channels_app.meta_whatsapp.diagnosis import CloudDiagnosis
from channels_app.meta_whatsapp.transport import CloudTransport, send_template
from conversations.models import Attachment, ChannelAccount
from conversations.services.templates import FoundTemplate
from integrations.media import FetchFailure, MediaFile
from integrations.meta.media import fetch_media


class MetaWhatsApp(PhoneChannel):
    """WhatsApp through an organisation's own number at Meta."""

    kind = ChannelAccount.Kind.WHATSAPP
    provider = numbers.PROVIDER
    label = "WhatsApp by Meta"
    transport = CloudTransport
    # No alarm: without an app secret a number can't be switched on.
    verify = Verify(proof=CloudDiagnosis.proof, secrets=numbers.secrets_of)
    connect = MetaConnect
    diagnosis = CloudDiagnosis
    doors = (Door("channels/whatsapp-cloud/<str:key>/webhook/", inbound.webhook, "cloud_webhook"),)
    sources = (Source(inbound.PROVIDER, handler.receive_delivery),)
    plain = ("/channels/whatsapp-cloud/",)
    closed_codes = ("131047",)
    send_template = staticmethod(send_template)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:
        """Return the steps of a number's guided set-up."""
        return setup.steps(account, health, may_change=may_change)

    @classmethod
    def fetch_file(cls, attachment: Attachment) -> MediaFile | FetchFailure:
        """Download a file that a customer sent, which Meta names by an id."""
        kept = attachment.message.channel_account.credentials or {}
        number, token = numbers.phone_number_id_of(kept), str(kept.get("access_token") or "")
        return fetch_media(attachment.source, phone_number_id=number, access_token=token)

    @classmethod
    def list_templates(cls, account: ChannelAccount) -> list[FoundTemplate] | str:
        """Return Meta's templates of the business account."""
        return templates.list_templates(account)


kit.register(MetaWhatsApp)
