"""A company's own app on the console's page of channels: connect, secrets, test, pause, and sending again."""

from functools import partial
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse

from channels_app.kit.admin.page import CHANGE, ChannelPage, calls, tests
from channels_app.own_app import manage
from channels_app.own_app.transport import PURPOSE
from console.base.actions import ServiceAction, service_action, show_once
from console.base.forms import ConsoleForm
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.models import ChannelAccount
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.endpoints import find_endpoint
from core.webhooks.words import describe

OF_WEBHOOKS: Final = ("signing-secret", "test-webhook", "pause-webhooks", "resume-webhooks", "replay-webhook")
SHOWN: Final = 25
STATES: Final = {
    WebhookDelivery.State.WAITING: ("Waiting", "neutral", "clock"),
    WebhookDelivery.State.DELIVERED: ("Delivered", "good", "check"),
    WebhookDelivery.State.FAILED: ("Failed", "danger", "alert"),
}


class ConnectAppForm(ConsoleForm):
    name = forms.CharField(label="Name", max_length=80, help_text="Your customers see it above replies.")
    url = forms.CharField(
        label="Webhook address (optional)",
        max_length=500,
        required=False,
        help_text="https://… on your server: answers are posted there, signed. "
        "Leave empty if your app reads them on the socket.",
    )
    websites = forms.CharField(
        label="Websites (optional)",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "https://app.example"}),
        help_text="Only if web pages open the socket: one per line, without a path.",
    )


class AppForm(ConnectAppForm):
    is_active = forms.BooleanField(
        label="Open for messages", required=False, help_text="Turn off to refuse messages and send none."
    )


class ReplayForm(ConsoleForm):
    delivery = forms.ChoiceField(label="Failed webhook")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["delivery"]
        field.choices = (self.initial or {}).get("failed", [])


def _show_secrets(page: Any, request: HttpRequest, account: ChannelAccount, title: str, **secrets: str) -> HttpResponse:
    named = [(name.replace("_", " ").capitalize(), value) for name, value in secrets.items() if value]
    return show_once(page, request, page.object_url(account), title=title, secrets=named)


