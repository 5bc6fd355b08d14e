"""The door by which the people of these tests write in."""

import pytest

from tests.channels_app.whatsapp.conftest import Door, _fresh, connect  # noqa: F401
from tests.console.scene import add_workflow
from tests.erasure.scene import Traces, plant
from tests.world import World


@pytest.fixture
def traces(world: World) -> Traces:
    """A person of the first tenant with traces everywhere."""
    return plant(_door(world))


@pytest.fixture
def committed_traces(committed_world: World) -> Traces:
    """The same for tests with several connections."""
    return plant(_door(committed_world))


def _door(world: World) -> Door:
    door = Door(world, connect(world))
    with door.inside():
        add_workflow(world)
    return door
