"""Send events to PagerDuty. Failures outside are returned, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from django.conf import settings

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of

Action = Literal["trigger", "acknowledge", "resolve"]
PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=64_000)
LONGEST_SUMMARY: Final = 1024
ACCEPTED: Final = 202
SLOW_DOWN: Final = 429
LONGEST_PAUSE: Final = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an event: an empty `error` if it was accepted; `is_final` if another attempt can't help.

    `retry_after` are the seconds that PagerDuty asks to wait.
    """

    error: str = ""
    is_final: bool = False
    retry_after: int = 0


@cache
def _http_client(origin: str, host: str) -> OutgoingHttp:
    """Return one client per origin and process; the address is the operator's, so it may be private."""
    return OutgoingHttp(origin, patience=PATIENCE, private_hosts=[host])


def send_event(*, routing_key: str, action: Action, dedup_key: str, payload: dict[str, Any] | None = None,
               links: list[dict[str, str]] | None = None) -> Outcome:  # fmt: skip
    """Send one event. The same `dedup_key` joins events to one incident, so a repeat does no harm.

    A trigger needs a payload with `summary`, `source` and `severity`.
    """
    base = urlsplit(settings.PAGERDUTY_API_BASE)
    body: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": dedup_key}
    if action == "trigger":
        summary = {"summary": str((payload or {}).get("summary", ""))[:LONGEST_SUMMARY]}
        body |= {"payload": {**(payload or {}), **summary}, "client": "Walker", "links": links or []}
    client = _http_client(f"{base.scheme}://{base.netloc}", host_of(settings.PAGERDUTY_API_BASE))
    answer = client.request("POST", f"{base.path}/v2/enqueue", json=body)
    if isinstance(answer, NotSent):
        return Outcome(answer.code, is_final=not answer.retry)
    if isinstance(answer, NoAnswer):
        return Outcome(answer.code)
    return _outcome_of(answer)


def _outcome_of(answer: Reply) -> Outcome:
    if answer.status == ACCEPTED:
        return Outcome()
    # 400 is a wrong event, and repeating it is forbidden; 429 and 5xx ask for another attempt.
    is_final = 400 <= answer.status < 500 and answer.status != SLOW_DOWN
    return Outcome(f"status_{answer.status}", is_final=is_final, retry_after=_asked_to_wait(answer))


def _asked_to_wait(answer: Reply) -> int:
    wait = answer.headers.get("Retry-After", "")
    return min(int(wait), LONGEST_PAUSE) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0
