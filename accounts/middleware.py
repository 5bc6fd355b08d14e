"""Puts each signed-in request into the scope of the tenant chosen in its session."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts import selectors, services
from accounts.models import Tenant, User
from accounts.roles import permissions_of
from core.actors import Actor
from core.scope import tenant_scope

SESSION_TENANT = "tenant_id"


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
        seat = _chosen(seats, request.session.get(SESSION_TENANT))
        if seat is None:
            return self.get_response(request)
        with tenant_scope(seat.tenant_id):
            request.seats = seats  # type: ignore[attr-defined]
            request.actor = _actor(request, seat)  # type: ignore[attr-defined]
            request.tenant = SimpleLazyObject(  # type: ignore[attr-defined]
                lambda: Tenant.objects.get(pk=seat.tenant_id)
            )
            return self.get_response(request)


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
    )
