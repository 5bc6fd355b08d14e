"""The sandbox advertising platform as one provider beside the real ones."""

from django.conf import settings
from pydantic import BaseModel, Field

from core.errors import Unavailable
from core.http import host_of
from integrations.calls.operations import Line, System
from integrations.connections.authorisation import refuse
from integrations.models import ProviderAccount
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

    def connect(self, credentials: Credentials, line: Line) -> SandboxAdsClient:
        """Return a client for an account. Raises Unavailable without an address."""
        if not settings.SANDBOX_ADS_URL:
            raise Unavailable("The advertising platform isn't configured: set SANDBOX_ADS_URL.", code="not_configured")
        return SandboxAdsClient(system_at(settings.SANDBOX_ADS_URL, credentials.token), line)

    def summary(self, client: SandboxAdsClient) -> str:
        account = selectors.get_account(client)
        return f"{account.name} · {account.currency}"

    def audience_sizes(self, client: SandboxAdsClient) -> dict[str, int]:
        """Return the sizes of the audiences by name (outside call)."""
        return {row.name: row.size for row in selectors.list_audiences(client)}


def system_at(url: str, token: str) -> System:
    """Return the platform at an address, for a token of an account."""

    def authorise(connection: ProviderAccount, method: str, url: str, body: bytes) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    # The operator named this host; a tenant cannot.
    return System(url, authorise, private_hosts=(host_of(url),), refused=refuse)
