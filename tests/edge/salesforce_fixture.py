"""The sandbox Salesforce as a process, and what tests do to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from standins.salesforce.org import credentials_of
from standins.salesforce.server import TOKEN_PATH
from tests.edge.standin_process import end, launch
from tests.edge.tickets_fixture import TicketServer


@dataclass(frozen=True)
class SalesforceServer(TicketServer):
    """A running sandbox Salesforce."""

    def credentials(self, account: str = "acme") -> dict[str, str]:
        """Return what is typed in to connect an organisation."""
        return credentials_of(account)

    def query_all(self, soql: str) -> list[dict[str, Any]]:
        """Return the records of a query in the first organisation, deleted ones too."""
        app = credentials_of("acme")
        form = {"grant_type": "client_credentials", **app}
        token = self.call("POST", TOKEN_PATH, data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.call("GET", "/services/data/v64.0/queryAll", params={"q": soql}, headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["records"]
        return found


@pytest.fixture(scope="session")
def salesforce_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SalesforceServer]:
    """One for the whole session; its state is that of the tests before."""
    running = SalesforceServer("salesforce", *launch("salesforce", tmp_path_factory.mktemp("salesforce")))
    yield running
    end(running.process)


@pytest.fixture
def salesforce(salesforce_process: SalesforceServer, settings: Any) -> SalesforceServer:
    """Salesforce as after its first start, and the product pointed at it."""
    salesforce_process.reset()
    settings.SALESFORCE_API_BASE = f"{salesforce_process.url}/at/{{domain}}"
    return salesforce_process
