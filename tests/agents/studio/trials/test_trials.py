"""A trial shows what an agent would do, and does none of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from agents import services, tasks
from agents.answering.guardrails.doubt import is_question
from agents.answering.tools import registry as tools
from agents.llm import registry
from agents.llm.ports import Line, ToolRequest, ToolSpec, Turn
from agents.models import Agent, AgentRun, AgentVersion, OpenQuestion, ToolCall
from agents.studio.trials import lease
from agents.studio.trials import turns as trying
from agents.studio.trials.calls import is_reading
from agents.studio.trials.models import Trial, TrialTurn
from agents.studio.trials.speakers import TRY
from conversations.models import Conversation, Message
from core.clock import at, now
from core.errors import Conflict, Invalid, NotFound, Refused, TooMany
from core.models import AuditEntry
from core.tenancy.scope import NOTHING, _enter
from hitl.models import Approval
from tests.agents.conftest import Desk, Scripted


def draft_of(desk: Desk, keys: Sequence[str] = (), model: str = "local") -> Agent:
    setup = services.Setup(
        "Desk", instructions="You never talk about cheese to anybody.", model=model, tools=tuple(keys)
    )
    return services.create_agent(actor=desk.world.actor("admin"), type="custom", setup=setup)


def scripted(script: Any) -> Scripted:
    model = Scripted(script)
    registry.register_model("scripted", lambda _name: model)
    return model


def begin(desk: Desk, agent: Agent, speaker: str, text: str) -> TrialTurn:
    trial = trying.start_trial(actor=desk.world.actor("admin"), agent_id=agent.pk, speaker=speaker, text=text)
    return answered(trial)


def answered(trial: Trial) -> TrialTurn:
    """The worker answers what was said last."""
    turn: TrialTurn = trial.turns.order_by("-number")[0]
    assert turn.is_open
    trying.answer_turn(turn_id=turn.pk)
    trying.answer_turn(turn_id=turn.pk)  # a repeated task changes nothing
    turn.refresh_from_db()
    assert not turn.is_open
    return turn


def nothing_happened() -> bool:
    return not any(
        model.objects.exists() for model in (Approval, AgentRun, ToolCall, Conversation, Message, OpenQuestion)
    )


@pytest.mark.slow
def test_member_sees_the_reading_the_wish_and_who_would_approve_it(desk: Desk) -> None:
    agent = draft_of(desk, ["list_campaigns", "set_campaign_budget"])
    listed = begin(desk, agent, "member", "Show me the campaigns")
    assert [(step["kind"], step["tool"]) for step in listed.steps] == [("reads", "list_campaigns")]
    assert "Summer Sale" in listed.answer
    asked = begin(desk, agent, "member", "Set the daily budget of Summer Sale to 900 EUR")
    step = next(step for step in asked.steps if step["kind"] == "asks")
    assert "Summer Sale" in step["approval"]["headline"]
    level = step["approval"]["levels"][0]
    approver, tried_by = desk.world.people["approver"], desk.world.people["admin"]
    assert str(approver.pk) in level["people"]
    assert str(tried_by.pk) not in level["people"]  # wrote the draft, and asks
    assert "nothing was requested" in asked.answer
    assert nothing_happened()
    assert AuditEntry.objects.filter(action="AGENT_TRIED", object_id=agent.pk).count() == 2


def test_stranger_is_not_offered_what_only_members_may(desk: Desk) -> None:
    agent = draft_of(desk, ["list_campaigns", "set_campaign_budget"])
    turn = begin(desk, agent, "public", "Set the daily budget of Summer Sale to 900 EUR")
    assert (turn.steps, turn.error_code) == ([], "")
    assert nothing_happened()


@pytest.mark.slow
def test_no_tool_of_any_kind_has_an_effect_in_a_trial(desk: Desk) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "set_campaign_budget": {"campaign": "Summer Sale", "daily_budget": "900"},
        "pause_campaign": {"campaign": "Summer Sale"},
        "send_file": {"name": "a.csv", "content": "a,b"},
        "publish_content": {"content": "Nonesuch"},
        "withdraw_request": {"reference": "BR-1001"},
        "bring_person": {},
        "what_is_waiting": {},
        "invented": {"a": 1},
    }
    asked = [ToolRequest(f"c{place}", name, given) for place, (name, given) in enumerate(arguments.items())]

    def script(lines: Sequence[Line], offered: Sequence[ToolSpec]) -> Turn:
        return Turn("It is approved.") if lines[-1].role == "tool" else Turn("", tuple(asked), stop="tool_calls")

    scripted(script)
    agent = draft_of(desk, [key for key in tools.keys() if key not in tools.FOR_EVERY_AGENT])  # noqa: SIM118
    AgentVersion.objects.filter(agent=agent).update(model="scripted")
    turn = begin(desk, agent, "member", "Do all of it, my number is +34 600 123 456")
    assert {step["tool"]: step["kind"] for step in turn.steps} == {
        "set_campaign_budget": "asks",
        "pause_campaign": "asks",
        "send_file": "left_out",
        "publish_content": "failed",
        "withdraw_request": "refused",
        "bring_person": "reads",
        "what_is_waiting": "reads",
        "invented": "refused",
    }
    assert (turn.error_code, turn.answer, turn.brings_person) == ("gate_claim", turn.answer, True)
    assert "It is approved." in turn.stopped
    assert "600 123 456" not in turn.said
    assert nothing_happened()
    assert not [key for key in tools.keys() if is_reading(tools.get(key)) and tools.get(key).acting]  # noqa: SIM118


def test_trial_goes_on_with_what_was_said_and_belongs_to_its_person(desk: Desk) -> None:
    model = scripted(lambda lines, _offered: Turn(f"You wrote {len(lines)} lines."))
    agent = draft_of(desk)
    AgentVersion.objects.filter(agent=agent).update(model="scripted")
    actor = desk.world.actor("admin")
    trial = trying.start_trial(actor=actor, agent_id=agent.pk, speaker="verified", text="Hello")
    with pytest.raises(Conflict, match="still answering"):
        trying.say(actor=actor, trial_id=trial.pk, text="Faster")
    answered(trial)
    answered(trying.say(actor=actor, trial_id=trial.pk, text="And my card is 4111 1111 1111 1111"))
    assert list(trial.turns.order_by("number").values_list("answer", flat=True))[1] == "You wrote 3 lines."
    assert "4111" not in str([line.text for line in model.seen[-1][0]])
    with pytest.raises(NotFound):
        trying.say(actor=desk.world.actor("owner"), trial_id=trial.pk, text="Mine?")
    with pytest.raises(Refused):
        trying.start_trial(actor=desk.world.actor("support"), agent_id=agent.pk, speaker="public", text="Hi")
    with pytest.raises(Invalid):
        trying.start_trial(actor=actor, agent_id=agent.pk, speaker="public", text="  ")
    with pytest.raises(Invalid):
        trying.start_trial(actor=actor, agent_id=agent.pk, speaker="god", text="Hi")
    limited = actor.limited_to(frozenset({TRY}))  # as by a key: a worker would answer with all rights
    with pytest.raises(Refused, match="all your rights"):
        trying.start_trial(actor=limited, agent_id=agent.pk, speaker="member", text="Hi")
    TrialTurn.objects.bulk_create(TrialTurn(trial=trial, number=3 + n, state="answered", said="x") for n in range(28))
    with pytest.raises(TooMany):
        trying.say(actor=actor, trial_id=trial.pk, text="Still there?")
    AgentVersion.objects.filter(agent=agent).update(orchestrator="elsewhere")
    with pytest.raises(Conflict, match="another system"):
        trying.start_trial(actor=actor, agent_id=agent.pk, speaker="public", text="Hi")
    assert trying.forget_trials(now=now() + timedelta(days=6)) == 0
    assert trying.forget_trials(now=now() + timedelta(days=8)) > 0
    assert not Trial.objects.exists()


def put_back(moment: datetime | None = None) -> list[Any]:
    """Sweep as a worker does: in no organisation's scope."""
    with _enter(NOTHING):
        return list(lease.put_back(now=moment))


