"""Puts each request into the scope of its tenant: the one chosen in the session, or the one of its API key."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject

from accounts import api_keys, selectors, services
from accounts.models import Tenant, User
from accounts.permissions.roles import permissions_of
from core.actors import Actor
from core.errors import Refused, Unavailable
from core.observability.logging import get_logger
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)
DATABASE_AWAY: Final = (OperationalError, InterfaceError)
SESSION_TENANT = "tenant_id"
API: Final = "/api/"
READING: Final = ("GET", "HEAD", "OPTIONS")


class TenantMiddleware:
    """Sets `request.seats`, `request.actor` and `request.tenant`, and enters the tenant's scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request inside the tenant's scope, or outside any without a seat."""
        request.seats, request.actor, request.tenant = [], None, None  # type: ignore[attr-defined]
        if not isinstance(request.user, User) and not request.user.is_authenticated:
            return self.get_response(request)
        seats = selectors.seats_of(request.user.pk)
        wanted = request.session.get(SESSION_TENANT)
        seat = _chosen(seats, wanted)
        if seat is None:
            return self.get_response(request)
        _keep_to(request, seat, wanted, is_only=len(seats) == 1)
        with tenant_scope(seat.tenant_id):
            request.seats = seats  # type: ignore[attr-defined]
            request.actor = _actor(request, seat)  # type: ignore[attr-defined]
            request.tenant = SimpleLazyObject(  # type: ignore[attr-defined]
                lambda: Tenant.objects.get(pk=seat.tenant_id)
            )
            return self.get_response(request)


def _keep_to(request: HttpRequest, seat: selectors.Seat, wanted: str | None, *, is_only: bool) -> None:
    """Note the organisation that pages are shown for; raises `PermissionDenied` for a form of one that is gone.

    What was filled in for one organisation must not act in another one of the person's.
    """
    if wanted == str(seat.tenant_id) or (is_only and wanted is None):
        return
    if wanted is not None and request.method not in READING:
        raise PermissionDenied("You have no seat there any more.")
    go_on_in(request, seat.tenant_id)


def go_on_in(request: HttpRequest, tenant_id: UUID | str) -> None:
    """Show the pages of an organisation from now on; a form of another one that waits for the password is dropped."""
    request.session[SESSION_TENANT] = str(tenant_id)
    request.session.pop(STATE_SESSION_KEY, None)


def _chosen(seats: list[selectors.Seat], wanted: str | None) -> selectors.Seat | None:
    chosen = (seat for seat in seats if str(seat.tenant_id) == wanted)
    return next(chosen, seats[0] if seats else None)


def _actor(request: HttpRequest, seat: selectors.Seat) -> Actor:
    user_id: UUID = request.user.pk  # type: ignore[assignment]
    return Actor(
        kind="user",
        id=user_id,
        user_id=user_id,
        role=seat.role,
        name=str(user_id),
        address=services.client_address(request),
        user_agent=str(request.META.get("HTTP_USER_AGENT", ""))[:200],
        auth_strength=services.auth_strength_of(request),
        permissions=permissions_of(seat.role),
        proven_lately=services.proven_lately(request),
    )


class NoStoreMiddleware:
    """Lets nobody on the way, and no browser, keep what a signed-in person saw, such as codes of a second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; a page that says nothing of caching is not kept."""
        response = self.get_response(request)
        # The framework of the API leaves nobody where it asked for none. Who it is may cost a query: asked last.
        says_so = response.has_header("Cache-Control")
        if not says_so and request.user is not None and request.user.is_authenticated:
            add_never_cache_headers(response)
        return response


class ApiKeyMiddleware:
    """Answers a request to the API that brings a key as the key's owner, inside the key's tenant.

    Stands within the session's: a key counts before a session, and a bad key is never passed over.
    Sets `request.actor` and `request.api_client`, or `request.key_problem`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the scope of its key's tenant."""
        given = request.META.get("HTTP_AUTHORIZATION")
        if given is None or not request.path.startswith(API):
            return self.get_response(request)
        secret = _bearer(given)
        try:
            tenant_id = api_keys.tenant_of_key(secret)
        except DATABASE_AWAY as problem:
            return self._put_off(request, problem)
        if tenant_id is None:
            return self._refuse(request, Refused("This key is not valid.", code="bad_key"))
        with tenant_scope(tenant_id):
            try:
                actor = _actor_of_key(request, secret)
            except Refused as problem:
                return self._refuse(request, problem)
            except DATABASE_AWAY as problem:
                return self._put_off(request, problem)
            request.actor = actor  # type: ignore[attr-defined]
            request.api_client = f"key-{digest_of_secret(secret)[:32]}"  # type: ignore[attr-defined]
            return self.get_response(request)

    def _put_off(self, request: HttpRequest, problem: Exception) -> HttpResponse:
        """Have the request answered with 503: the key may be good, nobody can tell now."""
        log.error("database_away", exc_info=problem)
        return self._refuse(request, Unavailable("The database is not available."))

    def _refuse(self, request: HttpRequest, problem: Refused | Unavailable) -> HttpResponse:
        request.actor, request.key_problem = None, problem  # type: ignore[attr-defined]
        return self.get_response(request)


def _bearer(given: str) -> str:
    scheme, _, secret = given.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _actor_of_key(request: HttpRequest, secret: str) -> Actor:
    agent = str(request.META.get("HTTP_USER_AGENT", ""))
    return api_keys.actor_of_key(secret, address=services.client_address(request), user_agent=agent)
