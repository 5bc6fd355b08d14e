"""What agents did is counted from the events of their runs."""

from __future__ import annotations

from collections import Counter

from agents.models import AgentRun, ToolCall
from analytics.figures.events import facts_of
from core.models import StreamEvent
from tests.agents.conftest import Desk, desk  # noqa: F401  (a fixture)
from tests.edge.platform_fixture import sandbox  # noqa: F401  (a fixture)


def test_runs_and_their_calls_of_tools_are_counted(desk: Desk) -> None:  # noqa: F811
    desk.say("What can you do for me?", "visitor")
    version = AgentRun.objects.get().agent_version
    assert version is not None
    facts = list(facts_of(StreamEvent.objects.filter(version__isnull=False)))
    counts = Counter(fact.metric for fact in facts)
    assert counts["runs"] == counts["run_time"] == 1
    assert counts["tool_calls"] == ToolCall.objects.count()
    assert {fact.by["agent"] for fact in facts if fact.metric == "runs"} == {str(version.agent_id)}
    assert counts["messages_in"] == counts["messages_out"] == counts["first_answer_agent"] == 1
