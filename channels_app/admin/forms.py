"""Forms of the channels page."""

from django import forms

from console.base.forms import ConsoleForm


def _secret(label: str, help_text: str, *, required: bool = False) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=200, required=required, widget=widget)


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
    template_sid = forms.CharField(
        label="Template (optional)",
        max_length=34,
        required=False,
        help_text="HX…: an approved template with one variable, for replies after 24 hours.",
    )


class ConnectNumberForm(ChangeNumberForm):
    """A new number."""

    number = forms.CharField(label="Number", max_length=40, help_text="With + and the country code.")
    kind = forms.ChoiceField(label="Channel", choices=[("whatsapp", "WhatsApp"), ("sms", "SMS")])
    auth_token = _secret("Auth token", "Next to the account SID.", required=True)
    field_order = ("kind", "name", "number", "account_sid", "auth_token")


class TestForm(ConsoleForm):
    """The recipient of the test message."""

    to = forms.CharField(
        label="Your phone", max_length=40, help_text="It must have written to it in the last 24 hours."
    )


class SampleForm(ConsoleForm):
    """A webhook as it stands in the provider's log."""

    signature = forms.CharField(label="Webhook signature", max_length=500, help_text="The value of its header.")
    timestamp = forms.CharField(label="Timestamp", max_length=20, required=False, help_text="Only SendGrid sends one.")
    url = forms.CharField(
        label="Address (optional)",
        max_length=500,
        required=False,
        help_text="As the provider called it; ours if empty.",
    )
    body = forms.CharField(
        label="Body",
        max_length=64 * 1024,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Exactly as it was sent. It isn't stored.",
    )


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
    field_order = ("name", "from_address", "from_name", "api_key")


class TestMailForm(ConsoleForm):
    """The recipient of the test mail."""

    to = forms.EmailField(label="Your address")
