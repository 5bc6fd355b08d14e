"""Figures, exports and searches from a replica: late, dead, paused, behind the wall, never written to."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Membership
from analytics.exports.sources import Terms, source_of
from analytics.figure_pages.cards import CARDS
from analytics.models import FigureDashboard
from conversations.inbox.admin.search import ConversationFinder
from conversations.models import Team, TeamMember
from conversations.selectors import ConversationFilters, list_conversations
from core import clock
from core.db import replica
from core.installation import servers
from core.tenancy.scope import platform_scope, tenant_scope
from tests.database.standby import Pair, pair_of_servers, using
from tests.edge.ports import free_port

FIGURES = "/admin/figures/"
MIDDLEWARE = "accounts.middleware.BearerMiddleware"
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def pair(django_db_setup: None, django_db_blocker: Any) -> Iterator[Pair]:
    with django_db_blocker.unblock(), pair_of_servers() as made:
        yield made


@pytest.fixture
def installation(pair: Pair, settings: Settings, django_db_blocker: Any) -> Iterator[Pair]:
    """An installation with a replica that has everything, as beat's last note says; time stands still."""
    settings.DATABASE_ROUTERS = ["core.db.replica.Router"]
    settings.MIDDLEWARE = [
        one
        for each in settings.MIDDLEWARE
        for one in ([each, "accounts.middleware.OwnWritesMiddleware"] if each == MIDDLEWARE else [each])
    ]
    replica._rests_until = 0.0
    replica._noted.clear()
    with django_db_blocker.unblock(), clock.at(clock.now()), using(pair):
        replica.note_position()
        catch_up()
        yield pair


def catch_up() -> None:
    """Wait until the replica has what the primary has."""
    position, until = replica.primary_position(), time.monotonic() + 20
    while replica.look().position < position:
        assert time.monotonic() < until
        time.sleep(0.05)


def where() -> str:
    """Return which server answers a read, by its port."""
    return replica.read(lambda: str(replica.connection().settings_dict["PORT"]))


def count(answer: str) -> float:
    return float(replica.reads.labels(answer)._value.get())


@contextmanager
def paused(pair: Pair) -> Iterator[None]:
    """Let the replica receive and not replay."""
    pair.on_standby("select pg_wal_replay_pause()")
    while pair.on_standby("select pg_get_wal_replay_pause_state()")[0] != "paused":
        time.sleep(0.02)
    try:
        yield
    finally:
        pair.on_standby("select pg_wal_replay_resume()")


def signed_in(pair: Pair, role: str = "owner") -> Client:
    client = Client()
    client.force_login(pair.world.people[role], backend="accounts.backends.RoleBackend")
    return client


@contextmanager
def both() -> Iterator[tuple[CaptureQueriesContext, CaptureQueriesContext]]:
    """Record the statements on the primary and on the replica."""
    with CaptureQueriesContext(connection) as primary, CaptureQueriesContext(connections[replica.ALIAS]) as other:
        yield primary, other


def write_one(pair: Pair, name: str) -> None:
    with tenant_scope(pair.world.acme.pk), transaction.atomic():
        FigureDashboard.objects.create(
            name=name, owner_id=pair.world.people["owner"].pk, is_shared=True, days=30, cards=[next(iter(CARDS))]
        )


@pytest.mark.django_db
def test_without_a_replica_nothing_is_asked_and_nobody_routes(
    settings: Settings, django_assert_num_queries: Any
) -> None:
    assert not settings.DATABASE_ROUTERS
    assert not [name for name in settings.MIDDLEWARE if "OwnWrites" in name]
    with django_assert_num_queries(0), replica.writes_as(uuid4()):
        replica.note_position()
        replica.note_write()
        assert replica.read(lambda: 7) == 7
    assert cache.get("replica:positions") is None


@slow
def test_only_scope_and_sign_in_of_a_figures_page_touch_the_primary(installation: Pair) -> None:
    client = signed_in(installation)
    for address in (FIGURES, "/admin/figures/approvals/", "/admin/figures/rows/?figure=messages_in"):
        client.get(address)  # what processes keep is read once
        with both() as (primary, other):
            page = client.get(address)
        assert page.status_code == 200
        asked = [
            query["sql"] for query in primary.captured_queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
        ]
        signing_in = ("django_session", "accounts_user", "accounts_membership", "accounts_tenant", "walker_find_")
        assert [sql for sql in asked if not any(name in sql for name in signing_in)] == []
        assert len(other.captured_queries) > len(asked)
    assert installation.world.acme.name in page.content.decode()


