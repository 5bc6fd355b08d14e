"""Forms of the channels page."""

from typing import Any

from django import forms

from channels_app.kit.diagnosis import LONGEST, PROOF_LIMIT, Diagnosis
from console.base.forms import ConsoleForm


def _secret(label: str, help_text: str, *, required: bool = False, limit: int = 200) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=limit, required=required, widget=widget)


class ChangeNumberForm(ConsoleForm):
    """The settings of a number from the Twilio console; empty secrets stay unchanged."""

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")
    number = forms.CharField(
        label="Number", max_length=40, required=False, help_text="Leave empty to keep the current one."
    )
    account_sid = forms.CharField(
        label="Account SID", max_length=34, help_text="AC…, on the first page of the Twilio console."
    )
    auth_token = _secret("Auth token", "Next to the account SID. Leave empty to keep the current one.")
    secondary_auth_token = _secret("Secondary auth token (optional)", "Only while you rotate tokens.")
    webhook_key = _secret("Shared webhook key (optional)", "Only when Twilio signs with HMAC_SHA256.")
    mms = forms.BooleanField(
        label="This SMS number can send pictures and files (MMS)",
        required=False,
        help_text="Only if Twilio lists MMS among the number's capabilities. WhatsApp needs no such setting.",
    )


class ConnectNumberForm(ChangeNumberForm):
    """A new number."""

    number = forms.CharField(label="Number", max_length=40, help_text="With + and the country code.")
    kind = forms.ChoiceField(label="Channel", choices=[("whatsapp", "WhatsApp"), ("sms", "SMS")])
    auth_token = _secret("Auth token", "Next to the account SID.", required=True)
    field_order = ("kind", "name", "number", "account_sid", "auth_token")


class ChangeCloudForm(ConsoleForm):
    """The settings of a number of the Cloud API; empty secrets stay unchanged."""

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")
    number = forms.CharField(
        label="Number", max_length=40, required=False, help_text="Leave empty to keep the current one."
    )
    phone_number_id = forms.CharField(label="Phone number ID", max_length=32, help_text="Under WhatsApp, API Setup.")
    business_account_id = forms.CharField(
        label="WhatsApp Business Account ID", max_length=32, help_text="Next to the phone number ID."
    )
    access_token = _secret(
        "Access token", "Of a system user, with whatsapp_business_messaging and whatsapp_business_management. "
        "Leave empty to keep the current one.", limit=600,
    )  # fmt: skip
    app_secret = _secret("App secret", "Under App settings, Basic. Leave empty to keep the current one.")
    secondary_app_secret = _secret("Second app secret (optional)", "Only while you rotate secrets.")


class ConnectCloudForm(ChangeCloudForm):
    """A new number of the Cloud API."""

    number = forms.CharField(label="Number", max_length=40, help_text="With + and the country code.")
    access_token = _secret(
        "Access token", "Of a system user, with whatsapp_business_messaging and whatsapp_business_management.",
        required=True, limit=600,
    )  # fmt: skip
    app_secret = _secret("App secret", "Under App settings, Basic. Without it the channel stays closed.")
    field_order = ("name", "number", "phone_number_id", "business_account_id", "access_token", "app_secret")


class TestForm(ConsoleForm):
    """The recipient of the test message."""

    to = forms.CharField(
        label="Your phone", max_length=40, help_text="It must have written to it in the last 24 hours."
    )


