"""Issuers on this machine, which the operator has allowed: one of the tests, or the demo's stand-in."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as configured
from pytest_django import Settings
from redis import Redis

from tests.accounts.company.issuer import Issuer, issuing
from tests.accounts.company.standin import StandIn, issuer_of, start
from tests.database.emptying import forget_keys
from tests.edge.standin_process import end


@pytest.fixture(scope="session")
def stand_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One sandbox identity for the whole session; its state is that of the tests before."""
    running = start(tmp_path_factory.mktemp("identity"), configured.PUBLIC_URL)
    yield running
    end(running.process)


@pytest.fixture
def stand_in(stand_in_process: StandIn) -> Iterator[StandIn]:
    """The sandbox identity as after the first start; it pushes nothing after the test."""
    stand_in_process.point_at(configured.PUBLIC_URL)
    yield stand_in_process
    assert stand_in_process.raw("POST", "/__reset").status_code == 200


@pytest.fixture
def issuer(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Issuer]:
    """An identity provider of a company; for tests that ask for both, the demo's stand-in as well."""
    settings.IDENTITY_HOSTS = ["127.0.0.1"]
    if getattr(request, "param", "") == "stand-in":
        yield issuer_of(request.getfixturevalue("stand_in"))
        return
    with issuing() as made:
        yield made


@pytest.fixture
def other_issuer(settings: Settings) -> Iterator[Issuer]:
    """Another company's."""
    settings.IDENTITY_HOSTS = ["127.0.0.1"]
    with issuing() as made:
        yield made


@pytest.fixture
def forget(redis_client: Redis) -> Callable[[], None]:
    """Let nothing be cached any more: what a provider publishes is kept for an hour."""
    return lambda: forget_keys(redis_client)
