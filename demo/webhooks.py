"""The demo's webhook endpoints: the company portal, which hears what ended or failed, and one that is switched off."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.conf import settings

from core.clock import now
from core.ids import uuid7
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.webhooks import deliveries
from demo.cast import ACME, Organisation
from demo.people import SEEDER
from integrations.models import WebhookSubscription
from integrations.outgoing_webhooks import services
from integrations.outgoing_webhooks.services import EndpointSettings
from standins.portal import seed as portal

PORTAL: Final = "Company portal"
HEARD: Final = (
    "conversation.needs_person", "conversation.became_late", "conversation.closed", "survey.rated", "message.failed",
    "approval.updated", "killswitch.activated", "killswitch.released",
)  # fmt: skip
"""What a company's own systems work on; each message, run and reading would cost deliveries that nobody reads."""
OLD: Final = "Old reporting server"
# How long ago each was made, and what the server answered at each attempt.
STORY: Final = (
    (2900, (204,)), (2310, (204,)), (1480, (500, 204)), (1475, (503, 204)), (1100, (204,)), (760, (204,)),
    (410, (204,)), (190, (500, 500, 204)), (95, (204,)), (40, (204,)), (12, (204,)),
)  # fmt: skip


def ensure_webhooks(organisation: Organisation) -> None:
    """Create what is missing. Runs in the organisation's scope."""
    if not settings.SANDBOX_PORTAL_TOKEN or WebhookSubscription.objects.filter(name=PORTAL).exists():
        return
    url = f"{settings.SANDBOX_PORTAL_URL}/events/{organisation.slug}"
    hook = services.create_endpoint(actor=SEEDER, wanted=EndpointSettings(PORTAL, url, HEARD, 2)).subscription
    secret = portal.events_secret(organisation.slug, settings.SANDBOX_PORTAL_TOKEN)
    WebhookEndpoint.objects.filter(pk=hook.endpoint_id).update(secrets={"current": secret}, last_success_at=now())
    if organisation == ACME:
        for number, (minutes, answers) in enumerate(STORY):
            _tell(hook.endpoint, HEARD[number * 5 % len(HEARD)], now() - timedelta(minutes=minutes), answers)
        _ensure_old_server()


def _ensure_old_server() -> None:
    wanted = EndpointSettings(OLD, f"{settings.SANDBOX_PORTAL_URL}/gone", HEARD[:2], 2)
    hook = services.create_endpoint(actor=SEEDER, wanted=wanted).subscription
    since = now() - timedelta(days=6)
    WebhookEndpoint.objects.filter(pk=hook.endpoint_id).update(
        state=WebhookEndpoint.State.OFF, failures=31, failing_since=since, last_error="http_404", last_error_at=now()
    )
    for day in (6, 5, 4):
        _tell(hook.endpoint, HEARD[0], now() - timedelta(days=day), (404,) * 8)


def _tell(endpoint: WebhookEndpoint, event_type: str, moment: datetime, answers: tuple[int, ...]) -> None:
    """Write a delivery of the past with its attempts."""
    is_taken = answers[-1] < 300
    data = {"conversation": str(uuid4()), "state": "closed"}
    document: dict[str, Any] = {"type": event_type, "timestamp": moment.isoformat(), "version": 1, "data": data}
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_type=event_type,
        key=f"msg_{uuid7().hex}",
        body=deliveries.body_of(document),
        state=WebhookDelivery.State.DELIVERED if is_taken else WebhookDelivery.State.FAILED,
        attempts=len(answers),
        error="" if is_taken else f"http_{answers[-1]}",
        created_at=moment,
        done_at=moment + timedelta(seconds=6 * len(answers)),
    )
    WebhookAttempt.objects.bulk_create(
        WebhookAttempt(
            delivery=delivery,
            number=number,
            started_at=moment + timedelta(seconds=6 * number),
            milliseconds=40 + 13 * number,
            status=status,
            error="" if status < 300 else f"http_{status}",
            answer="{}" if status < 300 else '{"error": "upstream database is not reachable"}',
        )
        for number, status in enumerate(answers, start=1)
    )