class Killed(BaseException):
    """The end of a worker's process in the middle of its work: nothing of ours catches it."""


@pytest.mark.slow
def test_turn_whose_worker_ended_is_queued_again_and_lost_only_after_three_of_them(desk: Desk) -> None:
    said = {"dies": 2}

    def script(_lines: Sequence[Line], _tools: Sequence[ToolSpec]) -> Turn:
        said["dies"] -= 1
        if said["dies"] >= 0:
            raise Killed
        return Turn("Good day.")

    scripted(script)
    agent, actor = draft_of(desk, model="scripted"), desk.world.actor("admin")
    trial = trying.start_trial(actor=actor, agent_id=agent.pk, speaker="public", text="Hello")
    turn = trial.turns.get()
    assert put_back() == []  # it is in the queue
    assert [row[1] for row in put_back(now() + lease.QUEUED_FOR * 2)] == [turn.pk]  # which lost it
    for _ in range(2):
        with pytest.raises(Killed):
            trying.answer_turn(turn_id=turn.pk)
        trying.answer_turn(turn_id=turn.pk)  # the broker gives it to another worker, but the lease still holds
        assert said["dies"] >= 0
        stale = TrialTurn.objects.get(pk=turn.pk)
        with _enter(NOTHING):
            tasks.sweep_trials()  # finds nothing yet
        with at(now() + lease.LEASE * 2):
            assert [row[1:] for row in put_back()] == [(turn.pk, "scripted", "")]
            assert put_back() == []
        assert TrialTurn.objects.get(pk=turn.pk).fence == stale.fence + 1, "the queue's lease is no worker's"
        assert not lease.write(stale, answer="Too late")
    trying.answer_turn(turn_id=turn.pk)
    turn.refresh_from_db()
    assert (turn.state, turn.answer, turn.attempts, turn.is_lost) == ("answered", "Good day.", 3, False)
    said["dies"] = 3
    turn = trying.say(actor=actor, trial_id=trial.pk, text="And now?").turns.get(number=2)
    for _ in range(3):
        with pytest.raises(Killed):
            trying.answer_turn(turn_id=turn.pk)
        with at(now() + lease.LEASE * 2):
            left = put_back()
    turn.refresh_from_db()
    assert (left, turn.state, turn.error_code, turn.is_open) == ([], "answered", "lost", False)
    client = Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    assert "three times" in client.get(f"/admin/agents/trial/{trial.pk}/", follow=True).content.decode()
    assert trying.say(actor=actor, trial_id=trial.pk, text="Again").turns.count() == 3