@slow
def test_exports_and_searches_read_the_replica(installation: Pair) -> None:
    viewer, moment = installation.world.actor("owner"), clock.now()
    past = Terms(moment - timedelta(days=3), moment - timedelta(days=1))
    with tenant_scope(installation.world.acme.pk):
        for key in ("conversations", "events", "figures", "approvals"):
            with both() as (primary, other):
                assert list(source_of(key).pages(viewer=viewer, terms=past, size=10)) == []
            assert (len(primary.captured_queries) <= 1, len(other.captured_queries) > 1) == (True, True), key
        with both() as (primary, other):
            list_conversations(viewer=viewer, filters=ConversationFilters(q="anything"))
        assert (len(primary.captured_queries), len(other.captured_queries) > 1) == (0, True)
        with both() as (primary, other):
            list_conversations(viewer=viewer)
        assert (len(primary.captured_queries), len(other.captured_queries)) == (1, 0)
        # Of rows up to this moment the replica may lack the last ones.
        with both() as (primary, other):
            list(source_of("events").pages(viewer=viewer, terms=Terms(past.since, moment), size=10))
        assert len(other.captured_queries) == 0


@slow
def test_share_that_was_withdrawn_counts_at_once_in_searches(installation: Pair) -> None:
    viewer = replace(installation.world.actor("owner"), teams=frozenset())  # sees what is shared with them
    with tenant_scope(installation.world.acme.pk), both() as (primary, other):
        list_conversations(viewer=viewer, filters=ConversationFilters(q="anything"))
        ConversationFinder().find(viewer, "anything")
    assert (len(primary.captured_queries) >= 2, len(other.captured_queries)) == (True, 0)


@slow
def test_team_that_somebody_leads_no_more_counts_at_once_in_figures(installation: Pair) -> None:
    lead = signed_in(installation, "support")
    figure = "/api/v1/figures/messages_in/"
    with tenant_scope(installation.world.acme.pk):
        team = Team.objects.create(name="Led")
        TeamMember.objects.create(team=team, user=installation.world.people["support"], is_lead=True)
    catch_up()
    own = f"?dimension=team&value={team.pk}"
    with paused(installation):
        with both() as (_, other):
            assert lead.get(FIGURES).status_code == 200
            assert lead.get(figure + own).status_code == 200
        assert other.captured_queries == []
        with tenant_scope(installation.world.acme.pk):
            team.delete()
        assert lead.get(figure + own).status_code == 403
    catch_up()


@slow
def test_own_writes_are_read_and_those_of_others_a_little_later(installation: Pair) -> None:
    pair, moment = installation, clock.now()
    mine, other = signed_in(pair), signed_in(pair, "admin")
    with paused(pair):
        form = {"name": "Made just now", "days": "30", "cards": [next(iter(CARDS))], "is_shared": "on"}
        made = mine.post(reverse("admin:analytics_figuredashboard_add"), form)
        assert made.status_code == 302, made.content.decode()[-2000:]
        for seconds in (0, 3):  # also once it isn't just now: the replica has not replayed it
            with clock.at(clock.now() + timedelta(seconds=seconds)):
                assert "Made just now" in mine.get(FIGURES).content.decode()
        assert "Made just now" not in other.get(FIGURES).content.decode()
        assert count("own_write") >= 2
    catch_up()
    with clock.at(moment + timedelta(seconds=4)):
        before = count("replica")
        assert "Made just now" in mine.get(FIGURES).content.decode()
        assert count("replica") == before + 1
    assert "Made just now" in other.get(FIGURES).content.decode()


@slow
def test_replica_that_is_late_or_of_unknown_age_is_left_to_catch_up(installation: Pair) -> None:
    pair, moment = installation, clock.now()
    there, here = str(pair.standby.port), str(pair.primary.port)
    with paused(pair):
        write_one(pair, "Later")
        with clock.at(moment + timedelta(seconds=3)):
            replica.note_position()
        with clock.at(moment + timedelta(seconds=4)):
            assert where() == there  # it has what there was within five seconds
        with clock.at(moment + timedelta(seconds=6)):
            assert where() == here
            assert count("late") >= 1
        with clock.at(moment + timedelta(seconds=60)):
            assert where() == here  # beat is silent
        with clock.at(moment - timedelta(seconds=60)):
            assert where() == here  # the clock of beat's machine is ahead
    catch_up()
    with clock.at(moment + timedelta(seconds=6)):
        assert where() == there
    with transaction.atomic():
        assert where() == here  # it may have written
    with paused(pair):
        write_one(pair, "Before an export begins")
        assert where() == there
        with replica.reads_after_now():
            assert where() == here


