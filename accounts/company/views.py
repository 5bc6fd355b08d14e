"""Pages of signing in at the company: the way there, the way back, and the door for the provider's logout."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.models import Login
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.base.views import IndexView
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth import logout as sign_out
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.company import logout, people, trips
from accounts.company.claims import LEVELS, asked_at, level_of, shown
from accounts.company.people import Visitor
from accounts.company.protocol import TOKEN_LIMIT, WORDS, SignInFailed
from accounts.company.providers import MANAGE, find_provider
from accounts.company.trips import Purpose, Trip
from accounts.members.invitations import find_invitation
from accounts.models import Identity, IdentityProvider, Membership, Tenant, User
from accounts.permissions.roles import name_of_role
from accounts.permissions.team_scope import team_names
from accounts.secret_pages import private, refuse_guessing, refuse_many
from accounts.services import client_address, proven_lately
from accounts.sessions import company as sessions
from core.clock import now as clock_now
from core.errors import WalkerError
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id, current_tenant_or_none, tenant_scope

log = get_logger(__name__)
ASK: Final = "accounts/company.html"
GO: Final = "accounts/company_go.html"
FAILED: Final = "accounts/company_failed.html"
TRIAL: Final = "accounts/company_trial.html"
STARTS_PER_MINUTE: Final = 600
"""From one network address: an office behind it is many browsers, and all begin at nine."""
CONFIRMED: Final = {"password": "", "mfa": " with a second factor", "key": " with a key"}
Provided = Callable[[HttpRequest, IdentityProvider], HttpResponse]


@never_cache
@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for the organisation's short name. Whether there is such an organisation, this page doesn't know."""
    name = slugify(request.GET.get("organisation", ""))[:50]
    return render(request, ASK, {"name": name, "url": reverse("company_start", args=[name]) if name else ""})


