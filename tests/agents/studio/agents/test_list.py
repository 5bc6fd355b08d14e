"""The list of agents: who answers customers first, what each did lately, and what it costs to read."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, AgentVersion, AnswerRule
from analytics.figures.shown import CountedFigures
from analytics.models import FigureDay
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser, browser
from tests.world import World

__all__ = ["browser"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/agents/agent/"


def count(metric: str, dimension: str, value: str, n: int, *, bucket: int = -1, days: int = 0) -> None:
    day = (now() - timedelta(days=days)).date()
    FigureDay.objects.create(metric=metric, dimension=dimension, value=value, n=n, total=n, bucket=bucket, day=day)


def make(name: str, *, is_active: bool = True) -> Agent:
    agent = Agent.objects.create(name=name, type=Agent.CUSTOM, category=Agent.CATEGORY, is_active=is_active)
    version = AgentVersion.objects.create(agent=agent, number=1, name=name, prompt="You look after plants. Be kind.")
    agent.active_version = version
    agent.save(update_fields=["active_version"])
    return agent


def test_agents_of_customers_come_first_with_what_they_did_in_30_days(browser: Browser, acme: World) -> None:
    Agent.objects.update(is_active=False)
    zoe = make("Zoe")
    make("Abe", is_active=False)
    ChannelAccount.objects.create(kind="webchat", provider="widget", name="Website")
    count("runs", "agent", str(zoe.pk), 1240)
    count("runs", "agent", str(zoe.pk), 5, days=40)
    count("answers_refused", "agent", str(zoe.pk), 12)
    shown = browser("owner").get(LIST)
    rows = shown.content.decode().split("<tr data-row")[1:]
    assert str(zoe.pk) in rows[0]
    for words in ("Zoe", "You look after plants.", "Answers customers", "Website", "1,240", "12 held back"):
        assert words in rows[0], words
    assert all("Answers customers" not in row for row in rows[1:])
    assert "Apply" not in shown.content.decode()

    owner = browser("owner")
    owner.get(LIST)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(LIST).status_code == 200
        assert len(asked) <= 40
        # Counts in the navigation are kept for seconds only.
        return sum("agents_" in query["sql"] or "analytics_" in query["sql"] for query in asked)

    few = cost()
    for number in range(9):
        make(f"More {number}")
    assert cost() == few
    assert "Apply" in browser("owner").get(LIST).content.decode()
    with tenant_scope(acme.globex.pk):
        assert CountedFigures().agents(acme.outsider("owner")) == {}
    assert CountedFigures().agents(acme.actor("support")) == {}


def test_only_own_agent_answers_nobody_where_a_rule_gives_all_customers_to_another(
    browser: Browser, acme: World
) -> None:
    Agent.objects.update(is_active=False)
    zoe, front = make("Zoe"), make("Front")
    Agent.objects.filter(pk=front.pk).update(is_system=True)
    ChannelAccount.objects.create(kind="webchat", provider="widget", name="Website")

    def row_of(agent: Agent) -> str:
        rows = browser("owner").get(LIST).content.decode().split("<tr data-row")[1:]
        return next(row for row in rows if str(agent.pk) in row)

    assert "Answers customers" in row_of(zoe)
    AnswerRule.objects.create(name="Customers", condition='colleague == "no"', agent=front, is_active=True)
    assert ["Answers customers" in row_of(agent) for agent in (zoe, front)] == [False, True]


def test_usual_answer_of_a_channel_is_told_only_from_enough_answers(acme: World) -> None:
    chat = ChannelAccount.objects.create(kind="webchat", provider="widget", name="Website")
    count("first_answer_agent", "channel", str(chat.pk), 15, bucket=80)
    assert CountedFigures().first_answer(chat.pk) is None
    count("first_answer_person", "channel", str(chat.pk), 5, bucket=140)
    assert CountedFigures().first_answer(chat.pk) == pytest.approx(0.001 * 1.1**80, rel=0.06)
