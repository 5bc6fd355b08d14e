"""The limits of requests per minute: of one API key, person or network address, and of a whole organisation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.observability.logging import get_logger
from core.reliability import limits
from core.reliability.rate_limit import MINUTE, count_up, in_this_minute
from core.rest.authentication import client_of
from core.tenancy.scope import current_tenant_id

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by the settings

log = get_logger(__name__)


class PerClient(BaseThrottle):
    """Counts in Redis, minute by minute. While Redis is down, every request is allowed."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return True if every limit that counts the request has some left in this minute.

        What one limit refuses is not counted by the next: a client that asks too often takes nothing from its
        organisation's share.
        """
        for name, limit in self.limits(request):
            try:
                used = count_up(in_this_minute(name), seconds=2 * MINUTE)
            except RedisError:
                log.warning("api_limit_not_checked")
                return True
            left = max(limit - used, 0)
            counted: tuple[int, int] | None = getattr(request._request, "rate_limit", None)
            if counted is None or left < counted[1] or used > limit:
                request._request.rate_limit = (limit, left)  # type: ignore[attr-defined]
            if used > limit:
                return False
        return True

    def limits(self, request: Request) -> Iterator[tuple[str, int]]:
        """Yield the name under which the client is counted and its limit, then those of its organisation."""
        tenant = current_tenant_id()
        yield f"{tenant}:api:{client_of(request)}", int(settings.API_REQUESTS_PER_MINUTE)
        most = limits.limit_of("requests")
        yield f"{tenant}:api", int(settings.TENANT_REQUESTS_PER_MINUTE if most is None else most)

    def wait(self) -> float:
        """Return the seconds until the next minute begins."""
        return seconds_left()


def seconds_left() -> int:
    """Return the seconds until the next minute begins."""
    return MINUTE - int(time.time()) % MINUTE


def limit_headers(request: Request) -> dict[str, str]:
    """Return what is left of the limit, for programs that slow down in time; empty while nothing is counted."""
    counted: tuple[int, int] | None = getattr(request._request, "rate_limit", None)
    if counted is None:
        return {}
    limit, left = counted
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": str(seconds_left()),
    }
