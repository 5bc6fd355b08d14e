"""Roundup as one platform beside the others."""

from typing import Final

from django.conf import settings
from pydantic import BaseModel, Field

from integrations.calls.operations import Line, System
from integrations.connections.errors import ConnectionFailed
from integrations.connections.own_servers import ADDRESS, own_system
from integrations.models import ProviderAccount
from integrations.roundup.client import CUSTOMER, KEY, RoundupClient, Vocabulary, read_error
from integrations.schemes import Basic, Headers, basic
from integrations.ticketing.kinds import KINDS
from integrations.ticketing.ports import TicketPlatform
from integrations.ticketing.selectors import value_of

NAME: Final = r"[^,]{1,60}"


class Credentials(BaseModel):
    """What a tracker needs."""

    url: str = Field(
        pattern=ADDRESS,
        title="Address",
        description="Where the tracker is: https://support.example/tracker.",
        json_schema_extra={"is_public": True},
    )
    username: str = Field(
        min_length=1,
        max_length=100,
        title="User name",
        description="Of the user under whose name Walker works there.",
        json_schema_extra={"is_public": True},
    )
    password: str = Field(min_length=1, title="Password", description="Of the same user.")
    priorities: str = Field(
        "wish, feature, urgent, critical",
        pattern=rf"^{NAME}(,{NAME}){{3}}$",
        title="Priorities",
        description="The tracker's names for low, normal, high and urgent, with commas between them.",
        json_schema_extra={"is_public": True},
    )
    statuses: str = Field(
        "unread, need-eg, resolved, done-cbb",
        pattern=rf"^{NAME}(,{NAME}){{2,9}}$",
        title="Statuses",
        description="The tracker's names for new, for waiting, and then all for solved. Any other status is open.",
        json_schema_extra={"is_public": True},
    )


class Roundup(TicketPlatform):
    """Issues of a Roundup tracker; comments are messages that reach no customer."""

    key = "roundup"
    title = "Roundup"
    credentials = Credentials
    scheme = Basic()
    kinds = KINDS
    has_public_comments = False

    def connect(self, credentials: Credentials, line: Line) -> RoundupClient:
        new, waiting, *solved = _names(credentials.statuses)
        words = Vocabulary(tuple(_names(credentials.priorities)), new, waiting, tuple(solved))
        return RoundupClient(system_of(credentials), line, user=credentials.username, words=words)

    def summary(self, client: RoundupClient) -> str:
        """Say that issues have the properties that we need. Raises ConnectionFailed."""
        if not value_of(client.has_properties()):
            needed = f"status, priority, {KEY} and {CUSTOMER}"
            raise ConnectionFailed("no_key_property", f"{needed} of issues")
        return "Roundup · issues"


def system_of(credentials: Credentials) -> System:
    """Return a tracker. Raises as `own_system`."""
    scheme, _, place = credentials.url.partition("://")
    # Roundup takes changes by programs only with both.
    proof = {"Origin": f"{scheme}://{place.partition('/')[0]}", "X-Requested-With": "Walker"}

    def authorise(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
        return {**basic(credentials.username, credentials.password), **proof}

    return own_system(credentials.url, authorise, hosts=settings.ROUNDUP_HOSTS, error=read_error)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
