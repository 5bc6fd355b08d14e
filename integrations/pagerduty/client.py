"""Send events to PagerDuty. Failures outside are returned, never raised."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from django.conf import settings

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, host_of

Action = Literal["trigger", "acknowledge", "resolve"]
PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=64_000)
LONGEST_SUMMARY: Final = 1024
ACCEPTED: Final = 202
SLOW_DOWN: Final = 429


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What came of an event: an empty `error` if it was accepted; `is_final` if another attempt can't help.

    `retry_after` are the seconds that PagerDuty asks to wait.
    """

    error: str = ""
    is_final: bool = False
    retry_after: int = 0


@cache
def _http_client(origin: str, host: str) -> OutgoingHttp:
    """Return one client per origin and process; the address is the operator's, so it may be private."""
    return OutgoingHttp(origin, patience=PATIENCE, private_hosts=[host], provider="pagerduty")


def send_event(*, routing_key: str, action: Action, dedup_key: str, payload: dict[str, Any] | None = None,
               links: list[dict[str, str]] | None = None) -> EventOutcome:  # fmt: skip
    """Send one event; the same `dedup_key` joins events. A trigger needs `summary`, `source` and `severity`."""
    base = urlsplit(settings.PAGERDUTY_API_BASE)
    body: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": dedup_key}
    if action == "trigger":
        summary = {"summary": str((payload or {}).get("summary", ""))[:LONGEST_SUMMARY]}
        body |= {"payload": {**(payload or {}), **summary}, "client": "Walker", "links": links or []}
    client = _http_client(f"{base.scheme}://{base.netloc}", host_of(settings.PAGERDUTY_API_BASE))
    answer = client.request("POST", f"{base.path}/v2/enqueue", json=body)
    if isinstance(answer, NotSent):
        return EventOutcome(answer.code, is_final=not answer.retry)
    if isinstance(answer, NoAnswer):
        return EventOutcome(answer.code)
    if answer.status == ACCEPTED:
        return EventOutcome()
    # 400 is a wrong event, and repeating it is forbidden; 429 and 5xx ask for another attempt.
    is_final = 400 <= answer.status < 500 and answer.status != SLOW_DOWN
    return EventOutcome(f"status_{answer.status}", is_final=is_final, retry_after=answer.retry_after or 0)
