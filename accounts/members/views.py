"""The invitation page: opening it changes nothing, submitting its form joins the tenant. And pictures of members."""

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
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.members import acceptance
from accounts.members.acceptance import OpenedInvitation
from accounts.members.invitations import find_invitation
from accounts.members.pictures import read_picture
from accounts.middleware import switch_to_tenant
from accounts.models import IdentityProvider, Tenant
from accounts.permissions.roles import name_of_role
from accounts.secret_pages import private, refuse_guessing, secret_form, visitor_of
from accounts.selectors import logo_address, tenant_zone
from accounts.services import client_address
from accounts.sessions import company
from core.errors import Invalid, NotFound, WalkerError
from core.files.pictures import type_of_drawn
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import tenant_scope

PAGE: Final = "accounts/invitation.html"
FIELDS: Final = ("first_name", "last_name", "password")
PICTURES_PER_MINUTE: Final = 1500
"""From one network address: an office behind it is many browsers."""
# Heading and text by the error's code.
OVER: Final = (
    "This invitation has expired",
    "It may have been used, withdrawn or replaced by a newer email. Ask the person who invited you for a new one.",
)
PROBLEMS: Final = {
    "other_person": (
        "This invitation is for someone else",
        "You're signed in with a different address than the one it was sent to.",
    ),
    "already_member": ("You're already a member", "There's nothing left to accept. Sign in as usual."),
    "limit_reached": (
        "There is no place for you yet",
        "This organisation has as many members as it may have. Ask the person who invited you to make room.",
    ),
    "erased": (
        "This address can't be used again",
        "This person was permanently erased from this organisation. Ask for an invitation to a different address.",
    ),
}


@secret_form
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invitation and the next step (GET), or take that step (POST)."""
    match = find_invitation(token)
    if match is None:
        return _refuse_unknown(request)
    tenant_id, invitation_id = match
    with tenant_scope(tenant_id), timezone.override(tenant_zone()):
        try:
            opened = acceptance.open_invitation(invitation_id=invitation_id, visitor=_visitor(request))
        except NotFound:
            return _refuse_unknown(request)
        if request.method != "POST" or opened.problem is not None:
            return _show(request, opened)
        if opened.step != acceptance.SIGN_IN:
            return _accept(request, opened, tenant_id)
        address = str(opened.invitation.address)
    return _sign_in(request, address, token, opened, tenant_id)


@private
@require_safe
def picture(request: HttpRequest, key: str) -> HttpResponse:
    """Serve a member's picture to anyone who knows its address; unknown, removed and foreign addresses are alike."""
    visitor = salted_hmac("walker.pictures", client_address(request)).hexdigest()
    if count_or_let_pass(f"pictures:{visitor}", seconds=60) > PICTURES_PER_MINUTE:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    drawn = read_picture(key)
    if drawn is None:
        return refuse_guessing(request, "picture") or HttpResponse(status=404)
    headers = {
        "Cache-Control": "public, max-age=3600",  # its address changes with it, and it may be removed
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",  # for the chat on customers' websites
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return HttpResponse(drawn, content_type=type_of_drawn(drawn), headers=headers)


def _visitor(request: HttpRequest) -> UUID | None:
    """Return who is signed in, nobody where a company did it: whose an address is, it says for itself alone."""
    return None if company.is_marked(request.session) else visitor_of(request)


def _refuse_unknown(request: HttpRequest) -> HttpResponse:
    """Answer a link that belongs to no invitation."""
    over = {"heading": OVER[0], "words": OVER[1]}
    return refuse_guessing(request, "invitation") or render(request, PAGE, over, status=404)


def _show(
    request: HttpRequest,
    opened: OpenedInvitation,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    if opened.problem is not None:
        return _explain(request, opened.problem)
    row = opened.invitation
    first, _, last = str(row.name or "").partition(" ")
    given = {"first_name": first, "last_name": last} | {
        name: request.POST[name][:200] for name in FIELDS[:2] if name in request.POST
    }
    provider = IdentityProvider.objects.only("is_required").first()
    context = {
        "step": opened.step,
        "company_url": f"{request.path}company/" if provider else "",
        "is_company_required": bool(provider and provider.is_required),
        "organisation": Tenant.objects.get().name,
        "logo": logo_address(),
        "role": name_of_role(row.role),
        "inviter": row.invited_by.get_full_name() if row.invited_by else "",
        "address": row.address,
        "ends_at": row.expires_at,
        "given": given,
        "faults": faults or {},
        "said": notice,
    }
    return render(request, PAGE, context, status=status)


def _explain(request: HttpRequest, problem: WalkerError) -> HttpResponse:
    """Show why the invitation can't be accepted, without saying how it ended."""
    heading, words = PROBLEMS.get(problem.code, OVER)
    context = {
        "heading": heading,
        "words": words,
        "signs_out": problem.code == "other_person",
        "signs_in": problem.code not in ("other_person", "erased", "limit_reached"),
    }
    return render(request, PAGE, context, status=problem.status)


def _accept(request: HttpRequest, opened: OpenedInvitation, tenant_id: UUID) -> HttpResponse:
    is_new = opened.step == acceptance.SIGN_UP
    given: dict[str, Any] = {name: request.POST.get(name, "")[:200] for name in FIELDS} if is_new else {}
    try:
        person = acceptance.accept_invitation(
            invitation_id=opened.invitation.pk,
            visitor=_visitor(request),
            address=client_address(request),
            user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
            **given,
        )
    except Invalid as problem:
        return _show(request, opened, problem.facts["fields"], notice=problem.detail, status=400)
    except WalkerError as problem:
        if problem.code == "sign_in":
            return _show(request, OpenedInvitation(opened.invitation, acceptance.SIGN_IN), status=409)
        return _explain(request, problem)
    response: HttpResponse = redirect("admin:index")
    if is_new:
        # Sign the new person in as the sign-in page does.
        form = LoginForm({"login": person.email, "password": given["password"]}, request=request)
        if not form.is_valid():
            return redirect("admin:login")
        response = form.login(request, redirect_url=reverse("admin:index"))
    list(get_messages(request))  # pending messages of another organisation are dropped
    switch_to_tenant(request, tenant_id)
    messages.success(request, "Welcome! You're all set.")
    return response


def _sign_in(request: HttpRequest, address: str, token: str, opened: OpenedInvitation, tenant_id: UUID) -> HttpResponse:
    """Sign in as the invited address, with a second factor if set up, then return to accept."""
    form = LoginForm({"login": address, "password": request.POST.get("password", "")[:200]}, request=request)
    if form.is_valid():
        response: HttpResponse = form.login(request, redirect_url=reverse("invitation", args=[token]))
        return response
    faults = {"password": [message for errors in form.errors.values() for message in errors]}
    with tenant_scope(tenant_id), timezone.override(tenant_zone()):
        return _show(request, opened, faults, status=400)
