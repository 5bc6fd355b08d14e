"""PostgreSQL and Redis for one installation: the embedded ones, or those that the environment names."""

import os
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from config.launcher import env, ports
from config.launcher.servers import roles
from config.launcher.servers.embedded import EmbeddedServer
from config.launcher.servers.postgres import DATABASE, Postgres
from config.launcher.servers.redis import Redis
from config.launcher.service_user import find_service_user
from config.launcher.supervisor import Supervisor

S = TypeVar("S", bound=EmbeddedServer)


@dataclass(frozen=True)
class Addresses:
    """Where the services are."""

    logins: roles.Logins
    redis_url: str
    is_embedded: bool

    def as_settings(self) -> dict[str, str]:
        """Return them as the product's settings."""
        return {
            "DATABASE_URL": self.logins.app_url,
            "DATABASE_OWNER_URL": self.logins.owner_url,
            "REDIS_URL": self.redis_url,
        }


def start(supervisor: Supervisor, *, durable: bool = True, for_tests: bool = False) -> Addresses:
    """Start what is embedded, make the roles, and return the addresses."""
    place = supervisor.place
    outside = {name: value for name in env.GIVEN if (value := env.given(name))}
    redis_url = outside.get("REDIS_URL") or _started(Redis, "redis", supervisor, durable).url()
    if "DATABASE_URL" in outside:
        logins = roles.from_environment(place, outside, for_tests=for_tests)
        return Addresses(logins, redis_url, is_embedded=False)
    made, postgres = env.own_secrets(supervisor.place), _started(Postgres, "postgres", supervisor, durable)
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        if not admin.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            admin.execute(f"create database {DATABASE}")
    given = {"owner_password": made["owner"], "app_password": made["app"]}
    logins = roles.set_up(postgres.url(DATABASE), **given, may_create_databases=for_tests)
    return Addresses(logins, redis_url, is_embedded=True)


def _started(kind: type[S], name: str, supervisor: Supervisor, durable: bool) -> S:
    """Start an embedded server where it was before, and hand it to the supervisor."""
    place = supervisor.place
    password, port = env.own_secrets(place)[name], ports.pick(place.read(place.state).get(f"{name}_port", 0))
    server = kind(place.path / name, place.logs / f"{name}.log", find_service_user(), password, port, durable)
    server.prepare()
    process = server.start()
    supervisor.add(server.spec(), process)
    place.update_state(**{f"{name}_port": server.port})
    return server


def is_parallel_worthwhile() -> bool:
    """Tell whether the tests gain from a second process."""
    return (os.cpu_count() or 1) > 1
