"""Providers on this machine, at which the installation has an app."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings
from redis import Redis

from tests.accounts.company.issuer import CLIENT, KEYS, SECRET, Issuer, issuing, jwk_of
from tests.accounts.linked.providers import GitHub, running_github
from tests.database.emptying import forget_keys


def _offer(settings: Settings, key: str, url: str) -> None:
    settings.IDENTITY_HOSTS = ["127.0.0.1"]
    app = {"id": CLIENT, "secret": SECRET, "base": url, "api": url}
    settings.SIGN_IN_WITH = {**settings.SIGN_IN_WITH, key: app}


@pytest.fixture
def google(settings: Settings) -> Iterator[Issuer]:
    """Google."""
    with issuing() as made:
        _offer(settings, "google", made.url)
        yield made


@pytest.fixture
def microsoft(settings: Settings) -> Iterator[Issuer]:
    """Microsoft, with one address for all its tenants; its keys say of which they are."""
    with issuing() as made:
        template = f"{made.url}/{{tenantid}}/v2.0"
        made.about, made.keys = {"issuer": template}, [{**jwk_of(KEYS[0], "one"), "issuer": template}]
        _offer(settings, "microsoft", made.url)
        yield made


@pytest.fixture
def github(settings: Settings) -> Iterator[GitHub]:
    """GitHub."""
    with running_github() as made:
        _offer(settings, "github", made.url)
        yield made


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    """The identity provider of a company."""
    settings.IDENTITY_HOSTS = ["127.0.0.1"]
    with issuing() as made:
        yield made


@pytest.fixture
def forget(redis_client: Redis) -> Callable[[], None]:
    """Let nothing be counted or cached any more."""
    return lambda: forget_keys(redis_client)
