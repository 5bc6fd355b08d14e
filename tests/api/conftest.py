"""The office, and no broker."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.test import TestCase

from tests.api.office import Office, build_office
from tests.world import World, build_world


@pytest.fixture(scope="module")
def office_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[Office]:
    """An organisation with one row behind every endpoint, in a transaction around all tests of the module."""
    with django_db_blocker.unblock():
        TestCase.setUpClass()
        yield build_office(build_world())
        TestCase.tearDownClass()
        TestCase.doClassCleanups()


@pytest.fixture
def office(office_of_the_module: Office, db: None) -> Office:
    """The same as every test of the module finds it: what a test writes is rolled back."""
    return deepcopy(office_of_the_module)


@pytest.fixture
def world(office: Office) -> World:
    """The office's own world."""
    return office.world


@pytest.fixture
def live_office(committed_world: World) -> Office:
    """The same, committed, for tests with several connections."""
    return build_office(committed_world)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Hints to workers go nowhere: rows are the truth."""
    from config.celery import app

    monkeypatch.setattr(app.conf, "broker_url", "memory://")
