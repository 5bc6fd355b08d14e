"""Custom fields in the conditions of workflows: read once, sealed, never easier, and unknown ones ask people."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from conversations.contacts.known_people import set_contact_fields
from conversations.custom_fields.definitions import FieldSettings, create_custom_field, delete_custom_field
from conversations.custom_fields.facts import facts_for_requests
from conversations.inbox.custom_values import set_conversation_fields
from conversations.models import Conversation, CustomField, CustomValue
from conversations.types import SenderIdentity
from core.errors import Conflict, Invalid
from hitl import services
from hitl.actions import own_fields
from hitl.actions.base import Origin
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.admin.workflows import parts_of
from hitl.policy.limits.flags import create_flag
from hitl.policy.workflows.labels import labels
from hitl.simulation.runs import run_simulation, start_simulation
from tests.conversations.conftest import Shop, make_shop
from tests.hitl.kit.scene import Scene, roles, stored

pytestmark = pytest.mark.slow

RULE = {"id": "small", "verdict": "approve", "max_cost": "100", "max_score": 49}
GOLD = 'field_tier == "Gold"'
TWO = [{"approvers": roles("admin")}, {"approvers": roles("owner")}]


@pytest.fixture
def shop(scene: Scene) -> Shop:
    """A chat, and three custom fields: of these the passport is personal data."""
    for key, of, kind, options, is_personal in (
        ("tier", "contact", "list", ("Gold", "Silver"), False),
        ("seats", "conversation", "number", (), False),
        ("passport", "contact", "text", (), True),
    ):
        settings = FieldSettings(key.title(), options)
        create_custom_field(
            actor=scene.actor("admin"), subject=of, key=key, kind=kind, settings=settings, is_personal=is_personal
        )
    return make_shop(scene.world)


def talk(shop: Shop, who: str, seats: int | None = None, **of_contact: str) -> Conversation:
    """A customer's conversation, with values of custom fields."""
    support = shop.world.actor("support")
    found = shop.conversation(sender=SenderIdentity(kind="webchat", value=who))
    if of_contact:
        set_contact_fields(actor=support, contact_id=found.contact_id, values=of_contact)
    if seats:
        set_conversation_fields(actor=support, conversation_id=found.pk, values={"seats": seats})
    return found


def ask(scene: Scene, conversation: Conversation | None = None) -> Approval:
    """A request from a conversation."""
    key = conversation.pk if conversation else None
    return scene.propose(origin=Origin(requester_user_id=scene.user_id("support"), conversation_id=key))


def test_workflow_over_a_field_counts_for_who_has_the_value_and_unknown_ones_ask_people(
    scene: Scene, shop: Shop
) -> None:
    scene.define({"approvers": roles("admin")}, auto_rules=[RULE])
    owner = scene.actor("owner")
    gold_flow = services.create_workflow(actor=owner, name="Gold", levels=TWO, condition=GOLD)
    large = {"name": "Large", "levels": TWO, "condition": f"{GOLD} and field_seats > 10", "priority": 5}
    services.create_workflow(actor=owner, **large)
    gold, silver, nobody = (
        talk(shop, "gold", 12, tier="Gold", passport="X1"), talk(shop, "silver", 12, tier="Silver"), talk(shop, "new"),
    )  # fmt: skip

    asked = ask(scene, gold)
    assert (asked.snapshot["name"], asked.state) == ("Large", "pending")
    # Personal data is no fact, and what is filled in later changes nothing.
    assert asked.field_facts == {"numbers": {"field_seats": "12"}, "texts": {"field_tier": "Gold"}}
    assert own_fields.facts_from(asked.field_facts)["field_seats"] == 12
    assert ask(scene, silver).decided_as == "approved"
    assert (ask(scene, nobody).state, ask(scene, nobody).field_facts) == ("pending", None)
    assert ask(scene).state == "pending"  # from no conversation
    few = talk(shop, "few", 3, tier="Gold")
    assert ask(scene, few).snapshot["name"] == "Gold"

    with pytest.raises(Conflict, match="workflow “Gold” looks at this field"):
        delete_custom_field(actor=scene.actor("admin"), field_id=CustomField.objects.get(key="tier").pk)
    CustomValue.objects.filter(field__key="tier").delete()  # by another hand, with the field
    CustomField.objects.filter(key="tier").delete()
    assert ask(scene, silver).state == "pending"
    parts = parts_of(ApprovalWorkflow.objects.get(pk=gold_flow.pk), labels(), {})
    shown = next(part["lines"] for part in parts if part["key"] == "matches")
    assert any(line.startswith("People are asked, as it is unknown") for line in shown)

    last = ask(scene, gold)
    Approval.objects.filter(pk=last.pk).update(field_facts={"numbers": {"field_seats": "1"}, "texts": {}})
    with pytest.raises(Conflict) as refused:
        scene.decide(stored(last), actor=scene.actor("admin"))
    assert refused.value.code == "tampered"


WRONG = ['field_passport == "X"', 'field_other == "x"', "field_tier > 3", 'field_seats == "many"', "field_ > 3"]


@pytest.mark.parametrize("condition", WRONG)
def test_condition_over_a_field_that_is_not_there_is_refused(scene: Scene, shop: Shop, condition: str) -> None:
    owner = scene.actor("owner")
    tries: list[dict[str, Any]] = [
        {"condition": condition},
        {"auto_rules": [{"id": "no", "verdict": "reject", "condition": condition}]},
    ]
    for conditions in tries:
        with pytest.raises(Invalid):
            scene.define(**conditions)
    with pytest.raises(Invalid):
        create_flag(actor=owner, name="odd", label="Odd", condition=condition)
    scene.define(condition="field_seats >= 3 and field_tier in ('Gold', 'Silver')")


def test_many_conditions_are_checked_with_one_query(
    scene: Scene, shop: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = own_fields.problems_of([GOLD, "", "field_seats > 1", "field_gone == 1", "field_tier > 1"])
    assert len(found) == 2
    with django_assert_num_queries(0):
        assert own_fields.problems_of(["cost > 1"]) == []


def test_values_of_a_request_are_read_with_one_query_by_index(
    scene: Scene, shop: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    gold = talk(shop, "gold", 12, tier="Gold", passport="X1")
    talk(shop, "silver", 3, tier="Silver")
    with django_assert_num_queries(1) as seen:
        found = facts_for_requests(gold.pk)
    assert found == {"field_seats": 12, "field_tier": "Gold"}
    assert " in (select" not in seen.captured_queries[0]["sql"].lower()  # no index answers that beside an `or`


def test_rule_that_approves_looks_at_no_custom_field(scene: Scene, shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        scene.define(auto_rules=[{**RULE, "condition": GOLD}])
    assert "requesters can choose them" in str(refused.value.facts)


def test_simulation_reads_what_was_stored_and_counts_other_requests_as_unknown(scene: Scene, shop: Shop) -> None:
    gold, silver = talk(shop, "gold", tier="Gold"), talk(shop, "silver", tier="Silver")
    for conversation in (gold, silver, None):
        ask(scene, conversation)
    draft = {"name": "Gold", "levels": TWO, "conditions": {"condition": GOLD}}
    made = start_simulation(actor=scene.actor("owner"), what="workflow", draft=draft, days=30)
    run_simulation(simulation_id=made.pk)
    made.refresh_from_db()
    counts = {name: count for name, count in made.result["counts"].items() if count}
    # The one with another value stays as it was; one without is unknown, and needs what is strictest.
    assert (made.state, sum(counts.values()), counts.get("same")) == ("done", 3, 1)
