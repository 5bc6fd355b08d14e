"""Objects that `expand` adds: a closed list, with their own permission and masks, in a constant number of queries."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.tenancy.scope import tenant_scope
from tests.api.office import PHONE, Office

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Path, what is added, the key of its id in the row, the permission of the row and of what is added.
ADDED = [
    ("approvals/", "workflow", "hitl.view_approval", "hitl.view_approvalworkflow"),
    ("conversations/", "contact", "conversations.view_conversation", "conversations.view_contact"),
    ("consents/", "contact", "core.view_consent", "conversations.view_contact"),
    ("agent-runs/", "conversation", "agents.view_agentrun", "conversations.view_conversation"),
    ("tool-calls/", "run", "agents.view_agentrun", "agents.view_agentrun"),
    ("tool-calls/", "approval", "agents.view_agentrun", "hitl.view_approval"),
]


def fill(office: Office) -> None:
    for number in range(2):
        conversation = office.write_in(value=f"+34 600 123 45{number}")
        office.run(conversation)
        office.propose(f"More {number}")


def id_of(row: dict[str, Any], name: str) -> Any:
    return row[name]["id"] if f"{name}_id" not in row else row[f"{name}_id"]


def test_expanded_object_is_the_one_of_its_own_page_in_a_constant_number_of_queries(office: Office) -> None:
    caller, counts = office.caller("owner"), []
    caller.post("consents/", {"address": PHONE, "purpose": "marketing", "state": "given"})
    for grow in (lambda _office: None, fill):
        grow(office)
        asked = []
        for path, name, _row, _added in ADDED:
            with CaptureQueriesContext(connection) as queries:
                answer = caller.get(path, expand=name)
            assert answer.status_code == 200, answer.content
            asked.append(len(queries))
            for row in answer.json()["results"]:
                shown, wanted = row[name], id_of(row, name)
                assert (shown and shown["id"]) == wanted, path
                if shown:
                    own = caller.get(f"{name}s/{wanted}/" if name != "run" else f"agent-runs/{wanted}/").json()
                    assert shown == {key: own[key] for key in shown}, path
                one = caller.get(f"{path}{row['id']}/", expand=name).json()
                assert one[name] == shown, path
            assert PHONE.replace(" ", "") not in answer.content.decode().replace(" ", "")
        counts.append(asked)
    assert counts[0] == counts[1]


def test_object_is_expanded_only_for_who_may_read_it(office: Office) -> None:
    for path, name, of_row, of_added in ADDED:
        if of_row != of_added:
            answer = office.caller("owner", scopes=[of_row]).get(path, expand=name)
            assert (answer.status_code, answer.json()["permission"]) == (403, of_added), path
            assert office.caller("owner", scopes=[of_row]).get(path).status_code == 200
            assert office.caller("owner", scopes=[of_row, of_added]).get(path, expand=name).status_code == 200


@pytest.mark.parametrize("wanted", ["messages", "contact,messages", "", "contact.points", "contact,"])
def test_what_cannot_be_expanded_is_refused_with_what_can(office: Office, wanted: str) -> None:
    answer = office.caller("owner").get("conversations/", expand=wanted)
    assert (answer.status_code, answer.json()["fields"]) == (400, {"expand": ["Only contact."]})
    assert office.caller("owner").get("agents/", expand="versions").status_code == 400


def test_several_are_expanded_by_repeating_the_name_or_by_commas_and_none_without(office: Office) -> None:
    caller = office.caller("owner")
    [one] = caller.get("tool-calls/", expand="run,approval").json()["results"]
    [two] = caller.get("tool-calls/", expand=["run", "approval"]).json()["results"]
    assert one == two
    assert (one["run"]["id"], one["approval"]) == (one["run_id"], None)
    assert {"run", "approval"} & set(caller.get("tool-calls/").json()["results"][0]) == set()
    with tenant_scope(office.world.acme.pk):
        [row] = caller.get("conversations/").json()["results"]
    assert set(row["contact"]) == {"id", "name", "user_id"}
