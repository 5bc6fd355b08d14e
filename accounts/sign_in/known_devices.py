"""Browsers and apps that a person has signed in with before: of a new one the person is told.

A browser proves that it is known by a signed cookie; one that lost it counts as new. An app has none: it is known by
what it is and its network, as long as its family of tokens is kept. What a company's sign-in made known is known at
that sign-in alone, and told in its organisation: else a provider could make its own browser one of the person's.
"""

from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.linked.providers import LABELS
from accounts.models import User
from accounts.selectors import memberships_of
from accounts.sessions import company, store
from core import notices
from core.privacy import signing
from core.tenancy.scope import tenant_scope

COOKIE: Final = f"{settings.SESSION_COOKIE_NAME}_known"
KEPT: Final = 365 * 24 * 3600
MOST: Final = 8
"""People that one browser may know, as at a shared desk; those who signed in last stay."""
NOTICE: Final = "accounts.sign_in"

notices.register_kind(NOTICE, "Sign-in", "key")


def recognise(request: HttpRequest, response: HttpResponse, user: User, *, is_first: bool) -> None:
    """Let the browser know the person from now on, and tell the person of one that didn't.

    For a sign-in that was checked. The very first sign-in of an account tells nobody.
    """
    at = request.session[company.MARK][0] if company.is_marked(request.session) else ""
    known, mark = _people_known(request), _mark_of(user, at)
    if mark not in known and not is_first:
        device = store.device_of(str(request.META.get("HTTP_USER_AGENT", "")))
        linked = LABELS.get(store.linked_by(request.session), "")
        tell(user, device, link="/admin/accounts/browsersession/", at=at, linked=linked)
    kept = [*(one for one in known if one != mark), mark][-MOST:]
    response.set_cookie(
        COOKIE,
        _signer().sign("-".join(kept)),
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def tell(user: User, device: str, *, link: str, at: str = "", linked: str = "") -> None:
    """Leave the person an alert about a sign-in from a new browser or app, in their first organisation.

    Or in the one (`at`) whose company signed them in. A `linked` account is named, as a new password doesn't keep it
    out. Raises nothing for a person without an organisation: they see no console.
    """
    memberships = [one for one in memberships_of(user.pk) if at in ("", one.tenant_id.hex)]
    if not memberships:
        return
    way_out = f"unlink your {linked} account, change your password" if linked else "change your password"
    way_out = "tell those who manage your company's sign-in" if at else way_out
    with tenant_scope(memberships[0].tenant_id), transaction.atomic():
        notices.leave(
            people=[user.pk],
            kind=NOTICE,
            title="Your account was used to sign in from somewhere new",
            body=f"Browser or app: {device}. If it wasn't you, {way_out} and sign out everywhere else.",
            link=link,
            level="alert",
        )


def _people_known(request: HttpRequest) -> list[str]:
    try:
        return _signer().unsign(request.COOKIES.get(COOKIE, "")).split("-")
    except BadSignature:
        return []


def _mark_of(user: User, at: str) -> str:
    return salted_hmac("walker.known-browser", f"{user.pk.hex}{at}").hexdigest()[:24]


def _signer() -> Signer:
    return signing.signer("known-browser", salt="walker.known-browser")
