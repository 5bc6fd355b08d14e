"""A stopped run: no further round, no further word, but what it asked for is still told."""

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync

from accounts.models import Membership
from agents import services
from agents.answering.guardrails.doubt import APOLOGY
from agents.answering.runs import watch
from agents.answering.runs.batches import QUIET
from agents.llm import registry
from agents.llm.ports import Emit, Line, Model, ToolRequest, ToolSpec, Turn
from agents.models import Agent, AgentRun, AgentVersion, ToolCall
from channels_app.web_chat.consumer import request_stop
from conversations import services as conversations
from conversations.models import Conversation
from conversations.services import lock_conversation
from core.actors import Actor
from core.clock import now
from hitl.models import Approval, GlobalKillSwitch, KillSwitch
from tests.agents.conftest import Desk

WISH = {"campaign": "Summer Sale", "daily_budget": "900"}


def ask_to_stop(desk: Desk) -> None:
    async_to_sync(request_stop)(desk.world.acme.pk, desk.conversation.pk)


def work(desk: Desk, text: str = "hello") -> list[str]:
    """Let the message be worked; returns all that was said."""
    message = desk.receive(text, agent="paid_ads")
    taken = services.take_message(message_id=message.pk)
    assert taken is not None
    services.run_turn(taken.pk, now=now() + QUIET)
    return desk.answers(message.conversation_id)


def test_run_stopped_before_it_speaks_says_nothing(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        ask_to_stop(desk)
        return Turn("Hello.")

    desk.script(script)
    assert work(desk) == []
    assert (desk.last_run.state, desk.last_run.error_code) == (AgentRun.State.FINISHED, "stopped")


def test_run_stopped_between_rounds_does_no_further_round_and_calls_nothing(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        ask_to_stop(desk)
        return Turn("", (ToolRequest("one", "set_campaign_budget", WISH),))

    model = desk.script(script)
    assert work(desk) == []
    assert len(model.seen) == 1
    assert not Approval.objects.exists()


@pytest.mark.parametrize(("seconds", "called"), [(60.0, 1), (0.0, 0)])
def test_what_everybody_may_read_needs_no_new_look_after_one_a_moment_ago_but_the_model_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seconds: float, called: int
) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if any(line.role == "tool" for line in lines):
            return Turn("That is all.")
        ask_to_stop(desk)
        return Turn("", (ToolRequest("one", "list_abilities", {}),))

    monkeypatch.setattr(watch, "LOOK_AGAIN", seconds)
    model = desk.script(script)
    assert work(desk) == []
    assert (len(model.seen), ToolCall.objects.count()) == (1, called)
    assert desk.last_run.error_code == "stopped"


@pytest.mark.slow
def test_what_was_asked_for_before_the_stop_is_still_told(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if any(line.role == "tool" for line in lines):
            ask_to_stop(desk)
            return Turn("And now a long story.")
        return Turn("", (ToolRequest("one", "set_campaign_budget", WISH),))

    desk.script(script)
    (said,) = work(desk)
    assert said.startswith(f"This needs approval: {Approval.objects.get().reference}")
    assert "story" not in said


def test_failure_after_a_stop_is_silent(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        ask_to_stop(desk)
        raise RuntimeError("boom")

    desk.script(script)
    assert work(desk) == []
    assert desk.conversation.state == "agent"


class Speaking(Model):
    """A model that speaks piece by piece, or all at once, while something happens."""

    key = "scripted"

    def __init__(self, meanwhile: Callable[[], object], *, is_streaming: bool) -> None:
        self.meanwhile, self.is_streaming = meanwhile, is_streaming
        self.heard: list[str] = []

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        if self.is_streaming:
            emit("The turnover was 5. ")
        self.meanwhile()
        if self.is_streaming:
            emit("And the margin 6.")
            self.heard.append("And the margin 6.")
        return Turn("The turnover was 5. And the margin 6.")


@pytest.mark.parametrize("is_streaming", [True, False])
@pytest.mark.parametrize(
    ("happens", "code"),
    [("one agent", "paused"), ("everything", "paused"), ("installation", "paused"), ("seat", "seat_ended"),
     ("role", "seat_ended")],
)  # fmt: skip
def test_answer_ends_when_its_reader_or_its_agent_may_go_on_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, happens: str, code: str, is_streaming: bool
) -> None:
    seats = Membership.objects.filter(user=desk.world.people["support"])
    meanwhile: dict[str, Callable[[], object]] = {
        "one agent": lambda: KillSwitch.objects.create(
            scope="agent", target=str(Agent.objects.get(type="paid_ads").pk), reason="Leak"
        ),
        "everything": lambda: KillSwitch.objects.create(scope="tenant", reason="Leak"),
        "installation": lambda: GlobalKillSwitch.objects.create(reason="Leak"),
        "seat": lambda: seats.update(is_active=False),
        "role": lambda: seats.update(role="viewer"),
    }
    KillSwitch.objects.create(scope="agent", target=str(Agent.objects.get(type="content").pk), reason="Another")
    monkeypatch.setattr(watch, "LOOK_AGAIN", 0.0)
    model = Speaking(meanwhile[happens], is_streaming=is_streaming)
    registry.register_model("scripted", lambda _name: model)
    AgentVersion.objects.update(model="scripted")
    (said,) = work(desk)
    assert said == APOLOGY
    assert model.heard == []
    assert (desk.last_run.error_code, desk.conversation.state) == (code, "person")


@pytest.mark.parametrize(("happens", "code"), [("stop", "paused"), ("seat", "seat_ended")])
def test_answer_that_is_ready_is_not_sent_when_its_agent_or_reader_has_just_been_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, happens: str, code: str
) -> None:
    seats = Membership.objects.filter(user=desk.world.people["support"])

    def lock(conversation_id: UUID, *, actor: Actor | None) -> Conversation:
        """Commit it after the turn's last glance: the turn takes its conversation then."""
        if happens == "seat":
            seats.update(is_active=False)
        else:
            KillSwitch.objects.create(scope="tenant", reason="Leak")
        return lock_conversation(conversation_id, actor=actor)

    desk.script(lambda _lines, _tools: Turn("The turnover was 5."))
    monkeypatch.setattr(conversations, "lock_conversation", lock)
    (said,) = work(desk)
    assert said == APOLOGY
    assert (desk.last_run.error_code, desk.conversation.state) == (code, "person")


@pytest.mark.parametrize("joins", [True, False])
def test_message_after_a_stop_is_answered(desk: Desk, joins: bool) -> None:
    work(desk)
    ask_to_stop(desk)
    if not joins:
        AgentRun.objects.update(joinable_until=None)
    assert len(work(desk, "hello again")) == 2
