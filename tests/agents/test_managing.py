"""A tenant's own agents: made, changed in versions, copied, switched off; built-in ones are not changed."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from agents import services
from agents.models import Agent, AgentVersion
from agents.services import Setup
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.models import tenant_scope
from hitl.models import Approval
from tests.agents.conftest import Desk

SETUP = Setup(name="Budget desk", instructions="Be brief.", tools=("list_campaigns", "set_campaign_budget"))


@pytest.fixture
def own(desk: Desk) -> Agent:
    return services.create_agent(actor=desk.world.actor("admin"), type="paid_ads", setup=SETUP)


def built_in(type: str = "paid_ads") -> Agent:
    return Agent.objects.get(type=type, is_system=True)


def test_own_agent_answers_before_the_built_in_one(desk: Desk, own: Agent) -> None:
    desk.say("list campaigns")
    version = desk.last_run.agent_version
    assert version is not None
    assert (version.agent_id, version.number) == (own.pk, 1)


def test_creator_owns_the_agent_and_it_is_audited(desk: Desk, own: Agent) -> None:
    assert own.owner_id == desk.world.people["admin"].pk
    assert AuditEntry.objects.filter(action="AGENT_CREATED", object_id=own.pk).count() == 1


def test_owner_may_not_sign_what_his_agent_asks_for(desk: Desk, own: Agent) -> None:
    desk.say("Raise the daily budget of Summer Sale to 900")
    assert own.owner_id in Approval.objects.get().excluded


def test_whoever_ever_changed_an_agent_may_not_sign_what_it_asks_for(desk: Desk, own: Agent) -> None:
    writer, last = desk.world.actor("owner"), desk.world.actor("admin")
    services.change_agent(actor=writer, agent_id=own.pk, changes={"instructions": "Ask for twice of it."})
    services.change_agent(actor=last, agent_id=own.pk, changes={"max_open_approvals": 9})
    desk.say("Raise the daily budget of Summer Sale to 900")
    assert writer.user_id in Approval.objects.get().excluded


def test_tool_that_no_longer_exists_is_not_offered_and_the_others_are(desk: Desk, own: Agent) -> None:
    AgentVersion.objects.create(agent=own, number=2, tools=["old_tool", "list_campaigns"])
    assert "Summer Sale" in desk.say("list campaigns")
    version = desk.last_run.agent_version
    assert version is not None
    assert (version.agent_id, version.number) == (own.pk, 2)
    copy = services.copy_agent(actor=desk.world.actor("admin"), agent_id=own.pk, name="Copy")
    assert services.setup_of(copy).tools == ("list_campaigns",)


def test_each_change_is_a_new_version_and_the_old_one_stays(desk: Desk, own: Agent) -> None:
    changes: dict[str, Any] = {"instructions": "Be kind.", "max_open_approvals": 2}
    services.change_agent(actor=desk.world.actor("admin"), agent_id=own.pk, changes=changes)
    rows = AgentVersion.objects.filter(agent=own).order_by("number").values_list("number", "prompt")
    assert list(rows) == [(1, "Be brief."), (2, "Be kind.")]
    facts = AuditEntry.objects.get(action="AGENT_CHANGED").facts
    assert facts["fields"] == ["instructions", "max_open_approvals"]


def test_conversation_goes_on_with_the_newest_version(desk: Desk, own: Agent) -> None:
    desk.say("list campaigns")
    services.change_agent(actor=desk.world.actor("admin"), agent_id=own.pk, changes={"instructions": "Be kind."})
    desk.say("thanks")
    assert desk.last_run.agent_version is not None
    assert desk.last_run.agent_version.number == 2


def test_change_without_a_difference_writes_nothing(desk: Desk, own: Agent) -> None:
    services.change_agent(actor=desk.world.actor("admin"), agent_id=own.pk, changes={"name": " Budget  desk "})
    assert own.versions.count() == 1


def test_change_of_a_version_that_is_old_is_refused(desk: Desk, own: Agent) -> None:
    actor = desk.world.actor("admin")
    services.change_agent(actor=actor, agent_id=own.pk, changes={"name": "A"}, seen_version=1)
    with pytest.raises(Conflict) as late:
        services.change_agent(actor=actor, agent_id=own.pk, changes={"name": "B"}, seen_version=1)
    assert (late.value.code, late.value.facts["changed_by"]) == ("stale_version", "you")


def test_built_in_agent_is_not_changed_but_copied(desk: Desk) -> None:
    actor = desk.world.actor("admin")
    with pytest.raises(Conflict) as refused:
        services.change_agent(actor=actor, agent_id=built_in().pk, changes={"name": "Mine"})
    copy = services.copy_agent(actor=actor, agent_id=built_in().pk, name="Mine")
    assert refused.value.code == "built_in"
    assert replace(services.setup_of(built_in()), name="Mine") == services.setup_of(copy)
    assert not copy.is_system


def test_whoever_wrote_what_was_copied_may_not_sign_what_the_copy_asks_for(desk: Desk, own: Agent) -> None:
    writer, innocent = desk.world.actor("admin"), desk.world.actor("owner")
    first = services.copy_agent(actor=innocent, agent_id=own.pk, name="Ours")
    services.copy_agent(actor=innocent, agent_id=first.pk, name="Ours too")
    for agent in (own, first):
        services.retire_agent(actor=innocent, agent_id=agent.pk)
    desk.say("Raise the daily budget of Summer Sale to 900")
    assert {writer.user_id, innocent.user_id} <= set(Approval.objects.get().excluded)


def test_retired_agent_takes_no_run_until_it_is_restored(desk: Desk, own: Agent) -> None:
    actor = desk.world.actor("admin")
    services.retire_agent(actor=actor, agent_id=own.pk)
    desk.say("list campaigns")
    assert desk.last_run.agent_version is not None
    assert desk.last_run.agent_version.agent.is_system
    services.restore_agent(actor=actor, agent_id=own.pk)
    services.restore_agent(actor=actor, agent_id=own.pk)
    assert Agent.objects.get(pk=own.pk).is_active
    assert AuditEntry.objects.filter(object_id=own.pk, action__startswith="AGENT_RE").count() == 2


def test_built_in_agent_can_be_switched_off(desk: Desk) -> None:
    services.retire_agent(actor=desk.world.actor("admin"), agent_id=built_in().pk)
    assert "Another of our agents" in desk.say("Pause Winter Boots")
    assert not Approval.objects.exists()


def test_custom_agent_answers_where_it_is_named_or_alone_can(desk: Desk) -> None:
    custom = services.create_agent(actor=desk.world.actor("admin"), type="custom", setup=SETUP)
    desk.say("hello", agent="budget-desk")
    assert desk.last_run.agent_version is not None
    assert desk.last_run.agent_version.agent_id == custom.pk
    services.retire_agent(actor=desk.world.actor("admin"), agent_id=built_in().pk)
    assert "BR-" in desk.say("Raise the daily budget of Summer Sale to 900")


def test_agent_asks_for_no_more_than_its_limit(desk: Desk, own: Agent) -> None:
    actor = desk.world.actor("admin")
    services.change_agent(actor=actor, agent_id=own.pk, changes={"max_open_approvals": 1})
    assert "BR-" in desk.say("Raise the daily budget of Summer Sale to 900")
    assert "which is my limit" in desk.say("Raise the daily budget of Winter Boots to 700")
    assert Approval.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 81),
        ("instructions", "x" * 8001),
        ("model", "openai"),
        ("model", "nonesuch"),
        ("tools", ("drop_tables",)),
        ("max_open_approvals", 0),
        ("max_open_approvals", 101),
    ],
)
def test_wrong_configuration_is_refused_by_field(desk: Desk, field: str, value: Any) -> None:
    setup = replace(SETUP, **{field: value})
    with pytest.raises(Invalid) as refused:
        services.create_agent(actor=desk.world.actor("admin"), type="seo", setup=setup)
    assert list(refused.value.facts["fields"]) == [field]


def test_model_with_a_key_can_be_chosen(desk: Desk, settings: Any) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    setup = replace(SETUP, model="openai", model_name="small")
    agent = services.create_agent(actor=desk.world.actor("admin"), type="seo", setup=setup)
    assert services.setup_of(agent).model == "openai"


@pytest.mark.parametrize("role", ["support", "approver", "viewer", "compliance"])
def test_who_may_not_change_agents_is_refused(desk: Desk, own: Agent, role: str) -> None:
    actor = desk.world.actor(role)
    with pytest.raises(Refused):
        services.create_agent(actor=actor, type="seo", setup=SETUP)
    with pytest.raises(Refused):
        services.change_agent(actor=actor, agent_id=own.pk, changes={"name": "x"})
    with pytest.raises(Refused):
        services.retire_agent(actor=actor, agent_id=own.pk)


def test_agent_of_another_tenant_is_not_found(desk: Desk, own: Agent) -> None:
    actor = desk.world.actor("admin")
    with tenant_scope(desk.world.globex.pk), pytest.raises(NotFound):
        services.retire_agent(actor=actor, agent_id=own.pk)
    with pytest.raises(NotFound):
        services.copy_agent(actor=actor, agent_id=uuid4(), name="x")
