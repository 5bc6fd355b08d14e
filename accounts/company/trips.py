"""The way of one browser to the identity provider and back: state, nonce and verifier, each for one sign-in.

They are kept in the session on our side, so that an answer counts in the browser that asked, once.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from redis import RedisError

from accounts.company import protocol
from accounts.company.claims import ONLY_SIGNED, acr_values, address_of, asked_at
from accounts.company.protocol import Client, SignInFailed
from accounts.models import IdentityProvider
from core.clock import now as clock_now
from core.privacy.encryption import challenge_of, digest_of_secret

TRIPS: Final = "company_trips"
LIFE: Final = timedelta(minutes=10)
MOST: Final = 5
"""How many of a browser are open at once: it has several tabs."""
CODE_LIMIT: Final = 4000


class Purpose(StrEnum):
    """What the provider's answer is for."""

    SIGN_IN = "sign_in"
    LINK = "link"
    JOIN = "join"
    CONFIRM = "confirm"
    TRY = "try"


SIGNED_IN: Final = (Purpose.LINK, Purpose.CONFIRM, Purpose.TRY)
"""Those that count for the person who was signed in when they began."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One way there and back: what it is for, and what it leads to afterwards."""

    purpose: Purpose
    provider: str
    person: str
    nonce: str
    verifier: str
    begun: datetime
    next_url: str
    invitation: str


def begin(
    request: HttpRequest,
    provider: IdentityProvider,
    purpose: Purpose,
    *,
    next_url: str = "",
    invitation: str = "",
    level: str = "mfa",
) -> str:
    """Return where the browser of a request signs in at the provider (outside call). Raises `SignInFailed`.

    Who confirms is asked for what proves the `level`, where the organisation says which `acr` does.
    """
    endpoints = protocol.read_endpoints(provider.issuer)
    asked = {
        "client_id": provider.client_id,
        "redirect_uri": callback_url(provider),
        "scope": provider.scopes,
        **open_trip(request, purpose, provider.pk.hex, next_url=next_url, invitation=invitation),
    }
    if purpose is Purpose.CONFIRM:
        wanted = acr_values(provider.proofs, level)
        asked |= {"max_age": "0", "prompt": "login", **({"acr_values": wanted} if wanted else {})}
    return address_of_question(endpoints.authorize, asked)


def open_trip(
    request: HttpRequest, purpose: Purpose, provider: str, *, next_url: str = "", invitation: str = ""
) -> dict[str, str]:
    """Remember a way to a provider, and return what that one is asked with: for a code, by PKCE, with a nonce."""
    state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    kept = {
        "purpose": purpose.value,
        "provider": provider,
        "person": str(request.user.pk or ""),
        "nonce": nonce,
        "verifier": verifier,
        "begun": clock_now().timestamp(),
        "next": next_url,
        "invitation": invitation,
    }
    request.session[TRIPS] = {**dict(list(_open_trips(request).items())[1 - MOST :]), digest_of_secret(state): kept}
    return {
        "response_type": "code",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }


def address_of_question(endpoint: str, asked: Mapping[str, str]) -> str:
    """Return the address at a provider to which a browser is sent with a question."""
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def finish(request: HttpRequest, provider: IdentityProvider) -> tuple[Trip, dict[str, Any]]:
    """Return what the browser's way was for, and the claims that the provider made (outside calls).

    Raises `SignInFailed`, also for a way that this browser didn't begin, or that is over.
    """
    trip, client = claim_trip(request, provider.pk.hex), protocol.client_of(provider)
    claims, access = read_answer(request, client, trip, callback=callback_url(provider))
    if trip.purpose is Purpose.CONFIRM:
        require_asked_again(claims, trip)
        return trip, claims
    wants_groups = bool(provider.rules) or trip.purpose is Purpose.TRY
    if not address_of(claims) or (wants_groups and provider.groups_claim not in claims):
        # Some providers tell these only here. What is signed counts more.
        told = protocol.read_userinfo(client, access, claims["sub"])
        claims = {**{name: value for name, value in told.items() if name not in ONLY_SIGNED}, **claims}
    return trip, claims


