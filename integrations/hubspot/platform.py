"""HubSpot's tickets and contacts as one platform beside the others."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from django.conf import settings
from pydantic import BaseModel, Field

from core.http import host_of
from integrations.calls.operations import Line, System
from integrations.calls.quotas import read_numbers
from integrations.connections.authorisation import refuse
from integrations.connections.errors import ConnectionFailed
from integrations.crm.ports import CrmPlatform
from integrations.hubspot.client import KEY, HubspotClient, read_error
from integrations.hubspot.contacts import FIELD_MAP, HubspotContacts
from integrations.models import ProviderAccount
from integrations.schemes import Bearer, Headers, bearer
from integrations.ticketing.kinds import KINDS
from integrations.ticketing.ports import TicketPlatform
from integrations.ticketing.selectors import value_of

CALLS_PER_MINUTE: Final = 600
ON, OFF = "yes", "no"
DEFAULT: Final = "https://api.hubapi.com"
_LIMIT: Final = "X-HubSpot-RateLimit-Daily"
read_quota: Final = partial(read_numbers, left=f"{_LIMIT}-Remaining", limit=_LIMIT, period="day")
"""Its search doesn't count."""


class Credentials(BaseModel):
    """What an account at HubSpot needs."""

    token: str = Field(min_length=1, title="Access token", description="Of a private app, which starts with pat-.")
    client_secret: str = Field(
        "", title="Client secret", description="Of the same app, if it posts changes to Walker; else leave it empty."
    )
    pipeline: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9-]{1,60}$",
        title="Pipeline",
        description="Id of the pipeline for new tickets; 0 is the one that every portal has.",
        json_schema_extra={"is_public": True},
    )
    stage: str = Field(
        "1",
        pattern=r"^[A-Za-z0-9-]{1,60}$",
        title="Stage",
        description="Id of the stage for new tickets; 1 is New in the pipeline 0.",
        json_schema_extra={"is_public": True},
    )
    tickets: str = Field(
        ON,
        pattern=f"^({ON}|{OFF})$",
        title="Tickets",
        description="Whether agents and requests use this portal's tickets; contacts have a switch of their own.",
        json_schema_extra={"is_public": True, "choices": {ON: "Used by agents", OFF: "Not used: contacts alone"}},
    )


class Hubspot(TicketPlatform, CrmPlatform):
    """Tickets and contacts of HubSpot; comments are notes, which stay internal."""

    key = "hubspot"
    title = "HubSpot"
    credentials = Credentials
    scheme = Bearer("token")
    kinds = KINDS
    has_public_comments = False
    is_also_crm = True
    crm_fields = FIELD_MAP
    webhook = "hubspot_changes"
    webhook_words = (
        "Copy this address into the webhooks of the private app, and enter the app's client secret under Rotate "
        "credentials. HubSpot then posts that contacts have changed, and Walker reads them within a minute."
    )

    def connect(self, credentials: Credentials, line: Line) -> HubspotClient:
        place = {"pipeline": credentials.pipeline, "stage": credentials.stage}
        return HubspotClient(system_of(credentials), line, **place, has_tickets=credentials.tickets == ON)

    def is_for_tools(self, account: ProviderAccount) -> bool:
        """Return False where only contacts are exchanged."""
        return bool((account.credentials or {}).get("tickets", ON) == ON)

    def connect_crm(self, credentials: Credentials, line: Line, fields: Mapping[str, str]) -> HubspotContacts:
        return HubspotContacts(system_of(credentials), line, fields)

    def summary(self, client: HubspotClient) -> str:
        """Say that the properties with our key are there. Raises ConnectionFailed, with what is missing.

        Without its tickets only the token is tried; those of contacts are looked for when contacts are switched on.
        """
        if not client.has_tickets:
            value_of(client.has_key_property("contacts"))
            return "HubSpot · contacts"
        for kind in ("tickets", "notes"):
            if not value_of(client.has_key_property(kind)):
                raise ConnectionFailed("no_key_property", f"{KEY} of {kind}, with unique values")
        return "HubSpot · tickets"


def system_of(credentials: Credentials) -> System:
    """Return HubSpot for an account."""

    def authorise(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
        return bearer(credentials.token)

    url = settings.HUBSPOT_API_BASE
    # A host that the operator named may be a private one; the vendor's may not.
    own_hosts = () if url == DEFAULT else (host_of(url),)
    return System(
        url,
        authorise,
        error=read_error,
        calls_per_minute=CALLS_PER_MINUTE,
        private_hosts=own_hosts,
        refused=refuse,
        quota=read_quota,
    )
