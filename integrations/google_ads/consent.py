"""Consent at Google: what is asked, which customers it reaches, directly or below a manager, and the headers of calls.

A customer below a manager is used with the manager's number in `login-customer-id`. A connection keeps both as its
account: "<manager>/<customer>", or the customer's number alone.
"""

from typing import Any, Final

from django.conf import settings
from pydantic import BaseModel

from core.errors import Unavailable
from core.http import host_of
from integrations.ads.selectors import value_of
from integrations.calls import operations as calls
from integrations.calls.answers import Ok
from integrations.calls.operations import Line
from integrations.connections import authorisation
from integrations.connections.providers import Authorise, Provider, VendorAccount, unsaved_account
from integrations.google_ads.client import CALLS_PER_MINUTE, LIMITS, VERSION, GoogleAdsClient, GoogleSystem, read_error
from integrations.google_ads.selectors import PROVIDER
from integrations.models import ProviderAccount
from integrations.schemes import Consent, Headers, OAuthApp, Scope, Secrets

TITLE: Final = "Google Ads"
LISTING_SECONDS: Final = 20.0
SCOPE: Final = Scope(
    "https://www.googleapis.com/auth/adwords",
    "see your ad accounts, ad campaigns and their figures, change budgets, and pause and resume ad campaigns",
)


class NothingTyped(BaseModel):
    """Consent needs nothing that is typed in."""


def token_url() -> str:
    """Return the address at which codes and refresh tokens are exchanged."""
    return f"{settings.GOOGLE_TOKEN_BASE}/token"


def own_hosts() -> tuple[str, ...]:
    """Return the hosts that the operator named; a tenant cannot."""
    return host_of(settings.GOOGLE_ADS_API_BASE), host_of(settings.GOOGLE_TOKEN_BASE)


def app() -> OAuthApp:
    """Return this installation's app at Google."""
    return OAuthApp(settings.GOOGLE_ADS_CLIENT_ID, settings.GOOGLE_ADS_CLIENT_SECRET)


SCHEME: Final = Consent(
    consent_url=lambda: f"{settings.GOOGLE_LOGIN_BASE}/o/oauth2/v2/auth",
    token_url=token_url,
    app=app,
    scopes=(SCOPE,),
    # Without a new consent Google gives a refresh token the first time only.
    asked={"access_type": "offline", "prompt": "consent"},
)


def system_by(authorise: calls.Authorise) -> GoogleSystem:
    """Return the API, with what authorises its requests."""
    return GoogleSystem(
        f"{settings.GOOGLE_ADS_API_BASE}/{VERSION}",
        authorise,
        error=read_error,
        limit_codes=LIMITS,
        calls_per_minute=CALLS_PER_MINUTE,
        private_hosts=own_hosts(),
        refused=authorisation.refuse,
    )


def headers_for(manager: str, given: Headers) -> Headers:
    """Return the headers of a request, with the manager through which a customer is used."""
    developer = settings.GOOGLE_ADS_DEVELOPER_TOKEN
    return {
        **given,
        **({"login-customer-id": manager} if manager else {}),
        **({"developer-token": developer} if developer else {}),
    }


def authorise_connection(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
    """Return the headers for a connection. Raises as `authorise` does."""
    manager = connection.external_id.rpartition("/")[0]
    return headers_for(manager, authorisation.authorise(connection, method, url, body))


def client_before_connection(authorise: Authorise, customer: str = "") -> GoogleAdsClient:
    """Return a client for a consent that isn't stored yet; no row of its calls is kept."""

    def headers(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
        return headers_for(customer, authorise(method, url, body))

    line = Line(unsaved_account(PROVIDER, TITLE), seconds=LISTING_SECONDS, attempts=2)
    return GoogleAdsClient(system_by(headers), line, customer)


def list_accounts(authorise: Authorise) -> list[VendorAccount]:
    """Return the customers that the person who allowed it can use, without managers (outside calls).

    One that can be used directly and through a manager is listed once, directly. A direct customer that Google doesn't
    let us look at, such as one that was closed, is left out. Raises Unavailable.
    """
    direct = value_of(PROVIDER, client_before_connection(authorise).list_direct())
    found: dict[str, VendorAccount] = {}
    for number in direct:
        answer = client_before_connection(authorise, number).list_customers()
        if not isinstance(answer, Ok) and answer.code not in ("CUSTOMER_NOT_ENABLED", "USER_PERMISSION_DENIED"):
            value_of(PROVIDER, answer)
        for one in answer.value if isinstance(answer, Ok) else ():
            if not one.is_manager and (one.id == number or one.id not in found):
                ident = number if one.id == number else f"{number}/{one.id}"
                found[one.id] = VendorAccount(ident, f"{one.name} · {one.currency}")
    return list(found.values())


def check(_kept: Secrets, authorise: Authorise) -> str:
    """Return a line about what the consent reaches (outside calls). Raises Unavailable."""
    found = list_accounts(authorise)
    if not found:
        raise Unavailable("The consent reaches no ad account.", code="no_accounts")
    return f"{found[0].name}{f', and {len(found) - 1} more' if len(found) > 1 else ''}"


def provider() -> Provider:
    """Return Google Ads as connections know it."""
    more: dict[str, Any] = {"list_accounts": list_accounts, "own_hosts": own_hosts}
    return Provider(key=PROVIDER, title=TITLE, credentials=NothingTyped, scheme=SCHEME, check=check, **more)
