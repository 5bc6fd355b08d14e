"""HubSpot by its own descriptions, between our clients and the sandbox HubSpot, and its SDK as a client of that."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.tenancy.scope import tenant_scope
from integrations.calls.answers import CleanFailure, Ok
from integrations.calls.operations import Line
from integrations.crm.types import CrmContact
from integrations.hubspot.platform import Credentials, Hubspot
from integrations.ticketing import selectors
from tests.conformance.conftest import SPECS, run_judge, serving, vendor_package
from tests.edge.ports import free_port
from tests.edge.tickets_fixture import CUSTOMER, TicketServer, hubspot, hubspot_process
from tests.integrations.ticketing.conftest import connect
from tests.integrations.ticketing.test_port import KEY, NEW, value
from tests.world import World

__all__ = ["hubspot", "hubspot_process"]
pytestmark = pytest.mark.long
SCHEMAS = "#/components/schemas/"


def description() -> dict[str, Any]:
    """Return one description of tickets and contacts; the schemas of contacts get names of their own."""
    tickets = json.loads((Path(SPECS) / "hubspot_tickets_v3.json").read_text())
    text = (Path(SPECS) / "hubspot_contacts_v3.json").read_text()
    contacts = json.loads(text.replace(SCHEMAS, f"{SCHEMAS}Contacts"))
    schemas = {f"Contacts{name}": schema for name, schema in contacts["components"]["schemas"].items()}
    tickets["components"]["schemas"] |= schemas
    tickets["paths"] |= contacts["paths"]
    found: dict[str, Any] = tickets
    return found


@pytest.fixture
def judged(
    node_tools: Path, hubspot: TicketServer, world: World, settings: Any, tmp_path: Path
) -> Iterator[TicketServer]:
    """A connected HubSpot behind Prism, which refuses what the description does on either side."""
    if not SPECS:
        pytest.skip("WALKER_SPECS is not set: the vendors' descriptions are not here")
    told, port = tmp_path / "hubspot.json", free_port()
    told.write_text(json.dumps(description()))
    tool = str(node_tools / "node_modules" / ".bin" / "prism")
    command = [tool, "proxy", "-p", str(port), "-h", "127.0.0.1", "--errors", str(told), hubspot.url]
    with serving(command, f"http://127.0.0.1:{port}", tmp_path / "log") as url:
        settings.HUBSPOT_API_BASE = url
        connect(hubspot, world)
        with tenant_scope(world.acme.pk):
            yield hubspot


def test_tickets_are_read_and_created_as_described(judged: TicketServer) -> None:
    with selectors.connection().open() as client:
        first = value(client.search(CUSTOMER))[0]
        assert value(client.get(first.number)).addresses == {CUSTOMER}
        assert value(client.get("999999")) is None
        made = value(client.create(NEW, KEY))
        assert value(client.find_created(KEY)).number == made.number
    assert judged.created() == 1


def test_contacts_are_written_and_erased_as_described(judged: TicketServer) -> None:
    line = Line(selectors.connection().account)
    fields = {name: theirs for name, theirs in Hubspot.crm_fields.items() if name != "key"}
    with Hubspot().connect_crm(Credentials(**judged.credentials()), line, fields) as client:
        contact = CrmContact("c-1", name="Ana", email="ana@quill.example", heat="hot", score="80")
        assert [isinstance(client.write_contact(contact), Ok) for _ in range(2)] == [True, True]
        wrong = client.write_contact(CrmContact("c-2", name="Ana", email="ana@nowhere.invalid"))
        assert isinstance(wrong, CleanFailure)
        (record,) = value(client.read_page({})).records
        assert record.key == "c-1"
        assert value(client.read_changes([record.number], ["name"]))[record.number]["name"] <= record.changed_at
        assert value(client.erase_contact("c-1")) is True


def test_description_is_really_enforced(judged: TicketServer, settings: Any) -> None:
    """What is refused here shows that the accepted ones were looked at."""
    headers = {"Authorization": f"Bearer {judged.credentials()['token']}"}
    url = f"{settings.HUBSPOT_API_BASE}/crm/v3/objects/tickets/batch/read"
    refused = httpx2.post(url, json={"inputs": [{"id": 1}]}, headers=headers, trust_env=False)
    assert (refused.status_code, "stoplight" in refused.json()["type"]) == (422, True)


def test_sdk_reads_creates_and_is_refused_as_at_the_vendor(hubspot: TicketServer) -> None:
    sdk = vendor_package("hubspot-api-client==12.0.0")
    said = json.loads(run_judge("hubspot_client", sdk, hubspot.url, hubspot.credentials()["token"], CUSTOMER))
    assert said == {
        "person": CUSTOMER,
        "subjects": ["The left boot leaks", "Where is my invoice?"],
        "made": [True, "Zip is broken", "1001"],
        "taken": [400, "VALIDATION_ERROR"],
        "note": True,
        "unique": True,
        "upserted": [True, False],
        "gone": [404, "OBJECT_NOT_FOUND"],
        "token": [401, "INVALID_AUTHENTICATION"],
    }
