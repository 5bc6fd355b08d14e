"""Meta's webhook: verify, store every element by one INSERT and answer; a worker does the rest."""

import hmac
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels_app.meta_whatsapp import numbers
from channels_app.meta_whatsapp.elements import Element, elements_of
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import Refusal, note_refused, signed_body, take
from conversations.texts import clean
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)

PROVIDER: Final = "cloud"
KEY: Final = "channels_app_inbounddelivery.event_key"
LINE: Final = "channels_app_inbounddelivery.queue_key"
# Meta posts up to 3 MB at a time.
BODY_LIMIT: Final = 4 * 1024 * 1024
CHALLENGE_LIMIT: Final = 200


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_http_methods(["GET", "POST"])
def webhook(request: HttpRequest, key: str) -> HttpResponse:
    """`GET/POST /channels/whatsapp-cloud/<key>/webhook/`: Meta's challenge, and what it reports."""
    if request.method == "GET":
        return _answer_challenge(request, key)
    return take(PROVIDER, lambda: _store(request, key)) or HttpResponse(status=200)


def _answer_challenge(request: HttpRequest, key: str) -> HttpResponse:
    """Return the challenge to the caller who knows the account's verify token."""
    challenge = request.GET.get("hub.challenge", "")

    def check() -> None:
        address = numbers.find_address(key)
        wanted = address.verify_token if address else ""
        given = request.GET.get("hub.verify_token", "")
        # Compared in any case, so that the time says nothing about the account.
        is_right = hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
        if not (wanted and is_right and request.GET.get("hub.mode") == "subscribe"):
            raise Refusal("wrong_challenge")
        if not challenge or len(challenge) > CHALLENGE_LIMIT:
            raise Refusal("wrong_challenge")

    answer = HttpResponse(challenge, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})
    return take(PROVIDER, check) or answer


def _store(request: HttpRequest, key: str) -> None:
    body = signed_body(request, header=numbers.SIGNATURE_HEADER, limit=BODY_LIMIT)
    address = numbers.find_address(key)
    if address is None:
        raise Refusal("unknown_account")
    if not address.secrets:
        log.warning("channel_without_secret", account=str(address.account_id))
        raise Refusal("no_secret", 503)
    given = request.headers.get(numbers.SIGNATURE_HEADER, "").strip()
    proven = numbers.proven_by(body, given, address.secrets)
    if not proven:
        note_refused([(address.tenant_id, address.account_id)])
        raise Refusal("bad_signature")
    elements = elements_of(body)
    with tenant_scope(address.tenant_id):
        deliveries.store_all([_arrival(element, address, proven) for element in elements])
    if any(element.kind != "status" for element in elements):
        # Statuses are not urgent: the sweep finds them, or the next message's hint does.
        wake_worker.stored.give()


def _arrival(element: Element, address: numbers.Address, proven: frozenset[str]) -> deliveries.Arrival:
    number = address.number_of(element.phone_number_id, proven)
    account_id = number.account_id if number else address.account_id
    # Of a number that isn't ours it is kept and shown with the account of the address, and nothing is done.
    kind = element.kind if number or element.kind in ("change", "post") else "unknown_number"
    # Keyed, as it outlives the erasure of a person: Meta's ids hold their phone number.
    key = blind_index(element.key if number else f"other:{element.key}", column=KEY)
    line = blind_index(f"{account_id}:{clean(element.line)}", column=LINE)
    return deliveries.Arrival(
        provider=PROVIDER, tenant_id=address.tenant_id, account_id=account_id, event_key=key, queue_key=line,
        body=element.body, headers={"kind": kind},
    )  # fmt: skip