class AppPage(ChannelPage):
    """The actions on a company's own app."""

    order = 50
    noun = "an app"
    shows_advice = False
    has_websites = True

    @classmethod
    def initial(cls, action: ServiceAction, account: ChannelAccount) -> dict[str, Any]:
        """Return the current settings, or the failed webhooks to choose from."""
        endpoint = find_endpoint(purpose=PURPOSE, ref=account.pk)
        if action.path == "edit-app":
            return {
                "name": account.name,
                "url": endpoint.url if endpoint else "",
                "websites": "\n".join(account.origins),
                "is_active": account.is_active,
            }
        if action.path == "replay-webhook":
            failed = _failed(endpoint)
            names = [f"{row.event_type}, {row.created_at:%d %b %H:%M}, …{row.key[-6:]}" for row in failed]
            return {"failed": [(str(row.pk), name) for row, name in zip(failed, names, strict=True)]}
        return {}

    @classmethod
    def blocked(cls, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply now."""
        if action.path not in OF_WEBHOOKS:
            return ""
        endpoint = find_endpoint(purpose=PURPOSE, ref=account.pk)
        if endpoint is None:
            return "No webhook address is set."
        is_paused = endpoint.state == WebhookEndpoint.State.PAUSED
        if action.path == "pause-webhooks" and is_paused:
            return "Webhooks are paused."
        if action.path == "resume-webhooks" and not is_paused:
            return "Webhooks are not paused."
        return "No webhook has failed." if action.path == "replay-webhook" and not _failed(endpoint) else ""

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:
        """Return what the app needs, and the log of its webhooks in words."""
        endpoint = find_endpoint(purpose=PURPOSE, ref=account.pk)
        log = manage.query_log(viewer=viewer_of(request), account_id=account.pk)[:SHOWN]
        return {
            "endpoint": endpoint,
            "endpoint_trouble": describe(endpoint.last_error) if endpoint and endpoint.last_error else "",
            "webhook_log": [_line_of(row) for row in log],
        }

    @service_action(
        title="Connect your app",
        permission=CHANGE,
        form=ConnectAppForm,
        submit="Connect",
        on_list=True,
        explain="Let customers write from your own app. You'll see its secrets once. "
        "If you create them, you can't approve requests from this app.",
    )
    def connect_app(self: Any, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect a new app and show its secrets once."""
        made = manage.connect_app(actor=viewer_of(request), **_cleaned(form))
        return _show_secrets(
            self,
            request,
            made.account,
            "App connected",
            token_secret=made.token_secret,
            signing_secret=made.signing_secret,
        )

    @service_action(title="Edit app", permission=CHANGE, form=AppForm, submit="Save", tone="primary")
    def edit_app(self: Any, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str | HttpResponse:
        """Update the app; a first webhook address brings a signing secret."""
        saved = manage.connect_app(actor=viewer_of(request), account_id=obj.pk, **_cleaned(form))
        if saved.signing_secret:
            return _show_secrets(self, request, obj, "Webhooks set up", signing_secret=saved.signing_secret)
        return "App saved."

    test = tests(
        "test-webhook",
        title="Send test webhook",
        explain="Posts one signed event to your server. The log shows what it answered.",
    )
    replay = calls(
        manage.replay,
        "replay-webhook",
        title="Send failed webhook again",
        form=ReplayForm,
        submit="Send again",
        explain="Sends the same event with the same id, so your server recognises one it already has.",
        values=lambda form: {"delivery_id": UUID(form.cleaned_data["delivery"])},
        done="The webhook is sent again.",
    )
    pause = calls(
        partial(manage.set_paused, is_paused=True),
        "pause-webhooks",
        title="Pause webhooks",
        tone="danger",
        explain="Answers wait until you resume. Customers can still write.",
        done="Webhooks paused.",
    )
    resume = calls(
        partial(manage.set_paused, is_paused=False),
        "resume-webhooks",
        title="Resume webhooks",
        explain="Sends what has waited, in order.",
        done="Webhooks resumed.",
    )

    @service_action(
        title="New token secret",
        permission=CHANGE,
        tone="danger",
        submit="Create new secret",
        explain="Your app signs its customers' tokens with it. Tokens signed with the previous secret work for "
        "24 more hours. If you create it, you can't approve requests from this app.",
    )
    def token_secret(self: Any, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        """Replace the token secret and show it once."""
        secret = manage.rotate_token_secret(actor=viewer_of(request), account_id=obj.pk)
        return _show_secrets(self, request, obj, "New token secret", token_secret=secret)

    @service_action(
        title="New signing secret",
        permission=CHANGE,
        tone="danger",
        submit="Create new secret",
        explain="Your server verifies webhooks with it. For 24 hours both the new and the "
        "previous secret verify each webhook.",
    )
    def signing_secret(self: Any, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        """Replace the signing secret and show it once."""
        secret = manage.rotate_signing_secret(actor=viewer_of(request), account_id=obj.pk)
        return _show_secrets(self, request, obj, "New signing secret", signing_secret=secret)


def _cleaned(form: ConsoleForm) -> dict[str, Any]:
    found: dict[str, Any] = form.cleaned_data
    return {**found, "websites": found["websites"].split("\n")}


def _failed(endpoint: WebhookEndpoint | None) -> list[WebhookDelivery]:
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.FAILED, body__isnull=False)
    return list(rows.defer("body").order_by("-id")[:SHOWN])


def _line_of(row: WebhookDelivery) -> dict[str, Any]:
    """Return one webhook for the log: no address, no content."""
    attempts = sorted(row.tries.all(), key=lambda attempt: attempt.number)
    last = attempts[-1] if attempts else None
    return {
        "when": moment(row.created_at),
        "name": row.event_type,
        "id": row.key,
        "state": chip(*STATES[WebhookDelivery.State(row.state)]),
        "words": describe(last.error, last.status) if last else describe(row.error),
        "next": moment(row.due_at) if row.state == WebhookDelivery.State.WAITING and attempts else "",
        "attempts": [
            {
                "number": attempt.number,
                "when": moment(attempt.started_at),
                "words": describe(attempt.error, attempt.status),
                "milliseconds": attempt.milliseconds,
            }
            for attempt in attempts
        ],
    }
