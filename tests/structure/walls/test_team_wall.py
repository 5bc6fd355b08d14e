"""What shows conversations reads them through the wall of teams, `seen_by`, or says here why not."""

import re

from tests.structure.source import ROOT, product

READERS = re.compile(
    r"(conversations/([\w/]+/)?(selectors|admin|rest)\b|agents/([\w/]+/)?((selectors|rest|explanation)\.py|admin(/|\.py))|"
    r"channels_app/(sockets/|rest\.py|([\w/]+/)?admin(/|\.py))|analytics/|console/|hitl/(\w+/)?(admin|rest|selectors)\b)"
)
STORES = re.compile(r"\b(Conversation|SuggestedReply|Survey|Note|AgentRun|ToolCall)\.objects\b")
WALL = re.compile(r"\bseen_by\(|\bseen_conversations\(")
PAST_THE_WALL = {
    "analytics/services/samples.py": "counted by the system; each team's numbers are shown through figure_scope",
    "agents/answering/selectors.py": "what a run reads of itself; what staff read goes through query_runs",
    "conversations/inbox/admin/approval_panel.py": "after list_messages, which asked",
    "conversations/contacts/selectors/audiences.py": "counts contacts of a campaign, shows no conversation",
    "conversations/messages/selectors/customers.py": "for the customer whose conversation it is",
    "conversations/inbox/selectors/search.py": "ids only, within a list behind the wall",
    "conversations/surveys/selectors.py": "marks are figures, which have a scope of their own",
    "conversations/inbox/teams/selectors.py": "counts by team, narrowed by the callers",
}


def test_lists_and_pages_read_conversations_through_the_wall() -> None:
    found = {}
    for source in product():
        if not READERS.match(source.path) or source.path in PAST_THE_WALL:
            continue
        lines = [line.strip() for line in source.text.splitlines() if STORES.search(line) and not WALL.search(line)]
        if lines:
            found[source.path] = lines
    assert found == {}


def test_every_exception_is_still_one() -> None:
    for path in PAST_THE_WALL:
        assert STORES.search((ROOT / path).read_text()), path
