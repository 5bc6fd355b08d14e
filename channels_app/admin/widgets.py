"""The console's forms of web chats: make one, say where it may stand, replace its identity secret."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channels_app.webchat import manage
from channels_app.whatsapp.senders import KINDS
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"
OWN: Final = ("widget", "identity-secret")


class NewWidgetForm(ConsoleForm):
    """A web chat: its name and where it may stand."""

    name = forms.CharField(label="Name", max_length=80, help_text="Visitors read it over the chat and its answers.")
    websites = forms.CharField(
        label="Websites",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://shop.example"}),
        help_text="One on each line, as the browser shows it, without a path.",
    )
    greeting = forms.CharField(label="Greeting (optional)", required=False, max_length=200)


class WidgetForm(NewWidgetForm):
    """A web chat there is."""

    is_active = forms.BooleanField(label="Takes messages", required=False)


class WidgetActions(ServiceAdmin):
    """What is changed of a web chat."""

    def widget_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Start from what it is now."""
        return {
            "name": account.name,
            "websites": "\n".join(account.origins),
            "greeting": str((account.credentials or {}).get("greeting", "")),
            "is_active": account.is_active,
        }

    def widget_in_the_way(self, action: ServiceAction, account: ChannelAccount) -> str:
        """Say why an action is not for this channel."""
        is_widget = account.kind == ChannelAccount.Kind.WEBCHAT
        if action.path in OWN:
            return "" if is_widget else "This is not a web chat."
        return "" if account.kind in KINDS else "This is not a number."

    @service_action(
        path="new-widget",
        title="New web chat",
        permission=CHANGE,
        form=NewWidgetForm,
        submit="Create",
        tone="primary",
        on_list=True,
        explain="A chat for your website. What to paste there is shown afterwards.",
    )
    def new_widget(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Make a web chat, and show what to paste where."""
        made = manage.save_widget(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "The web chat is made. Below stands what to paste into your pages.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(path="widget", title="Change the web chat", permission=CHANGE, form=WidgetForm, submit="Save",
                    tone="primary")  # fmt: skip
    def widget(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Say where it may stand."""
        manage.save_widget(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return "The web chat is saved."

    @service_action(
        path="identity-secret",
        title="New identity secret",
        permission=CHANGE,
        tone="danger",
        submit="Make a new one",
        explain="Your website signs with it who its visitor is. The secret before stops working at once, "
        "and who was signed in by it has to be signed in anew. "
        "Who makes it cannot sign what is asked for through this chat.",
    )
    def identity_secret(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        """Replace the secret and show it this once."""
        secret = manage.new_identity_secret(actor=viewer_of(request), account_id=obj.pk)
        context = {**self.admin_site.each_context(request), "title": "The new identity secret", "secret": secret}
        answer = TemplateResponse(request, "console/secret.html", {**context, "back_url": self.object_url(obj)})
        answer["Cache-Control"] = "no-store"
        return answer
