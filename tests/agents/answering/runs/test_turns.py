"""A run from message to answer: what is offered, what is asked for, and how failures end."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import services
from agents.answering import selectors
from agents.answering.runs import run as turns
from agents.answering.runs.batches import QUIET
from agents.answering.runs.reply import CHUNK
from agents.answering.runs.run import MAX_ROUNDS
from agents.llm import registry
from agents.llm.ports import Line, ModelFailed, ToolRequest, ToolSpec, Turn
from agents.models import Agent, AgentRun, ToolCall
from conversations.inbox.states import give_back, take_over
from conversations.services import Draft, Sender, reply
from core.clock import now
from core.events import live
from core.events.streams import group_name
from hitl.models import Approval
from tests.agents.conftest import Desk

RAISE = "Raise the daily budget of Summer Sale to 900"


def calls(*requests: tuple[str, dict[str, object]]) -> Turn:
    named = [ToolRequest(f"call-{i}", name, args) for i, (name, args) in enumerate(requests)]
    return Turn("", tuple(named), stop="tool_calls")


@pytest.mark.slow
def test_command_of_a_member_opens_an_approval_and_says_so(desk: Desk) -> None:
    answer = desk.say(RAISE)
    approval = Approval.objects.get()
    assert approval.reference in answer
    assert "900.00" in answer


@pytest.mark.slow
def test_approval_names_requester_run_and_call(desk: Desk) -> None:
    desk.say(RAISE)
    approval = Approval.objects.get()
    call = ToolCall.objects.get()
    assert approval.requester_id == desk.world.people["support"].pk
    assert (approval.run_id, approval.tool_call_id) == (call.run_id, call.pk)


@pytest.mark.slow
def test_run_that_asked_waits_for_the_signature(desk: Desk) -> None:
    desk.say(RAISE)
    assert desk.last_run.state == AgentRun.State.WAITING


@pytest.mark.slow
def test_nothing_changes_on_the_platform_by_asking(desk: Desk) -> None:
    desk.say(RAISE)
    assert desk.sandbox.journal() == []


def test_visitor_is_refused_and_no_approval_opens(desk: Desk) -> None:
    answer = desk.say(RAISE, "visitor")
    assert answer.startswith("Sorry")
    assert not Approval.objects.exists()


def test_visitor_is_offered_no_internal_tool(desk: Desk) -> None:
    model = desk.script(lambda _lines, _tools: Turn("Hello."))
    desk.say("hello", "visitor")
    assert model.seen[0][1] == ["bring_person", "list_abilities"]


def test_viewer_may_read_but_is_offered_no_acting_tool(desk: Desk) -> None:
    model = desk.script(lambda _lines, _tools: Turn("Hello."))
    desk.say(RAISE, "viewer")
    assert "list_campaigns" in model.seen[0][1]
    assert "set_campaign_budget" not in model.seen[0][1]


def hostile(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
    """Calls what it was not offered, then reports back."""
    results = [line for line in lines if line.role == "tool"]
    if results:
        return Turn(" ".join(str(line.result.get("error")) for line in results))
    budget = {"campaign": "Summer Sale", "daily_budget": "99999"}
    return calls(("set_campaign_budget", budget), ("drop_tables", {}), ("list_campaigns", {}))


def floods(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
    """Asks for the same thing with ever other values: each replaces the one before, so that few are open."""
    done = len([line for line in lines if line.role == "tool"])
    budgets = [{"campaign": "Summer Sale", "daily_budget": f"{900 + done + i}"} for i in range(30)]
    wishes = tuple(ToolRequest(f"{done}-{i}", "set_campaign_budget", budget) for i, budget in enumerate(budgets))
    return Turn("", wishes, stop="tool_calls")


@pytest.mark.slow
def test_hostile_model_asks_for_no_more_than_a_run_may(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_CALLS", 4)
    desk.script(floods)
    desk.say("hello")
    assert (Approval.objects.count(), ToolCall.objects.count()) == (4, 4)


def test_hostile_model_of_a_visitor_gets_tool_errors_and_no_approval(desk: Desk) -> None:
    desk.script(hostile)
    assert desk.say("hello", "visitor") == "not_offered unknown_tool not_offered"
    assert not Approval.objects.exists()


def test_model_cannot_use_a_tool_of_another_agent(desk: Desk) -> None:
    desk.script(hostile)
    assert desk.say("hello", agent="seo").startswith("not_offered unknown_tool")


def test_membership_that_ends_during_the_run_ends_the_right_to_ask(desk: Desk) -> None:
    def lose_membership(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        desk.world.people["support"].memberships.update(is_active=False)
        return hostile(lines, tools)

    desk.script(lose_membership)
    assert "not_offered" not in desk.say("hello", agent="paid_ads")  # the answer has ended as well
    assert "not_offered" in ToolCall.objects.values_list("code", flat=True)
    assert desk.last_run.error_code == "seat_ended"
    assert not Approval.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"campaign": "Summer Sale", "daily_budget": 900.5},
        {"campaign": "Summer Sale", "daily_budget": "lots"},
        {"campaign": "Summer Sale", "daily_budget": "900", "approved": True},
        {"daily_budget": "900"},
    ],
)
def test_bad_arguments_are_a_tool_error(desk: Desk, arguments: dict[str, object]) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        done = [line for line in lines if line.role == "tool"]
        return Turn(str(done[0].result["error"])) if done else calls(("set_campaign_budget", arguments))

    desk.script(script)
    assert desk.say("hello", agent="paid_ads") == "bad_arguments"


@pytest.mark.slow
def test_unknown_campaign_is_asked_back_with_the_known_ones(desk: Desk) -> None:
    answer = desk.say("Raise the daily budget of Nonesuch to 900")
    assert "I can't find the campaign “Nonesuch”" in answer
    assert "Summer Sale" in answer


@pytest.mark.slow
def test_answer_without_the_reference_gets_it_added(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if any(line.role == "tool" for line in lines):
            return Turn("Done, the budget is changed!")
        return calls(("set_campaign_budget", {"campaign": "Summer Sale", "daily_budget": "900"}))

    desk.script(script)
    assert "This needs approval: BR-" in desk.say("go", agent="paid_ads")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "{reference} was approved and done.",
        "It is not true that: {sentence}",
        "{sentence}\n\nAll done!\n\n{sentence}",
    ],
)
def test_model_never_stands_in_for_our_own_sentence(desk: Desk, words: str) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        done = [line for line in lines if line.role == "tool"]
        if done:
            return Turn(words.format(**done[0].result))
        return calls(("set_campaign_budget", {"campaign": "Summer Sale", "daily_budget": "900"}))

    desk.script(script)
    said = desk.say("go", agent="paid_ads").split("\n\n")
    assert [part.startswith("This needs approval: BR-") for part in said].count(True) == 1


@pytest.mark.slow
def test_answer_longer_than_a_message_is_cut_and_still_names_what_was_asked(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if any(line.role == "tool" for line in lines):
            return Turn("x" * 20_000)
        return calls(("set_campaign_budget", {"campaign": "Summer Sale", "daily_budget": "900"}))

    desk.script(script)
    said = desk.say("go", agent="paid_ads")
    assert len(said) <= 4096
    assert "…\n\n" in said
    assert "This needs approval: BR-" in said
    assert desk.last_run.state == "waiting"


@pytest.mark.slow
def test_same_wish_in_one_run_is_one_approval(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if sum(line.role == "tool" for line in lines) >= 2:
            return Turn("Asked.")
        number = len(lines)
        wish = {"campaign": "Summer Sale", "daily_budget": "900"}
        return Turn("", (ToolRequest(f"id-{number}", "set_campaign_budget", wish),))

    desk.script(script)
    desk.say("go", agent="paid_ads")
    assert Approval.objects.count() == 1


def failing(code: str) -> Turn:
    raise ModelFailed(code)


def boom() -> Turn:
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (lambda _lines, _tools: failing("model_unreachable"), "model_unreachable"),
        (lambda _lines, _tools: boom(), "run_broke"),
        (lambda _lines, _tools: Turn("  "), "empty_answer"),
        (lambda lines, _tools: calls((f"x{len(lines)}", {})), "too_many_rounds"),
    ],
)
def test_failure_ends_with_a_person_and_an_apology(desk: Desk, script: object, code: str) -> None:
    desk.script(script)  # type: ignore[arg-type]
    assert desk.say("hello").startswith("Sorry")
    assert desk.conversation.state == "person"
    assert desk.last_run.error_code == code


@pytest.mark.slow
def test_rounds_are_bounded(desk: Desk) -> None:
    model = desk.script(lambda lines, _tools: calls((f"x{len(lines)}", {})))
    desk.say("hello")
    assert len(model.seen) == MAX_ROUNDS


@pytest.mark.slow
def test_platform_that_is_down_ends_with_a_person(desk: Desk, settings: object) -> None:
    settings.SANDBOX_ADS_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    assert desk.say("list campaigns").startswith("Sorry")
    assert desk.conversation.state == "person"


def test_no_agent_ends_with_a_person(desk: Desk) -> None:
    Agent.objects.update(is_active=False)
    desk.say("hello")
    assert desk.last_run.error_code == "no_agent"
    assert desk.conversation.state == "person"


def test_wish_for_a_person_is_answered_and_handed_over(desk: Desk) -> None:
    assert "bringing in a colleague" in desk.say("I want to talk to a human", "visitor")
    assert desk.conversation.escalation_reason == "asked_for_person"


@pytest.mark.slow
def test_agent_is_silent_while_a_person_answers(desk: Desk) -> None:
    desk.say("hello")
    take_over(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk)
    assert desk.say("Pause Summer Sale") == ""


def test_answer_is_dropped_when_a_person_took_over_meanwhile(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        take_over(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk)
        return Turn("Hello.")

    desk.script(script)
    message = desk.receive("hello")
    run = services.take_message(message_id=message.pk)
    assert run is not None
    services.run_turn(run.pk)
    assert desk.answers(message.conversation_id) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("Pause Summer Sale", "paid_ads"),
        ("How do we rank for boots?", "seo"),
        ('Publish "Boot care 101"', "content"),
        ("list audiences", "audience"),
    ],
)
def test_intent_chooses_the_agent(desk: Desk, text: str, type: str) -> None:
    desk.say(text)
    version = desk.last_run.agent_version
    assert version is not None
    assert version.agent.type == type


@pytest.mark.parametrize(
    ("text", "type"),
    [("Pause Summer Sale", "paid_ads"), ("How do we rank for boots?", "seo"), ("list audiences", "audience")],
)
def test_intent_chooses_the_agent_whatever_model_answers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, text: str, type: str
) -> None:
    desk.script(lambda _lines, _tools: Turn("Let me see."))
    monkeypatch.setattr(registry, "_remote", {*registry._remote, "scripted"})
    desk.say(text)
    version = desk.last_run.agent_version
    assert version is not None
    assert (version.model, version.agent.type) == ("scripted", type)


@pytest.mark.slow
def test_agent_from_before_a_colleagues_many_messages_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.say("list audiences")
    monkeypatch.setattr(selectors, "TRANSCRIPT_LINES", 2)
    who: dict[str, Any] = {"actor": desk.world.actor("support"), "conversation_id": desk.conversation.pk}
    take_over(**who)
    for text in ("One moment.", "Here you are."):
        reply(**who, draft=Draft(text=text, sender=Sender(type="person")))
    give_back(**who)
    desk.say("hello")
    version = desk.last_run.agent_version
    assert version is not None
    assert version.agent.type == "audience"


def test_agent_named_by_the_page_answers(desk: Desk) -> None:
    desk.say("hello", agent="content")
    version = desk.last_run.agent_version
    assert version is not None
    assert version.agent.type == "content"


@pytest.mark.slow
def test_follow_up_over_two_messages_opens_the_approval(desk: Desk) -> None:
    asked = desk.say("Raise the daily budget of Summer Sale")
    assert asked == "What should the daily budget of Summer Sale be?"
    assert "BR-" in desk.say("900")


@pytest.mark.slow
def test_model_hears_what_was_said_masked(desk: Desk) -> None:
    model = desk.script(lambda _lines, _tools: Turn("Call +49 170 7654321."))
    desk.say("I am ana@example.com, +49 170 7654321")
    desk.say("Again, please")
    heard = [line.text for line in model.seen[-1][0]]
    assert heard == ["I am a•••@e•••.com, +49 ••• ••21", "Call +49 ••• ••21.", "Again, please"]


@pytest.mark.slow
def test_arguments_are_recorded_masked(desk: Desk) -> None:
    desk.script(lambda _lines, _tools: calls(("x", {"to": "call +49 170 1234567"})))
    desk.say("hello")
    assert "1234567" not in str(ToolCall.objects.order_by("id")[0].arguments)


def test_outsider_sees_no_run_of_this_tenant(desk: Desk) -> None:
    from core.tenancy.models import tenant_scope

    desk.say("hello")
    with tenant_scope(desk.world.globex.pk):
        assert not AgentRun.objects.exists()
        assert not Agent.objects.exists()


@pytest.mark.slow
def test_statements_of_a_lone_message_stay_few(desk: Desk, kept_settings: None) -> None:
    desk.say("What can you do for me?", "visitor")
    AgentRun.objects.update(joinable_until=None)
    message = desk.receive("What can you do for me?", "visitor")
    with CaptureQueriesContext(connection) as sent:
        run = services.take_message(message_id=message.pk)
        assert run is not None
        services.run_turn(run.pk)
    said = [query["sql"].partition("role none; ")[2][:160] for query in sent if "SAVEPOINT" not in query["sql"]]
    assert ToolCall.objects.filter(run=run).count() == 1
    # One of them is the look under the lock: a stop or an ended seat lets no answer out.
    assert len(said) <= 19, "\n".join(said)


@pytest.mark.slow
def test_ready_answer_reaches_those_who_listen_in_one_frame(desk: Desk) -> None:
    """However many sentences it has: each frame costs its sender, Redis and every listener."""
    message = desk.receive("What can you do?")
    layer: Any = get_channel_layer()
    spy = redis.Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
    spy.subscribe(f"{layer._prefix}__group__{group_name(desk.world.acme.pk, desk.conversation.stream)}")
    spy.get_message(timeout=1)
    run = services.take_message(message_id=message.pk)
    assert run is not None
    services.run_turn(run.pk, now=now() + QUIET)
    assert live.flush()
    heard: list[dict[str, Any]] = []
    while sent := spy.get_message(timeout=0.5):
        frame = layer.deserialize(sent["data"])
        heard += frame.get("messages", [frame])
    [answer] = desk.answers(message.conversation_id)
    assert len(answer) > 4 * CHUNK
    assert answer.count("\n") > 4
    deltas = [frame["payload"]["content"] for frame in heard if frame.get("event") == "agent_delta"]
    assert len(deltas) == 1
    assert deltas[0] in answer
    assert [frame["payload"]["value"] for frame in heard if frame.get("event") == "agent_typing"][:1] == [True]
