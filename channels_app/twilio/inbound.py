"""Twilio's webhooks: verify, store by one INSERT and answer; a worker does the rest."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.twilio import senders, signature
from channels_app.twilio.handler import UNKNOWN_NUMBER
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import Refusal, note_refused, signed_body, take
from conversations.texts import clean
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)

PROVIDER: Final = "twilio"
LINE: Final = "channels_app_inbounddelivery.queue_key"
BODY_LIMIT: Final = 64 * 1024
NOTHING_TO_SAY: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_WORD = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request from Twilio: its parameters and the raw body."""

    request: HttpRequest
    body: bytes
    form: QueryDict | None
    fields: dict[str, str]


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """`POST /channels/whatsapp/webhook/`: an incoming message (or a report without our id)."""
    return _answer(request, None)


@csrf_exempt
@require_POST
def status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """`POST /channels/whatsapp/status/<message id>/`: the status of one of our messages."""
    return _answer(request, message_id)


def _answer(request: HttpRequest, target: UUID | None) -> HttpResponse:
    def store() -> None:
        call = _read(request)
        number, is_known = _find_signer(call, target)
        deliveries.store(_arrival(call, number, target, is_known=is_known))
        if not _is_report(call, target):
            # Reports are not urgent: the sweep finds them, or the next message's hint does.
            wake_worker.stored.give()

    problem = take(PROVIDER, store)
    return problem or HttpResponse(NOTHING_TO_SAY, content_type="text/xml")


def _read(request: HttpRequest) -> Call:
    body = signed_body(request, header=signature.SIGNATURE_HEADER, limit=BODY_LIMIT)
    if request.content_type == "application/json":
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as problem:
            raise Refusal("malformed") from problem
        if not isinstance(found, dict):
            raise Refusal("malformed")
        fields = {str(name): value for name, value in found.items() if isinstance(value, str)}
        return Call(request, body, None, fields)
    try:
        form = QueryDict(body, encoding="utf-8")
    except (SuspiciousOperation, ValueError) as problem:
        raise Refusal("malformed") from problem
    return Call(request, body, form, {name: form[name] for name in form})


def _find_signer(call: Call, target: UUID | None) -> tuple[senders.Number, bool]:
    """Return the number whose secret signed the request, and whether the request is about it. Raises `Refusal`.

    What Twilio proves for a number that isn't connected belongs to another number of the same Twilio account.
    """
    ours = "From" if _is_report(call, target) else "To"
    address, account_sid = call.fields.get(ours, ""), call.fields.get("AccountSid", "")
    if not (address and account_sid):
        raise Refusal("unknown_number")
    named = senders.find_numbers(account_sid, address)
    if proven := _first_proven(call, named):
        return proven, True
    # An organisation that has the number here corrects its secret: nothing goes to its other numbers.
    holders = {number.tenant_id for number in named}
    others = [number for number in senders.find_accounts(account_sid) if number.tenant_id not in holders]
    if proven := _first_proven(call, others):
        return proven, False
    if not named:
        raise Refusal("unknown_number")
    if not any(number.secrets for number in named):
        log.warning("channel_without_secret", account=str(named[0].account_id))
        raise Refusal("no_secret", 503)
    note_refused((number.tenant_id, number.account_id) for number in named)
    raise Refusal("bad_signature")


def _first_proven(call: Call, numbers: Iterable[senders.Number]) -> senders.Number | None:
    headers, url = call.request.headers, signed_url(call.request)
    for number in numbers:
        if number.secrets and signature.is_signed(
            url=url,
            form=call.form,
            body=call.body,
            signature=headers.get(signature.SIGNATURE_HEADER, "").strip(),
            settings=headers.get(signature.SIGNATURE_SETTINGS_HEADER, ""),
            secrets=number.secrets,
        ):
            return number
    return None


def _is_report(call: Call, target: UUID | None) -> bool:
    return target is not None or call.fields.get("MessageStatus", "received") != "received"


def signed_url(request: HttpRequest) -> str:
    """Return the URL that Twilio called. The public host is a setting, never taken from the request."""
    query = request.META.get("QUERY_STRING", "")
    return f"{settings.PUBLIC_URL}{request.path}" + (f"?{query}" if query else "")


def _arrival(call: Call, number: senders.Number, target: UUID | None, *, is_known: bool) -> deliveries.Arrival:
    sid, word = call.fields.get("MessageSid", ""), call.fields.get("MessageStatus", "")
    is_report = _is_report(call, target)
    if not _SID.fullmatch(sid) or (is_report and not _WORD.fullmatch(word)):
        sid = "body:" + hashlib.sha256(call.body).hexdigest()
    key = f"{sid}:{word}" if is_report and _WORD.fullmatch(word) else sid
    # Reports may overtake each other; messages of one sender may not.
    line = f"report:{key}" if is_report else clean(call.fields.get("From", ""))
    headers = {
        name: call.request.headers.get(name, "")[:200].replace("\0", "")
        for name in ("Content-Type", "I-Twilio-Idempotency-Token")
    }
    part = call.request.GET.get("part", "")
    if part.isascii() and part.isprintable():
        headers["part"] = part[:8]
    if not is_known:
        # It is kept and shown with another number of the account, and nothing is done. Once its own is connected and
        # Twilio sends it again, it is a new one.
        headers["kind"], key = UNKNOWN_NUMBER, f"other:{key}"
    with tenant_scope(number.tenant_id):
        queue_key = blind_index(f"{number.account_id}:{line}", column=LINE)
    return deliveries.Arrival(
        provider=PROVIDER, tenant_id=number.tenant_id, account_id=number.account_id, event_key=key,
        queue_key=queue_key, body=call.body, headers=headers, target=target,
    )  # fmt: skip
