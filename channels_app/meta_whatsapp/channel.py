"""The channel of WhatsApp by Meta."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from channels_app import kit
from channels_app.kit import Door, Source, Verify
from channels_app.kit.health import Health
from channels_app.kit.phones.channel import PhoneChannel
from channels_app.kit.phones.templates import STATES
from channels_app.kit.setup import Copy, SetupStep, send_a_test, write_to_it
from channels_app.meta_whatsapp import handler, inbound, numbers
from channels_app.meta_whatsapp.connect import MetaConnect
from channels_app.meta_whatsapp.diagnosis import MetaDiagnosis
from channels_app.meta_whatsapp.transport import MetaTransport, send_template
from conversations.models import Attachment, ChannelAccount
from conversations.services.accounts import FoundTemplate
from integrations.media import FetchFailure, MediaFile
from integrations.meta.client import MetaClient
from integrations.meta.errors import MEANINGS
from integrations.meta.media import fetch_media


def list_templates(account: ChannelAccount) -> list[FoundTemplate] | str:
    """Return the templates of a number's business account, or the code of Meta's failure."""
    kept = account.credentials or {}
    client = MetaClient(numbers.phone_number_id_of(kept), str(kept.get("access_token") or ""))
    rows = client.list_templates(str(kept.get("business_account_id") or ""))
    return [found_in_meta(row) for row in rows] if isinstance(rows, list) else rows.code


def found_in_meta(row: Mapping[str, Any]) -> FoundTemplate:
    """Return a template as Meta lists it."""
    parts = [part for part in row.get("components") or [] if isinstance(part, dict)]
    body = next((str(part.get("text") or "") for part in parts if part.get("type") == "BODY"), "")
    return FoundTemplate(
        name=str(row.get("name") or ""),
        language=str(row.get("language") or ""),
        provider_id=str(row.get("id") or ""),
        state=STATES.get(str(row.get("status") or "").lower(), "pending"),
        category=str(row.get("category") or ""),
        body=body,
        components=parts,
    )


class MetaWhatsApp(PhoneChannel):
    """WhatsApp through an organisation's own number at Meta."""

    kind = ChannelAccount.Kind.WHATSAPP
    provider = numbers.PROVIDER
    kind_label = "WhatsApp"
    provider_label = "WhatsApp Cloud API"
    transport = MetaTransport
    # No alarm: without an app secret a number can't be switched on.
    verify = Verify(proof=MetaDiagnosis.proof, secrets=numbers.secrets_of)
    connect = MetaConnect
    diagnosis = MetaDiagnosis
    doors = (Door("channels/whatsapp-cloud/<str:key>/webhook/", inbound.webhook, "cloud_webhook"),)
    sources = (Source(inbound.PROVIDER, handler.receive_delivery),)
    codes = MEANINGS
    page = "channels_app.meta_whatsapp.admin.MetaPage"
    closed_codes = ("131047",)
    send_template = staticmethod(send_template)
    list_templates = staticmethod(list_templates)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:
        """Return the steps of a number's guided set-up."""
        is_heard = health.last_received_at is not None
        url = f"{settings.PUBLIC_URL}{reverse('cloud_webhook', args=[account.public_key])}"
        token = str((account.credentials or {}).get("verify_token") or "")
        return [
            SetupStep("Connect the number", "Access token, phone number ID and number are saved.", is_done=True),
            SetupStep(
                "Enter the app secret",
                "Copy it from App settings, Basic, in your app at developers.facebook.com into “Edit channel”.",
                is_done=bool(numbers.secrets_of(account.credentials)),
            ),
            SetupStep(
                "Paste the address and the verify token into Meta's console",
                "In your app, open WhatsApp, Configuration. Paste both, then choose “Verify and save”. The address "
                "also takes other numbers of the same app, once they're connected here.",
                is_done=is_heard,
                copies=(Copy("Callback URL", url), Copy("Verify token", token)) if may_change else (),
            ),
            SetupStep(
                "Subscribe to the field “messages”",
                "It is on the same page. Subscribe to “message_template_status_update” too, for news of templates, "
                "and to “user_preferences”, for people who stop marketing.",
                is_done=is_heard,
            ),
            write_to_it("number", "your server's log", is_heard=is_heard),
            send_a_test("Use “Send test message” with your own phone.", account),
        ]

    @classmethod
    def fetch_file(cls, attachment: Attachment) -> MediaFile | FetchFailure:
        """Download a file that a customer sent, which Meta names by an id."""
        kept = attachment.message.channel_account.credentials or {}
        number, token = numbers.phone_number_id_of(kept), str(kept.get("access_token") or "")
        return fetch_media(attachment.source, phone_number_id=number, access_token=token)


kit.register(MetaWhatsApp)
