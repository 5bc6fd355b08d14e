"""Forms of the channels page."""

from django import forms

from console.base.forms import ConsoleForm


def _secret(label: str, help_text: str, *, required: bool = False) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=200, required=required, widget=widget)


class ChangeNumberForm(ConsoleForm):
    """What Twilio's console shows of a number; secrets that stay empty are kept."""

    name = forms.CharField(label="Name", max_length=80, help_text="How colleagues call this channel.")
    number = forms.CharField(label="Number", max_length=40, required=False, help_text="Empty: keep the present one.")
    account_sid = forms.CharField(label="Account SID", max_length=34, help_text="AC…, on the console's first page.")
    auth_token = _secret("Auth token", "Beside the account SID. Empty: keep the present one.")
    secondary_auth_token = _secret("Secondary auth token (optional)", "Only while tokens are rotated.")
    webhook_key = _secret("Shared webhook key (optional)", "Only when Twilio signs with HMAC_SHA256.")
    template_sid = forms.CharField(
        label="Template (optional)",
        max_length=34,
        required=False,
        help_text="HX…: an approved template with one variable, for answers after 24 hours.",
    )


class ConnectNumberForm(ChangeNumberForm):
    """A new number."""

    number = forms.CharField(label="Number", max_length=40, help_text="With + and the country code.")
    kind = forms.ChoiceField(label="Channel", choices=[("whatsapp", "WhatsApp"), ("sms", "SMS")])
    auth_token = _secret("Auth token", "Beside the account SID.", required=True)
    field_order = ("kind", "name", "number", "account_sid", "auth_token")


class TestForm(ConsoleForm):
    """Where the test message goes."""

    to = forms.CharField(label="Your phone", max_length=40, help_text="It must have written within 24 hours.")


class ColleagueForm(ConsoleForm):
    """Whose phone it is."""

    number = forms.CharField(label="Phone number", max_length=40, help_text="With + and the country code.")
    email = forms.EmailField(label="Colleague", help_text="The address the colleague signs in with.")


class ChangeMailForm(ConsoleForm):
    """What SendGrid shows of an account; secrets that stay empty are kept."""

    name = forms.CharField(label="Name", max_length=80, help_text="How colleagues call this account.")
    from_address = forms.EmailField(label="Sender address", help_text="Verified under Sender Authentication.")
    from_name = forms.CharField(label="Sender name (optional)", max_length=80, required=False)
    api_key = _secret("API key", "SG.…, with Mail Send only. Empty: keep the present one.")
    event_public_key = forms.CharField(
        label="Verification key",
        max_length=400,
        required=False,
        help_text="Of the signed Event Webhook. Empty: keep the present one.",
    )
    secondary_event_public_key = forms.CharField(
        label="Second verification key (optional)",
        max_length=400,
        required=False,
        help_text="Only while keys are rotated.",
    )


class ConnectMailForm(ChangeMailForm):
    """A new account."""

    api_key = _secret("API key", "SG.…, with Mail Send only.", required=True)
    field_order = ("name", "from_address", "from_name", "api_key")


class TestMailForm(ConsoleForm):
    """Where the test mail goes."""

    to = forms.EmailField(label="Your address")
