"""Slack's interactivity requests: verify, store by one INSERT and answer; a worker does the rest."""

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.approver_channels.slack import payloads, workspaces
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import Refusal, is_fresh, note_refused, signed_body, take
from core.clock import now
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)

PROVIDER: Final = "slack"
LINE: Final = "channels_app_inbounddelivery.queue_key"
# A press carries the message it was made in: up to 50 blocks of 3,000 characters, which JSON and form encode.
BODY_LIMIT: Final = 1024 * 1024
UNAUTHORISED: Final = 401


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def interactivity(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /channels/slack/<key>/interactivity/`: a button press, or a form that was sent.

    A signed request that comes again within five minutes is answered 200, stored once and worked once: it looks
    like one that Slack repeats because our answer was lost, and a 401 would show its user an error.
    """
    return take(PROVIDER, lambda: _store(request, key)) or HttpResponse(status=200)


def _store(request: HttpRequest, key: str) -> None:
    try:
        body = signed_body(request, header=workspaces.SIGNATURE_HEADER, limit=BODY_LIMIT)
        door = _find_signer(request, body, key)
    except Refusal as refusal:
        # Slack's own words for what it did not sign.
        raise Refusal(refusal.reason, UNAUTHORISED if refusal.status == 403 else refusal.status) from None
    payload = payloads.read(body)
    with tenant_scope(door.tenant_id):
        queue_key = line_of(door.account_id, payloads.user_of(payload))
    event_key = payloads.key_of(payload) or "body:" + hashlib.sha256(body).hexdigest()
    deliveries.store(deliveries.Arrival(
        provider=PROVIDER, tenant_id=door.tenant_id, account_id=door.account_id, event_key=event_key,
        queue_key=queue_key, body=body,
    ))  # fmt: skip
    wake_worker.stored.give()


def line_of(account_id: object, user: str) -> str:
    """Return the queue key of a user's requests, which are worked in order; in the tenant's scope."""
    return blind_index(f"{account_id}:slack:{user}", column=LINE)


def _find_signer(request: HttpRequest, body: bytes, key: str) -> workspaces.Door:
    """Return the workspace whose secret signed the request. Raises `Refusal`."""
    door = workspaces.find_door(key)
    if door is None:
        raise Refusal("unknown_account")
    timestamp = request.headers.get(workspaces.TIMESTAMP_HEADER, "").strip()
    given = request.headers.get(workspaces.SIGNATURE_HEADER, "").strip()
    if not workspaces.is_signed(body=body, timestamp=timestamp, signature=given, secrets=door.secrets):
        note_refused([(door.tenant_id, door.account_id)])
        raise Refusal("bad_signature")
    if not is_fresh(timestamp, now()):
        raise Refusal("stale")
    return door
