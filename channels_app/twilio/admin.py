"""Numbers at Twilio on the console's page of channels."""

from typing import ClassVar

from django import forms

from channels_app.kit.admin.forms import SecretField
from channels_app.kit.admin.page import connects, edits, tests
from channels_app.kit.phones.admin import NumberForm, PhonePage
from channels_app.twilio.connect import connect_number


class ChangeNumberForm(NumberForm):
    account_sid = forms.CharField(
        label="Account SID", max_length=34, help_text="AC…, on the first page of the Twilio console."
    )
    auth_token = SecretField("Auth token", "Next to the account SID.", needed=True)
    secondary_auth_token = SecretField("Secondary auth token (optional)", "Only while you rotate tokens.")
    webhook_key = SecretField("Shared webhook key (optional)", "Only when Twilio signs with HMAC_SHA256.")
    mms = forms.BooleanField(
        label="This SMS number can send pictures and files (MMS)",
        required=False,
        help_text="Only if Twilio lists MMS among the number's capabilities. WhatsApp needs no such setting.",
    )


class ConnectNumberForm(ChangeNumberForm):
    is_new = True
    kind = forms.ChoiceField(label="Channel", choices=[("whatsapp", "WhatsApp"), ("sms", "SMS")])
    field_order = ("kind",)


class TwilioPage(PhonePage):
    """The actions on a number at Twilio."""

    order = 20
    noun = "a number"
    shown: ClassVar[tuple[str, ...]] = ("account_sid", "mms")
    connect = connects(
        connect_number,
        "connect",
        title="Connect Twilio number",
        form=ConnectNumberForm,
        explain="Copy these from the Twilio console. You'll see what Twilio needs next.",
        done="Number connected. Paste the webhook address below into the Twilio console.",
    )
    test = tests("send-test", **PhonePage.test_looks)
    edit = edits(connect_number, "edit", title="Edit channel", form=ChangeNumberForm, done="Channel saved.")
