"""Trials and checks of agents cannot reach what proposes, replies or delivers, by whichever way of imports."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from grimp import ImportGraph, build_graph

from tests.structure.source import APPS, app_files, name_of

ROOMS = ("agents.studio.trials", "agents.studio.evals")
"""What lives here answers without effect; pages and endpoints only call it."""
EFFECTS = (
    "hitl.services",
    "hitl.approvals.change.propose",
    "hitl.approvals.state.transitions",
    "hitl.execution",
    "hitl.batches",
    "hitl.decision_links",
    "conversations.services",
    "conversations.actions",
    "conversations.channel_accounts",
    "conversations.contacts",
    "conversations.events",
    "conversations.inbox",
    "conversations.merges",
    "conversations.messages",
    "conversations.replies",
    "conversations.surveys",
    "agents.services",
    "agents.answering.runs.run",
    "agents.answering.runs.outcomes",
    "agents.answering.runs.reply",
    "agents.answering.tool_calls.round",
    "agents.answering.tools.actions",
    "agents.answering.tools.files",
    "agents.answering.tools.withdraw",
    "agents.answering.tools.resend",
    "agents.answering.tools.answer",
    "integrations.mail.services",
    "integrations.services",
    "channels_app",
)
# What these only read has no effect; by full name, so that a new module is not among them by its name alone.
ONLY_READ = frozenset(
    {
        "conversations.contacts.points",
        "conversations.contacts.selectors.audiences",
        "conversations.contacts.selectors.consents",
        "conversations.contacts.selectors.directory",
        "conversations.contacts.selectors.names",
        "conversations.contacts.selectors.points",
        "conversations.inbox.selectors.counts",
        "conversations.inbox.selectors.lists",
        "conversations.inbox.selectors.search",
        "conversations.inbox.teams.seen",
        "conversations.inbox.teams.selectors",
        "conversations.inbox.triage.checks",
        "conversations.messages.selectors.customers",
        "conversations.messages.selectors.failures",
        "conversations.messages.selectors.messages",
        "conversations.replies.selectors",
        # Rows.
        "conversations.channel_accounts.models",
        "conversations.contacts.models",
        "conversations.inbox.models",
        "conversations.inbox.teams.models",
        "conversations.inbox.threads.models",
        "conversations.inbox.triage.models",
        "conversations.merges.models",
        "conversations.messages.models",
        "conversations.replies.models",
        "conversations.surveys.models",
        "hitl.batches.models",
        "hitl.execution.models",
    }
)
BY_NAME = frozenset({"import_string", "import_module", "__import__", "get_model", "enqueue", "send_task"})
"""Ways to code that no graph of imports sees. Only a job of checks is queued, by `enqueue_after_commit`."""


@cache
def graph() -> ImportGraph:
    return build_graph(*APPS, cache_dir=None)


def modules_below(imports: ImportGraph, name: str) -> Iterator[str]:
    return (module for module in imports.modules if module == name or module.startswith(f"{name}."))


def ways_out(imports: ImportGraph) -> list[str]:
    """Return each chain of imports from a trial or a check to an effect."""
    below = {module for name in EFFECTS for module in modules_below(imports, name)}
    ends = below - ONLY_READ
    found = []
    for room in ROOMS:
        for module in modules_below(imports, room):
            reached = imports.find_upstream_modules(module) & ends
            found += [" > ".join(imports.find_shortest_chain(module, end) or ()) for end in sorted(reached)]
    return found


def test_trials_and_checks_reach_no_effect() -> None:
    assert set(EFFECTS) | ONLY_READ <= graph().modules, "an effect or a reading has another name now"
    assert {name for name in ROOMS if name in graph().modules} == set(ROOMS)
    assert ways_out(graph()) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("agents.studio.trials.calls", "hitl.services"),
        ("agents.studio.trials.answers", "agents.answering.tools.actions"),
        ("agents.answering.guardrails.screen", "conversations.messages.outbound"),  # two steps away
        ("agents.knowledge.search.search", "hitl.approvals.change.propose"),
        ("agents.studio.trials.calls", "conversations.contacts.identity"),  # only listed names are exempt
    ],
)
def test_planted_import_is_found(importer: str, imported: str) -> None:
    imports = graph()
    imports.add_import(importer=importer, imported=imported)
    try:
        assert any(importer in way and imported in way for way in ways_out(imports))
    finally:
        imports.remove_import(importer=importer, imported=imported)


def test_trials_and_checks_load_nothing_by_name() -> None:
    found = [
        f"{source.path}:{call.lineno}"
        for source in app_files()
        if source.path.startswith(tuple(f"{room.replace('.', '/')}/" for room in ROOMS))
        for call in source.calls()
        if name_of(call) in BY_NAME or (isinstance(call.func, ast.Attribute) and call.func.attr in BY_NAME)
    ]
    assert found == []
