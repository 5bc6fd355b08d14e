"""The webhook of back offices: a signed hint that a transaction has changed, which drops what was read of it."""

from typing import Annotated, Final, Literal
from uuid import UUID

from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from redis.exceptions import RedisError

from accounts.models import Tenant
from core.observability.logging import get_logger
from core.tenancy.scope import tenant_scope
from integrations import platforms
from integrations.models import ProviderAccount
from integrations.schemes import WINDOW, Call, Signed
from integrations.transactions.ports import TransactionPlatform
from integrations.transactions.types import TransactionId

log = get_logger(__name__)
BODY_LIMIT: Final = 8 * 1024
WORDS: Final = {
    "bad_signature": "The signature isn't valid.",
    "stale": "The request was signed too long ago.",
    "nonce_used": "The request was seen before.",
}


class Changed(BaseModel):
    """Which transaction has changed, and whose it is."""

    model_config = ConfigDict(extra="forbid")
    transaction_id: TransactionId
    customer: TransactionId


class Change(BaseModel):
    """What a back office posts."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["transaction.changed"]
    timestamp: Annotated[str, StringConstraints(max_length=40)]
    data: Changed


class Refusal(Exception):
    """The request isn't from the back office."""


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
def take_change(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """Drop what was read of a transaction and of its customer's history, and note that the webhook arrives.

    What is taken was done: 503 where it can't be done now, so that the back office posts it again.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    length = request.META.get("CONTENT_LENGTH") or "0"
    try:
        body = (
            request.read(BODY_LIMIT + 1)
            if length.isascii() and length.isdecimal() and int(length) <= BODY_LIMIT
            else None
        )
        if body is None or len(body) > BODY_LIMIT:
            return _refuse(413, "too_large", f"Send at most {BODY_LIMIT} bytes.")
        with tenant_scope(tenant_id):
            platform, account = find_sender(request, body, tenant_id, connection_id)
            told = Change.model_validate_json(body).data
            platform.forget(account, told.transaction_id, told.customer)
            if account.webhook_missing:  # somebody has copied the address
                ProviderAccount.objects.filter(pk=account.pk).update(webhook_missing=False)
    except Refusal as refusal:
        code = str(refusal)
        log.info("change_refused", connection=str(connection_id), code=code)
        return _refuse(401, code, WORDS[code])
    except ValidationError:
        return _refuse(422, "invalid", "This isn't a transaction.changed of the contract.")
    except (OSError, SuspiciousOperation):
        return _refuse(400, "invalid", "The body breaks off.")
    except (RedisError, DatabaseError):
        log.warning("change_not_taken", connection=str(connection_id), exc_info=True)
        return _refuse(503, "try_again", "Post it again in a moment.")
    return HttpResponse(status=204)


def find_sender(
    request: HttpRequest, body: bytes, tenant_id: UUID, connection_id: UUID
) -> tuple[TransactionPlatform, ProviderAccount]:
    """Return the connection whose key has signed the request, for the first time. Raises `Refusal`, RedisError."""
    here = Tenant.objects.filter(pk=tenant_id, is_active=True)
    account = ProviderAccount.objects.filter(pk=connection_id, is_active=True).first() if here.exists() else None
    platform = platforms.find(account.provider) if account else None
    scheme = platform.scheme.pick("POST") if platform else None
    if account is None or not isinstance(platform, TransactionPlatform) or not isinstance(scheme, Signed):
        raise Refusal("bad_signature")
    call = Call("POST", request.get_full_path(), body)
    if code := scheme.refusal_of(account.credentials, call, request.headers):
        raise Refusal(code)
    seen = f"{tenant_id.hex}:back-office-nonce:{connection_id.hex}:{request.headers['X-Nonce']}"
    if not cache.add(seen, 1, timeout=2 * WINDOW):
        raise Refusal("nonce_used")
    return platform, account


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "message": words}, status=status)
