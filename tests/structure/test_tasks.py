"""Every app's tasks and sweeps are known to Celery; one that is missing is an error."""

import ast
import sys

import pytest

from config.celery import APPS_WITH_TASKS, _schedule_sweeps, app
from core.jobs import queues
from core.tasks import run_sweeps
from tests.structure.source import APPS, ROOT, app_files, name_of


def test_every_module_of_tasks_is_listed() -> None:
    assert set(APPS_WITH_TASKS) == {name for name in APPS if (ROOT / name / "tasks.py").exists()}


@pytest.mark.parametrize("name", APPS_WITH_TASKS)
def test_worker_and_beat_stop_when_an_app_has_no_tasks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"{name}.tasks", None)
    with pytest.raises(ModuleNotFoundError, match=f"{name}.tasks"):
        app.loader.import_default_modules()
    with pytest.raises(ModuleNotFoundError, match=f"{name}.tasks"):
        _schedule_sweeps(app)


def test_all_sweeps_are_scheduled() -> None:
    app.loader.import_default_modules()
    modules = [sys.modules[f"{name}.tasks"] for name in APPS_WITH_TASKS]
    sweeps = {tuple(sweep) for module in modules for sweep in getattr(module, "SWEEPS", {}).values()}
    assert sweeps
    entries = app.conf.beat_schedule.values()
    alone = {(entry["task"], entry["schedule"]) for entry in entries if not entry["args"]}
    shared = {(task, entry["schedule"]) for entry in entries for tasks in entry["args"] for task in tasks}
    assert sweeps == (alone | shared)
    assert len([entry for entry in entries if entry["schedule"] == 1.0]) == 1
    assert {task for task, _ in sweeps} | {entry["task"] for entry in entries} <= set(app.tasks)


def test_sweeps_after_one_that_failed_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise OSError

    monkeypatch.setitem(app.tasks, "test.fails", fail)
    monkeypatch.setitem(app.tasks, "test.works", lambda: ran.append("works"))
    run_sweeps(["test.fails", "test.works"])
    assert ran == ["works"]


def test_tasks_enqueued_by_name_are_those_that_apps_provide() -> None:
    calls = [call for source in app_files() for call in source.calls()]
    enqueued = [call for call in calls if name_of(call) in ("enqueue", "_enqueue", "enqueue_after_commit")]
    named = {first.value for call in enqueued if isinstance(first := call.args[0], ast.Constant)}
    assert named == queues.names()
    with pytest.raises(LookupError, match="'nothing'"):
        queues.enqueue("nothing")
