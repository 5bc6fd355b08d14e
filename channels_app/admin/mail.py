"""The console's actions on mail accounts: connect, edit, test."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from channels_app.admin.forms import ChangeMailForm, ConnectMailForm, TestMailForm
from channels_app.email import connect
from channels_app.email.mailboxes import PROVIDER
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"
OWN_OF_MAIL: Final = ("test-mail", "edit-mail")
REFUSED: Final = (
    "A webhook with a wrong signature arrived in the last 24 hours. Check the verification key against SendGrid's."
)


def is_mail(account: ChannelAccount) -> bool:
    """Return True for a mail account."""
    return bool(account.provider == PROVIDER)


class MailActions(ServiceAdmin):
    """The actions on a mail account."""

    def mail_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings that are not secret."""
        return {"name": account.name, **connect.sender_of_account()}

    @service_action(
        path="connect-mail",
        title="Connect mail",
        permission=CHANGE,
        form=ConnectMailForm,
        submit="Connect",
        on_list=True,
        explain="Connect a SendGrid account. You'll see what SendGrid needs next.",
    )
    def connect_mail(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect the mail account and show what SendGrid needs."""
        made = connect.connect_mail(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "Mail connected. Paste the webhook address below into SendGrid.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(
        path="test-mail",
        title="Send test mail",
        permission=CHANGE,
        form=TestMailForm,
        submit="Send",
        explain="Sends one mail from this account to you.",
    )
    def test_mail(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Send a test mail."""
        return connect.send_test(actor=viewer_of(request), account_id=obj.pk, to=form.cleaned_data["to"])

    @service_action(
        path="edit-mail",
        title="Edit mail account",
        permission=CHANGE,
        form=ChangeMailForm,
        submit="Save",
        tone="primary",
    )
    def edit_mail(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Update the sender and keys."""
        connect.connect_mail(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "Mail account saved."
