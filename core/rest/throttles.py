"""The limit of requests per minute of one API key, one person, or one network address that is not signed in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.conf import settings
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.observability.logging import get_logger
from core.reliability.rate_limit import count_up
from core.rest.authentication import client_of
from core.tenancy.scope import current_tenant_id

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by the settings

log = get_logger(__name__)
WINDOW: Final = 60


class PerClient(BaseThrottle):
    """Counts in Redis, minute by minute. While Redis is down, every request is allowed."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return True if the client has requests left in this minute."""
        slot = int(time.time()) // WINDOW
        try:
            used = count_up(f"{self.counted(request)}:{slot}", seconds=2 * WINDOW)
        except RedisError:
            log.warning("api_limit_not_checked")
            return True
        limit = int(settings.API_REQUESTS_PER_MINUTE)
        request._request.rate_limit = (limit, max(limit - used, 0))  # type: ignore[attr-defined]
        return used <= limit

    def counted(self, request: Request) -> str:
        """Return the name under which the request is counted."""
        return f"{current_tenant_id()}:api:{client_of(request)}"

    def wait(self) -> float:
        """Return the seconds until the next minute begins."""
        return seconds_left()


def seconds_left() -> int:
    """Return the seconds until the next minute begins."""
    return WINDOW - int(time.time()) % WINDOW


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
