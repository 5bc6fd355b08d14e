"""`walker upgrade` from one release to the next, with what it refuses on the way."""

import sys
from collections.abc import Callable, Iterator
from io import StringIO
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, migrations
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Q
from pytest_django import Settings
from redis import Redis

from accounts.models import Membership
from core.db.roles import as_owner
from core.installation import state
from core.management.commands import upgrade
from core.models import Backfill, Upgrade
from core.observability import health, processes
from core.observability.processes import VERSION
from core.tasks import sweep_backfills
from core.tenancy.scope import platform_scope
from core.upgrades import releases
from core.upgrades.kinds import Plan, kind_of, select
from tests.world import World

PACKAGE = "tests.core.upgrades.made"
APP = "console"
"""An app without migrations of its own: it gets those of the next release."""


def made(name: str, **attributes: Any) -> Any:
    """Make a migration of the next release, as a module of its own."""
    module: Any = ModuleType(f"{PACKAGE}.{name}")
    module.Migration = type("Migration", (migrations.Migration,), attributes)
    return module


def in_utc(rows: Any) -> None:
    rows.update(zone="UTC")


@pytest.fixture
def _next_release(settings: Settings, monkeypatch: pytest.MonkeyPatch, committed_world: World) -> Iterator[None]:
    """A release with an expand, a backfill and a contract migration, and a web process of the one before."""
    sql = migrations.RunSQL
    package: Any = ModuleType(PACKAGE)
    package.__path__ = []
    found = {
        "0001_more": {"kind": "expand", "operations": [sql("create table upgrade_scratch (id int)")]},
        "0002_fill": {"kind": "backfill", "model": "accounts.Membership", "undone": Q(zone=""), "fill": staticmethod(in_utc)},
        "0003_less": {"kind": "contract", "operations": [sql("drop table upgrade_scratch")]},
    }  # fmt: skip
    before: list[tuple[str, str]] = []
    monkeypatch.setitem(sys.modules, PACKAGE, package)
    for name, attributes in found.items():
        module = made(name, dependencies=before, release=VERSION, **attributes)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        before = [(APP, name)]
    monkeypatch.setattr("pkgutil.iter_modules", with_modules(PACKAGE, list(found)))
    settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, APP: PACKAGE}
    monkeypatch.setattr(upgrade, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(upgrade, "WATCHED", 0.1)
    Upgrade.objects.all().delete()
    monkeypatch.setattr(health, "_settled", set())
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("drop table if exists upgrade_scratch")
        for name in found:
            MigrationRecorder(connection).record_unapplied(APP, name)
    Upgrade.objects.all().delete()


def with_modules(package: str, names: list[str]) -> Callable[..., Any]:
    """Return what lists the modules of packages, and of one that is no folder."""
    from pkgutil import ModuleInfo, iter_modules  # noqa: PLC0415  (it is replaced)

    def listed(path: Any = None, prefix: str = "") -> Any:
        if path is not None and list(path) == sys.modules[package].__path__:
            return iter([ModuleInfo(None, name, False) for name in names])  # type: ignore[arg-type]
        return iter_modules(path, prefix)

    return listed


def note(part: str, version: str) -> None:
    """Record a heartbeat of a process of a version."""
    was, processes.VERSION = processes.VERSION, version  # type: ignore[misc]
    try:
        processes.note(part)
    finally:
        processes.VERSION = was  # type: ignore[misc]


def forget_processes(client: Redis) -> None:
    client.delete(*client.scan_iter("*health:processes*"))


def run(**options: Any) -> str:
    """Run the command without waiting for anybody; return what it said, also what it refused."""
    said = StringIO()
    try:
        call_command("upgrade", patience=-1.0, stdout=said, **options)
    except CommandError as refused:
        return f"{said.getvalue()}REFUSED {refused}"
    return said.getvalue()


def has_scratch() -> bool:
    return "upgrade_scratch" in connection.introspection.table_names()


def zones() -> set[str]:
    with platform_scope():
        return set(Membership.objects.values_list("zone", flat=True))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_next_release")
def test_upgrade_goes_from_step_to_step_and_drops_nothing_while_an_older_version_runs(redis_client: Redis) -> None:
    note("web", "0.1.0")
    assert "REFUSED There is no fresh backup" in run()
    assert (has_scratch(), health._migrations()) == (False, "1 migrations are not applied")
    assert state.upgrade().status == "failure"

    said = run(without_backup=True)
    assert "REFUSED Processes of an older version still run" in said
    assert "1 web of 0.1.0 still run" in said
    assert (has_scratch(), health._migrations(), run(lacking=True)) == (True, "", "")
    sweep_backfills()
    assert (zones(), Backfill.objects.get().done) == ({""}, 0)
    assert "1 web of 0.1.0 still run" in run(contract=True)
    found = state.upgrade()
    assert (found.status, "1 web of 0.1.0" in found.text) == ("warning", True)

    forget_processes(redis_client)
    assert f"{APP}.0002_fill: not begun" in run(status=True)
    said = run()
    assert "3 backfill: done" in said
    assert "4 contract: waits. Until then you can go back" in said
    assert (zones(), has_scratch()) == ({"UTC"}, True)
    assert state.upgrade().status == "ok"
    assert Upgrade.objects.get().finished_at is None

    assert "No web or worker of" in run(contract=True)
    for part in ("web", "worker"):
        note(part, VERSION)
    # An older process came back, and went again.
    with platform_scope():
        Membership.objects.order_by("pk")[:1].get()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "update accounts_membership set zone = '' where id = (select min(id::text)::uuid from accounts_membership)"
        )
    assert "isn't finished" in run(contract=True)
    assert "3 backfill: done" in run()
    assert f"The upgrade to {VERSION} is finished" in run(contract=True)
    assert (zones(), has_scratch(), Upgrade.objects.get().finished_at is None) == ({"UTC"}, False, False)
    assert "nothing to do" in run()
    assert "All done." in run(status=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "word"), [("0.9.0", "install 0.9.0 or a newer version"), ("0.1.0", "There is no way from 0.1.0")]
)
def test_database_of_a_release_that_does_not_lead_here_is_refused(at: str, word: str) -> None:
    Upgrade.objects.all().delete()
    Upgrade.objects.create(version=at, finished_at="2026-11-01T00:00:00Z")
    assert word in run()


