"""The console's pages of webhook endpoints: where events go, how that works, and what is done about it."""

from typing import Any, Final
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action, show_once
from console.base.crud import calls, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core import catalogue
from core.models import WebhookEndpoint
from core.webhooks.words import describe
from integrations.admin.webhook_deliveries import line_of
from integrations.outgoing_webhooks import events, selectors, services
from integrations.outgoing_webhooks.models import NAME_LIMIT, WebhookSubscription
from integrations.outgoing_webhooks.purpose import MANAGE, VIEW
from integrations.outgoing_webhooks.services import EndpointSettings

SHOWN: Final = 10
State = WebhookEndpoint.State
STATES: Final = {
    State.ACTIVE: ("On", "good", "check"),
    State.PAUSED: ("Paused", "warn", "pause"),
    State.GONE: ("Off: answered 410", "danger", "ban"),
    State.OFF: ("Off: only failures", "danger", "ban"),
}
WHEN_ON: Final = ("test", "pause", "resend")


class EndpointForm(VersionedForm):
    """Where webhooks go and what they tell of."""

    name = forms.CharField(label="Name", max_length=NAME_LIMIT, help_text="Such as “Data warehouse”.")
    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text="https://… on your server, reachable from the internet. Events are posted there, signed.",
    )
    event_types = forms.MultipleChoiceField(
        label="Events",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Choose none to get all, also those that are added later.",
    )
    payload_version = forms.TypedChoiceField(
        label="Event names",
        choices=[
            (events.PUBLIC_NAMES, "noun.verb, such as conversation.closed"),
            (1, "The earlier names, such as conversation_closed"),
        ],
        initial=events.PUBLIC_NAMES,
        coerce=int,
        help_text="Change it when your server knows the new names; the next event uses them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (each.name, format_html("{} <code>{}</code>", each.text, each.public_name))
            for each in catalogue.list_published()
        ]
        self.fields["event_types"].choices = choices  # type: ignore[attr-defined]

    def wanted(self) -> EndpointSettings:
        """Return what the services take."""
        said = self.cleaned_data
        return EndpointSettings(said["name"], said["url"], tuple(said["event_types"]), said["payload_version"])


class SpanForm(ConsoleForm):
    _local: Final = {"type": "datetime-local"}
    since = forms.DateTimeField(label="From", widget=forms.DateTimeInput(attrs=_local))
    until = forms.DateTimeField(
        label="Until (optional)",
        required=False,
        widget=forms.DateTimeInput(attrs=_local),
        help_text="Empty: until now.",
    )
    only_failed = forms.TypedChoiceField(
        label="Which",
        choices=[("yes", "Those that failed"), ("no", "All, also those that were delivered")],
        coerce=lambda said: said == "yes",
    )


