"""Google, Microsoft and GitHub: which of them the installation offers, and who they say somebody is (outside calls).

The first two by OpenID Connect, as a company's provider is asked; GitHub by OAuth 2.0, and its own word about the
account. Only issuer and subject are read, and no right to anything else is asked for. Nothing they send is kept.
"""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.company import protocol, trips
from accounts.company.protocol import Client, SignInFailed
from accounts.company.trips import Purpose, Trip

LABELS: Final = {"google": "Google", "microsoft": "Microsoft", "github": "GitHub"}
MICROSOFT: Final = "microsoft"
GITHUB: Final = "github"
LARGEST_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class Proven:
    """Who somebody is at a provider."""

    issuer: str
    subject: str


def offered() -> dict[str, str]:
    """Return the providers at which the installation has an app, by key, with their names."""
    return {key: label for key, label in LABELS.items() if client_of(key) is not None}


def client_of(key: str) -> Client | None:
    """Return the installation's app at a provider, None without id and secret."""
    own = settings.SIGN_IN_WITH.get(key, {})
    if not (own.get("id") and own.get("secret")):
        return None
    if key != MICROSOFT:
        return Client(own["base"], own["id"], own["secret"])
    # One address for the people of all Microsoft's tenants; each token names its own.
    return Client(f"{own['base']}/common/v2.0", own["id"], own["secret"], template=f"{own['base']}/{{tenantid}}/v2.0")


def callback_url(key: str) -> str:
    """Return where a provider sends people back: an address of its own, so that no other one gets its codes."""
    return f"{settings.PUBLIC_URL}{reverse('linked_back', args=[key])}"


def begin(request: HttpRequest, key: str, purpose: Purpose, *, next_url: str = "") -> str:
    """Return where the browser of a request signs in at a provider (outside call). Raises `SignInFailed`."""
    client = _client(key)
    asked = {
        "client_id": client.client_id,
        "redirect_uri": callback_url(key),
        # Which account, is asked also where one is signed in: a desk may be shared.
        "prompt": "select_account",
        **trips.open_trip(request, purpose, key, next_url=next_url),
    }
    if key == GITHUB:
        del asked["nonce"]  # it signs no token that could hold it
        return trips.address_of_question(f"{client.issuer}/login/oauth/authorize", {**asked, "allow_signup": "false"})
    endpoints = protocol.read_endpoints(client.issuer, template=client.template)
    return trips.address_of_question(endpoints.authorize, {**asked, "scope": "openid"})


def finish(request: HttpRequest, key: str) -> tuple[Trip, Proven]:
    """Return what the browser's way was for, and who a provider says somebody is (outside calls).

    Raises `SignInFailed`, also for a way that this browser didn't begin, or that is over.
    """
    client, trip = _client(key), trips.claim_trip(request, key)
    if key == GITHUB:
        return trip, ask_github(client, trips.code_in(request), trip)
    claims, _ = trips.read_answer(request, client, trip, callback=callback_url(key))
    return trip, Proven(claims["iss"], claims["sub"])


def _client(key: str) -> Client:
    client = client_of(key)
    if client is None:
        raise SignInFailed("no_provider")
    return client


def ask_github(client: Client, code: str, trip: Trip) -> Proven:
    """Return who GitHub says somebody is, for a code (outside calls). Raises `SignInFailed`."""
    form = {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "code": code,
        "redirect_uri": callback_url(GITHUB),
        "code_verifier": trip.verifier,
    }
    url = f"{client.issuer}/login/oauth/access_token"
    token = protocol.read_json("POST", url, refusal="code_refused", form=form).get("access_token")
    # It answers 200 also about a code that doesn't count.
    if not isinstance(token, str) or not token or not (token.isascii() and token.isprintable()):
        raise SignInFailed("code_refused", "It sent no access token.")
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "Walker", "X-GitHub-Api-Version": "2022-11-28"}
    said = protocol.read_json("GET", f"{settings.SIGN_IN_WITH[GITHUB]['api']}/user", headers=headers)
    number = said.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < LARGEST_ID:
        raise SignInFailed("token_wrong", "It doesn't say which account it is.")
    return Proven(client.issuer, str(number))
