"""Counters and histograms of every process, and what their labels may say: names of the code, never of anybody's data.

What is counted takes no statement and no outside call. docs/reference/metrics.md lists all of it.
"""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from core.http import NoAnswer, NotSent, Reply
from core.observability.ports import SHARED

REGISTRY = CollectorRegistry()
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CODES: Final = frozenset({1000, 1001, 1005, 1006, 1012, 4400, 4401, 4403, 4408, 4429})
"""Codes of sockets that end which are counted by themselves; a client may send any other."""
TASK_RESULTS: Final = {"SUCCESS": "succeeded", "RETRY": "retried", "REJECTED": "refused", "IGNORED": "refused"}
_LIMITED: Final = 429
_REQUEST: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TASK: Final = (0.01, 0.05, 0.25, 1, 5, 20, 60, 120)
_ANSWER: Final = (0.5, 1, 2, 3, 5, 10, 20, 30, 60)
_CALL: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Create a counter `walker_<thing>_total`, per process in a shared folder if there is one; no personal labels."""
    return Counter(name, help, list(labels), registry=REGISTRY)


def histogram(name: str, help: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
    """Create a histogram `walker_<thing>_seconds`, kept as counters are."""
    return Histogram(name, help, list(labels), registry=REGISTRY, buckets=buckets)


REQUESTS = counter("walker_http_requests_total", "Requests that were answered.", ["route", "method", "status"])
REQUEST_SECONDS = histogram(
    "walker_http_request_seconds", "From the request with its body until the answer begins.", ["route"], _REQUEST
)
SOCKETS_OPENED = counter("walker_sockets_opened_total", "WebSockets that connected.", ["route"])
SOCKETS_CLOSED = counter("walker_sockets_closed_total", "WebSockets that ended.", ["route", "code"])
MESSAGES = counter("walker_messages_total", "Messages of customers, and answers to them.", ["channel", "direction"])
TASKS = counter("walker_tasks_total", "Tasks that ended in a worker.", ["task", "result"])
TASK_SECONDS = histogram("walker_task_seconds", "How long tasks took.", ["task"], _TASK)
RUNS = counter("walker_agent_runs_total", "Runs of agents that ended.", ["trigger", "result"])
RUN_SECONDS = histogram("walker_agent_run_seconds", "From a claim to the end of the run.", ["trigger"], _ANSWER)
MODEL_CALLS = counter("walker_model_calls_total", "Calls of models over a network.", ["provider", "outcome"])
MODEL_SECONDS = histogram("walker_model_call_seconds", "How long calls of models took.", ["provider"], _ANSWER)
FIRST_TOKEN = histogram(
    "walker_first_token_seconds", "From the call of a model to the first word of its answer.", ["provider"], _ANSWER
)
PROVIDER_CALLS = counter("walker_provider_calls_total", "Calls to other outside systems.", ["provider", "outcome"])
PROVIDER_SECONDS = histogram("walker_provider_call_seconds", "How long they took.", ["provider"], _CALL)
CACHE_READS = counter("walker_cache_reads_total", "Values that were looked up.", ["cache", "result"])

open_sockets: Final[dict[str, int]] = defaultdict(int)
"""How many WebSockets of each route this process has open."""


def note_request(route: str, method: str | None, status: int, began: float) -> None:
    """Count a request, by the name of its route, that began at a moment of the monotonic clock."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(route, known, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route).observe(time.monotonic() - began)


def note_socket_opened(route: str) -> None:
    """Count a WebSocket that connects."""
    open_sockets[route] += 1
    SOCKETS_OPENED.labels(route).inc()


def note_socket_closed(route: str, code: int) -> None:
    """Count a WebSocket that has ended."""
    open_sockets[route] -= 1
    SOCKETS_CLOSED.labels(route, str(code) if code in CODES else "other").inc()


def note_message(channel: str, direction: str) -> None:
    """Count a message that was stored, by the kind of its channel."""
    MESSAGES.labels(channel, direction).inc()


def note_task(task: str, state: str | None, seconds: float | None) -> None:
    """Count a task that ended in a state of Celery's."""
    TASKS.labels(task, TASK_RESULTS.get(state or "", "failed")).inc()
    if seconds is not None:
        TASK_SECONDS.labels(task).observe(seconds)


def note_run(trigger: str, result: str, seconds: float) -> None:
    """Count a run of an agent that ended."""
    RUNS.labels(trigger, result).inc()
    RUN_SECONDS.labels(trigger).observe(seconds)


def note_model_call(provider: str, outcome: str, seconds: float, first_token: float | None) -> None:
    """Count a call of a model, and when its first word came, if one did."""
    MODEL_CALLS.labels(provider, outcome).inc()
    MODEL_SECONDS.labels(provider).observe(seconds)
    if first_token is not None:
        FIRST_TOKEN.labels(provider).observe(first_token)


def note_provider_call(provider: str, reply: Reply | NotSent | NoAnswer, seconds: float) -> None:
    """Count a request to an outside system, by the class of its answer."""
    if not isinstance(reply, Reply):
        outcome = "not_sent" if isinstance(reply, NotSent) else "no_answer"
    elif reply.status < 400:
        outcome = "answered"
    else:
        outcome = "failed" if reply.status >= 500 else "limited" if reply.status == _LIMITED else "refused"
    PROVIDER_CALLS.labels(provider, outcome).inc()
    PROVIDER_SECONDS.labels(provider).observe(seconds)


def note_cache_read(cache: str, *, is_hit: bool) -> None:
    """Count a value that was looked up."""
    CACHE_READS.labels(cache, "hit" if is_hit else "miss").inc()


def registry_of(folder: str) -> CollectorRegistry:
    """Return the counters and histograms of all processes that share a folder; it is read at each scrape."""
    shared = CollectorRegistry(support_collectors_without_names=True)
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]
    return shared


def own_registry() -> CollectorRegistry:
    """Return the counters and histograms of all processes that share this one's folder, else its own."""
    folder = os.environ.get(SHARED)
    return registry_of(folder) if folder else REGISTRY


def counters_as_text() -> bytes:
    """Return them as Prometheus reads them."""
    return generate_latest(own_registry())
