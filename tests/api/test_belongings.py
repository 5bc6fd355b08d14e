"""What the API tells of an approval beside its state, and definitions written as they are read."""

from typing import Any

import pytest

from hitl.models import GlobalKillSwitch
from tests.api.office import KIND, PHONE, Office

pytestmark = pytest.mark.django_db
ONE = "approvals/{approval}/"
NEW = {"kind": KIND, "params": {"campaign": "Autumn", "budget": "130.00"}}


def seen(office: Office, path: str, role: str = "owner", **query: Any) -> Any:
    return office.caller(role).get(path.format(**office.ids), **query).json()


@pytest.mark.slow
def test_own_tags_and_fields_are_kept_found_and_masked(office: Office) -> None:
    asked = {**NEW, "tags": ["spring"], "custom": {"campaign manager": f"call {PHONE}", "quarter": 2}}
    made = office.caller("support").post("approvals/", asked).json()
    assert (made["tags"], made["custom"]["quarter"]) == (["spring"], 2)
    assert PHONE not in made["custom"]["campaign manager"]
    assert [row["id"] for row in seen(office, "approvals/", tag="spring")["results"]] == [made["id"]]


@pytest.mark.slow
def test_own_fields_that_are_too_long_are_refused(office: Office) -> None:
    answer = office.caller("support").post("approvals/", {**NEW, "custom": {"a": "x" * 4000}})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["custom"])


@pytest.mark.slow
def test_lists_are_narrowed_by_asker_agent_and_hold(office: Office) -> None:
    office.caller("compliance").post(f"{ONE.format(**office.ids)}hold/", {"reason": "Wait"})
    assert len(seen(office, "approvals/", hold="manual")["results"]) == 1
    assert len(seen(office, "approvals/", hold="caps")["results"]) == 0
    assert len(seen(office, "approvals/", "support", requester="me")["results"]) == 1
    assert len(seen(office, "approvals/", requester="me")["results"]) == 0
    assert len(seen(office, "approvals/", agent=str(office.ids["agent"]))["results"]) == 0


@pytest.mark.slow
def test_votes_tell_who_signed_what_and_for_whom(office: Office) -> None:
    approval = seen(office, ONE)
    said = {"digest": approval["digest"], "reason": f"Call {PHONE}"}
    office.caller("approver").post(f"{ONE.format(**office.ids)}ask/", said)
    vote = seen(office, f"{ONE}decisions/", "viewer")[0]
    assert (vote["verdict"], vote["digest"], vote["counts"]) == ("ask", approval["digest"], True)
    assert (vote["person"]["name"], vote["auth_strength"]) == ("Approver Acme", "api_key")
    assert PHONE not in vote["reason"]


@pytest.mark.slow
def test_messages_and_clocks_are_told(office: Office) -> None:
    told = seen(office, f"{ONE}notifications/", "viewer")
    assert {(row["template"], row["channel"], row["status"]) for row in told} == {("approval_opened", "in_app", "sent")}
    assert {row["kind"] for row in seen(office, f"{ONE}timers/", "viewer")} >= {"expire", "sla"}


@pytest.mark.slow
def test_assignment_tells_who_delegated_it(office: Office) -> None:
    to = str(office.world.people["owner"].pk)
    said = {"digest": seen(office, ONE)["digest"], "to": to}
    moved = office.caller("approver").post(f"{ONE.format(**office.ids)}delegate/", said).json()
    assignment = next(row for row in moved["assignments"] if row["person"]["id"] == to)
    assert (assignment["delegated_by"]["name"], assignment["substitute_for"], assignment["source"]) == (
        "Approver Acme",
        None,
        "level",
    )


def test_whence_it_was_asked_is_for_those_who_audit(office: Office) -> None:
    made = office.caller("support").post("approvals/", NEW).json()
    path = f"approvals/{made['id']}/"
    assert seen(office, path)["address"] == "127.0.0.1"
    assert seen(office, path, "viewer")["address"] == ""


def test_workflow_is_written_as_it_is_read(office: Office) -> None:
    read = seen(office, "workflows/{workflow}/")
    fixed = ("id", "name", "is_active", "version", "created_at", "levels", "says")
    conditions = {name: value for name, value in read.items() if name not in fixed}
    body = {**{name: read[name] for name in ("name", "levels", "version")}, "conditions": conditions}
    answer = office.caller("owner").send("put", f"workflows/{read['id']}/", body)
    assert answer.status_code == 200
    assert answer.json() == {**read, "version": read["version"] + 1}


