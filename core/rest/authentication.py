"""Authentication and permissions, for the actor of an API key, an access token or a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.actors import Actor
from core.errors import Refused, Unavailable

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by the settings

CHALLENGE: Final = 'Bearer realm="api"'
"""How to sign in, for 401."""


class ActorAuthentication(SessionAuthentication):
    """Takes the actor of the request. Sessions need a CSRF token, keys and access tokens do not."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        """Return the person and the actor, None for a stranger; raises `AuthenticationFailed` for a bad bearer."""
        plain = request._request
        problem: Refused | Unavailable | None = getattr(plain, "bearer_problem", None)
        if isinstance(problem, Unavailable):
            raise problem
        if problem is not None:
            raise AuthenticationFailed(problem.detail, code=problem.code)
        actor: Actor | None = getattr(plain, "actor", None)
        if actor is None:
            return None
        if getattr(plain, "api_client", ""):
            return AnonymousUser(), actor
        self.enforce_csrf(plain)
        return plain.user, actor

    def enforce_csrf(self, request: Any) -> None:
        """Raise `Refused` for a writing request of a session without its token."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise Refused("Send the CSRF token in the header X-CSRFToken.", code="csrf_failed") from None

    def authenticate_header(self, request: Request) -> str:
        """Return how to sign in, for 401."""
        return CHALLENGE


class MayAsk(BasePermission):
    """Requires a known caller with the permission that the view names for the action, or for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return False for strangers; raises `Refused` if the caller's role or key lacks the permission."""
        if not isinstance(request.auth, Actor):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        wanted = getattr(view, "permissions", {}).get(getattr(view, "action", None) or method)
        if wanted and not request.auth.may(wanted):
            # A right on the object of the address is enough; API keys still need the permission as a scope.
            has_right: Callable[[Actor, str], bool] | None = getattr(view, "has_right", None)
            if not (has_right and request.auth.names(wanted) and has_right(request.auth, wanted)):
                request.auth.require(wanted)
        return True


def actor_of(request: Request) -> Actor:
    """Return the caller. For views behind `MayAsk`."""
    actor: Any = request.auth
    found: Actor = actor
    return found


def client_of(request: Request) -> str:
    """Return the name under which requests of one key, or of one person, are counted and remembered."""
    named: str = getattr(request._request, "api_client", "")
    person = actor_of(request).user_id
    return named or f"user-{person.hex if person else 'none'}"
