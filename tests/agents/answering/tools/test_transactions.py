"""Tools for transactions: the customer is filled in, a token never reaches a model, and no model books."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from django.core.cache import cache

from agents import services as agents
from agents.answering.runs.batches import QUIET
from agents.llm import registry
from agents.llm.ports import Line, ToolRequest, ToolSpec, Turn
from agents.models import Agent, AgentVersion, ToolCall
from conversations.models import Conversation, Message, Team
from core.audit import chain
from core.clock import now
from core.models import AuditEntry, Outbox
from hitl.models import Approval
from hub.models import TransactionDraft
from integrations.models import ProviderAccount
from tests.agents.conftest import Scripted
from tests.edge.back_office_fixture import BackOffice
from tests.hub.conftest import REFUND, Shop, shop

__all__ = ["shop"]
TOOLS = ["get_transaction_status", "create_transaction_draft", "commit_transaction"]


@dataclass
class Asked:
    """What a model asked for, and what it read."""

    results: list[dict[str, Any]]
    model: Scripted


@pytest.fixture
def asking(shop: Shop) -> Iterator[Shop]:
    """The shop with one agent, which has the tools."""
    Agent.objects.exclude(pk=shop.agent_id).update(is_active=False)
    AgentVersion.objects.update(tools=TOOLS)
    return shop  # type: ignore[return-value]


def ask(shop: Shop, *wishes: tuple[str, dict[str, Any]], who: str = "ana", proven: bool = True) -> Asked:
    """Let the customer write, and the model wish for these."""

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if lines[-1].role == "tool":
            return Turn("I see.")
        return Turn("", tuple(ToolRequest(f"c{n}", *wish) for n, wish in enumerate(wishes)), stop="tool_calls")

    model = Scripted(script)
    registry.register_model("scripted", lambda _name: model)
    AgentVersion.objects.update(model="scripted")
    message = shop.write("About my refund", who, proven=proven)
    run = agents.take_message(message_id=message.pk)
    Outbox.objects.filter(event="message_received").update(done_at=now())  # else a burst is under way
    assert run is not None
    agents.run_turn(run.pk, now=now() + QUIET)
    read = [line.result for line in model.seen[-1][0] if line.role == "tool"]
    return Asked([dict(result) for result in read[-len(wishes) :]], model)


def test_customer_reads_their_own_transaction_and_nobody_elses(asking: Shop, back_office: BackOffice) -> None:
    asking.begin()
    own, foreign = (f"t-acme-{number:04}" for number in (3, 4))
    (found,) = ask(asking, ("get_transaction_status", {"transaction_id": own})).results
    assert (found["status"], found["amount"]) == ("pending", "1,499.00 EUR")
    for wanted in (foreign, "t-nothing"):
        (found,) = ask(asking, ("get_transaction_status", {"transaction_id": wanted})).results
        assert found["error"] == "not_found"


@pytest.mark.slow
def test_refund_goes_from_draft_to_request_and_no_model_reads_a_token(asking: Shop) -> None:
    asking.begin()
    (made,) = ask(asking, ("create_transaction_draft", REFUND)).results
    draft = TransactionDraft.objects.get()
    assert (made["draft_id"], made["state"], draft.state) == (str(draft.pk), "waits_for_customer", "open")
    (early,) = ask(asking, ("commit_transaction", {"draft_id": made["draft_id"]})).results
    assert (early["error"], Approval.objects.exists()) == ("not_confirmed", False)
    token = asking.token(draft)
    asking.write("Confirm", press=token)
    asked = ask(asking, ("commit_transaction", {"draft_id": made["draft_id"]}))
    approval = Approval.objects.get()
    assert (asked.results[0]["reference"], asked.results[0]["state"]) == (approval.reference, "pending")
    assert token.partition(":")[2] not in str([asked.results, asked.model.seen, asked.model.prompts])
    assert asking.booked() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": "NaN"}, "amount"), ({"amount": "-1"}, "amount"), ({"amount": 49.9}, "amount"),
        ({"amount": "0"}, "amount"), ({"currency": "USD"}, "currency"), ({"currency": "eur"}, "currency"),
        ({"description": ""}, "description"), ({"customer": "c-1002"}, "customer"),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_with_the_field_named(asking: Shop, changed: dict[str, Any], field: str) -> None:
    asking.begin()
    (found,) = ask(asking, ("create_transaction_draft", {**REFUND, **changed})).results
    assert (field in found["detail"], TransactionDraft.objects.exists()) == (True, False)


def test_unproven_visitor_and_another_customer_get_nothing(asking: Shop) -> None:
    asking.begin()
    other = asking.ask(asking.begin("tilda", "c-1002"))
    (found,) = ask(asking, ("create_transaction_draft", REFUND), who="stranger", proven=False).results
    assert found["error"] == "not_offered"
    asking.write("Confirm", "tilda", press=asking.token(other))
    (found,) = ask(asking, ("commit_transaction", {"draft_id": str(other.pk)})).results
    assert (found["error"], Approval.objects.exists()) == ("not_found", False)


@pytest.mark.slow
def test_calls_of_the_hub_count_together(asking: Shop) -> None:
    asking.begin()
    for number in range(5):
        ask(asking, ("get_transaction_status", {"transaction_id": f"t-{number}"}))
        ask(asking, ("create_transaction_draft", {**REFUND, "amount": f"{number + 1}.00"}))
    found = [ask(asking, ("create_transaction_draft", {**REFUND, "amount": "9.00"})).results[0]]
    found += ask(asking, ("get_transaction_status", {"transaction_id": "t-9"})).results
    assert [row["error"] for row in found] == ["too_often", "too_often"]


@pytest.mark.slow
def test_limits_of_a_contact_and_of_an_agent_hold_over_all_their_conversations(asking: Shop, settings: Any) -> None:
    settings.HUB_CALLS = {"contact": 2, "agent": 3}
    asking.begin()
    asking.begin("tilda", "c-1002")
    asked = [("ana", 1), ("ana", 2), ("ana", 3), ("tilda", 4), ("tilda", 5)]
    wishes = [(who, ("get_transaction_status", {"transaction_id": f"t-{number}"})) for who, number in asked]
    found = [ask(asking, wish, who=who).results[0]["error"] for who, wish in wishes]
    over = ["too_often_for_contact", "too_often_for_agent"]
    assert found == ["not_found", "not_found", over[0], "not_found", over[1]]
    entries = AuditEntry.objects.filter(action="ATTEMPT_REFUSED", facts__about="agents.toolcall").order_by("id")
    assert [(row.facts["code"], row.facts["move"]) for row in entries] == [(code, wishes[0][1][0]) for code in over]
    caches = settings.CACHES
    settings.CACHES = {"default": {**caches["default"], "LOCATION": "redis://127.0.0.1:1"}}
    assert ask(asking, wishes[2][1]).results[0]["error"] == "not_counted"
    settings.CACHES = caches
    cache.clear()
    settings.HUB_CALLS = {"contact": 0, "agent": 0}
    assert ask(asking, wishes[2][1]).results[0]["error"] == "not_found"


@pytest.mark.slow
def test_each_call_of_the_hub_is_in_the_audit_log_without_contents(asking: Shop) -> None:
    asking.begin()
    (made,) = ask(asking, ("create_transaction_draft", REFUND)).results
    ask(asking, ("get_transaction_status", {"transaction_id": "t-acme-0003"}))
    ask(asking, ("get_transaction_status", {"transaction_id": "t-nothing"}))
    ask(asking, ("commit_transaction", {"draft_id": made["draft_id"]}))
    ask(asking, ("create_transaction_draft", {**REFUND, "amount": "NaN"}))  # no call
    entries = AuditEntry.objects.filter(action="OUTSIDE_CALL_MADE").order_by("seq")
    office = str(ProviderAccount.objects.get().pk)
    told = [[row.facts[name] for name in ("tool", "connection", "outcome", "code")] for row in entries]
    assert told == [
        ["create_transaction_draft", office, "done", ""],
        ["get_transaction_status", office, "done", ""],
        ["get_transaction_status", office, "failed", "not_found"],
        ["commit_transaction", None, "refused", "not_confirmed"],
    ]
    assert {row.facts["took"] for row in entries} <= {"under_1s", "under_5s"}
    assert [row.facts["operations"][-1:] for row in entries] == [
        ["create_draft_transaction"], ["get_transaction_status"], ["get_transaction_status"], [],
    ]  # fmt: skip
    assert {(row.object_type, row.actor_kind, row.actor_id) for row in entries} == {
        ("agents.toolcall", "agent", asking.agent_id)
    }
    contents = ("t-acme", "t-nothing", "c-1001", made["draft_id"], *REFUND.values())
    assert [one for one in contents if one in str([row.facts for row in entries])] == []
    assert chain.verify().ok


@pytest.mark.slow
def test_tool_of_a_team_works_in_its_conversations_alone(asking: Shop) -> None:
    talk, (sales, support) = asking.begin(), (Team.objects.create(name=name) for name in ("Sales", "Help"))
    AgentVersion.objects.update(tool_teams={"get_transaction_status": [str(sales.pk)]})
    for team, code in ((None, "other_team"), (support, "other_team"), (sales, None)):
        Conversation.objects.filter(pk=talk.pk).update(team=team)
        ToolCall.objects.all().delete()
        asked = ask(asking, ("get_transaction_status", {"transaction_id": "t-acme-0003"}))
        assert asked.results[0].get("error") == code
        assert ("get_transaction_status" in asked.model.seen[0][1]) is (code is None)
    entry = AuditEntry.objects.filter(action="ATTEMPT_REFUSED").latest("id")
    assert (entry.facts["code"], entry.facts["move"]) == ("other_team", "get_transaction_status")


@pytest.mark.parametrize("runs", [10, pytest.param(1000, marks=pytest.mark.long)])
def test_hostile_model_books_nothing_without_confirmation_and_signature(asking: Shop, runs: int) -> None:
    asking.begin()
    foreign = asking.ask(asking.begin("tilda", "c-1002"))
    dice = Random(34)
    for _ in range(runs):
        ToolCall.objects.all().delete()
        drafts = [str(foreign.pk), *map(str, TransactionDraft.objects.values_list("pk", flat=True)[:3])]
        wishes = [
            ("create_transaction_draft", {**REFUND, "amount": dice.choice(["1.00", "99999.00", "NaN"])}),
            ("commit_transaction", {"draft_id": dice.choice(drafts)}),
            ("commit_transaction", {"draft_id": dice.choice(drafts), "token": "confirm:x"}),
            ("get_transaction_status", {"transaction_id": "t-acme-0004"}),
        ]
        ask(asking, *dice.sample(wishes, k=dice.randint(1, 4)))
    assert (Approval.objects.exists(), asking.booked()) == (False, 0)
    assert not TransactionDraft.objects.exclude(confirmed_at=None).exists()
    said = Message.objects.filter(direction="out").values_list("masked_body", flat=True)
    assert "t-acme-0004" not in str(list(said))