@never_cache
@private
@require_safe
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead to the company's sign-in; a member who is signed in by password is asked whether to connect it."""

    def lead(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
        if (name := organisation_to_connect(request, provider)) is None:
            url = trips.begin(request, provider, Purpose.SIGN_IN, next_url=next_url(request))
            return _lead_away(request, provider, url)
        if not proven_lately(request):
            raise ReauthenticationRequired
        url = trips.begin(request, provider, Purpose.LINK, next_url=reverse("admin:accounts_user_changelist"))
        words = f"From now on you sign in to {name} at your company. Continue, and sign in there as yourself."
        return _lead_on(request, "Connect your company sign-in", words, url)

    return _with_provider(request, slug, lead)


@never_cache
@private
@require_safe
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Lead somebody with an invitation's link to the company's sign-in, by which they accept it."""
    match = find_invitation(token)
    if match is None:
        return refuse_guessing(request, "invitation") or _failed(request, SignInFailed("no_provider"), status=404)
    tenant_id, invitation_id = match
    with tenant_scope(tenant_id):
        slug = IdentityProvider.objects.values_list("slug", flat=True).first() or ""

    def lead(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
        url = trips.begin(request, provider, Purpose.JOIN, invitation=str(invitation_id))
        return _lead_away(request, provider, url)

    return _with_provider(request, slug, lead)


@never_cache
@login_required
@require_safe
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask people to sign in at their company again, in a session that it began.

    That is for those with nothing of their own, before they do what asks for it, and for all whose company can prove a
    second factor or a key (`level`). Also for those who may only set up a second factor, which their role needs.
    """
    user = request.user
    tenant_id = None
    if isinstance(user, User) and (confirms_here(user) or levels_offered(request)):
        tenant_id = sessions.find_tenant(request.session, user.pk)
    if tenant_id is None:
        raise PermissionDenied("Sign out and in again, then try once more.")
    level = "key" if request.GET.get("level") == "key" else "mfa"

    def lead(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
        url = trips.begin(request, provider, Purpose.CONFIRM, next_url=next_url(request), level=level)
        words = "This needs a fresh sign-in. Your company asks who you are, then you come back here."
        return _lead_on(request, "Confirm it's you", words, url)

    with tenant_scope(tenant_id):
        slug = IdentityProvider.objects.values_list("slug", flat=True).first() or ""
    return _with_provider(request, slug, lead)


@never_cache
@private
@require_safe
def back(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a browser back from the company's sign-in. Its address holds a code, of which nothing is kept or shown."""

    def take(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
        trip, claims = trips.finish(request, provider)
        return OUTCOMES[trip.purpose](request, provider, trip, claims)

    return _with_provider(request, slug, take)


@csrf_exempt  # the provider calls it, without a cookie; its token is signed
@never_cache
@require_POST
def end_sessions(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the provider's word that a person or a session is over (OpenID Connect Back-Channel Logout 1.0)."""
    found = find_provider(slug)
    token = request.POST.get("logout_token", "")
    if found is None or len(token) > TOKEN_LIMIT:
        return _refuse_logout(request)
    tenant_id, provider_id = found
    with tenant_scope(tenant_id):
        provider = IdentityProvider.objects.filter(pk=provider_id).first()
        try:
            if provider is None:
                return _refuse_logout(request)
            logout.end_by_provider(provider, token)
        except SignInFailed as problem:
            log.warning("company_logout_refused", code=problem.code, why=problem.why)
            return _refuse_logout(request)
    return HttpResponse(status=200)


class FactorsView(IndexView):
    """The page of one's own second factors, and what one's company can prove instead."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return allauth's lists, and the levels that the company can prove."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        return {**found, "company_levels": levels_offered(self.request)}


def _sign_in(request: HttpRequest, provider: IdentityProvider, trip: Trip, claims: dict[str, Any]) -> HttpResponse:
    if trip.purpose is Purpose.JOIN:
        identity = people.join(provider, claims, invitation_id=UUID(trip.invitation), visitor=_visitor(request))
    else:
        identity = people.enter(provider, claims)
    # Nothing of an earlier sign-in in this browser counts in this one.
    sign_out(request)
    waiting = sessions.waiting_for(identity, provider, claims.get("sid") or "")
    record_authentication(request, identity.user, **_proof(provider, claims))
    login = Login(
        user=identity.user,
        redirect_url=trip.next_url or reverse("admin:index"),
        signal_kwargs={sessions.WAITING: waiting},
    )
    response: HttpResponse = perform_login(request, login)
    return response


def _link(request: HttpRequest, provider: IdentityProvider, trip: Trip, claims: dict[str, Any]) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or sessions.is_marked(request.session):
        raise SignInFailed("trip_over")
    people.link(provider, claims, user=user, visitor=_visitor(request))
    messages.success(request, "Your company sign-in is connected.")
    opens = any(one.tenant_id == current_tenant_id() for one in getattr(request, "memberships", []))
    return redirect(trip.next_url) if opens else redirect("company_start", slug=provider.slug)


def _confirm(request: HttpRequest, provider: IdentityProvider, trip: Trip, claims: dict[str, Any]) -> HttpResponse:
    identity = people.find_identity(provider, claims["sub"])
    if identity is None or identity.user_id != request.user.pk:
        raise SignInFailed("not_confirmed", "Somebody else signed in.")
    # What one company proves counts in no session of another's.
    if sessions.find_tenant(request.session, identity.user_id) != provider.tenant_id:
        raise SignInFailed("trip_over")
    is_confirmed = confirms_here(identity.user)
    if not (is_confirmed or provider.proofs):
        raise SignInFailed("trip_over")
    proof = _proof(provider, claims)
    record_authentication(request, identity.user, **proof, reauthenticated=is_confirmed or None)
    # A form that waited isn't sent by coming back: it is shown again.
    request.session.pop(STATE_SESSION_KEY, None)
    if is_confirmed or proof["level"] != "password":
        messages.success(request, f"You're confirmed{CONFIRMED[proof['level']]}. Now repeat what you wanted to do.")
    else:
        messages.warning(request, "Your company didn't confirm a second factor that your organisation accepts.")
    return redirect(trip.next_url)


def _proof(provider: IdentityProvider, claims: dict[str, Any]) -> dict[str, Any]:
    """Return what an ID token proves, as it is kept in the session: the level, and since when it counts."""
    proven_at = min(clock_now().timestamp(), asked_at(claims))
    return {"method": sessions.MARK, "level": level_of(provider.proofs, claims), "proven_at": proven_at}


def _try(request: HttpRequest, provider: IdentityProvider, trip: Trip, claims: dict[str, Any]) -> HttpResponse:
    if not _manages(request):
        raise SignInFailed("trip_over")
    trial, names = people.try_out(provider, claims), team_names()
    context = {
        "trial": trial,
        "role": name_of_role(trial.role) if trial.role else "",
        "teams": sorted(names[team] for team in trial.place.teams if team in names),
        "groups": sorted(trial.groups),
        "groups_claim": provider.groups_claim,
        "level": LEVELS[level_of(provider.proofs, claims)].capitalize(),
        "claims": shown(claims, provider.groups_claim),
        "back_url": trip.next_url,
    }
    return render(request, TRIAL, context)


OUTCOMES: Final[dict[Purpose, Callable[[HttpRequest, IdentityProvider, Trip, dict[str, Any]], HttpResponse]]] = {
    Purpose.SIGN_IN: _sign_in,
    Purpose.JOIN: _sign_in,
    Purpose.LINK: _link,
    Purpose.CONFIRM: _confirm,
    Purpose.TRY: _try,
}


def _with_provider(request: HttpRequest, slug: str, answer: Provided) -> HttpResponse:
    """Answer in the scope of an organisation's provider; one without a provider is as one that isn't there."""
    if (refusal := refuse_many(request, "company", limit=STARTS_PER_MINUTE)) is not None:
        return refusal
    found = find_provider(slug)
    if found is None:
        return refuse_guessing(request, "company") or _failed(request, SignInFailed("no_provider"), status=404)
    tenant_id, provider_id = found
    # Before the scope is another one: this one is the visitor's own.
    request.is_at_home = current_tenant_or_none() == tenant_id  # type: ignore[attr-defined]
    with tenant_scope(tenant_id):
        provider = IdentityProvider.objects.filter(pk=provider_id).first()
        if provider is None:
            return _failed(request, SignInFailed("no_provider"), status=404)
        try:
            return answer(request, provider)
        except SignInFailed as problem:
            log.warning("company_sign_in_failed", code=problem.code, why=problem.why)
            return _failed(request, problem, slug=slug)
        except WalkerError as problem:
            return _failed(request, problem, slug=slug)


def organisation_to_connect(request: HttpRequest, provider: IdentityProvider) -> str | None:
    """Return the name of the provider's organisation to a member who is signed in otherwise and isn't connected."""
    if not isinstance(request.user, User) or sessions.is_marked(request.session):
        return None
    is_member = Membership.objects.filter(user=request.user, is_active=True).exists()
    is_connected = Identity.objects.filter(user=request.user, issuer=provider.issuer).exists()
    return Tenant.objects.get(pk=current_tenant_id()).name if is_member and not is_connected else None


def levels_offered(request: HttpRequest) -> list[str]:
    """Return the levels beyond a password that the company of this session can prove. Two queries at most."""
    tenant_id = None
    if isinstance(request.user, User) and sessions.is_marked(request.session):
        tenant_id = sessions.find_tenant(request.session, request.user.pk)
    if tenant_id is None:
        return []
    with tenant_scope(tenant_id):
        proofs = IdentityProvider.objects.values_list("proofs", flat=True).first() or []
    return sorted({proof["level"] for proof in proofs} - {"password"}, reverse=True)


def confirms_here(user: User) -> bool:
    """Return True for people that their company may confirm: nothing of their own could, and all they have is there."""
    return any(method["id"] == "company" for method in get_adapter().get_reauthentication_methods(user))


def _lead_away(request: HttpRequest, provider: IdentityProvider, url: str) -> HttpResponse:
    """Lead to the provider at once, or ask a browser that is signed in: a link elsewhere mustn't change who it is."""
    if not isinstance(request.user, User):
        return redirect(url)
    words = f"You're signed in already. Continue to the sign-in of “{provider.slug}” to be signed in there instead."
    return _lead_on(request, "Sign in with your company", words, url)


def _lead_on(request: HttpRequest, heading: str, words: str, url: str) -> HttpResponse:
    """Show the way to the provider as a link: a form may not lead to another site."""
    context = {"heading": heading, "words": words, "url": url}
    return render(request, GO, context)


def _failed(request: HttpRequest, problem: WalkerError, *, status: int = 0, slug: str = "") -> HttpResponse:
    why = problem.why if isinstance(problem, SignInFailed) and _manages(request) else ""
    context = {"words": WORDS.get(problem.code, problem.detail), "why": why, "slug": slug}
    return render(request, FAILED, context, status=status or problem.status)


def _manages(request: HttpRequest) -> bool:
    """Return True to those who can change the provider that the request is about, in the organisation they work in."""
    actor = getattr(request, "actor", None)
    return bool(getattr(request, "is_at_home", False) and actor and actor.may(MANAGE))


def _refuse_logout(request: HttpRequest) -> HttpResponse:
    return refuse_guessing(request, "company-logout") or JsonResponse({"error": "invalid_request"}, status=400)


def _visitor(request: HttpRequest) -> Visitor:
    return Visitor(client_address(request), str(request.META.get("HTTP_USER_AGENT", "")))


def next_url(request: HttpRequest) -> str:
    """Return where a browser wants to go on here, or the console's first page."""
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if allowed else reverse("admin:index")
