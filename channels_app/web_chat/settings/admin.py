"""The console's actions on web chats: create, edit, replace the identity secret."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channels_app.twilio.senders import PROVIDER
from channels_app.web_chat.settings import manage
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"
OWN: Final = ("widget", "identity-secret")


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


class WidgetActions(ServiceAdmin):
    """The actions on a web chat."""

    def widget_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return the current settings."""
        return {
            "name": account.name,
            "websites": "\n".join(account.origins),
            "greeting": str((account.credentials or {}).get("greeting", "")),
            "is_active": account.is_active,
        }

    def widget_in_the_way(self, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply to this channel."""
        is_widget = account.kind == ChannelAccount.Kind.WEBCHAT
        if action.path in OWN:
            return "" if is_widget else "This is not a web chat."
        return "" if account.provider == PROVIDER else "This is not a number."

    @service_action(
        path="new-widget",
        title="New web chat",
        permission=CHANGE,
        form=NewWidgetForm,
        submit="Create",
        tone="primary",
        on_list=True,
        explain="Create a chat for your website. You'll see how to install it next.",
    )
    def new_widget(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Create a web chat and show how to install it."""
        made = manage.save_widget(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "Web chat created. Paste the code below into your pages.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(path="widget", title="Edit web chat", permission=CHANGE, form=WidgetForm, submit="Save",
                    tone="primary")  # fmt: skip
    def widget(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Update the web chat."""
        manage.save_widget(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "Web chat saved."

    @service_action(
        path="identity-secret",
        title="New identity secret",
        permission=CHANGE,
        tone="danger",
        submit="Create new secret",
        explain="Your website uses it to sign its visitors' identities. The previous secret stops working at once, "
        "and visitors signed in with it have to sign in again. "
        "If you create it, you can't approve requests from this chat.",
    )
    def identity_secret(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        """Replace the secret and show it once."""
        secret = manage.new_identity_secret(actor=viewer_of(request), account_id=obj.pk)
        context = {**self.admin_site.each_context(request), "title": "New identity secret", "secret": secret}
        answer = TemplateResponse(request, "console/secret.html", {**context, "back_url": self.object_url(obj)})
        answer["Cache-Control"] = "no-store"
        return answer
