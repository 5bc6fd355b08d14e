"""Every move that people make, made through its page and its address; and the page that lists them."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve, reverse

from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.approvals.admin.model_admin import ApprovalAdmin
from hitl.approvals.admin.page.timeline import EVENTS
from hitl.domain.state_machine import Event
from hitl.models import Approval, Decision
from tests.api.office import V1
from tests.hitl.kit import moves
from tests.hitl.kit.doors import BY_DOOR, DOORS, MACHINES, Door
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import Hall, build_hall
from tests.world import World

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference" / "transitions.md"
EVERY = pytest.mark.parametrize("door", DOORS, ids=lambda door: str(door.event))
MOVES = pytest.mark.parametrize("door", [d for d in DOORS if d.event is not Event.PROPOSE], ids=lambda d: str(d.event))
NOBODY = "00000000-0000-0000-0000-000000000009"


@pytest.fixture
def hall(world: World, effects: Effects) -> Hall:
    return build_hall(world, effects)


def begin(hall: Hall, door: Door, button: str) -> Approval | None:
    return None if door.event is Event.PROPOSE else hall.begin(door.begin, button)


def check_left(hall: Hall, door: Door, before: Approval | None, answer: Any) -> None:
    """Check what a move must leave behind: the state, one more version, its entry and its decision."""
    with tenant_scope(hall.world.acme.pk):
        after = Approval.objects.latest("id") if before is None else Approval.objects.get(pk=before.pk)
        entries = AuditEntry.objects.filter(object_type="hitl.approval", object_id=after.pk).order_by("-seq")
        person = hall.world.people[door.role].pk
        said = Decision.objects.filter(approval=after, verdict=door.verdict, person_id=person)
        assert (after.state, after.version) == (door.after, before.version + 1 if before else 1), answer.content[:900]
        assert (entries.count(), entries[0].action, entries[0].actor_user_id) == (after.version, door.action, person)
        assert said.count() == (1 if door.verdict else 0)


@pytest.mark.slow
@EVERY
def test_move_by_who_may_is_counted_and_recorded_at_both_doors(hall: Hall, door: Door) -> None:
    first = begin(hall, door, "red")
    check_left(hall, door, first, hall.fill_in(door, door.role, first))
    second = begin(hall, door, "blue")
    check_left(hall, door, second, hall.send(door, door.role, second))


@EVERY
def test_move_without_the_permission_is_refused_and_leaves_nothing(hall: Hall, door: Door) -> None:
    approval = begin(hall, door, "red")
    before = hall.traces()
    answers = [hall.fill_in(door, door.colleague, approval), hall.send(door, door.colleague, approval)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[1].json()["code"] == "not_allowed"
    assert hall.traces() == before


@pytest.mark.slow
@MOVES
def test_move_in_the_wrong_state_is_told_who_was_faster(hall: Hall, door: Door) -> None:
    faster = "admin" if door.role == "owner" else "owner"
    approval = hall.cancelled(faster, door.begin)
    before = hall.traces()
    page, answer = hall.fill_in(door, door.role, approval), hall.send(door, door.role, approval)
    assert (page.status_code, answer.status_code, hall.traces()) == (409, 409, before)
    facts = answer.json()
    assert (facts["state"], facts["decided_as"]) == ("cancelled", "cancelled")
    assert facts["decided_by"] == f"{faster.title()} Acme"
    assert facts["decided_at"] == approval.decided_at.isoformat() if approval.decided_at else False
    said = str(page.context["form"].errors)
    assert f"cancelled by {faster.title()} Acme" in said


@EVERY
def test_bad_value_is_named_and_leaves_nothing(hall: Hall, door: Door) -> None:
    approval = begin(hall, door, "red")
    before = hall.traces()
    page = hall.fill_in(door, door.role, approval, **(door.wrong_form or door.wrong))
    answer = hall.send(door, door.role, approval, **door.wrong)
    assert (page.status_code, answer.status_code) == (400, 400)
    assert list(answer.json()["fields"]) == [door.mistake]
    assert list(page.context["form"].errors) == [door.form_mistake or door.mistake]
    assert hall.traces() == before


@EVERY
def test_doors_ask_for_the_permission_of_the_table(door: Door) -> None:
    action = next(each for each in ApprovalAdmin.service_actions.values() if each.title == door.button)
    endpoint: Any = resolve(f"/{V1.strip('/')}/{door.address.format(id=NOBODY)}").func
    asked = endpoint.cls.permissions[endpoint.actions["post"]]
    assert (action.permission, asked) == (door.permission, door.permission)
    assert reverse(door.page, args=[] if action.on_list else [NOBODY]).endswith(f"/{action.path}/")
    assert door.service in moves.MOVES


def test_every_event_has_a_door_or_a_machine_and_a_word_on_the_page() -> None:
    assert {door.event for door in DOORS} | {machine.event for machine in MACHINES} == set(Event)
    assert {event.value for event in Event} == set(EVENTS)


def test_reference_page_is_the_table() -> None:
    lines = [line for line in DOCS.read_text().splitlines() if line[:3].strip("| ")[:1].isdigit()]
    assert lines == [each.line() for each in (*DOORS, *MACHINES)]


def test_who_asks_in_the_console_is_led_to_the_values_of_the_kind(hall: Hall) -> None:
    client, page = hall.browser("support"), reverse(BY_DOOR[Event.PROPOSE].page)
    led = client.post(page, {"kind": "test_press_keyed"})
    assert led.headers["Location"] == f"{page}?kind=test_press_keyed"
    assert {"value_button", "value_amount", "notes"} <= set(client.get(led.headers["Location"]).context["form"].fields)