def test_skipped_release_is_refused_with_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    later = [releases.Release(f"0.{number}.0", after=f"0.{number - 1}.0") for number in (4, 5)]
    monkeypatch.setattr(releases, "RELEASES", (*releases.RELEASES, *later))
    assert releases.refusal("0.4.2", "0.5.0") == releases.refusal("0.4.0", "0.4.7") == ""
    assert "Upgrade to 0.4.0, then 0.5.0: install each" in releases.refusal("0.3.1", "0.5.1")
    assert "can't be reached from there in one step" in releases.refusal("0.2.0", "0.4.0")
    assert "isn't in the table" in releases.refusal("0.2.0", "0.6.0")
    assert (releases.needs_stop("0.2.0", "0.3.0"), releases.needs_stop("0.3.0", "0.4.0")) == (True, False)


def test_every_release_leads_back_to_the_first_and_this_version_is_one_of_them() -> None:
    lines = [releases.line(release.version) for release in releases.RELEASES]
    assert releases.line(VERSION) in lines
    assert lines == sorted(set(lines))
    for release in releases.RELEASES[1:]:
        assert releases.steps(releases.FIRST, release.version), release


def test_what_comes_after_one_that_waits_waits_too() -> None:
    graph, plan = MigrationGraph(), Plan()
    kinds = {"a": "expand", "b": "backfill", "c": "expand", "d": "expand"}
    for name, kind in kinds.items():
        migration = type("Migration", (migrations.Migration,), {"kind": kind})(name, "shop")
        graph.add_node(("shop", name), migration)
        plan.append((migration, False))
    for name, parent in (("b", "a"), ("c", "b")):
        graph.add_dependency(name, ("shop", name), ("shop", parent))
    chosen = select(graph, plan, lambda migration: kind_of(migration) == "expand")
    assert [migration.name for migration, _ in chosen] == ["a", "d"]


def test_older_version_is_told_by_the_clock_of_redis(redis_client: Redis) -> None:
    note("web", "0.1.0")
    assert [one.version for one in processes.running()] == ["0.1.0"]
    assert processes.is_older("0.1.0", VERSION)
    assert processes.is_older("unknown", VERSION)
    assert not processes.is_older("0.10.0", "0.9.9")
