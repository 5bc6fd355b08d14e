"""Data folders and throw-away clusters for tests of the launcher; none of them needs the product's database."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.launcher.place import Place
from config.launcher.servers.services import Addresses, start
from config.launcher.supervisor import Supervisor


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """These tests leave Django's database alone."""


@pytest.fixture
def place() -> Iterator[Place]:
    """An empty data folder with its marks, short enough for nothing to matter."""
    with tempfile.TemporaryDirectory(prefix="walker-", ignore_cleanup_errors=True) as folder:
        made = Place(Path(folder) / "data")
        Path(folder).chmod(0o711)
        made.make()
        yield made


@pytest.fixture
def supervisor(place: Place) -> Iterator[Supervisor]:
    """A supervisor of that folder; everything it started is stopped."""
    made = Supervisor(place)
    yield made
    made.stop_all()


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Addresses, Place]]:
    """Embedded services with durable settings, for tests that only look."""
    outside = {name: os.environ.pop(name) for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")}
    with tempfile.TemporaryDirectory(prefix="walker-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder))
        place.make()
        supervisor = Supervisor(place)
        try:
            yield start(supervisor), place
        finally:
            supervisor.stop_all()
            os.environ.update(outside)
