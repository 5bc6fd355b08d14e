"""Meta Ads as one provider beside the others: consent, what is read there and what is requested."""

from django.conf import settings
from pydantic import BaseModel, Field

from core.errors import Unavailable
from integrations.ads.selectors import value_of
from integrations.calls.operations import Line
from integrations.connections import providers
from integrations.meta_ads import consent, kinds, lookups, mirror, selectors
from integrations.meta_ads.client import MetaAdsClient
from integrations.ports import Platform


class Credentials(BaseModel):
    """What a connection keeps after consent."""

    access_token: str = Field(min_length=1)


class MetaAds(Platform):
    """The ad campaigns of one ad account."""

    key = selectors.PROVIDER
    title = consent.TITLE
    credentials = Credentials
    scheme = consent.SCHEME
    kinds = kinds.KINDS
    lookups = lookups.LOOKUPS
    mirror = mirror.MIRROR

    def connect(self, credentials: Credentials, line: Line) -> MetaAdsClient:
        """Return a client for an ad account. Raises Unavailable without an address."""
        if not settings.META_API_BASE:
            raise Unavailable("Meta's address isn't configured: set META_API_BASE.", code="not_configured")
        return MetaAdsClient(consent.system_by(consent.authorise_connection), line, line.connection.external_id)

    def summary(self, client: MetaAdsClient) -> str:
        account = value_of(selectors.PROVIDER, client.get_account())
        return f"{account.name} · {account.currency}"


# In place of what connections would make of the platform: consent also has accounts to choose and scopes to read.
providers.register(consent.provider())
