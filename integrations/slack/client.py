"""Slack's Web API over our HTTP client, and answers to the address that came with a button press."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import Unavailable
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of
from core.reliability.circuit_breaker import breaker
from integrations.outcomes import Failed, Unknown, unanswered
from integrations.slack.errors import RETRIED
from integrations.slack.types import Done, SlackOutcome

PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=1_000_000)
ANSWERS_AT: Final = "hooks.slack.com"
"""The only host of Slack's that takes answers to button presses."""
SLOW_DOWN: Final = 30
"""Seconds to wait where Slack names none."""


@cache
def _http_client(origin: str) -> OutgoingHttp:
    """Return one client per origin and process; one that the operator configured may have any address."""
    private = [host_of(origin)] if origin == _origin(settings.SLACK_API_BASE) else []
    return OutgoingHttp(origin, patience=PATIENCE, private_hosts=private, provider="slack")


class SlackClient:
    """One bot in one workspace. Failures outside are returned, never raised."""

    def __init__(self, token: str, *, account: str) -> None:
        self._token = token
        self._breaker = breaker(f"slack:{account}")

    def call(self, method: str, **body: Any) -> SlackOutcome:
        """Call a method of the Web API, such as `chat.postMessage`, with a JSON body."""
        if not self._token:
            return Failed("no_credentials", permanent=True)
        try:
            self._breaker.allow()
        except Unavailable as closed:
            return Failed(closed.code, permanent=False, retry_after=30)
        base = urlsplit(settings.SLACK_API_BASE)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json; charset=utf-8"}
        reply = _http_client(_origin(settings.SLACK_API_BASE)).request(
            "POST", f"{base.path}/{method}", json=body, headers=headers
        )
        outcome = _outcome_of(reply)
        # Being asked to slow down and being refused are answers: the service works.
        works = isinstance(outcome, Done) or (
            isinstance(outcome, Failed) and (outcome.permanent or outcome.retry_after)
        )
        (self._breaker.succeeded if works else self._breaker.failed)()
        return outcome


def _outcome_of(reply: Reply | NotSent | NoAnswer) -> SlackOutcome:
    if not isinstance(reply, Reply):
        return unanswered(reply)
    if reply.status == 429:
        seconds = SLOW_DOWN if reply.retry_after is None else max(1, reply.retry_after)
        return Failed("ratelimited", permanent=False, retry_after=seconds, status=429)
    facts = reply.json()
    if not isinstance(facts, dict) or reply.status != 200:
        # The server may have failed after it did what was asked.
        code, is_refused = f"status_{reply.status}", 400 <= reply.status < 500
        return Failed(code, permanent=True, status=reply.status) if is_refused else Unknown(code, status=reply.status)
    if facts.get("ok") is True:
        return Done(facts, status=reply.status)
    code = str(facts.get("error") or "bad_answer")[:60]
    return Failed(code, permanent=code not in RETRIED, status=reply.status)


def answer(url: str, body: Mapping[str, Any]) -> SlackOutcome:
    """Post to a button press's `response_url`, an address from outside: any host but the API's is refused."""
    if not may_answer(url):
        return Failed("other_host", permanent=True)
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    reply = _http_client(_origin(url)).request("POST", path, json=dict(body))
    if isinstance(reply, Reply) and reply.status == 200:
        return Done(status=reply.status)
    return _outcome_of(reply)


def may_answer(url: str) -> bool:
    """Return True if an answer may be posted to this address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or "\\" in url or parts.username is not None or parts.fragment:
        return False
    host = host_of(settings.SLACK_API_BASE)
    is_stand_in = host != "slack.com" and not host.endswith(".slack.com")
    if is_stand_in and _origin(url) == _origin(settings.SLACK_API_BASE):
        return True
    return parts.scheme == "https" and parts.hostname == ANSWERS_AT and port in (None, 443)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
