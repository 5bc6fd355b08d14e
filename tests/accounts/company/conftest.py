"""Issuers on this machine, which the operator has allowed."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings
from redis import Redis

from tests.accounts.company.issuer import Issuer, issuing
from tests.database.emptying import forget_keys


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    """An identity provider of a company."""
    settings.IDENTITY_HOSTS = ["127.0.0.1"]
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
