"""Sign-in page, confirming an address, mail preference, switching between tenants, and keys of access tokens."""

from allauth.account import views as allauth_views
from allauth.account.forms import LoginForm
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.linked import providers
from accounts.middleware import switch_to_tenant
from accounts.models import User
from accounts.secret_pages import refuse_guessing, secret_form
from accounts.selectors import wants_mail
from accounts.services import actor_for_request, choose_mail
from accounts.sign_in import registration
from accounts.tokens import keys
from core.errors import Gone, Invalid, TooMany, Unavailable

CONFIRM = "accounts/confirm_address.html"


def _next_url(request: HttpRequest) -> str:
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if allowed else reverse("admin:index")


@sensitive_post_parameters("password")
@never_cache
@csrf_protect
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with address and password; the second factor, if set up, is asked for next.

    Wrong input answers 200 with one message that doesn't say which part was wrong; allauth limits
    the number of attempts.
    """
    if request.method != "POST":
        return _sign_in_page(request, LoginForm(request=request))
    fields = {"login": request.POST.get("username", ""), "password": request.POST.get("password", "")}
    form = LoginForm(fields, request=request)
    if not form.is_valid():
        return _sign_in_page(request, form)
    response: HttpResponse = form.login(request, redirect_url=_next_url(request))
    return response


def _sign_in_page(request: HttpRequest, form: LoginForm) -> HttpResponse:
    context = {
        "form": form,
        "username": request.POST.get("username", ""),
        "next": _next_url(request),
        "linked": providers.offered(),
        "errors": [message for messages in form.errors.values() for message in messages],
    }
    return render(request, "accounts/login.html", context)


@secret_form
@sensitive_post_parameters("password")
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask somebody who registered to confirm their address (GET), or make the account (POST)."""
    over = {"heading": "This link has expired", "is_over": True}
    if not registration.can_be_confirmed(token):
        return refuse_guessing(request, "registration") or render(request, CONFIRM, over, status=404)
    asked = {"heading": "Confirm your address"}
    if request.method != "POST":
        return render(request, CONFIRM, asked)
    try:
        registration.verify_email(request=request, token=token, password=request.POST.get("password", ""))
    except Gone as problem:
        return render(request, CONFIRM, over, status=problem.status)
    except (Invalid, TooMany, Unavailable) as problem:
        return render(request, CONFIRM, {**asked, "fault": problem.detail}, status=problem.status)
    return render(request, CONFIRM, {"heading": "Your address is confirmed", "is_done": True})


@login_required
def change_password(request: HttpRequest) -> HttpResponse:
    """Let a person change their password; who has none is signed in by their company."""
    if not isinstance(request.user, User) or not request.user.has_usable_password():
        raise PermissionDenied("Your company signs you in, so you have no password here. Change it at your company.")
    response: HttpResponse = allauth_views.password_change(request)
    return response


@never_cache
@login_required
def mail_preference(request: HttpRequest) -> HttpResponse:
    """Show whether you get approval emails (GET), or change it for yourself (POST)."""
    if getattr(request, "actor", None) is None:
        raise PermissionDenied("You aren't a member of any organisation.")
    actor = actor_for_request(request)
    if request.method == "POST":
        wanted = request.POST.get("mail")
        if wanted in ("on", "off"):
            choose_mail(actor=actor, is_on=wanted == "on")
        return redirect("mail_preference")
    is_on = actor.user_id is not None and wants_mail(actor.user_id)
    return render(request, "accounts/mail.html", {"is_on": is_on})


@require_POST
def switch_tenant(request: HttpRequest) -> HttpResponse:
    """Switch to another of your tenants; pending messages of the old one are dropped."""
    wanted = request.POST.get("tenant", "")
    if wanted in {str(membership.tenant_id) for membership in getattr(request, "memberships", [])}:
        list(get_messages(request))
        switch_to_tenant(request, wanted)
    return redirect("admin:index")


@require_safe
def token_keys(request: HttpRequest) -> JsonResponse:
    """Return the public keys by which access tokens are verified, as a JSON Web Key Set (RFC 7517)."""
    return JsonResponse({"keys": keys.published()}, headers={"Cache-Control": "public, max-age=300"})
