"""The doors of a forgotten password: asking for a link, which answers everybody alike, and using it."""

from __future__ import annotations

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
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from kombu.exceptions import OperationalError
from redis import RedisError

from accounts import tasks
from accounts.models import User
from accounts.secret_pages import checked, private, refuse_guessing, visitor_of
from accounts.services import client_address
from accounts.sign_in import password_reset
from accounts.sign_in.adapter import as_counted
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
NO_ADDRESS: Final = "Write the mail address you sign in with."
TOO_OFTEN: Final = "That was asked for too often. Look into your mail, also among the junk, or try again in an hour."
NOT_NOW: Final = "This cannot be done at the moment. Try again in a minute."


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for the address, and say the same of every address: whether somebody has it is told to its mailbox only.

    What differs between addresses is done by a worker. Counted by visitor and by address, known or
    not; where nobody can count, nobody is sent anything.
    """
    if not password_reset.is_offered():
        return _ask(request, status=503 if request.method == "POST" else 200)
    if request.method != "POST":
        return _ask(request)
    address = request.POST.get("email", "").strip().lower()
    if not _is_address(address):
        return _ask(request, NO_ADDRESS, status=400)
    try:
        if not consume(request, action=LIMIT, key=as_counted(address)):
            return _ask(request, TOO_OFTEN, status=429, headers=AN_HOUR)
        tasks.offer_reset.delay(str(password_reset.account_with(address) or uuid4()), int(now().timestamp()))
    except (RedisError, OperationalError):
        log.warning("reset_not_counted")
        return _ask(request, NOT_NOW, status=503, headers=SOON)
    return render(request, ASK, {"is_sent": True})


def _is_address(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address) <= LONGEST_ADDRESS


def _ask(
    request: HttpRequest, fault: str = "", *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    given = request.POST.get("email", "")[:LONGEST_ADDRESS]
    context = {"is_offered": password_reset.is_offered(), "fault": fault, "given": given}
    answer = render(request, ASK, context, status=status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


@csrf_exempt  # for the check of all pages; this one has the check below
@never_cache
@private
@checked
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for the new password (GET), or set it (POST); nobody is signed in by it."""
    person = password_reset.find_reset(token)
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
    return _leave(request, person)


def _show(request: HttpRequest, person: User, faults: Sequence[str] = ()) -> HttpResponse:
    return render(request, SET, {"address": person.email, "faults": faults}, status=400 if faults else 200)


def _leave(request: HttpRequest, person: User) -> HttpResponse:
    """Go to the sign-in page, where the second factor is asked for as ever."""
    if visitor_of(request) == person.pk:
        logout(request)
    try:
        get_adapter().forget_failures(request, person.email)
    except RedisError:
        log.warning("failures_not_forgotten")  # a lock of five minutes may stay
    messages.success(request, "Your password is changed. Sign in with it.")
    return redirect("admin:login")