class SampleForm(ConsoleForm):
    """A webhook as it stands in the provider's log; asks for what its proof covers."""

    signature = forms.CharField(label="Webhook signature", max_length=PROOF_LIMIT)
    timestamp = forms.CharField(
        label="Timestamp", max_length=20, help_text="The header beside it, whose name ends in -Timestamp."
    )
    url = forms.CharField(
        label="Address (optional)",
        max_length=500,
        required=False,
        help_text="As the provider called it; ours if empty.",
    )
    body = forms.CharField(
        label="Body",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Exactly as it was sent. It isn't stored.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found: Diagnosis | None = (self.initial or {}).get("diagnosis")
        if found is None:
            return
        self.fields["signature"].help_text = f"The value of the {found.proof}. It isn't stored."
        for name in ("timestamp", "url", "body"):
            if not getattr(found, f"takes_{name}"):
                del self.fields[name]
        if not found.takes_body:
            self.fields["signature"].label = "Token"


class PauseForm(ConsoleForm):
    """Why the channel is paused."""

    reason = forms.CharField(label="Reason", max_length=200, help_text="Colleagues see it.")


class ColleagueForm(ConsoleForm):
    """A colleague's phone."""

    number = forms.CharField(label="Phone number", max_length=40, help_text="With + and the country code.")
    email = forms.EmailField(label="Colleague", help_text="The email address the colleague signs in with.")


class ChangeMailForm(ConsoleForm):
    """The settings of a SendGrid account; empty secrets stay unchanged."""

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")
    from_address = forms.EmailField(label="Sender address", help_text="Verified under Sender Authentication.")
    from_name = forms.CharField(label="Sender name (optional)", max_length=80, required=False)
    api_key = _secret("API key", "SG.…, with Mail Send only. Leave empty to keep the current one.")
    event_public_key = forms.CharField(
        label="Verification key",
        max_length=400,
        required=False,
        help_text="From the signed Event Webhook. Leave empty to keep the current one.",
    )
    secondary_event_public_key = forms.CharField(
        label="Second verification key (optional)",
        max_length=400,
        required=False,
        help_text="Only while you rotate keys.",
    )


class ConnectMailForm(ChangeMailForm):
    """A new account."""

    api_key = _secret("API key", "SG.…, with Mail Send only.", required=True)
    event_public_key = forms.CharField(
        label="Verification key (optional)",
        max_length=400,
        required=False,
        help_text="From the signed Event Webhook. You can add it later.",
    )
    field_order = ("name", "from_address", "from_name", "api_key")


class InboundForm(ConsoleForm):
    """Where SendGrid's Inbound Parse takes emails from."""

    reply_domain = forms.CharField(
        label="Inbound domain (optional)",
        max_length=190,
        required=False,
        help_text="The domain whose emails SendGrid takes, such as in.example.com. Answers to us go there.",
    )


class MailboxForm(ConsoleForm):
    """A mailbox that is read by IMAP; an empty password stays unchanged."""

    host = forms.CharField(label="IMAP server", max_length=190, help_text="Such as imap.example.com.")
    security = forms.ChoiceField(
        label="Encryption", choices=[("tls", "TLS (port 993)"), ("starttls", "STARTTLS (port 143)")]
    )
    port = forms.IntegerField(label="Port", min_value=1, max_value=65_535, initial=993)
    user = forms.CharField(label="User name", max_length=190)
    password = _secret("Password", "An app password, if the provider has them. Leave empty to keep the current one.")
    folder = forms.CharField(label="Folder", max_length=100, initial="INBOX")
    checked_by = forms.CharField(
        label="Checked by (optional)",
        max_length=190,
        required=False,
        help_text="The name your mail server puts first in Authentication-Results, such as mx.google.com. Without it "
        "no sender counts as proven.",
    )
    plus_addresses = forms.BooleanField(
        label="Answers may go to name+…@…",
        required=False,
        help_text="If your server accepts plus addresses. Threads are found more surely then.",
    )


class ConnectMailboxForm(MailboxForm):
    """A new mailbox."""

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")
    address = forms.EmailField(label="Address", help_text="Customers write to it.")
    password = _secret("Password", "An app password, if the provider has them.", required=True)
    field_order = ("name", "address", "host", "security", "port", "user", "password")


class TestMailForm(ConsoleForm):
    """The recipient of the test mail."""

    to = forms.EmailField(label="Your address")
