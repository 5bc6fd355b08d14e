"""Embedded services: passwords, roles, durability, and healing what a killed server left."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from accounts.models import Tenant
from config.launcher import env, ports
from config.launcher.faults import StartError
from config.launcher.installation import Installation
from config.launcher.place import Place
from config.launcher.run import next_steps
from config.launcher.servers import roles, services
from config.launcher.servers.postgres import Postgres
from config.launcher.servers.services import Addresses
from config.launcher.service_user import find_service_user
from config.launcher.supervisor import Supervisor

Cluster = tuple[Addresses, Place]


def _ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as link:
        answer = link.execute(query)
        row = answer.fetchone() if answer.description else None
        return row[0] if row else None


def _admin_url(cluster: Cluster) -> str:
    addresses, place = cluster
    where = addresses.logins.app_url.rpartition("@")[2]
    return f"postgresql://postgres:{env.own_secrets(place)['postgres']}@{where}"


@pytest.mark.slow
def test_application_role_is_neither_super_nor_past_the_wall(cluster: Cluster) -> None:
    query = "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
    assert _ask(cluster[0].logins.app_url, query) is False


@pytest.mark.slow
def test_application_role_cannot_create_tables(cluster: Cluster) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _ask(cluster[0].logins.app_url, "create table public.mine (id int)")


def test_platform_role_is_entered_on_purpose_only(cluster: Cluster) -> None:
    query = "select pg_has_role('walker_platform', 'usage') or not pg_has_role('walker_platform', 'set')"
    assert _ask(cluster[0].logins.app_url, query) is False


def test_owner_may_not_make_databases_outside_tests(cluster: Cluster) -> None:
    assert _ask(cluster[0].logins.owner_url, "select rolcreatedb from pg_roles where rolname = current_user") is False


def test_owner_owns_the_database(cluster: Cluster) -> None:
    query = "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
    assert _ask(cluster[0].logins.owner_url, query) == "walker_owner"


@pytest.mark.parametrize(("setting", "value"), [("fsync", "on"), ("log_min_error_statement", "panic")])
def test_server_is_durable_and_keeps_statements_out_of_its_log(cluster: Cluster, setting: str, value: str) -> None:
    assert _ask(cluster[0].logins.app_url, f"show {setting}") == value


@pytest.mark.parametrize("user", ["postgres", "walker_app"])
def test_database_without_password_is_refused(cluster: Cluster, user: str) -> None:
    port = urlsplit(cluster[0].logins.app_url).port
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://{user}@127.0.0.1:{port}/walker", passfile="/dev/null")


@pytest.mark.slow
def test_redis_without_password_is_refused(cluster: Cluster) -> None:
    link = redis.Redis(port=urlsplit(cluster[0].redis_url).port or 0)
    with pytest.raises(redis.AuthenticationError):
        link.ping()
    link.close()


def test_redis_keeps_a_journal(cluster: Cluster) -> None:
    with redis.Redis.from_url(cluster[0].redis_url) as link:
        assert link.config_get("appendonly") == {"appendonly": "yes"}


def test_roles_can_be_set_up_again(cluster: Cluster) -> None:
    made = env.own_secrets(cluster[1])
    logins = roles.set_up(_admin_url(cluster), owner_password=made["owner"], app_password=made["app"])
    assert _ask(logins.app_url, "select 1") == 1


@pytest.mark.slow
def test_outside_server_gets_the_same_logins_from_every_checkout(cluster: Cluster, tmp_path: Path) -> None:
    outside = {"DATABASE_URL": _admin_url(cluster)}
    first, second = (roles._passwords(Place(tmp_path / name), outside["DATABASE_URL"]) for name in ("a", "b"))
    assert first == second


@pytest.mark.slow
def test_outside_login_without_rights_needs_the_owner_too(cluster: Cluster, place: Place) -> None:
    with pytest.raises(StartError, match="DATABASE_OWNER_URL"):
        roles.from_environment(place, {"DATABASE_URL": cluster[0].logins.app_url})


@pytest.mark.slow
def test_outside_server_that_is_away_is_a_sentence(place: Place) -> None:
    url = f"postgresql://walker@127.0.0.1:{ports.pick()}/walker"
    with pytest.raises(StartError, match="cannot reach the PostgreSQL"):
        roles.from_environment(place, {"DATABASE_URL": url})


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the person named no services."""
    for name in env.GIVEN:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_killed_server_is_healed_with_its_rows(supervisor: Supervisor) -> None:
    url = services.start(supervisor).logins.owner_url
    _ask(url, "create table kept (n) as values (7)")
    supervisor.children["postgres"].process.kill()
    supervisor.children["postgres"].process.wait()
    supervisor.stop_all()
    # The number in the stale file now belongs to somebody else, as happens after a container's restart.
    stale = supervisor.place.postgres / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *stale.read_text().splitlines()[1:]]))
    assert _ask(services.start(supervisor).logins.owner_url, "select n from kept") == 7