def read_answer(request: HttpRequest, client: Client, trip: Trip, *, callback: str) -> tuple[dict[str, Any], str]:
    """Return what an ID token claims, for the code of an answer, and the access token (outside calls).

    Raises `SignInFailed`, also where the answer names another issuer, or none though the provider always does.
    """
    said, endpoints = request.GET.get("iss", ""), protocol.read_endpoints(client.issuer, template=client.template)
    # One that speaks for many has a name for each: that in the token counts.
    if not client.template and (said or endpoints.names_issuer) and said != client.issuer:
        raise SignInFailed("token_wrong", "Another issuer answered (iss).")
    token, access = protocol.redeem(client, code=code_in(request), verifier=trip.verifier, callback=callback)
    return protocol.read_id_token(client, token, nonce=trip.nonce, begun=trip.begun), access


def code_in(request: HttpRequest) -> str:
    """Return the code with which a provider sent a browser back. Raises `SignInFailed`."""
    code, error = request.GET.get("code", ""), request.GET.get("error", "")
    if error or not 0 < len(code) <= CODE_LIMIT:
        known = error[:60] if error.replace("_", "").isalnum() else "no code"
        raise SignInFailed("provider_refused", f"It answered: {known}.")
    return code


def callback_url(provider: IdentityProvider) -> str:
    """Return where the provider sends people back: an address of its own, so that no other one gets its codes."""
    return f"{settings.PUBLIC_URL}{reverse('company_back', args=[provider.slug])}"


def start_url(provider: IdentityProvider) -> str:
    """Return the address by which the organisation's people begin."""
    return f"{settings.PUBLIC_URL}{reverse('company_start', args=[provider.slug])}"


def logout_url(provider: IdentityProvider) -> str:
    """Return where the provider says that somebody is out."""
    return f"{settings.PUBLIC_URL}{reverse('company_end_sessions', args=[provider.slug])}"


def claim_trip(request: HttpRequest, provider: str) -> Trip:
    """Use up the trip whose state came back. Raises `SignInFailed` for one of another browser, person or provider."""
    open_trips = _open_trips(request)
    digest = digest_of_secret(request.GET.get("state", ""))
    kept = open_trips.pop(digest, None)
    request.session[TRIPS] = open_trips
    if kept is None:
        raise SignInFailed("trip_over")
    trip = Trip(
        purpose=Purpose(kept["purpose"]),
        provider=kept["provider"],
        person=kept["person"],
        nonce=kept["nonce"],
        verifier=kept["verifier"],
        begun=datetime.fromtimestamp(kept["begun"], UTC),
        next_url=kept["next"],
        invitation=kept["invitation"],
    )
    is_another = trip.purpose in SIGNED_IN and trip.person != str(request.user.pk or "")
    if trip.provider != provider or is_another or not is_first(digest):
        raise SignInFailed("trip_over")
    return trip


def is_first(digest: str) -> bool:
    """Return True to one of several requests with the same state: each has read the session before the others wrote."""
    try:
        return bool(cache.add(f"company-trip:{digest}", 1, timeout=LIFE.total_seconds()))
    except RedisError:
        return False


def _open_trips(request: HttpRequest) -> dict[str, dict[str, Any]]:
    since = (clock_now() - LIFE).timestamp()
    return {key: kept for key, kept in request.session.get(TRIPS, {}).items() if kept["begun"] > since}


def require_asked_again(claims: dict[str, Any], trip: Trip) -> None:
    """Raise `SignInFailed` unless the provider asked the person again on this way."""
    if asked_at(claims) < (trip.begun - protocol.LEEWAY).timestamp():
        raise SignInFailed("not_confirmed", "It doesn't say that it asked again (auth_time).")
