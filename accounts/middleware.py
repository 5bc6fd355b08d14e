"""Middleware that puts each request into its tenant's scope: by session or by API key."""

from collections.abc import Callable
from dataclasses import replace
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
from accounts.permissions.team_scope import teams_seen
from accounts.sessions import store
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
    """Sets `request.memberships`, `request.actor` and `request.tenant`, and enters the tenant's scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the tenant's scope, or without one for people who aren't members."""
        request.memberships, request.actor, request.tenant = [], None, None  # type: ignore[attr-defined]
        if not isinstance(request.user, User) and not request.user.is_authenticated:
            return self.get_response(request)
        memberships = selectors.memberships_of(request.user.pk)
        if not memberships:
            return self.get_response(request)
        wanted = request.session.get(SESSION_TENANT)
        membership = next(
            (membership for membership in memberships if str(membership.tenant_id) == wanted), memberships[0]
        )
        _remember_tenant(request, membership, wanted, is_only=len(memberships) == 1)
        with tenant_scope(membership.tenant_id):
            request.memberships = memberships  # type: ignore[attr-defined]
            person = Actor.of_user(
                request.user.pk,
                membership.role,
                address=services.client_address(request),
                user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
                auth_strength=services.auth_strength_of(request),
            )
            store.note_use(
                user_id=request.user.pk,
                session_key=request.session.session_key or "",
                address=person.address,
                user_agent=person.user_agent,
            )
            request.actor = replace(  # type: ignore[attr-defined]
                person,
                permissions=permissions_of(membership.role),
                proven_lately=services.proven_lately(request),
                teams=teams_seen(request.user.pk, own_only=membership.own_teams_only),
            )
            request.tenant = SimpleLazyObject(  # type: ignore[attr-defined]
                lambda: Tenant.objects.get(pk=membership.tenant_id)
            )
            return self.get_response(request)


def _remember_tenant(
    request: HttpRequest, membership: selectors.ActiveMembership, wanted: str | None, *, is_only: bool
) -> None:
    """Store the tenant; raises `PermissionDenied` for a form of one the person left, which must not act here."""
    if wanted == str(membership.tenant_id) or (is_only and wanted is None):
        return
    if wanted is not None and request.method not in READING:
        raise PermissionDenied("You're no longer a member of that organisation.")
    switch_to_tenant(request, membership.tenant_id)


def switch_to_tenant(request: HttpRequest, tenant_id: UUID | str) -> None:
    """Switch the session to a tenant and drop a form of another one that waits for the password."""
    request.session[SESSION_TENANT] = str(tenant_id)
    request.session.pop(STATE_SESSION_KEY, None)


class NoStoreMiddleware:
    """Keeps proxies and browsers from storing pages of signed-in people, such as recovery codes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; pages without caching headers are not stored."""
        response = self.get_response(request)
        # REST framework may set the user to None. Reading the user may cost a query, so it comes last.
        has_header = response.has_header("Cache-Control")
        if not has_header and request.user is not None and request.user.is_authenticated:
            add_never_cache_headers(response)
        return response


class ApiKeyMiddleware:
    """Authenticates API requests with a key as the key's owner, in the key's tenant.

    Runs after the session's middleware: a key takes precedence over a session, and an invalid key is never
    ignored. Sets `request.actor` and `request.api_client`, or `request.key_problem`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the scope of its key's tenant."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None or not request.path.startswith(API):
            return self.get_response(request)
        scheme, _, token = header.partition(" ")
        secret = token.strip() if scheme.lower() == "bearer" else ""
        try:
            tenant_id = api_keys.tenant_of_key(secret)
        except DATABASE_AWAY as problem:
            return self._put_off(request, problem)
        if tenant_id is None:
            return self._refuse(request, Refused("This API key isn't valid.", code="bad_key"))
        with tenant_scope(tenant_id):
            try:
                actor = api_keys.actor_of_key(
                    secret,
                    address=services.client_address(request),
                    user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
                )
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
