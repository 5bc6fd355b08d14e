"""The test world: the suite runs as the application role, behind the wall."""

import gc
import os
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from coverage import Coverage
from django.conf import settings
from django.db import connection, transaction
from django.test.signals import setting_changed
from hypothesis import HealthCheck
from pytest_django import Settings
from redis import Redis

from channels_app.kit.found import forget
from core import ids
from core.db.roles import as_owner, set_time_limits
from core.reliability import kept
from core.tenancy.scope import tenant_scope
from tests.database import lock_order
from tests.database.emptying import empty_by_deleting, forget_keys
from tests.database.template_database import remove_template_database, template_database
from tests.event_types import register_test_events
from tests.world import Mould, World, build_world

pytest_plugins: list[str] = [
    *(
        "tests.edge.platform_fixture",
        "tests.edge.phone_fixture",
        "tests.edge.mailbox_fixture",
        "tests.edge.ads_fixture",
    ),
    *(
        "tests.edge.webhook_receiver",
        "tests.edge.browser",
        "tests.database.tampering",
        "tests.edge.back_office_fixture",
    ),
]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Give each process of a parallel run its own database and its own keys in Redis."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "")
    name = os.environ.get("WALKER_TEST_DB", "test_walker") + (f"_{worker}" if worker else "")
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    connection.settings_dict["TEST"]["NAME"] = name
    cache_prefix = f"{name}"
    settings.CACHES["default"]["KEY_PREFIX"] = cache_prefix
    settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = f"{cache_prefix}:layer"  # type: ignore[index]
    # While tests are collected, pytest looks at every name of a module: where `cache` is one of them it is built by
    # that, with the prefix that all share, and what it keeps would be cleaned by nobody.
    setting_changed.send(sender=type(settings), setting="CACHES", value=settings.CACHES, enter=True)


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: Any,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
) -> Iterator[None]:
    """Create and migrate the test database as its owner; the tests themselves run as the application."""
    keep = django_db_keepdb and not django_db_createdb
    original = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        with as_owner(), template_database(request.config):
            connection.creation.create_test_db(verbosity=0, autoclobber=True, keepdb=keep, serialize=False)
            name = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = name
        settings.DATABASES["default"]["NAME"] = name
        connection.close()
        # The machine of the tests is busy, and a test's own transaction waits for browsers and processes.
        settings.DATABASE_LIMITS = {name: 10 * limit for name, limit in settings.DATABASE_LIMITS.items()}
        set_time_limits()
        connection.close()
    emptying = empty_by_deleting()
    yield
    emptying.close()
    close_connection_of_async_tests()
    if django_db_keepdb:
        return
    with django_db_blocker.unblock():
        end_other_sessions()
        with as_owner():
            connection.creation.destroy_test_db(original, verbosity=0)
        remove_template_database()


def close_connection_of_async_tests() -> None:
    """Close the connection that async tests share: asgiref keeps the one thread of `sync_to_async` to the end."""

    def close_own() -> None:  # `connection` is another one in each thread
        connection.close()

    SyncToAsync.single_thread_executor.submit(close_own).result()


def end_other_sessions() -> None:
    """End what threads of tests left connected: PostgreSQL keeps a database that somebody uses."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def redis_client() -> Iterator[Redis]:
    """Return a client of the Redis that the tests run on."""
    client = Redis.from_url(settings.REDIS_URL)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _clean_redis(django_db_modify_db_settings: None, redis_client: Redis) -> Iterator[None]:
    """Leave none of our keys in Redis for the next test; those of a parallel run stay."""
    yield
    forget_keys(redis_client)


@pytest.fixture(scope="session")
def mould(django_db_setup: None, django_db_blocker: Any) -> Mould:
    """The world of all tests whose rows are rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = Mould()
        transaction.set_rollback(True)
    return made


@pytest.fixture
def world(db: None, mould: Mould) -> World:
    """Two tenants with people of every role: an insider, a colleague without the right, an outsider."""
    return mould.cast()


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """The same world for tests with several connections."""
    return build_world()


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    """The world, inside the scope of its first tenant."""
    with tenant_scope(world.acme.pk):
        yield world


@pytest.fixture(autouse=True)
def _one_order_of_locks() -> Iterator[None]:
    """Fail a test in which a transaction locked heads in an order by which two could wait for each other."""
    yield
    broken = lock_order.take_broken()
    assert not broken, "heads locked in another order than core.events.publish says:\n" + "\n".join(broken)


@pytest.fixture(autouse=True)
def _fresh_accounts() -> None:
    """Know no channel's account, and no limit of a tier, from the test before."""
    forget()
    kept.forget()


@pytest.fixture
def kept_settings(settings: Settings) -> Iterator[None]:
    """Let settings be kept as in the product; elsewhere a test changes them and looks at once."""
    kept.forget()
    settings.KEEP_SETTINGS_SECONDS = 60.0
    yield
    kept.forget()


def pytest_configure() -> None:
    """Let tests name a token for metrics where they need one, hash passwords in little time, and keep no settings."""
    settings.METRICS_TOKEN = ""
    settings.KEEP_SETTINGS_SECONDS = 0.0
    settings.PASSWORD_HASHERS = ["tests.hashing.FewRounds"]
    # How fast examples are made tells of the machine, not of the product.
    hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis.settings.load_profile("any machine")
    register_test_events()
    lock_order.watch()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let ids begin at the present again: after a test that travelled into the future they would go on from there."""
    ids._last = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Count no lines while a test tells how long something takes: counting doubles that.

    A process that runs tests beside others counts twice: once for itself, once as a child of the one that started it.
    """
    stopped: list[Coverage] = []
    while item.get_closest_marker("timed") and (counting := Coverage.current()):
        counting.stop()
        stopped.append(counting)
    try:
        yield
    finally:
        for counting in reversed(stopped):
            counting.start()


@pytest.hookimpl(trylast=True)  # after those that are not wanted have gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the walks over all pages: at the end, a process would be left alone with them.

    End with the machines that play for minutes in one transaction: it holds back the bus of all databases of a cluster.
    Of several processes one makes the database, while the others run tests that need none: each takes its share of the
    list, in order.
    """
    items.sort(key=lambda item: 2 if "for_long" in item.name else int("security" not in item.path.parts))
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    pure, stored = [], []
    for item in items:
        (stored if _needs_database(item) else pure).append(item)
    share, part = len(items) // processes, len(pure) // (processes - 1)
    first, rest = stored[:share], stored[share:]
    items[:] = first
    for number in range(processes - 1):
        begin = number * (share - part)
        items += pure[number * part : (number + 1) * part] + rest[begin : begin + share - part]
    items += pure[(processes - 1) * part :] + rest[(processes - 1) * (share - part) :]


def _needs_database(item: pytest.Item) -> bool:
    return "django_db_setup" in getattr(item, "fixturenames", ()) or item.get_closest_marker("django_db") is not None


def pytest_collection_finish() -> None:
    """Keep what was collected out of garbage collections, and have fewer of them: they took a twentieth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
