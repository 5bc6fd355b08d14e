"""Decorators for pages with a secret address.

Such pages are not cached, indexed, leaked or guessed, and their forms are checked for CSRF.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import salted_hmac
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.services import client_address
from core.reliability.rate_limit import count_or_let_pass

UNKNOWN_PER_MINUTE: Final = 30


class FormCheck(CsrfViewMiddleware):
    """Django's CSRF check for pages without referrer, whose forms come from "null"; cookie and token must match."""

    def _origin_verified(self, request: HttpRequest) -> bool:
        return request.META.get("HTTP_ORIGIN") == "null" or bool(super()._origin_verified(request))  # type: ignore[misc]


csrf_checked = decorator_from_middleware(FormCheck)


def private(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Keep the page's address out of referrers and search indexes, for every response."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response

    return answer


def secret_form(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Guard a form at a secret address: shown (GET) and sent (POST), never stored, private, and checked for CSRF."""
    form = never_cache(private(csrf_checked(require_http_methods(["GET", "HEAD", "POST"])(view))))
    exempt: Callable[..., HttpResponseBase] = csrf_exempt(form)  # from the check of all pages, which wants a referrer
    return exempt


def visitor_of(request: HttpRequest) -> UUID | None:
    """Return the id of the signed-in user, if any."""
    user = request.user
    return user.pk if isinstance(user, User) or user.is_authenticated else None


def refuse_guessing(request: HttpRequest, page: str) -> HttpResponse | None:
    """Return 429 after too many unknown addresses in a minute: only these count, so nobody locks others out."""
    return refuse_many(request, f"{page}-unknown", limit=UNKNOWN_PER_MINUTE)


def refuse_many(request: HttpRequest, what: str, *, limit: int) -> HttpResponse | None:
    """Return 429 after more requests in a minute than the limit from one network address."""
    who = salted_hmac(f"walker.{what}", client_address(request)).hexdigest()
    if count_or_let_pass(f"{what}:{who}", seconds=60) <= limit:
        return None
    return HttpResponse(
        "Too many requests. Try again in a minute.\n",
        status=429,
        content_type="text/plain",
        headers={"Retry-After": "60"},
    )
