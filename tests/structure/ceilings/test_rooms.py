"""Rooms stay rooms: few loose modules, no circles, no layer between us and the database driver."""

import ast
from collections.abc import Iterator

import pytest

from tests.structure.source import APPS, ROOT, Source, app_files, product

MOST_LOOSE = 15
MOST_LOOSE_IN_HITL = 8
CURSOR = "core/db/postgresql/base.py"
# The message layer, and modules whose names said nothing of what they held.
GONE = {
    "core": "ahead prepared own_connection rows writes telling hints walls scope locks visible lines pauses breakers "
    "celery_task counters rates sealed_cache",
    "config": "db",
    "accounts": "erasing joining joining_page last_moves objects reset_page resets seats sign_ins",
    "hitl": "absence assessing authors automation belongings briefing caps checks claiming clocks conflicts "
    "definitions drafting earning edit_rights expressions folding guards hints holds labels link_policy links machine "
    "matching mistakes notices notifiers observing outcomes panels redrafting registry replacing rulebook sealing "
    "seating seen settling shapes simulating sla snapshots spending stages stoppable stops story strays strictness "
    "summary switches text_diff transitions tries types verdicts views voting watchdog workflow_forms workflow_ladder "
    "workflow_levels workflow_parts workflow_rows workflow_rules workflow_values",
    "hitl/approvals": "settling delegation_map hold_reasons superseding briefing verdicts seating",
    "hitl/policy/admin/workflow_form": "parts values",
    "hitl/policy": "shapes spending",
    "hitl/execution": "kill_switch",
    "hitl/domain": "edit_rights",
    "agents": "calls local models_port wording",
    "analytics": "collecting composing desk due rendering shape writing",
    "channels_app": "deliveries doors hints line plain threads console_socket console_topics",
    "console": "banners badges tiles kit powers words zones bases",
    "conversations": "persons points",
}


@pytest.mark.parametrize("app", APPS)
def test_app_has_few_loose_modules(app: str) -> None:
    loose = [path.stem for path in (ROOT / app).glob("*.py") if path.stem != "__init__"]
    assert len(loose) <= (MOST_LOOSE_IN_HITL if app == "hitl" else MOST_LOOSE), sorted(loose)


@pytest.mark.parametrize(("folder", "names"), GONE.items())
def test_modules_that_were_dissolved_stay_away(folder: str, names: str) -> None:
    there = {path.stem for path in (ROOT / folder).iterdir() if path.name != "__pycache__"}
    assert there & set(names.split()) == set()


def test_cursor_fits_on_two_screens() -> None:
    assert len((ROOT / CURSOR).read_text().splitlines()) < 100


def _imports(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_cursor_knows_the_backend_and_nobody_the_drivers_private_names() -> None:
    backend = [
        f"{source.path}: {name}"
        for source in product()
        for name in _imports(source)
        if name.startswith("django.db.backends.postgresql") and source.path != CURSOR
    ]
    private = [
        f"{source.path}: {name}"
        for source in product()
        for name in _imports(source)
        if name.split(".")[0] in ("psycopg", "psycopg_pool", "django")
        and any(p.startswith("_") for p in name.split("."))
    ]
    assert backend + private == []


def test_functions_read_or_are_handed_what_they_need_but_not_both() -> None:
    handed = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in app_files()
        for node in source.functions()
        for argument in [*node.args.args, *node.args.kwonlyargs]
        if argument.arg == "known" and not source.path.startswith("agents/llm/built_in/")
    ]
    assert handed == []


def _imports_of_code(source: Source) -> Iterator[str]:
    """What a file imports when it runs, inside functions too; what only types need is left out."""
    for_types = {
        inner
        for node in source.nodes
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in node.body
    }
    for node in source.nodes:
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_files_do_not_import_each_other_in_circles() -> None:
    # An app's configuration wires the rest together, once everything is loaded.
    modules = {_module(source.path): source for source in app_files() if not source.path.endswith("/apps.py")}
    needs = {
        name: {
            used if used in modules else used.rpartition(".")[0]
            for used in _imports_of_code(source)
            if used in modules or used.rpartition(".")[0] in modules
        }
        - {name}
        for name, source in modules.items()
    }
    # What needs nothing that is left, or is needed by nothing that is left, stands in no circle.
    while free := {
        name
        for name, used in needs.items()
        if not used & needs.keys() or not any(name in others for others in needs.values())
    }:
        needs = {name: used for name, used in needs.items() if name not in free}
    assert sorted(needs) == []
