"""The console's log of webhooks about events: each delivery with its attempts, and sending it again."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter, choose, since
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import chip, exact_second, moment
from console.viewers import viewer_of
from core import catalogue
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.words import describe
from integrations.outgoing_webhooks import events, selectors, services
from integrations.outgoing_webhooks.purpose import MANAGE, PURPOSE, VIEW

STATES: Final = {
    WebhookDelivery.State.WAITING: ("Waiting", "neutral", "clock"),
    WebhookDelivery.State.DELIVERED: ("Delivered", "good", "check"),
    WebhookDelivery.State.FAILED: ("Failed", "danger", "alert"),
}


class EndpointFilter(SelectFilter):
    title, parameter_name, field = "Endpoint", "endpoint", "endpoint__ref"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = selectors.list_endpoints(viewer=viewer_of(request)).order_by("name")
        return [(str(row.pk), row.name) for row in rows]


class EventFilter(SelectFilter):
    """The deliveries of one type of event, under whichever name it was sent."""

    title, parameter_name, any_label = "Event", "event", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the types by what webhooks call them now."""
        names = sorted({*(each.public_name for each in catalogue.list_published()), events.TESTED})
        return [(name, name) for name in names]

    def value(self) -> str | None:
        """Return the chosen type's name, also where it was asked for by its name in the catalogue."""
        asked = super().value()
        known = catalogue.find_public(asked or "")
        return known.public_name if known else asked

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the deliveries of the type."""
        chosen = self.chosen()
        return queryset.filter(event_type__in=events.names_of(chosen)) if chosen else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Webhook deliveries", "link", SETTINGS, ORGANISATION, within="Webhooks")
    intro = "Events of the last 30 days, the newest first. Each is sent until your server takes it, up to eight times."
    empty_title = "Nothing was sent yet"
    empty_text = "Send a test event from the endpoint's page to try your server."
    masked_fields = ("body",)
    list_display = ("event", "endpoint_name", "standing", "happened", "tried", "made")
    list_filter: ClassVar = [
        EndpointFilter,
        EventFilter,
        choose("state", "State", WebhookDelivery.State.choices),
        since("created_at"),
    ]
    ordering = ("-id",)
    detail_fields = ("event", "endpoint_name", "webhook_id", "standing", "happened", "next_attempt", "made")
    detail_template = "console/webhook_delivery.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Return deliveries of events; answers to customers have a log of their own."""
        viewer_of(request).require(VIEW)
        rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint__purpose=PURPOSE)
        return (
            rows.exclude(endpoint__state=WebhookEndpoint.State.REMOVED)
            .select_related("endpoint__subscription")
            .defer("body")
        )

    def object_title(self, row: WebhookDelivery) -> str:
        return f"{row.event_type} …{row.key[-6:]}"

    event = Column[WebhookDelivery]("Event", lambda row: str(row.event_type))

    @admin.display(description="Endpoint")
    def endpoint_name(self, row: WebhookDelivery) -> str:
        subscription = row.endpoint.subscription
        url = reverse("admin:integrations_webhooksubscription_change", args=[subscription.pk])
        return format_html('<a class="wk-over" href="{}">{}</a>', url, subscription.name)

    webhook_id = Column[WebhookDelivery](
        "webhook-id", lambda row: format_html('<code class="wk-mono">{}</code>', row.key)
    )
    standing = Column[WebhookDelivery]("State", lambda row: chip(*STATES[WebhookDelivery.State(row.state)]))
    happened = Column[WebhookDelivery](
        "What happened",
        lambda row: "Delivered." if row.state == WebhookDelivery.State.DELIVERED else describe(row.error),
    )
    tried = Column[WebhookDelivery]("Attempts", lambda row: int(row.attempts))
    made = Column[WebhookDelivery]("When", lambda row: moment(row.created_at))
    next_attempt = Column[WebhookDelivery](
        "Next attempt", lambda row: moment(row.due_at) if row.state == WebhookDelivery.State.WAITING else "–"
    )

    def detail_context(self, request: HttpRequest, obj: WebhookDelivery) -> dict[str, Any]:
        """Return the fields, the attempts with answers, and what is sent."""
        content = json.dumps(json.loads(obj.body), indent=2, ensure_ascii=False) if obj.body else ""
        return {**super().detail_context(request, obj), "attempts": attempts_of(obj), "content": content}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why it can't be sent again now."""
        if obj.endpoint.state != WebhookEndpoint.State.ACTIVE:
            return "The endpoint is off. Turn it on first."
        return "It is still waiting to be sent." if obj.state == WebhookDelivery.State.WAITING else ""

    @service_action(
        title="Send again",
        permission=MANAGE,
        explain="Sends the same event with the same id, so your server recognises one it already has.",
    )
    def resend(self, request: HttpRequest, obj: WebhookDelivery, form: ConsoleForm) -> str:
        services.resend_delivery(actor=viewer_of(request), endpoint_id=obj.endpoint.ref, delivery_id=obj.pk)
        return "The event is sent again."


def attempts_of(row: WebhookDelivery) -> list[dict[str, Any]]:
    return [
        {
            "number": attempt.number,
            "when": exact_second(attempt.started_at),
            "words": describe(attempt.error, attempt.status) if attempt.milliseconds is not None else "Under way.",
            "status": attempt.status,
            "milliseconds": attempt.milliseconds,
            "answer": attempt.answer,
        }
        for attempt in sorted(row.tries.all(), key=lambda attempt: attempt.number)
    ]


def line_of(row: WebhookDelivery) -> dict[str, Any]:
    """Return one delivery for the log on the endpoint's page."""
    tries = sorted(row.tries.all(), key=lambda attempt: attempt.number)
    last = tries[-1] if tries else None
    return {
        "when": moment(row.created_at),
        "name": row.event_type,
        "url": reverse("admin:core_webhookdelivery_change", args=[row.pk]),
        "state": chip(*STATES[WebhookDelivery.State(row.state)]),
        "words": describe(last.error, last.status) if last else describe(row.error),
        "next": moment(row.due_at) if row.state == WebhookDelivery.State.WAITING and tries else "",
        "attempts": row.attempts,
    }
