"""Google Ads as one provider beside the others: consent, what is read there and what is requested."""

from django.conf import settings
from pydantic import BaseModel, Field

from core.errors import Unavailable
from integrations.ads.selectors import value_of
from integrations.calls.operations import Line
from integrations.connections import providers
from integrations.google_ads import consent, kinds, lookups, mirror, selectors
from integrations.google_ads.client import GoogleAdsClient
from integrations.ports import Platform


class Credentials(BaseModel):
    """What a connection keeps after consent; its access token is asked for again when it has ended."""

    refresh_token: str = Field(min_length=1)


class GoogleAds(Platform):
    """The ad campaigns of one ad account."""

    key = selectors.PROVIDER
    title = consent.TITLE
    credentials = Credentials
    scheme = consent.SCHEME
    kinds = kinds.KINDS
    lookups = lookups.LOOKUPS
    mirror = mirror.MIRROR

    def connect(self, credentials: Credentials, line: Line) -> GoogleAdsClient:
        """Return a client for an ad account. Raises Unavailable without an address."""
        if not settings.GOOGLE_ADS_API_BASE:
            raise Unavailable("Google's address isn't configured: set GOOGLE_ADS_API_BASE.", code="not_configured")
        customer = line.connection.external_id.rpartition("/")[2]
        return GoogleAdsClient(consent.system_by(consent.authorise_connection), line, customer)

    def summary(self, client: GoogleAdsClient) -> str:
        account = value_of(selectors.PROVIDER, client.get_account())
        return f"{account.name} · {account.currency}"


# In place of what connections would make of the platform: consent also has accounts to choose.
providers.register(consent.provider())
