"""A marketer asks in plain words and gets figures, in a table that is drawn; a stranger gets none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conversations.models import Message
from hitl.models import Approval
from hitl.services import decide, execute
from tests.agents.conftest import Desk


def tables(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Message.objects.filter(direction="out").latest("seq").metadata.get("figures", [])
    return found


@pytest.mark.slow
def test_worst_campaign_and_the_reason_of_a_change_are_answered_with_figures_and_tables(desk: Desk) -> None:
    said = desk.say("Which campaign is worst, and why did conversions drop?")
    assert "Cost per conversion" in said
    worst = re.search(r"The worst is (Video Awareness|Back to School)", said)
    assert worst
    assert "Conversions went" in said
    assert "What made the most difference" in said
    compared, explained = tables(desk)
    assert compared["columns"] == ["Campaign", "Cost per conversion", "Spend", "Conversions", "ROAS"]
    assert compared["rows"][0][0] == worst[1]
    assert f"{worst[1]}: {compared['rows'][0][1]}" in said
    assert len(compared["rows"]) == 8
    assert explained["columns"] == ["Campaign", "Before", "Now", "Change"]
    assert desk.conversation.state == "agent"


@pytest.mark.parametrize(
    ("asked", "tool", "words"),
    [
        ("compare campaigns by ROAS over the last 30 days", "compare_campaigns", "ROAS, "),
        ("Why did conversions drop for Summer Sale?", "explain_change", "Summer Sale: "),
        ("Which rankings fell?", "rankings_moved", "“running shoes”: -3 to position 11"),
        ("Which content lost views?", "content_fell", "iews"),
        ("List our drafts", "list_drafts", "“Boot care 101”: article"),
        ("Draft a post about winter boots", "draft_post", "Search phrases to use: winter boots"),
    ],
)
def test_question_in_plain_words_reads_with_the_right_tool(desk: Desk, asked: str, tool: str, words: str) -> None:
    said = desk.say(asked)
    assert words in said
    assert list(desk.last_run.tool_calls.values_list("name", "code")) == [(tool, "")]
    assert not Approval.objects.exists()


@pytest.mark.slow
def test_stranger_gets_neither_figures_nor_requests(desk: Desk) -> None:
    for asked in (
        "Which campaign is worst?",
        "What is waiting for me?",
        "What happened to BR-1001?",
        "List our drafts",
    ):
        assert "only signed-in colleagues" in desk.say(asked, "visitor"), asked


@pytest.mark.slow
def test_member_learns_what_waits_for_them_and_what_happened(desk: Desk) -> None:
    desk.say("Raise the daily budget of Summer Sale to 900")
    approval = Approval.objects.get()
    own = desk.say("What is waiting for me?")
    assert "Nothing is waiting for your approval." in own
    assert f"{approval.reference} (pending)" in own
    assert f"{approval.reference}: " in desk.say("What is waiting for me?", "approver")
    decide(actor=desk.world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    execute(approval.pk)
    said = desk.say(f"What happened to {approval.reference}?")
    assert "executed" in said
    assert "approved" in said
    assert "approved" in desk.say(f"What happened to {approval.reference}?", "admin")
    name = desk.world.people["approver"].get_full_name()
    assert not name or name not in said
    assert "There's no request" in desk.say("What happened to BR-99999?")
