"""Numbers of the WhatsApp Cloud API on the console's page of channels."""

from typing import Any, ClassVar, Final

from django import forms
from django.http import HttpRequest

from channels_app.kit.admin.forms import SecretField
from channels_app.kit.admin.page import connects, edits, tests
from channels_app.kit.phones.admin import NumberForm, PhonePage
from channels_app.meta_whatsapp.connect import connect_number
from conversations.models import ChannelAccount

STAYS_CLOSED: Final = "Number saved, but it stays closed: enter the app secret to open it."


class ChangeNumberForm(NumberForm):
    phone_number_id = forms.CharField(label="Phone number ID", max_length=32, help_text="Under WhatsApp, API Setup.")
    business_account_id = forms.CharField(
        label="WhatsApp Business Account ID", max_length=32, help_text="Next to the phone number ID."
    )
    access_token = SecretField(
        "Access token",
        "Of a system user, with whatsapp_business_messaging and whatsapp_business_management.",
        needed=True,
        limit=600,
    )
    app_secret = SecretField("App secret", "Under App settings, Basic. Leave empty to keep the current one.")
    secondary_app_secret = SecretField("Second app secret (optional)", "Only while you rotate secrets.")


class ConnectNumberForm(ChangeNumberForm):
    is_new = True
    app_secret = SecretField("App secret", "Under App settings, Basic. Without it the channel stays closed.")


class MetaPage(PhonePage):
    """The actions on a number of the Cloud API."""

    order = 30
    noun = "a number of the Cloud API"
    shown: ClassVar[tuple[str, ...]] = ("phone_number_id", "business_account_id")
    connect = connects(
        connect_number,
        "connect-cloud",
        title="Connect WhatsApp by Meta",
        form=ConnectNumberForm,
        explain="Copy these from your app at developers.facebook.com. You'll see what Meta needs next.",
        done=lambda made: (
            "Number connected. Paste the address and the verify token below into Meta's console."
            if made.is_active
            else STAYS_CLOSED
        ),
    )
    test = tests("test-cloud", **PhonePage.test_looks)
    edit = edits(
        connect_number,
        "edit-cloud",
        title="Edit channel",
        form=ChangeNumberForm,
        done=lambda made: "Channel saved." if made.is_active else STAYS_CLOSED,
    )

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
        return {"lacks_secret": not account.is_active}
