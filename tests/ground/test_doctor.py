"""The doctor on services of its own: what no test does to those that others use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from pytest_django import Settings
from redis import Redis

from config.launcher import env
from config.launcher.place import Place
from config.launcher.servers.services import Addresses
from config.servers import database
from core.installation import servers

Cluster = tuple[Addresses, Place]
pytestmark = pytest.mark.slow


@pytest.fixture
def admin(cluster: Cluster) -> Iterator["psycopg.Connection[Any]"]:
    """A superuser's connection."""
    addresses, place = cluster
    where = addresses.logins.app_url.rpartition("@")[2]
    url = f"postgresql://postgres:{env.own_secrets(place)['postgres']}@{where}"
    with psycopg.connect(url, autocommit=True) as link:
        yield link


@contextmanager
def connected_as(url: str) -> Iterator[None]:
    """Let Django's connection be one to another server."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(database(url))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


@pytest.mark.parametrize(
    ("change", "back", "word"),
    [
        ("bypassrls", "nobypassrls", "bypasses row-level security"),
        ("superuser", "nosuperuser", "bypasses row-level security"),
        ("createrole createdb", "nocreaterole nocreatedb", "may make roles, databases"),
    ],
)
def test_role_that_may_do_too_much_is_named(
    cluster: Cluster, admin: "psycopg.Connection[Any]", django_db_blocker: Any, change: str, back: str, word: str
) -> None:
    with django_db_blocker.unblock(), connected_as(cluster[0].logins.app_url):
        assert servers.database_role().status == "ok"
        admin.execute(f"alter role walker_app {change}")
        try:
            found = servers.database_role()
        finally:
            admin.execute(f"alter role walker_app {back}")
        assert (found.status, word in found.text) == ("failure", True), found


def test_owner_of_tables_is_no_role_for_the_application(
    cluster: Cluster, admin: "psycopg.Connection[Any]", django_db_blocker: Any
) -> None:
    with psycopg.connect(cluster[0].logins.owner_url, autocommit=True) as owner:
        owner.execute("create table public.thing (id int)")
    try:
        with django_db_blocker.unblock():
            with connected_as(cluster[0].logins.owner_url):
                assert "owns 1 tables" in servers.database_role().text
            with connected_as(cluster[0].logins.app_url):
                assert servers.database_role().status == "ok"
                admin.execute("grant walker_owner to walker_app")
                assert "may become their owner" in servers.database_role().text
                admin.execute("revoke walker_owner from walker_app")
    finally:
        admin.execute("drop table public.thing")


def test_limits_and_connections_of_the_role_count(
    cluster: Cluster, admin: "psycopg.Connection[Any]", django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        with connected_as(cluster[0].logins.app_url):
            assert servers.database_limits().status == "warning"  # nobody has migrated here
            assert servers.database_connections().status == "ok"
        admin.execute("alter role walker_app connection limit 10")
        try:
            with connected_as(cluster[0].logins.app_url):
                found = servers.database_connections()
        finally:
            admin.execute("alter role walker_app connection limit -1")
    assert (found.status, "allows 10 connections" in found.text) == ("failure", True)


def all_at(settings: Settings, url: str) -> None:
    """Let one Redis have all roles."""
    settings.REDIS_URL = settings.BROKER_URL = settings.CACHE_URL = url
    settings.LAYER_URLS = [url]


def test_redis_without_a_password_is_a_failure(cluster: Cluster, settings: Settings) -> None:
    all_at(settings, cluster[0].redis_url)
    password = env.own_secrets(cluster[1])["redis"]
    with Redis.from_url(cluster[0].redis_url) as link:
        assert servers.redis_access().status == "ok"
        link.config_set("requirepass", "")
        try:
            all_at(settings, cluster[0].redis_url.replace(f":{password}@", ""))
            found = servers.redis_access()
        finally:
            link.config_set("requirepass", password)
    assert (found.status, password in found.text) == ("failure", False)
