"""Live hints: sent in order by a thread of their own, many about one stream as one."""

import threading
import time
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from core.events import live


class Layer:
    """Stands at the edge to Redis and notes what it is asked and given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.listeners = {"one", "two"}

    def listened_to(self, groups: Collection[str]) -> set[str]:
        self.asked += groups
        return self.listeners & set(groups)

    def send_now(self, group: str, message: dict[str, Any]) -> None:
        if message.get("fails"):
            raise ConnectionError
        self.sent.append((group, message))


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Layer]:
    made = Layer()
    monkeypatch.setattr(live, "get_channel_layer", lambda: made)
    live._unheard.clear()
    yield made
    live._unheard.clear()


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


def test_nothing_is_sent_to_a_group_without_listeners(layer: Layer) -> None:
    layer.listeners = {"two"}
    for group in ("one", "two", "three"):
        live.post(group, event(1))
    assert live.flush()
    assert layer.sent == [("two", event(1))]
    layer.listeners = {"one"}
    live.post("one", event(2))  # a hint is never withheld: its listener came since
    assert live.flush()
    assert layer.sent[-1] == ("one", event(2))


@pytest.mark.slow
def test_passing_frames_for_nobody_cost_one_question_a_second(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "UNHEARD_FOR", 3.0)  # a busy machine takes its time for thirty
    layer.listeners = set()
    typing = {"type": "stream.transient", "event": "agent_typing"}
    for _ in range(30):
        live.post_passing("one", typing)
        assert live.flush()
    assert layer.asked == ["one"]
    layer.listeners = {"one"}
    time.sleep(3.1)
    live.post_passing("one", typing)
    assert live.flush()
    assert layer.sent == [("one", typing)]


def test_function_posted_often_runs_on_the_thread_of_hints(layer: Layer) -> None:
    threads: list[str] = []

    def note() -> None:
        threads.append(threading.current_thread().name)

    for _ in range(20):
        live.run_soon(note)
    assert live.flush()
    assert set(threads) == {"hints"}
    assert len(threads) < 20
