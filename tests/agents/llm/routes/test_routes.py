"""Answers by the organisation's routes: which one is asked, what falls back, what is recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agents import services
from agents.answering.guardrails.doubt import APOLOGY, is_question
from agents.answering.runs.explanation import explain_run
from agents.knowledge import services as knowledge
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, Line, ToolSpec, Usage
from agents.llm.routes import (
    calls as calling,
)
from agents.llm.routes import (
    candidates,
    complexity,
    configuration,
    ledger,
    limits,
    prices,
    selectors,
)
from agents.llm.routes.models import Budget, ModelCall, ModelRoute, Spend
from agents.models import AgentRun, AgentVersion, Collection
from conversations.models import Message
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from core.reliability.circuit_breaker import breaker
from core.tenancy.scope import current_tenant_id
from core.text.amounts import money_text
from standins.model.seed import LIGHT, STRONG, api_key
from standins.model.server import Journal, ModelServer, keys_of
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.console.conftest import Browser
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db
SECRET = "shared"


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[ModelServer]:
    """The sandbox model, listening."""
    settings.MODEL_HOSTS = ["127.0.0.1"]
    journal = Journal(tmp_path / "model.sqlite3")
    running = ModelServer(("127.0.0.1", 0), journal, keys_of(SECRET))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()
    journal.close()


def add(server: ModelServer | None, name: str, **given: Any) -> ModelRoute:
    """Add a route and activate it."""
    port = server.server_port if server else 9
    setup: dict[str, Any] = {
        "model": LIGHT,
        "price_input": Decimal("0.15"),
        "price_output": Decimal("0.60"),
        "base_url": f"http://127.0.0.1:{port}/v1",
        **given,
    }
    made = configuration.create_route(
        actor=OPERATOR, setup=configuration.RouteSetup(name, **setup), key=api_key("acme", SECRET)
    )
    return configuration.activate_route(actor=OPERATOR, route_id=made.pk)


def use_routes() -> None:
    AgentVersion.objects.update(model="routes")


def outcomes() -> list[tuple[str, str]]:
    return list(ModelCall.objects.order_by("id").values_list("route_name", "outcome"))


@pytest.mark.slow
def test_route_answers_and_its_call_says_what_it_used_and_cost(desk: Desk, server: ModelServer) -> None:
    add(server, "Small")
    use_routes()
    assert desk.say("How is Summer Sale doing?").startswith("Here is what I found")
    first, second = ModelCall.objects.order_by("id")
    assert (first.outcome, first.tier, first.channel, first.run_id) == (
        "answered",
        "light",
        "webchat",
        desk.last_run.pk,
    )
    assert second.input_tokens > first.input_tokens > 100
    spent = prices.cost(
        prices.Prices(Decimal("0.15"), Decimal("0.60")), Usage(second.input_tokens, second.output_tokens)
    )
    assert (second.price, second.currency, second.reserved, second.is_estimated) == (spent, "EUR", 0, False)
    assert second.first_token_ms is not None
    assert second.milliseconds is not None
    assert second.first_token_ms <= second.milliseconds
    assert (first.first_token_ms, first.complexity) == (None, second.complexity)
    [row] = selectors.add_up(viewer=OPERATOR, by="channel")
    assert (row.name, row.calls, row.failed, row.price) == ("webchat", 2, 0, first.price + second.price)
    assert {each.name for each in selectors.add_up(viewer=OPERATOR, by="day")} == {f"{now():%Y-%m-%d}"}
    bearer = api_key("acme", SECRET)
    with connection.cursor() as cursor:
        cursor.execute("select encode(key, 'escape') from agents_modelroute")
        assert bearer not in str(cursor.fetchall())
    assert bearer not in str(list(AuditEntry.objects.values_list("facts")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "outcome", "falls_back"),
    [
        ({"do": "429"}, "rate_limited", True),
        ({"do": "fail", "status": 529}, "overloaded", True),
        ({"do": "fail", "status": 502}, "unreachable", True),
        ({"do": "drop_before"}, "unreachable", True),
        ({"do": "fail", "status": 401}, "rejected", False),
    ],
)
def test_next_route_is_asked_after_failures_that_are_not_ours(
    desk: Desk, server: ModelServer, rule: dict[str, Any], outcome: str, falls_back: bool
) -> None:
    from standins.script import parse_rule

    add(server, "First", position=1)
    add(server, "Second", position=2)
    use_routes()
    server.script.add(parse_rule({"match": "POST /v1/chat", **rule}))
    answer = desk.say("hello there")
    assert answer.startswith("I'm the sandbox model" if falls_back else "Sorry")
    assert outcomes() == [("First", outcome), ("Second", "answered")][: 2 if falls_back else 1]
    assert ModelCall.objects.order_by("id")[0].price == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mark", "outcome"), [("[[length]]", "length"), ("[[refusal]]", "refusal"), ("[[cut]]", "cut")]
)
def test_answer_that_is_not_whole_is_never_sent_and_goes_to_the_strong_model_once(
    desk: Desk, server: ModelServer, mark: str, outcome: str
) -> None:
    add(server, "Small")
    add(server, "Large", model=STRONG, tier="strong")
    use_routes()
    assert desk.say(f"hello {mark}").startswith("Sorry")
    assert outcomes() == [("Small", outcome), ("Large", outcome)]
    assert all(call.price and call.first_token_ms is not None for call in ModelCall.objects.all())
    assert desk.last_run.error_code == "answer_cut"


@pytest.mark.slow
def test_hard_question_goes_to_the_strong_model_and_a_weak_answer_steps_up_once(
    desk: Desk, server: ModelServer
) -> None:
    add(server, "Small")
    add(server, "Large", model=STRONG, tier="strong")
    use_routes()
    desk.say("Why did it drop from 900 to 850 to 700? What about 12 others? Who changed it, and when? " * 4)
    assert outcomes() == [("Large", "answered")]
    run = desk.last_run
    assert not calling.step_up(run)
    ModelCall.objects.update(tier="light")
    assert calling.step_up(run)
    assert not calling.step_up(run)
    version = AgentVersion.objects.select_related("agent").first()
    assert version is not None
    model = calling.open_model(version, calling.Place(run_id=run.pk, agent_id=version.agent_id))
    model.turn([Line("user", "hello")], [], prompt="", emit=lambda _: None)
    call = ModelCall.objects.order_by("-id")[0]
    assert (call.route_name, call.factors) == ("Large", {"prior_failure": 100})


@pytest.mark.slow
def test_stopped_answer_of_a_light_model_is_asked_of_a_strong_one_once(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standins.model import server as sandbox
    from standins.model.script import Answer

    said = {LIGHT: "I've raised the daily budget of Summer Sale to 900.", STRONG: "What should the budget be?"}
    monkeypatch.setattr(sandbox, "answer_to", lambda body: Answer(said[body["model"]]))
    add(server, "Small")
    add(server, "Large", model=STRONG, tier="strong")
    use_routes()
    assert desk.say("Raise Summer Sale") == said[STRONG]
    assert outcomes() == [("Small", "answered"), ("Large", "answered")]
    assert list(ModelCall.objects.order_by("id").values_list("is_weak", flat=True)) == [True, False]
    said[STRONG] = said[LIGHT]
    AgentRun.objects.update(joinable_until=None)
    assert desk.say("Raise Brand Search") == APOLOGY
    assert ModelCall.objects.count() == 4
    assert desk.last_run.error_code == "gate_claim"


@pytest.mark.slow
def test_same_public_question_is_answered_once_an_hour_and_no_other_one(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from standins.model import server as sandbox
    from standins.model.script import Answer

    def look_up(body: dict[str, Any]) -> Answer:
        if body["messages"][-1]["role"] == "tool":
            parts = [{"text": "Within 30 days.", "sources": [1]}]
            return Answer(calls=[(ANSWER_TOOL, {"parts": parts})], end="tool_calls")
        return Answer(calls=[(SEARCH_TOOL, {"question": "return shoes"})], end="tool_calls")

    def calls_for(question: str, role: str) -> int:
        """Let somebody ask; returns how often a model was asked."""
        before = ModelCall.objects.count()
        assert desk.say(question, role).startswith("Within 30 days.")
        return ModelCall.objects.count() - before

    monkeypatch.setattr(sandbox, "answer_to", look_up)
    where = collection()
    kept = article(where, "Returns", "You can return shoes within 30 days of delivery.")
    add(server, "Small")
    use_routes()
    asked = "How many days do I have to return shoes?"
    assert calls_for(asked, "visitor-2") == 2
    assert calls_for(f"  {asked.upper()} ", "visitor-3") == 0
    assert Message.objects.filter(direction="out").latest("id").metadata["sources"][0]["document"] == str(kept.pk)
    assert desk.last_run.rounds == 0
    assert calls_for("And boots?", "visitor-3") == 2  # the second question stands in what was said before
    assert [calls_for(asked, role) for role in ("support", "viewer")] == [2, 2]
    personal = f"{asked} Call +34 600 123 456"
    assert [calls_for(personal, role) for role in ("visitor-4", "visitor-5")] == [2, 2]
    article(where, "Boots", "Boots too.")
    assert [calls_for(asked, role) for role in ("visitor-6", "visitor-7")] == [2, 0]
    # What was read without being named may be in the words as well.
    other = collection("Team")
    article(other, "Outlet", "Old shoes go to the outlet.")
    assert [calls_for(asked, role) for role in ("visitor-21", "visitor-22")] == [2, 0]
    knowledge.change_collection(actor=OPERATOR, collection_id=other.pk, audience="members")
    assert calls_for(asked, "visitor-23") == 2
    caches = settings.CACHES
    settings.CACHES = {"default": {**caches["default"], "LOCATION": "redis://127.0.0.1:1"}}
    assert calls_for(asked, "visitor-9") == 2  # without Redis too
    settings.CACHES = caches
    Collection.objects.filter(pk=where.pk).update(audience="members")
    article(collection("Else"), "Opening hours", "We are open from 9 to 17.")
    assert is_question(desk.say(asked, "visitor-8"))  # nothing public says so any more


@pytest.mark.slow
def test_answer_is_explained_by_its_sources_calls_and_cost(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    from standins.model import server as sandbox
    from standins.model.script import Answer

    def look_up(body: dict[str, Any]) -> Answer:
        if body["messages"][-1]["role"] == "tool":
            parts = [{"text": "Within 30 days, see https://evil.example.", "sources": [1]}]
            return Answer(calls=[(ANSWER_TOOL, {"parts": parts})], end="tool_calls")
        return Answer(calls=[(SEARCH_TOOL, {"question": "return shoes"})], end="tool_calls")

    monkeypatch.setattr(sandbox, "answer_to", look_up)
    kept = article(collection(), "Returns", "You can return shoes within 30 days of delivery.")
    add(server, "Small")
    use_routes()
    desk.say("How many days do I have to return shoes? I am on +34 600 123 456", "visitor-2")
    run = desk.last_run
    why = explain_run(viewer=desk.world.actor("support"), run_id=run.pk)
    assert [(one.number, one.document_id) for one in why.sources] == [(1, kept.pk)]
    assert [call.name for call in why.tool_calls] == [SEARCH_TOOL, ANSWER_TOOL]
    assert [call.route_name for call in why.model_calls] == ["Small", "Small"]
    assert (why.checks, why.read_foreign) == ("mended", False)
    assert (run.mended, run.redacted) == (["links"], {"phone": 1})
    assert {factor["name"] for factor in why.factors} == {"coverage", "mended"}
    assert why.costs == {"EUR": sum(call.price or 0 for call in why.model_calls)}
    with pytest.raises(Refused):
        explain_run(viewer=desk.world.actor("viewer"), run_id=run.pk)
    call = ModelCall.objects.filter(run_id=run.pk).first()
    assert call
    assert call.price
    for place in ("", f"{call.pk}/"):
        calls = browser("owner").get(f"/admin/agents/modelcall/{place}").content.decode()
        assert money_text(call.price, "EUR") in calls
    path = f"/admin/agents/agentrun/{run.pk}/"
    page = browser("support").get(path).content.decode()
    shown = (
        "Returns",
        "Search knowledge",
        "Small",
        "Sent after corrections",
        "Together",
        "phone numbers (1)",
        "+100",
    )
    assert [words for words in shown if words not in page] == []
    talk = f"/admin/conversations/conversation/{run.conversation_id}/"
    assert path in browser("support").get(talk).content.decode()
    assert path not in browser("viewer").get(talk).content.decode()
    told = browser("support").get(f"/api/v1/agent-runs/{run.pk}/why/").json()
    assert (told["run"]["version"], told["sources"][0]["title"], told["checks"]) == (
        run.agent_version.number, "Returns", "mended",
    )  # fmt: skip
    assert (told["confidence"], told["mended"], told["redacted"]) == (run.confidence, ["links"], {"phone": 1})


@pytest.mark.slow
def test_route_that_fails_again_and_again_is_left_alone(desk: Desk, server: ModelServer) -> None:
    first = add(None, "Dead")
    add(server, "Alive", position=2)
    use_routes()
    guard = breaker(f"model:{current_tenant_id().hex}:{first.pk}")
    for _ in range(5):
        guard.failed()
    desk.say("hello there")
    assert outcomes() == [("Alive", "answered")]


def test_complexity_names_its_factors_and_is_the_same_each_time() -> None:
    lines = [
        Line("user", "hi"),
        Line("assistant", "hello"),
        Line("user", "Wie hoch wären 3 Stück, und 5? Größe? Für wen?"),
    ]
    tools = [ToolSpec("pay", "Pay", "Pay", {}, acting=True)]
    found = complexity.assess(lines, tools)
    assert found == complexity.assess(lines, tools)
    assert found.factors == {
        "length": 1, "several_questions": 20, "acting_tool_offered": 15, "numbers": 10, "language": 10
    }  # fmt: skip
    assert found.is_hard
    assert complexity.assess(lines[:1], []).points == 0


def test_reported_usage_is_believed_only_as_far_as_it_is_possible() -> None:
    limits_of = prices.bound("x" * 300, 100)
    guess = prices.estimate("x" * 300, "y" * 30)
    assert (guess.input_tokens, guess.output_tokens) == (100, 10)
    assert prices.believable(Usage(80, 5), limits_of, guess) == (Usage(80, 5), False)
    assert prices.believable(Usage(), limits_of, guess) == (guess, True)
    assert prices.believable(Usage(10**9, 10**9), limits_of, guess) == (limits_of, True)
    rate = prices.Prices(Decimal(3), Decimal(15), Decimal("0.3"))
    assert prices.worst(rate, limits_of) >= prices.cost(rate, limits_of)
    assert prices.preview(rate) == Decimal("9.75")
    assert candidates.read_prices("3 0.3 15 eur") == prices.Prices(Decimal(3), Decimal(15), Decimal("0.3"), "EUR")
    assert [candidates.read_prices(text) for text in ("", "3 1", "-1 0 0 EUR", "a b c EUR")] == [None] * 4


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"price_input": Decimal("1000.1")}, "price_input"),
        ({"price_output": Decimal("-1")}, "price_output"),
        ({"price_output": Decimal("0.00001")}, "price_output"),
        ({"price_input": Decimal(0), "price_output": Decimal(0)}, "is_free"),
        ({"is_free": True}, "is_free"),
        ({"base_url": "http://models.example/v1"}, "base_url"),
        ({"base_url": "https://user:pass@models.example/v1"}, "base_url"),
        ({"base_url": "ftp://models.example"}, "base_url"),
        ({"base_url": "https://0177.0.0.1/v1"}, "base_url"),
        ({"base_url": "https://models.example/v1?k=1"}, "base_url"),
        ({"base_url": "https://mod els"}, "base_url"),
        ({"currency": "EURO"}, "currency"),
        ({"model": " "}, "model"),
        ({"context_tokens": 1}, "context_tokens"),
        ({"position": 0}, "position"),
        ({"tier": "medium"}, "tier"),
        ({"provider": "other"}, "provider"),
    ],
)
def test_route_that_makes_no_sense_is_refused_with_its_field(desk: Desk, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(None, "Odd", **{"base_url": "https://models.example/v1", **given})
    assert list(refused.value.facts["fields"]) == [field]


@pytest.mark.slow
def test_route_is_set_up_changed_and_removed_by_those_who_may(desk: Desk, server: ModelServer) -> None:
    with pytest.raises(Refused):
        configuration.create_route(
            actor=desk.world.actor("support"), setup=configuration.RouteSetup("Mine", LIGHT), key=""
        )
    route = configuration.create_route(
        actor=OPERATOR,
        setup=configuration.RouteSetup("Mine", LIGHT, base_url=f"http://127.0.0.1:{server.server_port}/v1"),
    )
    with pytest.raises(Invalid, match="no price"):
        configuration.activate_route(actor=OPERATOR, route_id=route.pk)
    assert configuration.try_route(actor=OPERATOR, route_id=route.pk).code == "model_rejected"
    configuration.change_route(
        actor=OPERATOR, route_id=route.pk, changes={"is_free": True}, key=api_key("acme", SECRET)
    )
    configuration.activate_route(actor=OPERATOR, route_id=route.pk)
    tried = configuration.try_route(actor=OPERATOR, route_id=route.pk)
    assert (tried.is_ok, tried.text, tried.price) == (True, "ready", 0)
    with pytest.raises(Invalid, match="key again"):
        configuration.change_route(actor=OPERATOR, route_id=route.pk, changes={"base_url": "https://evil.example/v1"})
    with pytest.raises(Conflict) as stale:
        configuration.change_route(actor=OPERATOR, route_id=route.pk, changes={"tier": "strong"}, seen_version=1)
    assert stale.value.code == "stale_version"
    with pytest.raises(Conflict, match="already a route"):
        configuration.create_route(actor=OPERATOR, setup=configuration.RouteSetup("Mine", LIGHT))
    use_routes()
    with pytest.raises(Conflict, match="last active one"):
        configuration.remove_route(actor=OPERATOR, route_id=route.pk)
    AgentVersion.objects.update(model="local")
    configuration.remove_route(actor=OPERATOR, route_id=route.pk)
    route.refresh_from_db()
    assert (route.key, route.is_removed, selectors.query_routes(viewer=OPERATOR).count()) == (None, True, 0)
    audited = AuditEntry.objects.filter(object_type="agents.modelroute").order_by("seq")
    assert list(audited.values_list("action", flat=True)) == [
        "MODEL_ROUTE_CREATED", "MODEL_ROUTE_TESTED", "MODEL_ROUTE_CHANGED", "MODEL_ROUTE_ACTIVATED",
        "MODEL_ROUTE_TESTED", "MODEL_ROUTE_REMOVED",
    ]  # fmt: skip


def test_private_address_is_not_called(desk: Desk, server: ModelServer, settings: Any) -> None:
    route = add(server, "Inside")
    settings.MODEL_HOSTS = []
    assert configuration.try_route(actor=OPERATOR, route_id=route.pk).code == "model_unreachable"
    assert server.journal.newest() == []


def spend_of(budget: Budget) -> Spend:
    return Spend.objects.get(budget=budget)


def budget(amount: str = "0.01", **given: Any) -> Budget:
    wanted = {"scope": "tenant", "period": "day", "currency": "EUR", "on_spent": "person", **given}
    return limits.create_budget(actor=OPERATOR, amount=amount, **wanted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("on_spent", "said", "asked"),
    [
        ("person", "Sorry", []),
        ("local_only", "", [("Built in", "answered")]),
        ("light_only", "I'm the sandbox model", [("Small", "answered")]),
    ],
)
def test_spent_budget_leads_to_what_was_chosen_and_is_noticed_once(
    desk: Desk, server: ModelServer, on_spent: str, said: str, asked: list[tuple[str, str]]
) -> None:
    from accounts.models import Notice

    add(server, "Small", price_input=None, price_output=None, is_free=True)
    add(server, "Large", model=STRONG, tier="strong", price_input=Decimal(900), price_output=Decimal(900))
    if on_spent != "light_only":
        ModelRoute.objects.filter(name="Small").update(is_active=False)
    use_routes()
    limit = budget("0.01", on_spent=on_spent)
    hard = "Why 900 to 850 to 700? What about 12? Who, and when? " * 6
    assert desk.say(hard).startswith(said)
    assert outcomes() == asked
    spend = spend_of(limit)
    assert (spend.reserved, spend.settled) == (0, 0)
    assert spend.spent_at is not None
    assert desk.last_run.error_code == ("budget_spent" if on_spent == "person" else "")
    told = Notice.objects.filter(kind="model_budget", title="A model budget is spent")
    count = told.count()
    assert count
    desk.say(hard)
    assert told.count() == count


@pytest.mark.slow
def test_model_without_a_price_or_in_another_currency_is_not_asked_under_a_budget(
    desk: Desk, server: ModelServer
) -> None:
    route = add(server, "Small", currency="USD")
    with pytest.raises(Invalid, match="currencies differ"):
        budget()
    configuration.deactivate_route(actor=OPERATOR, route_id=route.pk)
    budget("5")
    with pytest.raises(Invalid, match="currency"):
        configuration.activate_route(actor=OPERATOR, route_id=route.pk)
    ModelRoute.objects.update(is_active=True)
    use_routes()
    assert desk.say("hello there").startswith("Sorry")
    assert server.journal.newest() == []


def test_call_of_a_dead_process_is_settled_at_its_worst_price(desk: Desk) -> None:
    limit = budget("1")
    call = ModelCall(route_name="Small", currency="EUR")
    ledger.open_call(call, ledger.budgets_of(None), Decimal("0.25"))
    assert (spend_of(limit).reserved, ledger.sweep()) == (Decimal("0.25"), 0)
    assert ledger.sweep(now=now() + ledger.LEASE * 2) == 1
    call.refresh_from_db()
    assert (call.outcome, call.price, call.is_estimated, call.reserved) == ("lost", Decimal("0.25"), True, 0)
    assert (spend_of(limit).reserved, spend_of(limit).settled) == (0, Decimal("0.25"))
    assert not ledger.close_call(call.pk, ledger.Settlement("answered", price=Decimal("0.1")))
    for price in ("0.3", "0.3", "0.1"):
        more = ModelCall(route_name="Small", currency="EUR")
        ledger.open_call(more, ledger.budgets_of(None), Decimal(price))
        ledger.close_call(more.pk, ledger.Settlement("answered", price=Decimal(99)))
    assert spend_of(limit).settled == Decimal("0.95")
    assert spend_of(limit).noticed_at is not None
    with pytest.raises(ledger.Spent):
        ledger.open_call(ModelCall(route_name="Small"), ledger.budgets_of(None), Decimal("0.06"))
    lowered = limits.change_budget(actor=OPERATOR, budget_id=limit.pk, amount="0.5", on_spent="person")
    assert (spend_of(limit).limit, lowered.version) == (Decimal("0.95"), 2)


def test_period_follows_the_clocks_of_the_organisation(desk: Desk) -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    day, month = Budget(period="day"), Budget(period="month")
    # In São Paulo the clock went back from midnight to 23:00, and that day was 25 hours long.
    zone = ZoneInfo("America/Sao_Paulo")
    at = [datetime(2018, 2, 18, hour, 30, tzinfo=UTC) for hour in (1, 2, 3)]
    assert [ledger.label_of(day, each, zone) for each in at] == ["2018-02-17", "2018-02-17", "2018-02-18"]
    # In Beirut there was no midnight: the clock went from 23:59 to 01:00.
    zone = ZoneInfo("Asia/Beirut")
    at = [datetime(2022, 3, 26, 21, 59, tzinfo=UTC), datetime(2022, 3, 26, 22, 0, tzinfo=UTC)]
    assert [ledger.label_of(day, each, zone) for each in at] == ["2022-03-26", "2022-03-27"]
    assert ledger.label_of(month, datetime(2026, 1, 31, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "2026-02"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "1000001"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "5", "scope": "agent"}, "agent"),
        ({"amount": "5", "period": "year"}, "period"),
        ({"amount": "5", "on_spent": "stop"}, "on_spent"),
        ({"amount": "5", "currency": "€"}, "currency"),
    ],
)
def test_budget_that_makes_no_sense_is_refused_with_its_field(desk: Desk, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        budget(**given)
    assert list(refused.value.facts["fields"]) == [field]


@pytest.mark.slow
def test_budgets_are_one_of_a_kind_and_agents_without_routes_have_no_model(desk: Desk) -> None:
    budget("5")
    with pytest.raises(Conflict, match="already such a budget"):
        budget("6")
    use_routes()
    assert desk.say("hello there").startswith("Sorry")
    assert desk.last_run.error_code == "model_not_configured"
    version = AgentVersion.objects.select_related("agent").first()
    assert version is not None
    with pytest.raises(Invalid, match="not valid"):
        services.create_agent(actor=OPERATOR, type="seo", setup=services.Setup("Own", model="routes"))


@pytest.mark.slow
def test_demo_answers_by_the_sandbox_within_a_budget(desk: Desk, server: ModelServer, settings: Any) -> None:
    from demo.cast import ORGANISATIONS
    from demo.model_routes import AGENT, HISTORY, ensure_models

    settings.SANDBOX_MODEL_TOKEN = SECRET
    settings.SANDBOX_MODEL_URL = f"http://127.0.0.1:{server.server_port}"
    for _ in range(2):
        ensure_models(ORGANISATIONS[0])
    assert [route.name for route in ModelRoute.objects.order_by("id")] == ["Sandbox small", "Sandbox large"]
    assert desk.say("How is Summer Sale doing?", agent=AGENT).startswith("Here is what I found")
    assert ModelCall.objects.count() == HISTORY + 2
    assert 0 < Spend.objects.get().settled < Decimal("0.01")
