"""`walker upgrade` from one release to the next, with what it refuses on the way."""

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, migrations
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings
from redis import Redis

from accounts.models import Membership
from core.clock import now
from core.db.roles import as_owner, owner_settings
from core.installation import state
from core.management.commands import upgrade
from core.management.commands.migrate import ONE_MIGRATES
from core.models import Backfill, Upgrade
from core.observability import health, processes
from core.observability.processes import VERSION
from core.tasks import sweep_backfills
from core.tenancy.scope import platform_scope, tenant_scope
from core.upgrades import progress, releases
from core.upgrades.kinds import Plan, kind_of, select
from tests.core.upgrades.test_locks import connect
from tests.world import World

PACKAGE = "walker_next_release"
APP = "console"
"""An app without migrations of its own: it gets those of the next release."""
HEAD = """
from django.db import migrations
from django.db.models import Q


def fill(rows):
    rows.update(zone="UTC")


class Migration(migrations.Migration):
    release = "{version}"
    kind = "{kind}"
    {more}
"""
NEXT = {
    "0001_more": ("expand", "operations = [migrations.RunSQL('create table upgrade_scratch (id int)')]"),
    "0002_fill": (
        "backfill",
        f"model, undone, fill = 'accounts.Membership', Q(zone=''), fill; dependencies = [('{APP}', '0001_more')]",
    ),
    "0003_less": (
        "contract",
        f"operations = [migrations.RunSQL('drop table upgrade_scratch')]; dependencies = [('{APP}', '0002_fill')]",
    ),
}


@pytest.fixture
def _next_release(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, committed_world: World
) -> Iterator[None]:
    """A release with an expand, a backfill and a contract migration, on a database with organisations."""
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "__init__.py").touch()
    for name, (kind, more) in NEXT.items():
        (tmp_path / PACKAGE / f"{name}.py").write_text(HEAD.format(version=VERSION, kind=kind, more=more))
    monkeypatch.syspath_prepend(tmp_path)
    settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, APP: PACKAGE}
    monkeypatch.setattr(progress, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(progress, "WATCHED", 0.1)
    # Other tests register action kinds that lack parts, and start-up checks find them.
    monkeypatch.setattr(upgrade, "MIGRATE", {"interactive": False})
    monkeypatch.setattr(health, "_settled", set())
    Upgrade.objects.all().delete()
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("drop table if exists upgrade_scratch")
        for name in NEXT:
            MigrationRecorder(connection).record_unapplied(APP, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


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
    assert (has_scratch(), health._migrations(), run(lacking=True).strip()) == (True, "", "")
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
        tenant_id, first = Membership.objects.values_list("tenant_id", "pk")[0]
    with tenant_scope(tenant_id):
        Membership.objects.filter(pk=first).update(zone="")
    assert "isn't finished" in run(contract=True)
    assert "3 backfill: done" in run()
    assert f"The upgrade to {VERSION} is finished" in run(contract=True)
    assert (zones(), has_scratch(), Upgrade.objects.get().finished_at is None) == ({"UTC"}, False, False)
    assert "nothing to do" in run()
    assert "All done." in run(status=True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_next_release")
def test_migrate_by_habit_drops_nothing_while_an_older_version_may_run(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    note("web", "0.1.0")
    call_command("migrate", APP, interactive=False, stdout=StringIO())  # one app
    assert (has_scratch(), zones()) == (True, {""})
    forget_processes(redis_client)
    with pytest.raises(CommandError, match="No web or worker of"):
        call_command("migrate", contract=True, interactive=False, stdout=StringIO())

    # Redis was emptied, and the older process is heard of again a moment later.
    monkeypatch.setattr(progress, "WATCHED", 2.0)

    class Screen(StringIO):
        def write(self, text: str) -> int:
            if "Looking for older versions" in text:
                Timer(0.5, note, ("web", "0.1.0")).start()
            return super().write(text)

    with pytest.raises(CommandError, match=re.escape("1 web of 0.1.0 still run")):
        call_command("migrate", interactive=False, stdout=Screen())
    assert (has_scratch(), zones()) == (True, {""})

    # Redis is away: it isn't known who runs.
    with monkeypatch.context() as away:
        away.setattr(processes, "_shared", lambda: ("none", Redis(port=1)))  # nobody listens there
        with pytest.raises(CommandError, match="Redis can't be reached"):
            call_command("migrate", interactive=False, stdout=StringIO())
        assert "REFUSED Redis can't be reached" in run(contract=True)
    assert (has_scratch(), zones()) == (True, {""})

    forget_processes(redis_client)
    monkeypatch.setattr(progress, "WATCHED", 0.1)
    call_command("migrate", interactive=False, stdout=StringIO())
    assert (has_scratch(), zones()) == (False, {"UTC"})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_next_release")
def test_second_migrate_says_that_it_waits_and_goes_on_once_the_first_has_ended() -> None:
    with connect(owner_settings()) as first:
        first.execute("select pg_advisory_lock(%s, 0)", [ONE_MIGRATES])

        class Screen(StringIO):
            def write(self, text: str) -> int:
                if "Another one migrates" in text:
                    assert not has_scratch()
                    Timer(0.3, first.close).start()
                return super().write(text)

        said = Screen()
        call_command("migrate", expand=True, interactive=False, stdout=said)
    assert "Another one migrates this database: waiting for its end" in said.getvalue()
    assert has_scratch()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "word"), [("0.9.0", "install 0.9.0 or a newer version"), ("0.1.0", "There is no way from 0.1.0")]
)
def test_database_of_a_release_that_does_not_lead_here_is_refused(at: str, word: str) -> None:
    Upgrade.objects.all().delete()
    Upgrade.objects.create(version=at, finished_at="2026-11-01T00:00:00Z")
    assert word in run()


@pytest.mark.django_db
def test_process_of_an_older_version_is_not_ready_once_what_it_uses_was_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_settled", set())
    Upgrade.objects.all().delete()
    then, later = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"
    newer = Upgrade.objects.create(version="9.0.0", came_from=VERSION, expanded_at=then)
    assert (releases.left_behind(), run(lacking=True).strip()) == ("", "")  # not contracted: there is a way back
    newer.finished_at = then
    newer.save()
    assert releases.left_behind() == ""  # there was nothing to drop
    newer.finished_at = later
    newer.save()
    assert "This database is at 9.0.0" in health._migrations()
    assert "REFUSED This database is at 9.0.0" in run(lacking=True)
    newer.came_from, newer.finished_at = "", then
    newer.save()
    assert "This database is at 9.0.0" in health._migrations()  # made by the newer version
    newer.delete()
    Upgrade.objects.create(version=VERSION, came_from="0.1.0", expanded_at=then, finished_at=later)
    assert health._migrations() == ""


def test_commands_to_roll_name_the_place_of_this_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where somebody has called the command
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(Path, "exists", lambda _: True)  # systemd is here
    said = upgrade.how_to_roll()
    assert f"ln -sfn {settings.BASE_DIR} /opt/walker" in said
    assert said.index("walker-migrate") < said.index("walker-web@8001")  # static files come before their pages


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
    graph = MigrationGraph()
    plan: Plan = []
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


@pytest.mark.usefixtures("redis_client")
def test_worker_whose_clock_is_ahead_counts_as_running() -> None:
    """A worker of 0.2.0 tells its time alone, by its own clock."""
    cache.set(health._beat_key("worker"), (now() + timedelta(seconds=30)).timestamp(), timeout=60)
    assert progress.older() == ["worker of an unknown version"]
