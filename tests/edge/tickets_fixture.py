"""The sandbox Zendesk and HubSpot as processes, and what tests do to either."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from standins.hubspot import portal
from standins.hubspot.webhooks import secret_of
from standins.zendesk import desk
from standins.zendesk.webhooks import signing_secret_of
from tests.edge.standin_process import Process, end, launch

CUSTOMER = "carla@customers.example"
"""Whose tickets the seed of the first account has."""
COMMENTS = {"zendesk": "comment", "hubspot": "create_notes"}
CREATED = {"zendesk": "create_ticket", "hubspot": "create_tickets"}
CREATES = {
    "zendesk": "POST /api/v2/tickets.json",
    "hubspot": "POST /crm/v3/objects/tickets",
    "roundup": "POST /acme/rest/data/issue",
}
ADDS = {
    "zendesk": "PUT /api/v2/tickets/",
    "hubspot": "POST /crm/v3/objects/notes",
    "roundup": "PATCH /acme/rest/data/issue/",
}
READS = {
    "zendesk": "GET /api/v2/tickets/",
    "hubspot": "GET /crm/v3/objects/tickets/",
    "roundup": "GET /acme/rest/data/issue",
}


@dataclass(frozen=True)
class TicketServer:
    """A running stand-in of a ticket system."""

    name: str
    url: str
    process: Process

    def call(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        """Make one raw request."""
        return httpx2.request(method, self.url + path, trust_env=False, verify=False, **sent)

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching requests go wrong."""
        answer = self.call("POST", "/__script", json={"match": match, "do": do, **rule})
        assert answer.status_code == 201, answer.text

    def change(self, **wanted: Any) -> dict[str, Any]:
        """Change a ticket, by default the first of the first account, as somebody does there."""
        answer = self.call("POST", "/__change", json={"account": "acme", **wanted})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def journal(self, operation: str = "") -> list[dict[str, Any]]:
        """Return all effects of an operation, oldest first."""
        items: list[dict[str, Any]] = self.call("GET", "/__journal").json()["items"]
        return [item for item in items if operation in ("", item["operation"])]

    def created(self) -> int:
        """Return how many tickets were created."""
        return len(self.journal(CREATED[self.name]))

    def comments(self) -> list[dict[str, Any]]:
        """Return the comments that were added."""
        return self.journal(COMMENTS[self.name])

    def requests(self) -> list[str]:
        """Return the requests since this was asked the last time."""
        items: list[str] = self.call("POST", "/__requests").json()["items"]
        return items

    def reset(self) -> None:
        """Go back to the seed, with an empty journal and no rules."""
        assert self.call("POST", "/__reset").status_code == 200

    def credentials(self, account: str = "acme") -> dict[str, str]:
        """Return what is typed in to connect an account."""
        if self.name == "hubspot":
            return {"token": portal.token_of(account), "client_secret": secret_of(account)}
        return {
            "subdomain": account,
            "email": desk.ACCOUNTS[account],
            "token": desk.token_of(account),
            "signing_secret": signing_secret_of(account),
        }


def start_ticket_server(name: str, folder: Path) -> TicketServer:
    """Start the stand-in."""
    return TicketServer(name, *launch(name, folder))


def _running(name: str, folder: Path) -> Iterator[TicketServer]:
    running = start_ticket_server(name, folder)
    yield running
    end(running.process)


@pytest.fixture(scope="session")
def zendesk_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TicketServer]:
    """One for the whole session; its state is that of the tests before."""
    yield from _running("zendesk", tmp_path_factory.mktemp("zendesk"))


@pytest.fixture(scope="session")
def hubspot_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TicketServer]:
    """One for the whole session; its state is that of the tests before."""
    yield from _running("hubspot", tmp_path_factory.mktemp("hubspot"))


@pytest.fixture
def zendesk(zendesk_process: TicketServer, settings: Any) -> TicketServer:
    """Zendesk as after its first start, and the product pointed at it."""
    zendesk_process.reset()
    settings.ZENDESK_API_BASE = f"{zendesk_process.url}/at/{{subdomain}}"
    return zendesk_process


@pytest.fixture
def hubspot(hubspot_process: TicketServer, settings: Any) -> TicketServer:
    """HubSpot as after its first start, and the product pointed at it."""
    hubspot_process.reset()
    settings.HUBSPOT_API_BASE = hubspot_process.url
    return hubspot_process