@slow
def test_wall_stands_on_the_replica(installation: Pair) -> None:
    acme, globex = installation.world.acme.pk, installation.world.globex.pk
    rows = QuerySet(Membership).using(replica.ALIAS)  # as code that forgot the tenant would ask
    with tenant_scope(acme):
        assert set(rows.values_list("tenant_id", flat=True)) == {acme}
        assert not rows.filter(tenant_id=globex).exists()
        found = replica.read(lambda: set(QuerySet(Membership).values_list("tenant_id", flat=True)))
        assert found == {acme}
    assert list(rows.all()) == []
    with platform_scope():
        assert set(rows.values_list("tenant_id", flat=True)) == {acme, globex}
    with using(installation, standby_url=installation.standby.url("walker")):
        assert where() == str(installation.primary.port)  # a superuser would go round it
        assert servers.database_replica().status == "failure"


@slow
def test_replica_dies_within_a_read_and_the_primary_answers_it_whole(installation: Pair) -> None:
    pair, asked = installation, list[str]()

    def fetch() -> int:
        link = replica.connection()
        asked.append(str(link.settings_dict["PORT"]))
        with link.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            if link.alias == replica.ALIAS:
                pair.on_standby(f"select pg_terminate_backend({cursor.fetchone()[0]})")
                time.sleep(0.2)
            cursor.execute("select 5")
            return int(cursor.fetchone()[0])

    assert replica.read(fetch) == 5
    assert asked == [str(pair.standby.port), str(pair.primary.port)]
    assert where() == str(pair.primary.port)
    replica._rests_until = 0.0
    assert where() == str(pair.standby.port)


@slow
def test_dead_replica_costs_one_try_in_half_a_minute(installation: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = installation
    client = signed_in(pair)
    assert client.get(FIGURES).status_code == 200
    pair.kill_standby()
    try:
        begun = time.monotonic()
        assert client.get(FIGURES).status_code == 200
        assert count("away") >= 1
        resting = count("resting")
        monkeypatch.setattr(replica, "look", lambda: pytest.fail("it was asked again"))
        for _ in range(5):
            assert client.get(FIGURES).status_code == 200
        assert count("resting") == resting + 5
        assert time.monotonic() - begun < replica.REST
        monkeypatch.undo()
        assert "doesn't answer" in servers.database_replica().text
    finally:
        pair.start_standby()
    replica._rests_until = 0.0
    replica.note_position()
    catch_up()
    assert where() == str(pair.standby.port)
    assert servers.database_replica().status == "ok"


@slow
@pytest.mark.parametrize(("pool", "seconds"), [(True, 1.5), (False, 3.0)])
def test_replica_that_is_silent_is_given_up_soon(installation: Pair, pool: bool, seconds: float) -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", free_port()))
        silent.listen()
        url = f"postgresql://walker_app:x@127.0.0.1:{silent.getsockname()[1]}/walker"
        with using(installation, pool=pool, standby_url=url):
            begun = time.monotonic()
            assert where() == str(installation.primary.port)
            first = time.monotonic() - begun
            assert where() == str(installation.primary.port)
            assert time.monotonic() - begun - first < 0.2
    assert first < seconds


@slow
def test_nothing_is_written_to_it_even_when_it_has_become_a_primary(installation: Pair) -> None:
    pair = installation
    rows = QuerySet(Membership).using(replica.ALIAS)
    with tenant_scope(pair.world.acme.pk):
        with pytest.raises(DatabaseError, match="read-only"):
            rows.update(role="viewer")
        member = replica.read(lambda: Membership.objects.order_by("pk")[0])
        assert member._state.db == replica.ALIAS
        member.save()  # to the primary
        pair.on_standby("select pg_promote()")
        with pytest.raises(DatabaseError, match="read-only"):
            rows.update(role="viewer")
        with pytest.raises(DatabaseError, match="read-only"), transaction.atomic(using=replica.ALIAS):
            rows.update(role="viewer")
        assert where() == str(pair.primary.port)
    assert "no standby" in servers.database_replica().text