@pytest.mark.slow
def test_page_of_a_trial_shows_each_step_and_reloads_only_while_it_is_answered(desk: Desk) -> None:
    agent, client = draft_of(desk, ["set_campaign_budget"]), Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    form = {"speaker": "member", "text": "Set the daily budget of Summer Sale to 900 EUR"}
    tab = f"/admin/agents/agent/{agent.pk}/try/"
    begun = client.post(tab, form)
    page, trial = begun["Location"], Trial.objects.get()
    assert page == f"{tab}?trial={trial.pk}"
    loads_again = '<noscript><meta http-equiv="refresh"'
    waiting = client.get(page).content.decode()
    assert ("is answering" in waiting, "data-poll" in waiting, loads_again in waiting) == (True, True, True)
    answered(trial)
    words = client.get(page).content.decode()
    assert ("data-poll" in words, loads_again in words) == (False, False)
    assert "Would need approval" in words
    [chips] = re.findall(r'<ul class="wk-approvers".*?</ul>', words, re.DOTALL)
    assert desk.world.people["approver"].get_full_name() in chips
    assert client.post(tab, {"text": "And pause it", "trial": trial.pk}).status_code == 302
    late = client.post(tab, {"text": "Faster, please", "trial": trial.pk})
    assert (late.status_code, "Faster, please</textarea>" in late.content.decode()) == (409, True)
    assert client.post(tab, {"text": "", "trial": trial.pk}).status_code == 400
    old = f"/admin/agents/trial/{trial.pk}/"
    assert client.get(old)["Location"] == page
    assert client.post(f"{old}delete/")["Location"] == tab
    assert (client.get(page).status_code, client.get(f"{tab}?trial=x").status_code, nothing_happened()) == (
        *(404, 404),
        True,
    )


@pytest.mark.slow
def test_page_of_a_trial_says_what_the_gate_changed_before_the_customer_would_have_read_it(desk: Desk) -> None:
    said = {"text": "Hello. Ask\u202e at https://evil.example/login, please."}
    scripted(lambda _lines, _offered: Turn(said["text"]))
    agent, client = draft_of(desk, model="scripted"), Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    mended = begin(desk, agent, "public", "Where do I sign in?")
    assert (mended.answer, mended.error_code) == ("Hello. Ask at [link removed], please.", "")
    assert mended.stopped == "Hello. Ask[U+202E] at https://evil.example/login, please."
    words = client.get(f"/admin/agents/trial/{mended.trial_id}/", follow=True).content.decode()
    assert ("Sent after corrections" in words, "let it through" in words) == (True, False)
    said["text"] = "The 17 shops in Madrid open at 9 and close at 21."
    unsure = begin(desk, agent, "public", "When do you open?")
    assert (is_question(unsure.answer), unsure.stopped) == (True, said["text"])
    words = client.get(f"/admin/agents/trial/{unsure.trial_id}/", follow=True).content.decode()
    assert ("Asked for other words" in words, "let it through" in words) == (True, False)
