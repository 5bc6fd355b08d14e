"""People are told what they can ask for: the abilities of every agent that they may use."""

import pytest

from agents.answering.tools import registry
from agents.answering.tools.files import SendFile
from agents.answering.tools.knowledge import Answer, SearchKnowledge
from agents.answering.tools.people import ListAbilities
from agents.models import Agent, AgentVersion
from hitl.actions import registry as kinds
from integrations.ticketing.ports import TicketPlatform
from integrations.transactions.ports import TransactionPlatform
from tests.agents.conftest import Desk
from tests.offers import tool_keys

ASK = "What can you do?"


@pytest.mark.parametrize("agent", ["paid_ads", "seo", "content", "audience"])
def test_member_is_told_every_tool_whoever_answers(desk: Desk, agent: str) -> None:
    answer = desk.say(ASK, agent=agent).lower()
    # A file is sent only where the channel carries one; documents are looked up where there are any.
    never = (ListAbilities.key, SendFile.key, SearchKnowledge.key, Answer.key)
    told = [registry.get(key) for key in tool_keys() if key not in never]
    assert [tool.key for tool in told if f"- {tool.ability.lower()}" not in answer] == []


def test_page_of_a_connection_names_what_other_apps_do_over_it_by_their_titles() -> None:
    titles = {registry.get(key).title for key in registry.all_keys()} | {title for _, title in kinds.titles()}
    told = {each for port in (TicketPlatform, TransactionPlatform) for each in (*port.also_requested, *port.also_read)}
    assert told - titles == {"Tickets beside conversations"}  # a panel


def test_visitor_is_told_of_a_colleague_only(desk: Desk) -> None:
    assert desk.say(ASK, "visitor") == "Here's what I can do:\n- Bring in a colleague"


@pytest.mark.slow
def test_visitor_who_has_no_figures_is_offered_no_file_of_them(desk: Desk) -> None:
    AgentVersion.objects.update(tools=["list_campaigns", "search_knowledge", "bring_person", "send_file"])
    assert desk.say(ASK, "visitor") == "Here's what I can do:\n- Bring in a colleague"
    assert "Send you figures as a file" in desk.say(ASK)


def test_viewer_is_told_of_no_change(desk: Desk) -> None:
    answer = desk.say(ASK, "viewer")
    assert "List the campaigns" in answer
    assert "signature" not in answer


@pytest.mark.slow
def test_agent_that_is_off_has_no_abilities(desk: Desk) -> None:
    Agent.objects.filter(type="content").update(is_active=False)
    assert "publish" not in desk.say(ASK).lower()


def test_greeting_is_short_and_names_no_product(desk: Desk) -> None:
    answer = desk.say("hello", "visitor")
    assert "Walker" not in answer
    assert len(answer) < 140
