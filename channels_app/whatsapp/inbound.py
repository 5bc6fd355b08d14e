"""Twilio's webhooks: verified, stored by one INSERT, answered; everything else happens afterwards."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from channels_app import deliveries, hints
from channels_app.whatsapp import numbers, signature
from conversations.texts import clean
from core.counters import counter
from core.crypto import blind_index
from core.log import get_logger
from core.scope import tenant_scope

log = get_logger(__name__)

PROVIDER: Final = "twilio"
LINE: Final = "channels_app_inbounddelivery.queue_key"
BODY_LIMIT: Final = 64 * 1024
NOTHING_TO_SAY: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
REFUSED_SHOWN: Final = 24 * 3600
REFUSED = counter("walker_webhook_refused_total", "Webhooks that were not taken, by reason.", ["provider", "reason"])
TAKEN = counter("walker_webhook_taken_total", "Webhooks that were stored or were there already.", ["provider"])
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_WORD = re.compile(r"[a-z_]{1,32}")


class Refusal(Exception):
    """The request is not taken; the reason is counted, the caller learns the status only."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


@dataclass(frozen=True, slots=True)
class Call:
    """One request as Twilio made it: its parameters, and the raw body they came from."""

    request: HttpRequest
    body: bytes
    form: QueryDict | None
    fields: dict[str, str]


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """`POST /channels/whatsapp/webhook/`: a message came in (or a report without our id)."""
    return _answer(request, None)


@csrf_exempt
@require_POST
def status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """`POST /channels/whatsapp/status/<message id>/`: how far one of our messages has come."""
    return _answer(request, message_id)


def _answer(request: HttpRequest, target: UUID | None) -> HttpResponse:
    try:
        call = _read(request)
        deliveries.store(_arrival(call, _verified(call, target), target))
    except Refusal as refusal:
        REFUSED.labels(PROVIDER, refusal.reason).inc()
        return HttpResponse(status=refusal.status)
    except DatabaseError:
        log.warning("webhook_not_stored", provider=PROVIDER, exc_info=True)
        REFUSED.labels(PROVIDER, "database").inc()
        return HttpResponse(status=503)
    TAKEN.labels(PROVIDER).inc()
    if not _is_report(call, target):
        # Nobody waits for a tick: reports are found by the sweep, or by the next message's hint.
        hints.stored.give()
    return HttpResponse(NOTHING_TO_SAY, content_type="text/xml")


def _read(request: HttpRequest) -> Call:
    if not request.headers.get(signature.SIGNATURE_HEADER, "").strip():
        raise Refusal("no_signature")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise Refusal("too_large", 413)
    try:
        body = request.body
    except (OSError, SuspiciousOperation) as problem:
        raise Refusal("too_large", 413) from problem
    if len(body) > BODY_LIMIT:
        raise Refusal("too_large", 413)
    if request.content_type == "application/json":
        return Call(request, body, None, _json_fields(body))
    try:
        form = QueryDict(body, encoding="utf-8")
    except (SuspiciousOperation, ValueError) as problem:
        raise Refusal("malformed") from problem
    return Call(request, body, form, {name: form[name] for name in form})


def _json_fields(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise Refusal("malformed") from problem
    if not isinstance(found, dict):
        raise Refusal("malformed")
    return {str(name): value for name, value in found.items() if isinstance(value, str)}


def _verified(call: Call, target: UUID | None) -> numbers.Number:
    """Return the number whose secret signed the request."""
    ours = "From" if _is_report(call, target) else "To"
    address, account_sid = call.fields.get(ours, ""), call.fields.get("AccountSid", "")
    named = numbers.find_numbers(account_sid, address) if address and account_sid else []
    if not named:
        raise Refusal("unknown_number")
    for number in named:
        if number.secrets and _is_signed(call, number):
            return number
    if not any(number.secrets for number in named):
        log.warning("channel_without_secret", account=str(named[0].account_id))
        raise Refusal("no_secret", 503)
    _note_refused(named)
    raise Refusal("bad_signature")


def _is_report(call: Call, target: UUID | None) -> bool:
    return target is not None or call.fields.get("MessageStatus", "received") != "received"


def _is_signed(call: Call, number: numbers.Number) -> bool:
    headers = call.request.headers
    return signature.is_signed(
        url=signed_url(call.request),
        form=call.form,
        body=call.body,
        signature=headers.get(signature.SIGNATURE_HEADER, "").strip(),
        settings=headers.get(signature.SIGNATURE_SETTINGS_HEADER, ""),
        secrets=number.secrets,
    )


def signed_url(request: HttpRequest) -> str:
    """Return the address as Twilio called it: the public one is a setting, never guessed from the request."""
    query = request.META.get("QUERY_STRING", "")
    return f"{settings.PUBLIC_URL}{request.path}" + (f"?{query}" if query else "")


def _arrival(call: Call, number: numbers.Number, target: UUID | None) -> deliveries.Arrival:
    sid, word = call.fields.get("MessageSid", ""), call.fields.get("MessageStatus", "")
    is_report = _is_report(call, target)
    if not _SID.fullmatch(sid) or (is_report and not _WORD.fullmatch(word)):
        sid = "body:" + hashlib.sha256(call.body).hexdigest()
    key = f"{sid}:{word}" if is_report and _WORD.fullmatch(word) else sid
    # Reports may overtake one another; the messages of one sender may not.
    line = f"report:{key}" if is_report else clean(call.fields.get("From", ""))
    with tenant_scope(number.tenant_id):
        queue_key = blind_index(f"{number.account_id}:{line}", column=LINE)
    return deliveries.Arrival(
        provider=PROVIDER,
        tenant_id=number.tenant_id,
        account_id=number.account_id,
        event_key=key,
        queue_key=queue_key,
        body=call.body,
        headers=_kept_headers(call.request),
        target=target,
    )


def _kept_headers(request: HttpRequest) -> dict[str, str]:
    names = ("Content-Type", "I-Twilio-Idempotency-Token")
    kept = {name: request.headers.get(name, "")[:200].replace("\0", "") for name in names}
    part = request.GET.get("part", "")
    return {**kept, "part": part[:8]} if part.isascii() and part.isprintable() else kept


def refused_key(tenant_id: UUID, account_id: UUID) -> str:
    """Return the cache key of "a wrong signature came lately", for the console."""
    return f"{tenant_id.hex}:webhook-refused:{account_id.hex}"


def _note_refused(named: list[numbers.Number]) -> None:
    try:
        for number in named:
            cache.set(refused_key(number.tenant_id, number.account_id), 1, timeout=REFUSED_SHOWN)
    except (RedisError, OSError):
        log.warning("refusal_not_noted")
