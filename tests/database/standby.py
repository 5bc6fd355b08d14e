"""A database of its own with a streaming replica: the schema of the tests, and two real servers."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections

from config.launcher import ports
from config.launcher.processes import stop
from config.launcher.servers import roles
from config.launcher.servers.embedded import ENVIRONMENT
from config.launcher.servers.postgres import DATABASE, Postgres, binaries
from config.launcher.service_user import find_service_user
from config.servers import database, replica
from core.db import roles as database_roles
from core.db.replica import ALIAS
from tests.world import World, build_world

SECRET = "only-for-a-test"


class Standby(Postgres):
    """A streaming replica, copied from its primary by `pg_basebackup -R`."""

    primary: Postgres

    def _initialise(self) -> None:
        who: dict[str, Any] = {}
        if self.user:
            who = {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        command = [str(binaries() / "pg_basebackup"), "-D", str(self.folder), "-R", "-X", "stream", "-c", "fast"]
        command += ["-d", self.primary.url()]
        subprocess.run(command, check=True, cwd=self.folder, env=ENVIRONMENT, capture_output=True, timeout=120, **who)


@dataclass
class Pair:
    """The two servers, and the people in their database."""

    primary: Postgres
    standby: Standby
    processes: "dict[str, subprocess.Popen[bytes]]"
    app_password: str
    world: World

    def url(self, server: Postgres, user: str = roles.APP, password: str = "") -> str:
        return f"postgresql://{user}:{password or self.app_password}@127.0.0.1:{server.port}/{DATABASE}"

    def on_standby(self, statement: str) -> Any:
        """Run a statement as its superuser."""
        with psycopg.connect(self.standby.url(DATABASE), autocommit=True) as link:
            found = link.execute(statement)
            return found.fetchone() if found.description else None

    def kill_standby(self) -> None:
        stop(self.processes["standby"], self.standby.spec())

    def start_standby(self) -> None:
        self.standby.prepare()
        self.processes["standby"] = self.standby.start()


@contextmanager
def pair_of_servers() -> Iterator[Pair]:
    """Start both, with the schema of the tests' database and a world in it. The caller lets databases be used."""
    user = find_service_user()
    with tempfile.TemporaryDirectory(prefix="walker-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        primary = Postgres(folder / "primary", folder / "primary.log", user, SECRET, ports.pick())
        standby = Standby(folder / "standby", folder / "standby.log", user, SECRET, ports.pick())
        standby.primary = primary
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            primary.prepare()
            processes["primary"] = primary.start()
            _let_replicate(primary)
            roles.set_up(_with_database(primary), owner_password=SECRET, app_password=SECRET)
            _copy_schema(primary)
            with _connected(primary):
                database_roles.set_time_limits()
                world = build_world()
            standby.prepare()
            processes["standby"] = standby.start()
            yield Pair(primary, standby, processes, SECRET, world)
        finally:
            for server in (standby, primary):
                if process := processes.get(server.folder.name):
                    stop(process, server.spec())


@contextmanager
def using(pair: Pair, *, pool: bool = False, standby_url: str = "") -> Iterator[None]:
    """Let the primary be Django's database, and the standby, or another server, its replica."""
    made = {ALIAS: replica(standby_url or pair.url(pair.standby), is_web=pool)}
    before: dict[str, Any] | None = connections.settings.get(ALIAS)
    with _connected(pair.primary):
        _forget_replica()
        connections.settings[ALIAS] = connections.configure_settings({"default": {}, **made})[ALIAS]
        try:
            yield
        finally:
            _forget_replica()
            if before:
                connections.settings[ALIAS] = before


def _forget_replica() -> None:
    if ALIAS in connections:
        link: Any = connections[ALIAS]
        link.close()
        if link.settings_dict["OPTIONS"].get("pool"):
            link.close_pool()
        del connections[ALIAS]
        del connections.settings[ALIAS]


@contextmanager
def _connected(server: Postgres) -> Iterator[None]:
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(database(f"postgresql://{roles.APP}:{SECRET}@127.0.0.1:{server.port}/{DATABASE}"))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def _with_database(server: Postgres) -> str:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {DATABASE}")
    return server.url(DATABASE)


def _let_replicate(server: Postgres) -> None:
    path = server.folder / "pg_hba.conf"
    path.write_text(f"{path.read_text()}host replication all 127.0.0.1/32 scram-sha-256\n")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("select pg_reload_conf()")
    time.sleep(0.5)  # it reads the file a little later


def _copy_schema(server: Postgres) -> None:
    """Copy tables, policies, functions and grants of the tests' database; of rows those that migrations wrote."""
    owner = settings.DATABASE_OWNER
    login = f"{owner['USER']}:{owner['PASSWORD']}@{owner['HOST']}:{owner['PORT']}"
    dump = [str(binaries() / "pg_dump"), "-d", f"postgresql://{login}/{connection.settings_dict['NAME']}"]
    tables = [f"-t{name}" for name in ("django_migrations", "django_content_type", "auth_permission")]
    given = [_run([*dump, "--schema-only"]), _run([*dump, "--data-only", *tables])]
    _run([str(binaries() / "psql"), "-q", "-d", server.url(DATABASE)], b"".join(given))


def _run(command: list[str], given: bytes = b"") -> bytes:
    return subprocess.run(command, check=True, input=given, capture_output=True, timeout=120).stdout
