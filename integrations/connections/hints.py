"""Doors at which connected systems post what has changed: signed hints, after which Walker reads the rest itself."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from pydantic import ValidationError
from redis.exceptions import RedisError

from accounts.models import Tenant
from core.observability.logging import get_logger
from core.tenancy.scope import tenant_scope
from integrations.models import ProviderAccount

log = get_logger(__name__)
WORDS: Final = {
    "bad_signature": "The signature isn't valid.",
    "stale": "The request was signed too long ago.",
    "nonce_used": "The request was seen before.",
}
Take = Callable[[HttpRequest, bytes, ProviderAccount], None]


class Refusal(Exception):
    """The request isn't from the connection's system, for one of the reasons in `WORDS`."""


def receive(request: HttpRequest, tenant_id: UUID, connection_id: UUID, take: Take, *, body_limit: int) -> HttpResponse:
    """Let `take` check and take what a connected system posts, and note that its webhook arrives.

    `take` gets the body and the active connection, in its tenant's scope, and raises `Refusal` (401) and
    ValidationError (422). What is taken was done: 503 where it can't be done now, so that the system posts it again.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    length = request.META.get("CONTENT_LENGTH") or "0"
    try:
        body = (
            request.read(body_limit + 1)
            if length.isascii() and length.isdecimal() and int(length) <= body_limit
            else None
        )
        if body is None or len(body) > body_limit:
            return _refuse(413, "too_large", f"Send at most {body_limit} bytes.")
        with tenant_scope(tenant_id):
            here = Tenant.objects.filter(pk=tenant_id, is_active=True)
            account = (
                ProviderAccount.objects.filter(pk=connection_id, is_active=True).first() if here.exists() else None
            )
            if account is None:
                raise Refusal("bad_signature")
            take(request, body, account)
            if account.webhook_missing:  # somebody has copied the address
                ProviderAccount.objects.filter(pk=account.pk).update(webhook_missing=False)
    except Refusal as refusal:
        code = str(refusal)
        log.info("hint_refused", connection=str(connection_id), code=code)
        return _refuse(401, code, WORDS[code])
    except ValidationError:
        return _refuse(422, "invalid", "The body isn't what this system posts.")
    except (OSError, SuspiciousOperation):
        return _refuse(400, "invalid", "The body breaks off.")
    except (RedisError, DatabaseError):
        log.warning("hint_not_taken", connection=str(connection_id), exc_info=True)
        return _refuse(503, "try_again", "Post it again in a moment.")
    return HttpResponse(status=204)


def _refuse(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse({"code": code, "message": words}, status=status)
