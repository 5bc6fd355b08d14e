"""Password reset pages: requesting a link, with the same answer for every address, and using it."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from allauth.account.adapter import get_adapter
from allauth.core.ratelimit import consume
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from kombu.exceptions import OperationalError
from redis import RedisError

from accounts import tasks
from accounts.models import User
from accounts.secret_pages import refuse_guessing, secret_form, visitor_of
from accounts.services import client_address
from accounts.sign_in import password_reset
from accounts.sign_in.attempts import rate_limit_key
from core.clock import now
from core.errors import Gone, Invalid
from core.observability.logging import get_logger

log = get_logger(__name__)

ASK: Final = "accounts/forgot_password.html"
SET: Final = "accounts/new_password.html"
LIMIT: Final = "reset_password"
LONGEST_ADDRESS: Final = 254
AN_HOUR: Final = {"Retry-After": "3600"}
SOON: Final = {"Retry-After": "60"}
NO_ADDRESS: Final = "Enter the email address you sign in with."
TOO_OFTEN: Final = "Too many requests. Check your inbox and your junk folder, or try again in an hour."
NOT_NOW: Final = "This isn't working right now. Try again in a minute."


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for an address and answer the same for each: only its mailbox learns whether an account exists.

    A worker does what differs between addresses. Requests are limited by visitor and by address, registered
    or not; while they can't be counted, nothing is sent.
    """
    if not password_reset.is_offered():
        return _ask(request, status=503 if request.method == "POST" else 200)
    if request.method != "POST":
        return _ask(request)
    address = request.POST.get("email", "").strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        return _ask(request, NO_ADDRESS, status=400)
    if len(address) > LONGEST_ADDRESS:
        return _ask(request, NO_ADDRESS, status=400)
    try:
        if not consume(request, action=LIMIT, key=rate_limit_key(address)):
            return _ask(request, TOO_OFTEN, status=429, headers=AN_HOUR)
        tasks.offer_reset.delay(str(password_reset.find_account_id(address) or uuid4()), int(now().timestamp()))
    except (RedisError, OperationalError):
        log.warning("reset_not_counted")
        return _ask(request, NOT_NOW, status=503, headers=SOON)
    return render(request, ASK, {"is_sent": True})


def _ask(
    request: HttpRequest, fault: str = "", *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    given = request.POST.get("email", "")[:LONGEST_ADDRESS]
    context = {"is_offered": password_reset.is_offered(), "fault": fault, "given": given}
    answer = render(request, ASK, context, status=status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


@secret_form
@sensitive_post_parameters("password")
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for the new password (GET) or set it (POST), without signing anyone in."""
    person = password_reset.find_user_by_link(token)
    if person is None:
        return refuse_guessing(request, "reset") or render(request, SET, {}, status=404)
    if request.method != "POST":
        return _show(request, person)
    try:
        password_reset.reset_password(
            secret=token,
            password=request.POST.get("password", "")[:200],
            address=client_address(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
        )
    except Invalid as problem:
        return _show(request, person, problem.facts["fields"]["password"])
    except Gone as problem:
        return render(request, SET, {}, status=problem.status)
    if visitor_of(request) == person.pk:
        logout(request)
    try:
        get_adapter().forget_failures(person.email)
    except RedisError:
        log.warning("failures_not_forgotten")  # a lock of five minutes may stay
    messages.success(request, "Your password was changed. Sign in with the new one.")
    return redirect("admin:login")  # where the second factor is still asked for


def _show(request: HttpRequest, person: User, faults: Sequence[str] = ()) -> HttpResponse:
    return render(request, SET, {"address": person.email, "faults": faults}, status=400 if faults else 200)
