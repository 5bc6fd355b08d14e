"""Live hints: sent in order by a thread of their own, many about one stream as one."""

import threading
from typing import Any

import pytest

from core.events import live


class Layer:
    """Stands at the edge to Redis and notes what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if message.get("fails"):
            raise ConnectionError
        self.sent.append((group, message))


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    made = Layer()
    monkeypatch.setattr(live, "get_channel_layer", lambda: made)
    return made


def event(seq: int) -> dict[str, Any]:
    return {"type": "stream.event", "seq": seq}


def test_hints_about_one_stream_become_the_last_one(layer: Layer) -> None:
    for seq in range(50):
        live.post("one", event(seq))
    assert live.flush()
    assert layer.sent[-1] == ("one", event(49))
    assert len(layer.sent) < 50


def test_passing_frames_all_arrive_in_order(layer: Layer) -> None:
    for number in range(20):
        live.post("one", {"type": "stream.transient", "number": number})
    assert live.flush()
    frames = [frame for _, message in layer.sent for frame in message.get("messages", [message])]
    assert [frame["number"] for frame in frames] == list(range(20))
    assert len(layer.sent) < 20


def test_hint_that_fails_does_not_stop_the_next(layer: Layer) -> None:
    live.post("one", {"type": "stream.transient", "fails": True})
    live.post("two", event(1))
    assert live.flush()
    assert layer.sent == [("two", event(1))]


def test_function_posted_often_runs_on_the_thread_of_hints(layer: Layer) -> None:
    threads: list[str] = []

    def note() -> None:
        threads.append(threading.current_thread().name)

    for _ in range(20):
        live.run_soon(note)
    assert live.flush()
    assert set(threads) == {"hints"}
    assert len(threads) < 20
