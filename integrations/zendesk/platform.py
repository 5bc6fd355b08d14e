"""Zendesk as one platform beside the others."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from django.conf import settings
from pydantic import BaseModel, Field

from core.http import host_of
from integrations.calls.operations import Line, System
from integrations.calls.quotas import read_numbers
from integrations.connections.authorisation import refuse
from integrations.models import ProviderAccount
from integrations.schemes import Call, Headers, Secrets, SecretScheme, basic
from integrations.ticketing.kinds import KINDS
from integrations.ticketing.ports import TicketPlatform
from integrations.ticketing.selectors import value_of
from integrations.zendesk.client import ZendeskClient, read_error

VENDOR: Final = "zendesk.com"
CALLS_PER_MINUTE: Final = 200
"""Of the smallest plan."""
read_quota: Final = partial(read_numbers, left="X-Rate-Limit-Remaining", limit="X-Rate-Limit", period="minute")


class Credentials(BaseModel):
    """What an account at Zendesk needs."""

    subdomain: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        title="Subdomain",
        description="The first part of your Zendesk address: acme in acme.zendesk.com.",
        json_schema_extra={"is_public": True},
    )
    email: str = Field(
        min_length=3,
        max_length=254,
        title="Email",
        description="Of the agent under whose name Walker works there.",
        json_schema_extra={"is_public": True},
    )
    token: str = Field(min_length=1, title="API token", description="From Apps and integrations, APIs, API tokens.")
    signing_secret: str = Field(
        "",
        title="Signing secret",
        description="From the webhook in Zendesk. Leave it empty if Zendesk posts no changes to Walker.",
    )


@dataclass(frozen=True)
class ApiToken(SecretScheme):
    """An API token in place of an agent's password."""

    def headers(self, kept: Secrets, call: Call) -> Headers:
        return basic(f"{kept['email']}/token", str(kept["token"]))


class Zendesk(TicketPlatform):
    """Tickets of Zendesk Support."""

    key = "zendesk"
    title = "Zendesk"
    credentials = Credentials
    scheme = ApiToken()
    kinds = KINDS
    webhook = "zendesk_changes"
    webhook_words = (
        "Make a webhook in Zendesk with this address for ticket events, and enter its signing secret under Rotate "
        "credentials. Zendesk then posts that a ticket has changed, and Walker discards its saved copy."
    )

    def connect(self, credentials: Credentials, line: Line) -> ZendeskClient:
        return ZendeskClient(system_of(credentials), line)

    def summary(self, client: ZendeskClient) -> str:
        """Return whose token it is. Raises Unavailable."""
        return f"Zendesk · {value_of(client.me())}"


def system_of(credentials: Credentials) -> System:
    """Return Zendesk for an account."""

    def authorise(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
        return ApiToken().headers(credentials.model_dump(), Call(method, url, body))

    url = settings.ZENDESK_API_BASE.replace("{subdomain}", credentials.subdomain)
    host = host_of(url)
    # A host that the operator named may be a private one; the vendor's may not.
    own_hosts = () if host.endswith(f".{VENDOR}") else (host,)
    return System(
        url,
        authorise,
        error=read_error,
        calls_per_minute=CALLS_PER_MINUTE,
        private_hosts=own_hosts,
        refused=refuse,
        quota=read_quota,
    )
