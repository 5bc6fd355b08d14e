"""What a message in the web chat costs the database from its arrival to its answer: statements and commits.

What an open socket reads for itself is not in it.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import services
from agents.models import AgentRun
from core.events import relay
from tests.agents.conftest import Desk

pytestmark = pytest.mark.slow

MOST_STATEMENTS = 30
MOST_COMMITS = 16


def _said(sent: CaptureQueriesContext) -> list[str]:
    """Return what was sent, without what only sets the scope."""
    return [str(query["sql"]).partition("role none; ")[2] or str(query["sql"]) for query in sent]


def _count(said: list[str]) -> tuple[list[str], int]:
    """Return the statements, and how many transactions they were: each alone, or from its begin to its commit."""
    statements, commits, is_open = [], 0, False
    for text in said:
        word = text.split(maxsplit=1)[0].upper().rstrip(";") if text else ""
        if word == "BEGIN":
            is_open = True
        elif word in ("COMMIT", "ROLLBACK") and "SAVEPOINT" not in text:
            commits, is_open = commits + 1, False
        elif word not in ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET"):
            statements.append(text)
            commits += 0 if is_open else 1
    return statements, commits


@pytest.mark.usefixtures("kept_settings")
def test_statements_and_commits_of_a_whole_message_stay_few(live_desk: Desk) -> None:
    live_desk.say("What can you do for me?", "visitor")
    AgentRun.objects.update(joinable_until=None)
    relay.relay()
    with CaptureQueriesContext(connection) as sent:
        message = live_desk.receive("What can you do for me?", "visitor")
        relay.relay()  # its receiver makes the run
        services.run_turn(live_desk.last_run.pk)
        relay.relay()
    statements, commits = _count(_said(sent))
    assert len(live_desk.answers(message.conversation_id)) == 2
    assert len(statements) <= MOST_STATEMENTS, "\n".join(text[:160] for text in statements)
    # The hub's own tables are asked only by its tools, and by answers to what a customer was asked.
    assert re.findall(r"\b(?:hub|integrations)_[a-z]+", " ".join(statements)) == []
    assert commits <= MOST_COMMITS, "\n".join(text[:160] for text in statements)
