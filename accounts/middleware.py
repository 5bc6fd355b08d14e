"""Middleware that puts each request into its tenant's scope: by session, API key or access token."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from uuid import UUID

from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject

from accounts import api_keys, selectors, services
from accounts.models import Tenant, User
from accounts.permissions import factor_rules, shares
from accounts.permissions.team_scope import teams_seen
from accounts.sessions import company, store
from accounts.tokens import access
from core.actors import Actor
from core.db import replica
from core.errors import Refused, Unavailable
from core.observability.logging import get_logger
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)
DATABASE_AWAY: Final = (OperationalError, InterfaceError)
SESSION_TENANT = "tenant_id"
API: Final = "/api/"
CONSOLE: Final = "/admin/"
READING: Final = ("GET", "HEAD", "OPTIONS")


class TenantMiddleware:
    """Sets `request.memberships`, `actor`, `tenant` and `zone` (of one's profile), and enters the tenant's scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the tenant's scope, or without one for people who aren't members."""
        request.memberships, request.actor, request.tenant = [], None, None  # type: ignore[attr-defined]
        request.zone = ""  # type: ignore[attr-defined]
        if not isinstance(request.user, User) and not request.user.is_authenticated:
            return self.get_response(request)
        memberships = selectors.memberships_opened_by(request.session, request.user.pk)
        if memberships is None:
            logout(request)
        if not memberships:
            return self.get_response(request)
        wanted = request.session.get(SESSION_TENANT)
        membership = next(
            (membership for membership in memberships if str(membership.tenant_id) == wanted), memberships[0]
        )
        _remember_tenant(request, membership, wanted, is_only=len(memberships) == 1)
        if selectors.lacks_factor(request.session, request.user.pk, membership):
            others = [one for one in memberships if not factor_rules.is_lacking(request.user.pk, one.factor_due)]
            request.memberships = others  # type: ignore[attr-defined]
            return self.lead_to_set_up(request)
        with tenant_scope(membership.tenant_id):
            request.memberships, request.zone = memberships, membership.zone  # type: ignore[attr-defined]
            person = Actor.of_user(
                request.user.pk,
                membership.role,
                role_version=membership.role_version,
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
                permissions=membership.permissions,
                proven_lately=services.proven_lately(request),
                teams=teams_seen(request.user.pk, own_only=membership.own_teams_only),
                by_company=company.is_marked(request.session),
                read_shares=shares.reader_of(request.user.pk, membership.role),
            )
            request.tenant = SimpleLazyObject(  # type: ignore[attr-defined]
                lambda: Tenant.objects.get(pk=membership.tenant_id)
            )
            return self.get_response(request)

    def lead_to_set_up(self, request: HttpRequest) -> HttpResponse:
        """Answer a person who lacks the second factor that their role needs: until it is there, they are no member.

        They may switch to another organisation that doesn't need one of them.
        """
        request.factor_needed = True  # type: ignore[attr-defined]
        if request.path.startswith(API) and "HTTP_AUTHORIZATION" not in request.META:
            request.bearer_problem = Refused(factor_rules.NEEDED, code="factor_required")  # type: ignore[attr-defined]
        if request.path.startswith(CONSOLE) and request.path != reverse("admin:logout"):
            return HttpResponseRedirect(reverse("mfa_index"))
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


class OwnWritesMiddleware:
    """Lets people and keys read what they have written, where figures and searches come from a replica."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and note if its actor has written."""
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        with replica.writes_as(actor and (actor.user_id or actor.id)):
            return self.get_response(request)


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


class BearerMiddleware:
    """Authenticates API requests with a key or an access token as its person, in its tenant.

    Runs after the session's middleware: a bearer takes precedence over a session, and an invalid one is never
    ignored. Sets `request.actor` and `request.api_client`, or `request.bearer_problem`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the scope of its bearer's tenant."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None or not request.path.startswith(API):
            return self.get_response(request)
        scheme, _, given = header.partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else ""
        address, agent = services.client_address(request), str(request.META.get("HTTP_USER_AGENT", ""))
        try:
            # An API key has no dot.
            token = access.read(secret) if "." in secret else None
            tenant_id = token.tenant_id if token else api_keys.tenant_of_key(secret)
            if tenant_id is None:
                raise Refused("This API key isn't valid.", code="bad_key")
            with tenant_scope(tenant_id):
                if token:
                    actor = access.actor_of_token(token, address=address, user_agent=agent)
                else:
                    actor = api_keys.actor_of_key(secret, address=address, user_agent=agent)
        except Refused as problem:
            return self._refuse(request, problem)
        except DATABASE_AWAY as problem:
            log.error("database_away", exc_info=problem)
            # The bearer may be good, nobody can tell now.
            return self._refuse(request, Unavailable("The database is not available."))
        # Requests of a person's tokens count as those of their session do.
        client = f"user-{token.person_id.hex}" if token else f"key-{digest_of_secret(secret)[:32]}"
        request.actor, request.api_client = actor, client  # type: ignore[attr-defined]
        with tenant_scope(tenant_id):
            return self.get_response(request)

    def _refuse(self, request: HttpRequest, problem: Refused | Unavailable) -> HttpResponse:
        request.actor, request.bearer_problem = None, problem  # type: ignore[attr-defined]
        return self.get_response(request)
