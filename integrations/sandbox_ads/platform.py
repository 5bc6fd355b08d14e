"""The sandbox advertising platform as one provider beside the real ones."""

from django.conf import settings
from pydantic import BaseModel, Field

from core.errors import Unavailable
from core.http import Patience
from integrations.ports import Platform
from integrations.sandbox_ads import comparisons, lookups, sections, selectors
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.kinds import KINDS
from integrations.schemes import Bearer


class Credentials(BaseModel):
    """What an account on the sandbox platform needs."""

    token: str = Field(min_length=1, title="Token", description="The access token of an account on the platform.")


class SandboxAds(Platform):
    """Campaigns, search rankings, content and audiences of an advertising platform that only looks like one."""

    key = selectors.PROVIDER
    title = "Sandbox marketing platform"
    credentials = Credentials
    scheme = Bearer("token")
    kinds = KINDS
    lookups = (*lookups.LOOKUPS, *comparisons.LOOKUPS)
    sections = sections.SECTIONS

    def connect(self, credentials: Credentials, *, patience: Patience | None = None) -> SandboxAdsClient:
        """Return a client for an account. Raises Unavailable without an address."""
        url = settings.SANDBOX_ADS_URL
        if not url:
            raise Unavailable("The advertising platform isn't configured: set SANDBOX_ADS_URL.", code="not_configured")
        return SandboxAdsClient(url, credentials.token, patience=patience)

    def summary(self, client: SandboxAdsClient) -> str:
        account = selectors.get_account(client)
        return f"{account.name} · {account.currency}"

    def audience_sizes(self, client: SandboxAdsClient) -> dict[str, int]:
        """Return the sizes of the audiences by name (outside call)."""
        return {row.name: row.size for row in selectors.list_audiences(client)}
