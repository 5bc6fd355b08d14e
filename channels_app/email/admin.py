"""The console's actions on mail accounts: connect, edit, test."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channels_app.email import connect
from channels_app.email.imap import reads
from channels_app.email.imap.connect import connect_mailbox
from channels_app.email.mailboxes import KIND, PROVIDER
from channels_app.email.sendgrid import connect as inbound
from channels_app.kit import diagnosis
from channels_app.kit.admin.forms import (
    ChangeMailForm,
    ConnectMailboxForm,
    ConnectMailForm,
    InboundForm,
    MailboxForm,
    TestMailForm,
)
from channels_app.models import MailboxProgress
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"
OWN_OF_SENDGRID: Final = ("edit-mail", "inbound-address", "stop-inbound")
OWN_OF_MAIL: Final = ("test-mail", "read-mailbox", *OWN_OF_SENDGRID)


def is_mail(account: ChannelAccount) -> bool:
    """Return True for a mail account."""
    return bool(account.kind == KIND)


class MailActions(ServiceAdmin):
    """The actions on a mail account."""

    def mail_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings that are not secret."""
        return {"name": account.name, **connect.sender_of_account()}

    def mailbox_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings of a mailbox that are not secret."""
        kept = account.credentials or {}
        names = ("host", "port", "security", "user", "folder", "checked_by")
        found = {name: kept[f"imap_{name}"] for name in names if kept.get(f"imap_{name}")}
        return {**found, "plus_addresses": bool(kept.get("plus_addresses"))}

    def mail_in_the_way(self, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply to this channel."""
        if not is_mail(account):
            return "This is not a mail account."
        if action.path in OWN_OF_SENDGRID and account.provider != PROVIDER:
            return "This is not a SendGrid account."
        if action.path == "stop-inbound" and not (account.credentials or {}).get("inbound_secret"):
            return "It doesn't receive emails from SendGrid."
        return ""

    def mail_context(self, account: ChannelAccount) -> dict[str, Any]:
        """Return how the account receives emails."""
        kept = account.credentials or {}
        server = reads.server_of(kept)
        progress = MailboxProgress.objects.filter(channel_account=account).first() if server else None
        return {
            "receives": {
                "parse": bool(kept.get("inbound_secret")),
                "domain": kept.get("reply_domain", ""),
                "host": server.host if server else "",
                "checked_at": progress.checked_at if progress else None,
                "is_proven": bool(kept.get("inbound_secret") or kept.get("imap_checked_by")),
            }
        }

    @service_action(
        path="connect-mail",
        title="Connect SendGrid",
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
        return diagnosis.send_test(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data).words

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

    @service_action(
        path="connect-mailbox",
        title="Connect IMAP mailbox",
        permission=CHANGE,
        form=ConnectMailboxForm,
        submit="Connect",
        on_list=True,
        explain="Read a mailbox by IMAP. Emails that arrive from now on become conversations; nothing in the mailbox "
        "is changed. If you connect it, you can't approve requests that come by it.",
    )
    def connect_mailbox(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect a mailbox by IMAP."""
        made = connect_mailbox(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "Mailbox connected. New emails appear under Conversations within a minute.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(
        path="read-mailbox",
        title="Receive by IMAP",
        permission=CHANGE,
        form=MailboxForm,
        submit="Save",
        explain="Read this account's emails from a mailbox. If you connect it, you can't approve requests that come "
        "by it.",
    )
    def read_mailbox(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Read the account's emails from a mailbox, or change its settings."""
        connect_mailbox(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "Mailbox saved. New emails appear under Conversations within a minute."

    @service_action(
        path="inbound-address",
        title="Receive by SendGrid",
        permission=CHANGE,
        form=InboundForm,
        submit="Create address",
        explain="Creates an address to paste into SendGrid's Inbound Parse. The previous address works until you "
        "create the next one. If you create it, you can't approve requests that come by this account.",
    )
    def inbound_address(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        """Create an inbound address and show it once."""
        address = inbound.open_inbound(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        context = {**self.admin_site.each_context(request), "title": "Inbound address", "secret": address}
        context["explained"] = (
            "In SendGrid, open Settings, Inbound Parse, add your domain, paste this address and tick “POST the raw, "
            "full MIME message”. Anyone who knows the address can write in anyone's name: Walker can't show it again."
        )
        answer = TemplateResponse(request, "console/secret.html", {**context, "back_url": self.object_url(obj)})
        answer["Cache-Control"] = "no-store"
        return answer

    @service_action(
        path="stop-inbound",
        title="Stop receiving by SendGrid",
        permission=CHANGE,
        tone="danger",
        submit="Stop receiving",
        explain="Emails that SendGrid posts are refused from now on.",
    )
    def stop_inbound(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Close the inbound addresses."""
        inbound.close_inbound(actor=viewer_of(request), account_id=obj.pk)
        return "Emails from SendGrid are refused from now on."
