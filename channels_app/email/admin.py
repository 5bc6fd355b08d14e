"""Mail accounts on the console's page of channels: connect, edit, test, receive."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest

from channels_app.email.connect import connect_mail, sender_of_account
from channels_app.email.imap import reads
from channels_app.email.imap.connect import connect_mailbox
from channels_app.email.mailboxes import PROVIDER
from channels_app.email.sendgrid import connect as inbound
from channels_app.kit.admin.forms import AccountForm, SecretField
from channels_app.kit.admin.page import ChannelPage, calls, connects, edits, shows_secret, tests
from channels_app.models import MailboxProgress
from console.base.actions import ServiceAction
from console.base.forms import ConsoleForm
from conversations.models import ChannelAccount

OF_SENDGRID: Final = ("edit-mail", "inbound-address", "stop-inbound")


class ChangeMailForm(AccountForm):
    from_address = forms.EmailField(label="Sender address", help_text="Verified under Sender Authentication.")
    from_name = forms.CharField(label="Sender name (optional)", max_length=80, required=False)
    api_key = SecretField("API key", "SG.…, with Mail Send only.", needed=True)
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
    is_new = True
    event_public_key = forms.CharField(
        label="Verification key (optional)",
        max_length=400,
        required=False,
        help_text="From the signed Event Webhook. You can add it later.",
    )


class InboundForm(ConsoleForm):
    """Where SendGrid's Inbound Parse takes emails from."""

    reply_domain = forms.CharField(
        label="Inbound domain (optional)",
        max_length=190,
        required=False,
        help_text="The domain whose emails SendGrid takes, such as in.example.com. Answers to us go there.",
    )


class ConnectMailboxForm(AccountForm):
    """A new mailbox that is read by IMAP."""

    is_new = True
    address = forms.EmailField(label="Address", help_text="Customers write to it.")
    host = forms.CharField(label="IMAP server", max_length=190, help_text="Such as imap.example.com.")
    security = forms.ChoiceField(
        label="Encryption", choices=[("tls", "TLS (port 993)"), ("starttls", "STARTTLS (port 143)")]
    )
    port = forms.IntegerField(label="Port", min_value=1, max_value=65_535, initial=993)
    user = forms.CharField(label="User name", max_length=190)
    password = SecretField("Password", "An app password, if the provider has them.", needed=True)
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


class MailboxForm(ConnectMailboxForm):
    """The mailbox of an account that has its name and address."""

    is_new = False
    name = address = None  # type: ignore[assignment]  # how a Django form drops a field of its parent


class TestMailForm(ConsoleForm):
    to = forms.EmailField(label="Your address")


class MailPage(ChannelPage):
    """The actions on a mail account."""

    order = 40
    noun = "a mail account"
    connect = connects(
        connect_mail,
        "connect-mail",
        title="Connect SendGrid",
        form=ConnectMailForm,
        explain="Connect a SendGrid account. You'll see what SendGrid needs next.",
        done="Mail connected. Paste the webhook address below into SendGrid.",
    )
    test = tests(
        "test-mail", title="Send test mail", form=TestMailForm, explain="Sends one mail from this account to you."
    )
    edit = edits(connect_mail, "edit-mail", title="Edit mail account", form=ChangeMailForm, done="Mail account saved.")
    new_mailbox = connects(
        connect_mailbox,
        "connect-mailbox",
        title="Connect IMAP mailbox",
        form=ConnectMailboxForm,
        explain="Read a mailbox by IMAP. Emails that arrive from now on become conversations; nothing in the mailbox "
        "is changed. If you connect it, you can't approve requests that come by it.",
        done="Mailbox connected. New emails appear under Conversations within a minute.",
    )
    read_mailbox = calls(
        connect_mailbox,
        "read-mailbox",
        title="Receive by IMAP",
        form=MailboxForm,
        submit="Save",
        explain="Read this account's emails from a mailbox. If you connect it, you can't approve requests that come "
        "by it.",
        done="Mailbox saved. New emails appear under Conversations within a minute.",
    )

    inbound_address = shows_secret(
        inbound.open_inbound,
        "inbound-address",
        title="Receive by SendGrid",
        form=InboundForm,
        submit="Create address",
        explain="Creates an address to paste into SendGrid's Inbound Parse. The previous address works until you "
        "create the next one. If you create it, you can't approve requests that come by this account.",
        shown="Inbound address",
        explained="In SendGrid, open Settings, Inbound Parse, add your domain, paste this address and tick “POST the "
        "raw, full MIME message”. Anyone who knows the address can write in anyone's name: Walker can't show it again.",
    )
    stop_inbound = calls(
        inbound.close_inbound,
        "stop-inbound",
        title="Stop receiving by SendGrid",
        tone="danger",
        submit="Stop receiving",
        explain="Emails that SendGrid posts are refused from now on.",
        done="Emails from SendGrid are refused from now on.",
    )

    @classmethod
    def initial(cls, action: ServiceAction, account: ChannelAccount) -> dict[str, Any]:
        """Return the settings that are not secret."""
        if action.path == "edit-mail":
            return {"name": account.name, **sender_of_account()}
        if action.path != "read-mailbox":
            return {}
        kept = account.credentials or {}
        names = ("host", "port", "security", "user", "folder", "checked_by")
        found = {name: kept[f"imap_{name}"] for name in names if kept.get(f"imap_{name}")}
        return {**found, "plus_addresses": bool(kept.get("plus_addresses"))}

    @classmethod
    def blocked(cls, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply to this account now."""
        if action.path in OF_SENDGRID and account.provider != PROVIDER:
            return "This is not a SendGrid account."
        if action.path == "stop-inbound" and not (account.credentials or {}).get("inbound_secret"):
            return "It doesn't receive emails from SendGrid."
        return ""

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
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
