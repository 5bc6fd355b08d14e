"""What WhatsApp and text messages by Twilio have in common: one account, one webhook, one API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.urls import reverse

from channels_app.kit import Alarm, Door, Source, Verify
from channels_app.kit.health import Health
from channels_app.kit.phones.channel import PhoneChannel
from channels_app.kit.phones.numbers import PhoneConnect
from channels_app.kit.phones.templates import STATES
from channels_app.kit.setup import Copy, SetupStep, send_a_test, write_to_it
from channels_app.twilio import handler, inbound, senders
from channels_app.twilio.connect import TwilioConnect
from channels_app.twilio.diagnosis import TwilioDiagnosis
from channels_app.twilio.transport import send_template
from conversations.models import Attachment, ChannelAccount
from conversations.services.accounts import FoundTemplate
from integrations.media import FetchFailure, MediaFile
from integrations.twilio.errors import MEANINGS
from integrations.twilio.media import fetch_media

if TYPE_CHECKING:
    from channels_app.kit.diagnosis import Diagnosis


class TwilioChannel(PhoneChannel):
    """A number at Twilio."""

    provider = senders.PROVIDER
    provider_label = "Twilio"
    verify = Verify(
        proof=TwilioDiagnosis.proof,
        secrets=senders.secrets_of,
        alarm=Alarm(
            "channels_app.W001",
            "The channel account {} has no auth token: its webhooks are refused.",
            "Enter the auth token under Channels in the console.",
        ),
    )
    connect: ClassVar[type[PhoneConnect]] = TwilioConnect
    diagnosis: ClassVar[type[Diagnosis]] = TwilioDiagnosis
    doors = (
        Door("channels/whatsapp/webhook/", inbound.webhook, "whatsapp_webhook"),
        Door("channels/whatsapp/status/<uuid:message_id>/", inbound.status, "whatsapp_status"),
    )
    sources = (Source(inbound.PROVIDER, handler.receive_delivery),)
    codes = MEANINGS
    page = "channels_app.twilio.admin.TwilioPage"
    closed_codes = ("63016",)
    stopped_codes = ("21610",)
    send_template = staticmethod(send_template)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        is_heard = health.last_received_at is not None
        return [
            SetupStep("Connect the number", "Account SID, auth token and number are saved.", is_done=True),
            SetupStep(
                "Paste the webhook address into Twilio",
                "In the Twilio console, open the WhatsApp sender or the phone number. Paste this address exactly as "
                "shown under “When a message comes in” and choose HTTP POST. Delivery reports need no set-up.",
                is_done=is_heard,
                copies=(Copy("Webhook address", f"{settings.PUBLIC_URL}{reverse('whatsapp_webhook')}"),),
            ),
            write_to_it("number", "Twilio's log", is_heard=is_heard),
            send_a_test("Use “Send test message” with your own phone.", account),
        ]

    @classmethod
    def fetch_file(cls, attachment: Attachment) -> MediaFile | FetchFailure:
        """Download a file that a customer sent, with the credentials of its message's account."""
        kept = attachment.message.channel_account.credentials or {}
        sid, token = str(kept.get("account_sid") or ""), str(kept.get("auth_token") or "")
        return fetch_media(attachment.source, account_sid=sid, auth_token=token)

    @classmethod
    def list_templates(cls, account: ChannelAccount) -> list[FoundTemplate] | str:
        """Return the templates of a number's Twilio account, or the code of Twilio's failure."""
        from integrations.twilio.content import list_contents  # noqa: PLC0415  (seldom needed)

        kept = account.credentials or {}
        contents = list_contents(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
        return [_of_twilio(row) for row in contents] if isinstance(contents, list) else contents.code


def _of_twilio(row: Mapping[str, Any]) -> FoundTemplate:
    types = row.get("types")
    parts = [{"type": name, **part} for name, part in types.items() if isinstance(part, dict)] if isinstance(
        types, dict
    ) else []  # fmt: skip
    approval = row.get("approval_requests")
    approval = approval if isinstance(approval, dict) else {}
    return FoundTemplate(
        name=str(row.get("friendly_name") or row.get("sid") or ""),
        language=str(row.get("language") or ""),
        provider_id=str(row.get("sid") or ""),
        state=STATES.get(str(approval.get("status") or "").lower(), "pending"),
        category=str(approval.get("category") or ""),
        body=next((str(part["body"]) for part in parts if part.get("body")), ""),
        components=parts,
    )
