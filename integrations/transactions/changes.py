"""The webhook of back offices: a signed hint that a transaction has changed, which drops what was read of it."""

from typing import Annotated, Final, Literal
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, ConfigDict, StringConstraints

from integrations import platforms
from integrations.connections import hints
from integrations.connections.hints import Refusal
from integrations.models import ProviderAccount
from integrations.schemes import WINDOW, Call, Signed
from integrations.transactions.ports import TransactionPlatform
from integrations.transactions.types import TransactionId

BODY_LIMIT: Final = 8 * 1024


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


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
def take_change(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """Drop what was read of a transaction and of its customer's history."""
    return hints.receive(request, tenant_id, connection_id, take, body_limit=BODY_LIMIT)


def take(request: HttpRequest, body: bytes, account: ProviderAccount) -> None:
    """Take a change that the connection's key has signed, once. Raises `Refusal`, ValidationError, RedisError."""
    platform = platforms.find(account.provider)
    scheme = platform.scheme.pick("POST") if platform else None
    if not isinstance(platform, TransactionPlatform) or not isinstance(scheme, Signed):
        raise Refusal("bad_signature")
    call = Call("POST", request.get_full_path(), body)
    if code := scheme.refusal_of(account.credentials, call, request.headers):
        raise Refusal(code)
    seen = f"{account.tenant_id.hex}:back-office-nonce:{account.pk.hex}:{request.headers['X-Nonce']}"
    if not cache.add(seen, 1, timeout=2 * WINDOW):
        raise Refusal("nonce_used")
    told = Change.model_validate_json(body).data
    platform.forget(account, told.transaction_id, told.customer)
