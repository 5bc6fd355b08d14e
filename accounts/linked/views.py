"""Pages of signing in with a linked account, and of linking one: the way there, and the way back."""

from typing import Any, Final

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth import logout as sign_out
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.company.protocol import SignInFailed
from accounts.company.trips import Purpose
from accounts.company.views import GO, STARTS_PER_MINUTE, next_url
from accounts.linked import accounts, providers
from accounts.linked.providers import Proven
from accounts.models import User
from accounts.secret_pages import private, refuse_many
from accounts.services import proven_lately
from accounts.sessions import store
from accounts.sign_in import attempts
from core.actors import Actor
from core.errors import Refused, TooMany, WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)
FAILED: Final = "accounts/linked_failed.html"
WORDS: Final = {
    "provider_away": "{} can't be reached at the moment. Try again in a few minutes, or sign in with your password.",
    "provider_wrong": "Sign-in with {} isn't set up correctly. Tell the people who run this installation.",
    "provider_refused": "{} didn't confirm who you are. Start again.",
    "code_refused": "{} refused its own code, perhaps because it was used before. Start again.",
    "token_wrong": "{} sent an answer that isn't valid. Start again.",
    "trip_over": "This sign-in took too long, was used before, or was started in another browser. Start again.",
}


@never_cache
@private
@require_safe
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead to a provider: to sign in there, or, for somebody who is signed in and has just confirmed it, to link."""
    label = _label(slug)
    if (refusal := refuse_many(request, "linked", limit=STARTS_PER_MINUTE)) is not None:
        return refusal
    try:
        if not isinstance(request.user, User):
            return redirect(providers.begin(request, slug, Purpose.SIGN_IN, next_url=next_url(request)))
        accounts.require_own_sign_in(_actor_of(request))
        if not proven_lately(request):
            raise ReauthenticationRequired
        url = providers.begin(request, slug, Purpose.LINK, next_url=reverse("admin:accounts_user_changelist"))
    except WalkerError as problem:
        return _failed(request, problem, slug)
    context = {
        "heading": f"Link your {label} account",
        "words": f"From now on you can sign in here with {label}. Continue, and choose your own account there.",
        "url": url,
        "button": f"Continue to {label}",
    }
    return render(request, GO, context)


@never_cache
@private
@require_safe
def back(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a browser back from a provider. Its address holds a code, and nothing of it is kept or shown."""
    _label(slug)
    if (refusal := refuse_many(request, "linked", limit=STARTS_PER_MINUTE)) is not None:
        return refusal
    try:
        trip, proven = providers.finish(request, slug)
        if trip.purpose is not Purpose.LINK:
            return enter(request, slug, proven, trip.next_url)
        accounts.link_account(actor=_actor_of(request), provider=slug, proven=proven)
    except WalkerError as problem:
        return _failed(request, problem, slug)
    messages.success(request, f"Your {providers.LABELS[slug]} account is linked.")
    return redirect(trip.next_url)


def enter(request: HttpRequest, slug: str, proven: Proven, wanted: str) -> HttpResponse:
    """Sign in as a password does: a second factor is asked for, and organisations decide what that opens."""
    try:
        with attempts.counted(request, f"linked:{accounts.digest_of(slug, proven)}") as attempt:
            user = accounts.find_person(slug, proven)
            attempt.is_right = True
    except ValidationError as problem:
        raise TooMany(" ".join(problem.messages)) from None
    # Nothing of an earlier sign-in in this browser counts in this one.
    sign_out(request)
    record_authentication(request, user, method=store.LINKED, provider=slug)
    login = Login(user=user, redirect_url=wanted or reverse("admin:index"))
    response: HttpResponse = perform_login(request, login)
    return response


def _actor_of(request: HttpRequest) -> Actor:
    """Return the member who links; raises `Refused` for others."""
    actor: Any = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        raise Refused("You aren't a member of any organisation, so you can't link an account.", code="no_membership")
    return actor


def _label(slug: str) -> str:
    found = providers.offered().get(slug)
    if found is None:
        raise Http404
    return found


def _failed(request: HttpRequest, problem: WalkerError, slug: str) -> HttpResponse:
    words = problem.detail
    if isinstance(problem, SignInFailed):
        log.warning("linked_sign_in_failed", provider=slug, code=problem.code, why=problem.why)
        words = WORDS.get(problem.code, problem.detail).format(providers.LABELS[slug])
    context = {"words": words, "slug": slug, "label": providers.LABELS[slug]}
    return render(request, FAILED, context, status=problem.status)
