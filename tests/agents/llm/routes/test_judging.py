"""A route that judges: whether passages answer is asked where it is unclear, and what is no clear yes is a no."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from agents import services
from agents.answering.guardrails.confidence import measure, read_evidence
from agents.answering.runs.batches import QUIET
from agents.answering.tools import knowledge
from agents.knowledge.models import OpenQuestion
from agents.llm.hosted import models as providers
from agents.llm.ports import SEARCH_TOOL, Line
from agents.llm.routes import passage_judge
from agents.llm.routes.availability import asks_network
from agents.llm.routes.calls import Place
from agents.llm.routes.models import ModelCall, ModelRoute
from agents.models import AgentVersion, ToolCall
from agents.studio.agents import portability
from agents.studio.agents.configuration import Setup, change_agent, create_agent
from core.clock import now
from core.errors import Invalid
from standins.model import script
from standins.model.judge import judge as compare
from standins.model.server import ModelServer
from standins.script import parse_rule
from tests.agents.answering.guardrails.test_confidence import PASSAGE, RETURNS
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.agents.llm.routes.test_routes import add, budget, server
from tests.world import OPERATOR

__all__ = ["providers", "server"]  # loaded as in a worker for models, not while the first call waits
pytestmark = pytest.mark.django_db
UNCLEAR = "Can I return shoes to a shop in Berlin?"
PASSAGES = [passage_judge.Read("Returns", "Within 30 days."), passage_judge.Read("Delivery", "It costs 5 EUR.")]


@pytest.fixture
def judged(desk: Desk, server: ModelServer) -> Desk:
    """A desk with articles whose agents have passages judged by a route."""
    where = collection()
    article(where, "Returns", "You can return shoes within 30 days of delivery. Send them by post.")
    article(where, "Our shop", "Our only shop is in Berlin, at the river. It takes returns of shoes, too.")
    add(server, "Judge", judges=True)
    AgentVersion.objects.update(asks_judge=True)
    return desk


def judgements() -> list[tuple[str, str]]:
    rows = ModelCall.objects.filter(purpose=ModelCall.Purpose.JUDGING).order_by("id")
    return list(rows.values_list("route_name", "outcome"))


def found_last() -> dict[str, Any]:
    return ToolCall.objects.filter(name=SEARCH_TOOL).order_by("-id")[0].result


@pytest.mark.slow
def test_judge_finds_the_passage_that_answers_and_sees_no_personal_data(
    judged: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []

    def second(request: str) -> str:
        heard.append(json.loads(request))
        return "2"

    monkeypatch.setattr(script, "judge", second)
    said = judged.say(f"{UNCLEAR} My mail is jo.smith@shop.example", "visitor")
    assert judgements() == [("Judge", "answered")]
    [asked] = heard
    assert "jo.smith" not in str(asked)
    assert "shop in Berlin" in asked["question"]
    assert [row["n"] for row in asked["passages"]] == [1, 2]
    # The passage that it named is quoted, comes first, and carries the answer's confidence.
    result = found_last()
    assert result["sure"]
    assert asked["passages"][1]["text"].startswith(result["passages"][0]["text"][:20])
    assert [row["answers"] for row in result["passages"]] == [True, False]
    assert result["passages"][0]["text"][:20] in said
    names = [each["name"] for each in judged.last_run.confidence_factors["factors"]]
    assert names[:2] == ["coverage", "judged"]
    assert judged.last_run.confidence == 75
    call = ModelCall.objects.get(purpose=ModelCall.Purpose.JUDGING)
    assert (call.run_id, call.reserved, call.price is not None and call.price > 0) == (judged.last_run.pk, 0, True)


@pytest.mark.slow
def test_no_of_the_judge_counts_more_than_words_and_what_is_clear_is_not_asked(
    judged: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = "Can I return shoes within 30 days of delivery?"
    monkeypatch.setattr(script, "judge", lambda _request: "0")
    assert "30 days" in judged.say(clear, "visitor")
    judged.say("Who won the world cup?", "visitor-2")
    assert judgements() == []
    monkeypatch.setattr(knowledge, "CLEAR", 1.01)
    assert "30 days" not in judged.say(clear, "visitor-3")
    assert (judgements(), found_last()["sure"]) == ([("Judge", "answered")], False)
    assert not any(row["answers"] for row in found_last()["passages"])
    assert OpenQuestion.objects.filter(text=clear).exists()


@pytest.mark.slow
def test_nobody_is_asked_unless_the_agent_and_a_route_say_so(judged: Desk, server: ModelServer) -> None:
    def waits(visitor: str) -> bool:
        """Have a worker that may not wait take a message; True if it leaves it to one that may."""
        message = judged.receive(UNCLEAR, visitor)
        run = services.take_message(message_id=message.pk)
        assert run is not None
        try:
            services.run_turn(run.pk, now=now() + QUIET, may_wait=False)
        except services.NeedsModelWorker:
            return True
        return False

    assert waits("visitor")
    version = AgentVersion.objects.all()[0]
    assert asks_network(version)
    ModelRoute.objects.update(judges=False)
    assert not waits("visitor-2")
    assert not asks_network(version)
    assert "answers" not in found_last()["passages"][0]
    ModelRoute.objects.update(judges=True)
    AgentVersion.objects.update(asks_judge=False)
    assert not waits("visitor-3")
    assert judgements() == []
    ModelRoute.objects.update(embedding_model="sandbox-embedding")
    assert waits("visitor-4")  # for the vector of the question


@pytest.mark.parametrize(
    ("said", "number"),
    [("1", 1), (" 2\n", 2), ("0", 0), ("3", 0), ("12", 0), ("-1", 0), ("[1]", 0), ("1.", 0), ("Passage 1", 0),
     ("yes", 0), ("", 0), ("１", 0), ("1 or 2", 0)],
)  # fmt: skip
def test_whatever_is_no_number_of_a_passage_is_a_no(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch, said: str, number: int
) -> None:
    add(server, "Judge", judges=True)
    monkeypatch.setattr(script, "judge", lambda _request: said)
    assert passage_judge.judge("?", PASSAGES, place=Place("judging")) == number


@pytest.mark.slow
def test_cut_answers_are_a_no_and_without_an_answer_the_words_decide(desk: Desk, server: ModelServer) -> None:
    place = Place("judging")
    assert passage_judge.judge("?", PASSAGES, place=place) is None
    add(server, "Judge", judges=True)
    assert passage_judge.judge("?", [], place=place) is None
    assert passage_judge.judge("within 30 days?", PASSAGES, place=place) == 1
    for mark in ("[[length]]", "[[refusal]]", "[[cut]]"):
        assert passage_judge.judge(f"within 30 days? {mark}", PASSAGES, place=place) == 0
    server.script.add(parse_rule({"match": "POST /v1/chat", "do": "429"}))
    assert passage_judge.judge("within 30 days?", PASSAGES, place=place) is None
    assert judgements()[-1] == ("Judge", "rate_limited")
    ModelRoute.objects.update(price_input=Decimal(900))
    budget("0.01")
    before = len(judgements())
    assert passage_judge.judge("within 30 days?", PASSAGES, place=place) is None
    assert len(judgements()) == before
    assert not ModelCall.objects.filter(reserved__gt=0).exists()


def test_what_a_judge_says_moves_the_confidence() -> None:
    def lines(coverage: float, **row: bool) -> list[Line]:
        rows = [{"n": 1, "passage": str(PASSAGE), "coverage": coverage, "text": RETURNS, **row}]
        return [Line("tool", "", call_id="1", tool_name=SEARCH_TOOL, result={"passages": rows})]

    def value(coverage: float, cited: bool = True, **row: bool) -> int:
        found = measure("Within 30 days.", read_evidence(lines(coverage, **row)), cited=[PASSAGE] if cited else [])
        assert found is not None
        return found.value

    assert [value(0.4), value(0.4, answers=True), value(0.8, answers=True)] == [40, 75, 80]
    assert [value(0.75, answers=False), value(0.75, False, answers=False)] == [35, 20]
    assert value(0.75, False, answers=True) == 60  # an answer that cites nothing rests on no judgement


def test_judging_is_off_by_default_and_goes_with_an_exported_agent(desk: Desk) -> None:
    assert not AgentVersion.objects.filter(asks_judge=True).exists()
    made = create_agent(actor=OPERATOR, type="custom", setup=Setup("Front desk"))
    assert "asks_judge" not in portability.export_agent(viewer=OPERATOR, agent_id=made.pk)
    change_agent(actor=OPERATOR, agent_id=made.pk, changes={"asks_judge": True})
    document = portability.export_agent(viewer=OPERATOR, agent_id=made.pk)
    assert document["asks_judge"] is True
    copied = portability.import_agent(actor=OPERATOR, document=document)
    assert copied.versions.get().asks_judge
    with pytest.raises(Invalid):
        portability.import_agent(actor=OPERATOR, document={**document, "asks_judge": "yes"})


def test_the_sandbox_judges_by_words() -> None:
    def said(question: str, *texts: str) -> str:
        rows = [{"n": number, "title": "", "text": text} for number, text in enumerate(texts, 1)]
        return compare(json.dumps({"question": question, "passages": rows}))

    returns, hours = "You can return shoes within 30 days.", "We are open from Monday to Friday."
    assert said("Can I return my shoe?", hours, returns) == "2"
    assert said("Can I retrun my shoes?", returns) == "1"
    assert said("How long can I return shoes?", hours, "You can return shoes.") == "0"
    assert said("Do you repair washing machines?", returns, hours) == "0"
    assert said("?", returns) == "0"
    assert compare("[1]") == "0"