@admin.register(WebhookSubscription)
class WebhookEndpointAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Webhooks", "link", SETTINGS, ORGANISATION, order=40)
    intro = (
        "Walker posts events to your own servers, signed: what happened, with ids and states. "
        "Your programs read the rest by the API."
    )
    empty_title = "No webhook endpoints yet"
    empty_text = "Add the first one with the address of your server. You'll see its secret once."
    masked_fields = ("endpoint",)
    list_display = ("name", "host", "hears_of", "standing", "last_day", "last_success")
    ordering = ("name", "id")
    detail_fields = ("address", "hears_of", "standing", "last_day", "last_success", "last_error", "payload")
    detail_template = "console/webhook_endpoint.html"
    to_list = ("remove",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookSubscription]:
        return selectors.list_endpoints(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[WebhookSubscription]) -> None:
        """Count the deliveries of all at once, and note whether the viewer may see whole addresses."""
        health = selectors.health_of(rows)
        for row in rows:
            row.health = health[row.pk]  # type: ignore[attr-defined]
            row.shows_address = viewer_of(request).may(MANAGE)  # type: ignore[attr-defined]

    # Only the host: the rest of an address may hold a secret.
    host = Column[WebhookSubscription]("Host", lambda row: str(urlsplit(row.endpoint.url).netloc))

    @admin.display(description="Address")
    def address(self, row: WebhookSubscription) -> str:
        """Return the address, in full for those who may change it."""
        return row.endpoint.url if row.shows_address else f"https://{self.host(row)}/…"  # type: ignore[attr-defined]

    @admin.display(description="Events")
    def hears_of(self, row: WebhookSubscription) -> str:
        types = [events.name_of(each, row.payload_version) for each in row.event_types]
        return (
            "All events" if not types else ", ".join(types[:3]) + (f" and {len(types) - 3} more" if types[3:] else "")
        )

    @admin.display(description="State")
    def standing(self, row: WebhookSubscription) -> str:
        endpoint = row.endpoint
        if endpoint.state == State.ACTIVE and endpoint.failures:
            return chip("Failing", "warn", "alert")
        return chip(*STATES[State(endpoint.state)])

    @admin.display(description="Last 24 hours")
    def last_day(self, row: WebhookSubscription) -> str:
        health = row.health  # type: ignore[attr-defined]
        parts = [f"{health.delivered:,} delivered"]
        parts += [f"{health.failed:,} failed"] if health.failed else []
        parts += [f"{health.waiting:,} waiting"] if health.waiting else []
        return ", ".join(parts)

    last_success = Column[WebhookSubscription](
        "Last success", lambda row: moment(row.endpoint.last_success_at, "Never")
    )
    last_error = Column[WebhookSubscription](
        "Last error", lambda row: describe(row.endpoint.last_error) if row.endpoint.last_error else "–"
    )
    payload = Column[WebhookSubscription]("Payload version", lambda row: int(row.payload_version))

    def detail_context(self, request: HttpRequest, obj: WebhookSubscription) -> dict[str, Any]:
        """Return the fields, the newest deliveries, and where all are."""
        found = selectors.list_deliveries(viewer=viewer_of(request), endpoint_id=obj.pk)
        all_of_it = reverse("admin:core_webhookdelivery_changelist")
        return {
            **super().detail_context(request, obj),
            "endpoint": obj.endpoint,
            "trouble": describe("gone" if obj.endpoint.state == State.GONE else "switched_off"),
            "log": [line_of(row) for row in found.defer("body").order_by("-id")[:SHOWN]],
            "log_url": f"{all_of_it}?endpoint={obj.pk}",
        }

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why an action does not apply now."""
        if obj is None:
            return ""
        state = obj.endpoint.state
        if action.path in WHEN_ON and state != State.ACTIVE:
            return "This endpoint is off."
        return "This endpoint is on." if action.path == "turn-on" and state == State.ACTIVE else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            return {"version": 0}
        if action.path == "edit":
            url = obj.endpoint.url
            kept = {name: getattr(obj, name) for name in ("version", "name", "event_types", "payload_version")}
            return {**kept, "url": url}
        return {"version": obj.version, "only_failed": "yes"}

    def _show_secret(self, request: HttpRequest, made: services.WithSecret, title: str) -> HttpResponse:
        back_url = self.object_url(made.subscription)
        return show_once(self, request, back_url, title=title, secrets=[("Signing secret", made.secret)])

    @service_action(
        title="Add endpoint",
        permission=MANAGE,
        form=EndpointForm,
        submit="Add",
        tone="good",
        on_list=True,
        explain="You'll see the secret that signs its events once.",
    )
    def create(self, request: HttpRequest, obj: None, form: EndpointForm) -> HttpResponse:
        """Add an endpoint and show its secret once."""
        made = services.create_endpoint(actor=viewer_of(request), wanted=form.wanted())
        return self._show_secret(request, made, "Endpoint added")

    edit = edits(services.revise_endpoint, "endpoint_id", MANAGE, EndpointForm, tone="primary", done="“{}” was saved.",
                 values=lambda form: {"wanted": form.wanted()})  # fmt: skip

    test = calls(
        services.send_test,
        "endpoint_id",
        title="Send test event",
        permission=MANAGE,
        submit="Send",
        explain="Posts one signed test event. The log shows what your server answers.",
        done="The test event is on its way. Reload this page to see the answer.",
    )
    resend = calls(
        services.resend_span,
        "endpoint_id",
        title="Send again…",
        permission=MANAGE,
        form=SpanForm,
        submit="Send again",
        explain="Sends the deliveries of a span of time again, with the same ids. The log has single ones.",
        done=lambda sent: f"{sent.count:,} {'delivery is' if sent.count == 1 else 'deliveries are'} sent again.",
    )
    pause = calls(
        services.pause_endpoint,
        "endpoint_id",
        title="Pause",
        permission=MANAGE,
        explain="Events wait for up to 30 days, and are sent once you turn it on again.",
        done="“{}” is paused.",
    )
    turn_on = calls(services.turn_on_endpoint, "endpoint_id", title="Turn on", permission=MANAGE,
                    explain="Sends what has waited, then new events.", done="“{}” is on.")  # fmt: skip

    @service_action(
        title="New signing secret",
        permission=MANAGE,
        tone="danger",
        submit="Create new secret",
        explain="For 24 hours each event is signed with the new and with the previous secret.",
    )
    def rotate(self, request: HttpRequest, obj: WebhookSubscription, form: ConsoleForm) -> HttpResponse:
        """Replace the secret and show the new one once."""
        made = services.rotate_secret(actor=viewer_of(request), endpoint_id=obj.pk)
        return self._show_secret(request, made, "New signing secret")

    remove = deletes(services.remove_endpoint, "endpoint_id", MANAGE, title="Remove", form=VersionedForm,
                     explain="Removes its secret and its log. What still waits is not sent.",
                     done="“{}” was removed.")  # fmt: skip
