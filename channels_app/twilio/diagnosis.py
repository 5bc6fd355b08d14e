"""Try out a Twilio number."""

from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from django.urls import reverse

from channels_app.kit import diagnosis
from channels_app.kit.diagnosis import Sample, Trial
from channels_app.twilio import senders, signature
from channels_app.twilio.connect import TwilioConnect
from conversations.models import ChannelAccount


class TwilioDiagnosis(diagnosis.Diagnosis):
    """Tests and samples of a number at Twilio."""

    refused = (
        "A webhook with a wrong signature arrived in the last 24 hours. Check the auth token against Twilio's, and the "
        "webhook address against the one below."
    )
    proof: ClassVar[str] = f"header {signature.SIGNATURE_HEADER}"
    takes_url: ClassVar[bool] = True

    connect = TwilioConnect

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify the form of a webhook; a wrong address is told from a wrong secret."""
        ours = f"{settings.PUBLIC_URL}{reverse('whatsapp_webhook')}"
        try:
            form = QueryDict(sample.body.strip().encode(), encoding="utf-8")
        except (SuspiciousOperation, ValueError):
            return Trial(False, "The body can't be read. Paste it as it was sent: name=value&name=value.")
        sid, kept = form.get("AccountSid", ""), str((account.credentials or {}).get("account_sid") or "")
        if sid != kept:
            return Trial(False, "The body names another Twilio account (AccountSid) than this channel.")
        secrets = senders.secrets_of(account.credentials)
        # The usual slips: the address without its slash, or with the other scheme.
        was, other = ("https://", "http://") if ours.startswith("https://") else ("http", "https")
        slip = ours.replace(was, other, 1)
        for url in (sample.url or ours, ours, ours.rstrip("/"), slip, slip.rstrip("/")):
            algorithms = ("", "algorithm=HMAC_SHA256")
            if any(
                signature.is_signed(
                    url=url, form=form, body=b"", signature=sample.signature, settings=one, secrets=secrets
                )
                for one in algorithms
            ):
                return _result_for(url)
        return Trial(
            False,
            "None of this channel's secrets made this webhook signature for this address and body. Check the token, "
            f"and that the body is complete. Walker expects webhooks at {ours}.",
        )


def _result_for(url: str) -> Trial:
    own, found = urlsplit(settings.PUBLIC_URL), urlsplit(url)
    if (found.scheme, found.netloc) != (own.scheme, own.netloc):
        return Trial(
            False,
            f"The secret is right, but Twilio called {found.scheme}://{found.netloc} and Walker's public address is "
            f"{settings.PUBLIC_URL}. Enter that address in the Twilio console, or correct PUBLIC_URL.",
        )
    if not found.path.startswith(("/channels/whatsapp/webhook/", "/channels/whatsapp/status/")):
        return Trial(False, f"The secret is right, but Twilio called {found.path}, which isn't a webhook of Walker.")
    return Trial(True, "The webhook signature is valid: Walker accepts this webhook.")
