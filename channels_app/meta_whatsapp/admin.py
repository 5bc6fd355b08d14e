"""The console's actions on numbers of the WhatsApp Cloud API: connect, edit, test."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from channels_app.kit import diagnosis
from channels_app.kit.admin.forms import ChangeCloudForm, ConnectCloudForm, TestForm
from channels_app.meta_whatsapp import connect
from channels_app.meta_whatsapp.numbers import PROVIDER
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"
OWN_OF_CLOUD: Final = ("test-cloud", "edit-cloud")
STAYS_CLOSED: Final = "Number saved, but it stays closed: enter the app secret to open it."


def is_cloud(account: ChannelAccount) -> bool:
    """Return True for a number of the Cloud API."""
    return bool(account.provider == PROVIDER)


class CloudActions(ServiceAdmin):
    """The actions on a number of the Cloud API."""

    def cloud_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings that are not secret."""
        kept = account.credentials or {}
        names = ("phone_number_id", "business_account_id")
        return {"name": account.name, **{name: kept.get(name, "") for name in names}}

    @service_action(
        path="connect-cloud",
        title="Connect WhatsApp by Meta",
        permission=CHANGE,
        form=ConnectCloudForm,
        submit="Connect",
        on_list=True,
        explain="Copy these from your app at developers.facebook.com. You'll see what Meta needs next.",
    )
    def connect_cloud(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect a number and show what Meta needs."""
        made = connect.connect_number(actor=viewer_of(request), **form.cleaned_data)
        if made.is_active:
            messages.success(
                request, "Number connected. Paste the address and the verify token below into Meta's console."
            )
        else:
            messages.warning(request, STAYS_CLOSED)
        return HttpResponseRedirect(self.object_url(made))

    @service_action(
        path="test-cloud",
        title="Send test message",
        permission=CHANGE,
        form=TestForm,
        submit="Send",
        explain="Sends one message from this number to your phone.",
    )
    def test_cloud(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Send a test message."""
        return diagnosis.send_test(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data).words

    @service_action(
        path="edit-cloud",
        title="Edit channel",
        permission=CHANGE,
        form=ChangeCloudForm,
        submit="Save",
        tone="primary",
    )
    def edit_cloud(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Update the number's settings and secrets."""
        made = connect.connect_number(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "Channel saved." if made.is_active else STAYS_CLOSED