@pytest.mark.slow
def test_ready_start_names_the_command_that_opens_an_organisation_until_there_is_one(
    cluster: Cluster, supervisor: Supervisor
) -> None:
    addresses, _ = cluster
    table = Tenant._meta.db_table
    _ask(addresses.logins.owner_url, f"create table {table} (id int)")
    _ask(addresses.logins.owner_url, f"alter table {table} enable row level security, force row level security")
    _ask(addresses.logins.owner_url, f"create policy wall on {table} to {roles.PLATFORM} using (true)")
    _ask(addresses.logins.owner_url, f"grant select, insert on {table} to {roles.PLATFORM}")
    told = []
    for demo, is_open in ((False, False), (True, False), (False, True)):
        if is_open:
            _ask(addresses.logins.app_url, f"set role {roles.PLATFORM}; insert into {table} values (1)")
        started = Installation(supervisor, "127.0.0.1", 1, demo, environment=addresses.as_settings())
        told.append([line.partition(" SHORT-NAME")[0] for line in next_steps(started) if "./walker" in line])
    assert told == [[f"  ./walker manage --data {supervisor.place.path} tenant create"], [], []]


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_port_taken_since_the_last_start_is_replaced(supervisor: Supervisor) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        supervisor.place.update_state(postgres_port=port, redis_port=port)
        addresses = services.start(supervisor, durable=False)
    assert port not in (urlsplit(addresses.logins.app_url).port, urlsplit(addresses.redis_url).port)


@pytest.fixture
def bare_server(supervisor: Supervisor) -> str:
    """The superuser's URL of a server that knows nothing of Walker, with a database for it."""
    place = supervisor.place
    log = place.logs / "postgres.log"
    server = Postgres(place.postgres, log, find_service_user(), "secret", ports.pick(), durable=False)
    server.prepare()
    supervisor.add(server.spec(), server.start())
    _ask(server.url(), "create role operator login createrole createdb password 'operator'")
    _ask(server.url(), "create database theirs owner operator")
    return server.url("theirs")


def _as_operator(url: str) -> str:
    return url.replace("postgres:secret@", "operator:operator@")


@pytest.mark.slow
def test_role_that_may_create_roles_sets_up_an_outside_server(bare_server: str, place: Place) -> None:
    logins = roles.from_environment(place, {"DATABASE_URL": _as_operator(bare_server)})
    _ask(logins.owner_url, "create table made (n int)")
    assert _ask(logins.app_url, "select pg_has_role('walker_platform', 'set')") is True


@pytest.mark.slow
def test_outside_server_is_set_up_again_at_the_next_start(bare_server: str, place: Place) -> None:
    url = _as_operator(bare_server)
    assert roles.from_environment(place, {"DATABASE_URL": url}) == roles.from_environment(place, {"DATABASE_URL": url})


@pytest.mark.slow
def test_roles_made_by_somebody_else_are_a_sentence(bare_server: str, place: Place) -> None:
    roles.from_environment(place, {"DATABASE_URL": bare_server})
    _ask(bare_server, "grant connect on database theirs to operator")
    with pytest.raises(StartError, match="may not set up Walker's roles"):
        roles.from_environment(place, {"DATABASE_URL": _as_operator(bare_server)})
