"""The door by which the people of these tests write in."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from channels_app.kit.found import forget
from channels_app.webhooks import wake_worker
from tests.channels_app.twilio.conftest import Door, _quiet, connect  # noqa: F401
from tests.console.scene import add_workflow
from tests.erasure.scene import Traces, plant
from tests.world import World, build_world, kept_for_the_module


@pytest.fixture(scope="module")
def traces_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[Traces]:
    """A person of the first tenant with traces everywhere, in a transaction around all tests of the module."""
    with pytest.MonkeyPatch.context() as patch, kept_for_the_module(django_db_blocker):
        patch.setattr(wake_worker.stored, "give", lambda: None)
        yield with_traces(build_world())


@pytest.fixture
def traces(traces_of_the_module: Traces, db: None) -> Traces:
    """The same as every test of the module finds it: what a test writes is rolled back."""
    return deepcopy(traces_of_the_module)


@pytest.fixture
def world(traces: Traces) -> World:
    """The world that the person left traces in."""
    return traces.world


@pytest.fixture
def committed_traces(committed_world: World) -> Traces:
    """The same for tests with several connections."""
    return with_traces(committed_world)


def with_traces(world: World) -> Traces:
    """Let a person of the first tenant leave traces everywhere."""
    door = Door(world, connect(world))
    forget()
    with door.inside():
        add_workflow(world)
    return plant(door)
