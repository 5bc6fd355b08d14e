"""Web chats on the console's page of channels: create, edit, replace the identity secret."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest

from channels_app.kit.admin.page import ChannelPage, connects, edits, shows_secret
from channels_app.web_chat.settings import manage
from console.base.actions import ServiceAction
from console.base.forms import ConsoleForm
from conversations.models import ChannelAccount


class NewWidgetForm(ConsoleForm):
    """A web chat: its name and websites."""

    name = forms.CharField(label="Name", max_length=80, help_text="Visitors see it above the chat and its replies.")
    websites = forms.CharField(
        label="Websites",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://shop.example"}),
        help_text="One per line, as the browser shows it, without a path.",
    )
    greeting = forms.CharField(label="Greeting (optional)", required=False, max_length=200)


class WidgetForm(NewWidgetForm):
    """An existing web chat."""

    is_active = forms.BooleanField(label="Open for messages", required=False)


class WebChatPage(ChannelPage):
    """The actions on a web chat."""

    order = 10
    noun = "a web chat"
    has_websites = True
    create = connects(
        manage.save_widget,
        "new-widget",
        title="New web chat",
        form=NewWidgetForm,
        submit="Create",
        tone="primary",
        explain="Create a chat for your website. You'll see how to install it next.",
        done="Web chat created. Paste the code below into your pages.",
    )
    edit = edits(manage.save_widget, "widget", title="Edit web chat", form=WidgetForm, done="Web chat saved.")

    identity_secret = shows_secret(
        manage.new_identity_secret,
        "identity-secret",
        title="New identity secret",
        shown="New identity secret",
        tone="danger",
        submit="Create new secret",
        explain="Your website uses it to sign its visitors' identities. The previous secret stops working at once, "
        "and visitors signed in with it have to sign in again. "
        "If you create it, you can't approve requests from this chat.",
    )

    @classmethod
    def initial(cls, action: ServiceAction, account: ChannelAccount) -> dict[str, Any]:
        """Return the current settings."""
        if action is not cls.edit:
            return {}
        return {
            "name": account.name,
            "websites": "\n".join(account.origins),
            "greeting": str((account.credentials or {}).get("greeting", "")),
            "is_active": account.is_active,
        }

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
        """Return how to install the chat."""
        return {"widget_key": account.public_key, "public_url": settings.PUBLIC_URL, "websites": account.origins}
