"""The office, and no broker."""

from typing import Any

import pytest

from tests.api.office import Office, build_office
from tests.world import World


@pytest.fixture
def office(world: World) -> Office:
    """An organisation with one row behind every endpoint."""
    return build_office(world)


@pytest.fixture
def live_office(committed_world: World) -> Office:
    """The same, committed, for tests with several connections."""
    return build_office(committed_world)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Hints to workers go nowhere: rows are the truth."""
    from config.celery import app

    monkeypatch.setattr(app.conf, "broker_url", "memory://")