def test_workflow_says_itself_in_one_sentence(office: Office) -> None:
    rows = seen(office, "workflows/")["results"]
    assert all(row["says"].endswith(".") for row in rows)


def test_copy_of_a_workflow_is_another_one_and_never_the_default(office: Office) -> None:
    read = seen(office, "workflows/{workflow}/")
    made = office.caller("owner").post(f"workflows/{read['id']}/copy/", {"name": "Second"}).json()
    assert (made["name"], made["is_default"], made["levels"]) == ("Second", False, read["levels"])


def test_switch_of_the_installation_is_told(office: Office) -> None:
    assert seen(office, "kill-switches/installation/", "viewer") == {
        "active": False,
        "reason": "",
        "activated_at": None,
    }
    GlobalKillSwitch.objects.create(reason="Maintenance")
    assert seen(office, "kill-switches/installation/", "viewer")["reason"] == "Maintenance"


def test_active_switch_tells_the_calls_in_flight(office: Office) -> None:
    body = {"scope": "kind", "target": "pause_campaign", "reason": "Drill"}
    assert office.caller("compliance").post("kill-switches/", body).json()["in_flight_calls"] == 0


@pytest.mark.slow
def test_priority_is_kept_within_its_bounds(office: Office) -> None:
    assert office.caller("support").post("approvals/", {**NEW, "priority": 9}).json()["priority"] == 9
    assert office.caller("support").post("approvals/", {**NEW, "priority": 10}).status_code == 400


def test_switch_names_who_activated_it(office: Office) -> None:
    assert seen(office, "kill-switches/")["results"][0]["activated_by"]["name"] == "Compliance Acme"


@pytest.mark.parametrize(
    ("conditions", "level", "field"),
    [
        ({"notify_by": ["pigeon"]}, {}, "notify_by"),
        ({}, {"editable_fields": ["no_such_field"]}, "levels.1"),
        ({"auto_rules": [{"id": "a", "verdict": "approve", "max_score": 9}]}, {}, "auto_rules.1"),
        ({"auto_rules": [{"id": "a", "verdict": "approve", "max_score": 50, "max_cost": "9"}]}, {}, "auto_rules.1"),
        ({"auto_rules": [{"id": "a", "verdict": "approve", "max_score": 9, "max_cost": "1001"}]}, {}, "auto_rules.1"),
        ({"auto_rules": [{"id": "a", "verdict": "reject"}]}, {}, "auto_rules.1"),
        ({"auto_rules": [{"id": "a", "verdict": "reject", "min_score": 9}] * 2}, {}, "auto_rules.2"),
        ({"auto_rules": [{"id": str(n), "verdict": "reject", "min_score": 9} for n in range(31)]}, {}, "auto_rules"),
    ],
)
def test_definition_that_would_do_nothing_is_refused(
    office: Office, conditions: dict[str, Any], level: dict[str, Any], field: str
) -> None:
    levels = [{"approvers": [{"type": "role", "value": "owner"}], **level}]
    body = {"name": "New", "levels": levels, "conditions": conditions}
    answer = office.caller("owner").post("workflows/", body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.slow
def test_notes_are_written_once_and_read_in_pages_masked_for_those_who_may_not_decide(office: Office) -> None:
    path, viewer = f"{ONE.format(**office.ids)}notes/", office.caller("viewer")
    mentions = [str(office.world.people["owner"].pk)]
    said = {"text": f"Call {PHONE}", "mentions": mentions}
    made = viewer.post(path, said, key="note-1")
    again = viewer.post(path, said, key="note-1")
    assert (made.status_code, again.json()) == (201, made.json())
    viewer.post(path, {"text": "Second"})
    newest = seen(office, f"{ONE}notes/", "viewer", limit=1)
    assert ([row["text"] for row in newest["results"]], bool(newest["next"])) == (["Second"], True)
    texts = {
        role: [row["text"] for row in seen(office, f"{ONE}notes/", role)["results"]] for role in ("viewer", "approver")
    }
    assert texts["approver"] == [f"Call {PHONE}", "Second"]
    assert PHONE not in str(texts["viewer"])
    assert made.json()["mentions"] == mentions
    wrong = viewer.post(path, {"text": "x", "mentions": [str(office.world.outsiders["viewer"].pk)]})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["mentions"])
