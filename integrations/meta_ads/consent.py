"""Consent at Meta: what is asked, which ad accounts it reaches, and the token, which is made to live longer.

Meta has no refresh tokens. A token of some hours is exchanged for one of sixty days, and that one for a fresh one while
it counts. No token is ever used up by this, so that two workers at once do no harm.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from pydantic import BaseModel

from core.clock import now
from core.db.locks import locked
from core.errors import Unavailable
from core.http import host_of
from core.reliability import loose_cache
from integrations.ads.selectors import value_of
from integrations.calls import operations as calls
from integrations.calls.operations import Line
from integrations.calls.rights import MISSING
from integrations.connections import authorisation
from integrations.connections.errors import ConnectionFailed
from integrations.connections.providers import Authorise, Provider, VendorAccount, for_any, unsaved_account
from integrations.connections.token_endpoint import ask_for_tokens
from integrations.connections.tokens import with_tokens
from integrations.meta_ads.client import (
    CALLS_PER_MINUTE,
    LIMITS,
    VERSION,
    MetaAdsClient,
    MetaSystem,
    read_error,
    read_quota,
)
from integrations.meta_ads.selectors import PROVIDER
from integrations.models import ProviderAccount
from integrations.schemes import Consent, Headers, OAuthApp, Scope, Secrets

TITLE: Final = "Meta Ads"
EARLY: Final = timedelta(days=7)
AGAIN: Final = timedelta(minutes=10)
SCOPES: Final = (
    Scope("ads_read", "see your ad accounts, ad campaigns and their figures"),
    Scope("ads_management", "change the budgets of ad campaigns, and pause and resume them"),
)


class NothingTyped(BaseModel):
    """Consent needs nothing that is typed in."""


def api_url() -> str:
    """Return the address of the API."""
    return f"{settings.META_API_BASE}/{VERSION}"


def token_url() -> str:
    """Return the address at which codes and tokens are exchanged."""
    return f"{api_url()}/oauth/access_token"


def own_hosts() -> tuple[str, ...]:
    """Return the host that the operator named; a tenant cannot."""
    return (host_of(settings.META_API_BASE),)


def app() -> OAuthApp:
    """Return this installation's app at Meta."""
    return OAuthApp(settings.META_ADS_APP_ID, settings.META_ADS_APP_SECRET)


SCHEME: Final = Consent(
    consent_url=lambda: f"{settings.META_LOGIN_BASE}/{VERSION}/dialog/oauth",
    token_url=token_url,
    app=app,
    scopes=SCOPES,
)


def system_by(authorise: calls.Authorise) -> MetaSystem:
    """Return the API, with what authorises its requests."""
    return MetaSystem(
        api_url(),
        authorise,
        error=read_error,
        limit_codes=LIMITS,
        calls_per_minute=CALLS_PER_MINUTE,
        private_hosts=own_hosts(),
        refused=authorisation.refuse,
        quota=read_quota,
    )


def authorise_connection(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
    """Return the headers for a connection, whose token is exchanged before it ends. Raises as `authorise` does."""
    lengthen(connection)
    return authorisation.authorise(connection, method, url, body)


def lengthen(connection: ProviderAccount) -> None:
    """Exchange a token that ends within a week for one of sixty days (outside call, outside transactions).

    If Meta doesn't give one, the old one is used while it counts, and it is asked again after ten minutes.
    """
    used = connection.credentials
    token, ends = used.get("access_token"), used.get("access_ends")
    left = float(ends) - now().timestamp() if token and ends is not None else 0.0
    if not 0 < left < EARLY.total_seconds():
        return
    mark = f"{connection.tenant_id.hex}:meta_ads_exchange:{connection.pk.hex}"
    if loose_cache.find(mark, what="token exchange"):
        return
    loose_cache.keep(mark, True, seconds=AGAIN.total_seconds(), what="token exchange")
    form = {
        "grant_type": "fb_exchange_token",
        "client_id": app().client_id,
        "client_secret": app().client_secret,
        "fb_exchange_token": str(token),
    }
    try:
        found = ask_for_tokens(token_url(), form, own_hosts())
    except ConnectionFailed:
        return
    with transaction.atomic():
        row = locked(ProviderAccount, connection.pk, MISSING)
        if row.credentials.get("access_token") == token:
            row.credentials, row.expires_at = with_tokens(row.credentials, found), found.ends
            row.save(update_fields=["credentials", "expires_at"])
    connection.credentials = row.credentials


def client_before_connection(authorise: Authorise) -> MetaAdsClient:
    """Return a client for a consent that isn't stored yet; no row of its calls is kept."""
    return MetaAdsClient(system_by(for_any(authorise)), Line(unsaved_account(PROVIDER, TITLE), attempts=2))


def list_accounts(authorise: Authorise) -> list[VendorAccount]:
    """Return the ad accounts of the person who allowed it (outside calls). Raises Unavailable."""
    found = value_of(PROVIDER, client_before_connection(authorise).list_accounts())
    return [VendorAccount(one.id, f"{one.name} · {one.currency}") for one in found]


def list_scopes(authorise: Authorise) -> Collection[str]:
    """Return what the person allowed (outside call). Raises Unavailable."""
    return value_of(PROVIDER, client_before_connection(authorise).list_scopes())


def check(_kept: Secrets, authorise: Authorise) -> str:
    """Return a line about what the consent reaches (outside call). Raises Unavailable."""
    found = list_accounts(authorise)
    if not found:
        raise Unavailable("The consent reaches no ad account.", code="no_accounts")
    return f"{found[0].name}{f', and {len(found) - 1} more' if len(found) > 1 else ''}"


def provider() -> Provider:
    """Return Meta Ads as connections know it."""
    more: dict[str, Any] = {"list_accounts": list_accounts, "list_scopes": list_scopes, "own_hosts": own_hosts}
    return Provider(key=PROVIDER, title=TITLE, credentials=NothingTyped, scheme=SCHEME, check=check, **more)
