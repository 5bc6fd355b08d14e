"""Salesforce as one platform beside the others."""

import re
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from pydantic import BaseModel, Field

from core.http import host_of
from integrations.calls.answers import Ok
from integrations.calls.operations import ENDED, Authorise, Line, System
from integrations.calls.quotas import Quota
from integrations.connections import authorisation, providers
from integrations.connections.errors import ConnectionFailed
from integrations.connections.providers import Provider
from integrations.crm.ports import CrmPlatform
from integrations.ports import Platform
from integrations.salesforce.client import FIELD_MAP, FORBIDDEN, SalesforceClient
from integrations.schemes import ClientCredentials, Secrets

KEY: Final = "salesforce"
TITLE: Final = "Salesforce"
VENDOR: Final = "my.salesforce.com"
CALLS_PER_MINUTE: Final = 100_000 // (24 * 60)
"""Of the calls a day that the smallest edition with an API has."""
USAGE: Final = re.compile(r"\bapi-usage=([0-9]{1,12})/([0-9]{1,12})\b")
"""In the header Sforce-Limit-Info: the calls of the last 24 hours, and how many there may be."""
USUAL: Final = {name: theirs for name, theirs in FIELD_MAP.items() if name != "key"}


class Credentials(BaseModel):
    """What an organisation at Salesforce needs."""

    domain: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,79}(\.[a-z]{1,20})?$",
        title="My Domain",
        description="The first part of your Salesforce address: acme in acme.my.salesforce.com, acme--test.sandbox "
        "for a sandbox.",
        json_schema_extra={"is_public": True},
    )
    client_id: str = Field(
        min_length=1,
        title="Consumer key",
        description="Of the app with the client credentials flow.",
        json_schema_extra={"is_public": True},
    )
    client_secret: str = Field(min_length=1, title="Consumer secret", description="Of the same app.")


SCHEME: Final = ClientCredentials(lambda kept: f"{address_of(str(kept['domain']))}/services/oauth2/token")


class Salesforce(Platform, CrmPlatform):
    """Contacts of Salesforce; notes are completed tasks."""

    key = KEY
    title = TITLE
    credentials = Credentials
    scheme = SCHEME
    crm_fields = FIELD_MAP

    def connect(self, credentials: Credentials, line: Line) -> SalesforceClient:
        return self.connect_crm(credentials, line, USUAL)

    def connect_crm(self, credentials: Credentials, line: Line, fields: Mapping[str, str]) -> SalesforceClient:
        return SalesforceClient(system_of(credentials.domain, authorisation.authorise), line, fields)


def address_of(domain: str) -> str:
    """Return where an organisation is called, and gives tokens."""
    return str(settings.SALESFORCE_API_BASE).replace("{domain}", domain)


def own_hosts() -> tuple[str, ...]:
    """Return the host that the operator named in place of the vendor's: it may be a private one."""
    host = host_of(address_of("any"))
    return () if host.endswith(f".{VENDOR}") else (host,)


def system_of(domain: str, authorise: Authorise) -> System:
    """Return Salesforce for an organisation."""
    return System(
        address_of(domain),
        authorise,
        calls_per_minute=CALLS_PER_MINUTE,
        private_hosts=own_hosts(),
        refused=authorisation.refuse,
        quota=read_quota,
    )


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return how many calls are left by an answer's headers, None if they don't say it."""
    found = USAGE.search(headers.get("Sforce-Limit-Info", ""))
    if found is None:
        return None
    used, limit = int(found[1]), int(found[2])
    return Quota(limit, "day", max(0, limit - used))


def check(kept: Secrets, authorise: providers.Authorise) -> str:
    """Read the organisation's name and return a line with it (outside calls). Raises ConnectionFailed."""
    line = Line(providers.unsaved_account(KEY, TITLE), attempts=1)
    client = SalesforceClient(system_of(str(kept["domain"]), providers.for_any(authorise)), line, USUAL)
    answer = client.read_name()
    if isinstance(answer, Ok):
        return f"{TITLE} · {answer.value}"
    raise ConnectionFailed("refused" if answer.code in {ENDED, *FORBIDDEN} else answer.code)


# In place of what connections would make of the platform: its token is asked for before there is a connection.
providers.register(
    Provider(key=KEY, title=TITLE, credentials=Credentials, scheme=SCHEME, check=check, own_hosts=own_hosts)
)
