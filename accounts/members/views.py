"""The door of invitations: looking changes nothing, a filled-in form takes the seat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from allauth.account.forms import LoginForm
from django.contrib import messages
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.members import joining
from accounts.members.invitations import find_invitation
from accounts.members.joining import Opened
from accounts.middleware import go_on_in
from accounts.models import Membership, Tenant, User
from accounts.secret_pages import checked, private, refuse_guessing, visitor_of
from accounts.selectors import tenant_zone
from accounts.services import client_address
from core.errors import Invalid, NotFound, WalkerError
from core.tenancy.scope import tenant_scope

PAGE: Final = "accounts/invitation.html"
FIELDS: Final = ("first_name", "last_name", "password")
# What is told by the error's code: heading, words, and whether signing in helps.
OVER: Final = (
    "This invitation counts no more",
    "It was used or withdrawn, a newer mail brought a newer link, or its days are over. "
    "Ask whoever invited you for a new one.",
)
TOLD: Final = {
    "other_person": ("This invitation is for somebody else", "You are signed in with another address than it went to."),
    "seated": ("You have a seat here already", "There is nothing left to accept. Sign in as you always do."),
    "erased": (
        "This address cannot come back",
        "Its person was erased from this organisation for good. Ask for an invitation to another address.",
    ),
}


@csrf_exempt  # for the check of all pages; this one has the check below
@never_cache
@private
@checked
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what was offered and what to do for it (GET), or do it (POST)."""
    found = find_invitation(token)
    if found is None:
        return _unknown(request)
    tenant_id, invitation_id = found
    with tenant_scope(tenant_id), timezone.override(tenant_zone()):
        try:
            opened = joining.open_invitation(invitation_id=invitation_id, visitor=visitor_of(request))
        except NotFound:
            return _unknown(request)
        if request.method != "POST" or opened.problem is not None:
            return _show(request, opened)
        if opened.step != joining.SIGN_IN:
            return _accept(request, opened, tenant_id)
        address = str(opened.invitation.address)
    return _sign_in(request, address, token, opened, tenant_id)


def _unknown(request: HttpRequest) -> HttpResponse:
    """Answer a link that is none."""
    over = {"heading": OVER[0], "words": OVER[1]}
    return refuse_guessing(request, "invitation") or render(request, PAGE, over, status=404)


def _show(
    request: HttpRequest,
    opened: Opened,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    if opened.problem is not None:
        return _told(request, opened.problem)
    row = opened.invitation
    first, _, last = str(row.name or "").partition(" ")
    given = {"first_name": first, "last_name": last} | {
        name: request.POST[name][:200] for name in FIELDS[:2] if name in request.POST
    }
    context = {
        "step": opened.step,
        "organisation": Tenant.objects.get().name,
        "role": Membership.Role(row.role).label,
        "inviter": row.invited_by.get_full_name() if row.invited_by else "",
        "address": row.address,
        "ends_at": row.expires_at,
        "given": given,
        "faults": faults or {},
        "said": said,
    }
    return render(request, PAGE, context, status=status)


def _told(request: HttpRequest, problem: WalkerError) -> HttpResponse:
    """Say on one page why there is nothing to take; what ended it is not told apart."""
    heading, words = TOLD.get(problem.code, OVER)
    context = {
        "heading": heading,
        "words": words,
        "signs_out": problem.code == "other_person",
        "signs_in": problem.code not in ("other_person", "erased"),
    }
    return render(request, PAGE, context, status=problem.status)


def _accept(request: HttpRequest, opened: Opened, tenant_id: UUID) -> HttpResponse:
    is_new = opened.step == joining.SIGN_UP
    given: dict[str, Any] = {name: request.POST.get(name, "")[:200] for name in FIELDS} if is_new else {}
    try:
        person = joining.accept_invitation(
            invitation_id=opened.invitation.pk,
            visitor=visitor_of(request),
            address=client_address(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
            **given,
        )
    except Invalid as problem:
        return _show(request, opened, problem.facts["fields"], said="Nothing was done yet.", status=400)
    except WalkerError as problem:
        if problem.code == "sign_in":
            return _show(request, Opened(opened.invitation, joining.SIGN_IN), status=409)
        return _told(request, problem)
    if is_new:
        return _enter(request, person, given["password"], tenant_id)
    return _go_in(request, redirect("admin:index"), tenant_id)


def _enter(request: HttpRequest, person: User, password: str, tenant_id: UUID) -> HttpResponse:
    """Sign the new person in as the sign-in page does."""
    form = LoginForm({"login": person.email, "password": password}, request=request)
    if not form.is_valid():
        return redirect("admin:login")
    return _go_in(request, form.login(request, redirect_url=reverse("admin:index")), tenant_id)


def _go_in(request: HttpRequest, response: HttpResponse, tenant_id: UUID) -> HttpResponse:
    """Go on in the organisation; pending notices of another one are dropped."""
    list(get_messages(request))
    go_on_in(request, tenant_id)
    messages.success(request, "Welcome. Your seat is ready.")
    return response


def _sign_in(request: HttpRequest, address: str, token: str, opened: Opened, tenant_id: UUID) -> HttpResponse:
    """Sign in as the address, with a second factor where there is one, and come back to accept."""
    form = LoginForm({"login": address, "password": request.POST.get("password", "")[:200]}, request=request)
    if form.is_valid():
        response: HttpResponse = form.login(request, redirect_url=reverse("invitation", args=[token]))
        return response
    faults = {"password": [message for found in form.errors.values() for message in found]}
    with tenant_scope(tenant_id), timezone.override(tenant_zone()):
        return _show(request, opened, faults, status=400)
