"""PostgreSQL and Redis for one installation: the embedded ones, or those that the environment names."""

import os
from dataclasses import dataclass

import psycopg

from config.launcher import env, ports
from config.launcher.servers import roles
from config.launcher.servers.postgres import DATABASE, Postgres
from config.launcher.servers.redis import Redis
from config.launcher.service_user import find_service_user
from config.launcher.supervisor import Supervisor


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
    redis_url = outside.get("REDIS_URL") or _start_redis(supervisor, durable)
    if "DATABASE_URL" in outside:
        logins = roles.from_environment(place, outside, for_tests=for_tests)
        return Addresses(logins, redis_url, is_embedded=False)
    return Addresses(_start_postgres(supervisor, durable, for_tests), redis_url, is_embedded=True)


def _start_redis(supervisor: Supervisor, durable: bool) -> str:
    place = supervisor.place
    password, port = env.own_secrets(place)["redis"], ports.pick(place.read(place.state).get("redis_port", 0))
    redis = Redis(place.redis, place.logs / "redis.log", find_service_user(), password, port, durable)
    redis.prepare()
    process = redis.start()
    supervisor.add(redis.spec(), process)
    place.update_state(redis_port=redis.port)
    return redis.url()


def _start_postgres(supervisor: Supervisor, durable: bool, for_tests: bool) -> roles.Logins:
    place = supervisor.place
    made, port = env.own_secrets(place), ports.pick(place.read(place.state).get("postgres_port", 0))
    log = place.logs / "postgres.log"
    postgres = Postgres(place.postgres, log, find_service_user(), made["postgres"], port, durable)
    postgres.prepare()
    process = postgres.start()
    supervisor.add(postgres.spec(), process)
    place.update_state(postgres_port=postgres.port)
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        if not admin.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            admin.execute(f"create database {DATABASE}")
    return roles.set_up(
        postgres.url(DATABASE),
        owner_password=made["owner"],
        app_password=made["app"],
        may_create_databases=for_tests,
    )


def is_parallel_worthwhile() -> bool:
    """Tell whether the tests gain from a second process."""
    return (os.cpu_count() or 1) > 1
