"""The channel layer lets go of a line the moment it hangs up."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers, get_channel_layer

pytestmark = pytest.mark.asyncio


@pytest.fixture
def layer() -> Iterator[Any]:
    yield get_channel_layer()
    channel_layers.backends = {}


async def hang_up(line: "asyncio.Future[Any]") -> bool:
    """Tell whether the line ended at once; it ends in any case."""
    line.cancel()
    _, late = await asyncio.wait([line], timeout=1)
    while not line.done():
        line.cancel()
        await asyncio.wait([line], timeout=0.1)
    return not late


async def test_line_that_hangs_up_at_any_moment_ends_at_once(layer: Any) -> None:
    hung = []
    for steps in range(60):
        channel = await layer.new_channel()
        line = asyncio.ensure_future(layer.receive(channel))
        for _ in range(steps):
            await asyncio.sleep(0)
        hung += [] if await hang_up(line) else [steps]
    assert hung == []


async def test_line_still_hears_after_another_hung_up(layer: Any) -> None:
    gone, here = [await layer.new_channel() for _ in range(2)]
    first, second = (asyncio.ensure_future(layer.receive(channel)) for channel in (gone, here))
    await asyncio.sleep(0.05)
    assert await hang_up(first)
    await layer.send(here, {"type": "hello"})
    assert await asyncio.wait_for(second, 3) == {"type": "hello"}


@pytest.mark.slow
async def test_hundreds_that_hang_up_at_once_all_unsubscribe(layer: Any, caplog: pytest.LogCaptureFixture) -> None:
    channels = [await layer.new_channel() for _ in range(300)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"group.{number}", channel)
    lines = [asyncio.ensure_future(layer.receive(channel)) for channel in channels]
    await asyncio.sleep(0.05)
    for line in lines:
        line.cancel()
    _, late = await asyncio.wait(lines, timeout=4)
    assert not late
    assert [row for row in caplog.records if row.levelname == "ERROR"] == []
