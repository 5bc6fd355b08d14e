"""Twilio's Messages API through its own SDK, over our way out: time-outs, egress guard, errors as data.

The SDK is large, and only workers send: import this module inside the function that sends.
"""

import base64
import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from core.errors import Unavailable
from core.reliability.circuit_breaker import breaker
from integrations.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of
from integrations.twilio.errors import meaning_of
from integrations.twilio.types import Failed, Listed, Sent, Unknown

PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=1_000_000)
# The SDK writes every request at INFO, numbers included.
_SILENT: Final = logging.getLogger("twilio.silent")
_SILENT.setLevel(logging.CRITICAL)
LISTED: Final = 50


class _NoReply(Exception):
    """Carries the failure of our way out through the SDK."""

    def __init__(self, outcome: NotSent | NoAnswer) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class _Line(HttpClient):
    """The SDK's HTTP client, on our base URL instead of the names it builds."""

    def __init__(self, base_url: str) -> None:
        super().__init__(_SILENT, is_async=False)
        self._http = _way_out(base_url)
        self.retry_after: int | None = None

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request; raises when there is no answer."""
        given = {name: str(value) for name, value in (params or {}).items()}
        sent = {**(headers or {}), **_basic(auth)}
        path = urlsplit(uri).path
        outcome = self._http.request(method, path, params=given or None, form=data, headers=sent)
        if not isinstance(outcome, Reply):
            raise _NoReply(outcome)
        wait = outcome.headers.get("Retry-After", "")
        self.retry_after = min(int(wait), 3600) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None
        return Response(outcome.status, outcome.body.decode("utf-8", "replace"), outcome.headers)


@cache
def _way_out(base_url: str) -> OutgoingHttp:
    """Made once per process: it took longer than a request, and holds no connection between two."""
    return OutgoingHttp(base_url, patience=PATIENCE, private_hosts=[host_of(base_url)])


def _basic(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}


class TwilioClient:
    """One Twilio account. Nothing raises for what the outside does."""

    def __init__(self, account_sid: str, auth_token: str, *, base_url: str = "") -> None:
        self._line = _Line(base_url or settings.TWILIO_API_BASE)
        self._sdk = Client(account_sid, auth_token, http_client=self._line)
        self._breaker = breaker(f"twilio:{account_sid}")

    def send_text(self, *, sender: str, to: str, body: str, callback: str) -> Sent | Failed | Unknown:
        """Send up to 1,600 characters."""
        return self._create({"from_": sender, "to": to, "body": body, **_reported_to(callback)})

    def send_template(
        self, *, sender: str, to: str, template_sid: str, variables: Mapping[str, str], callback: str
    ) -> Sent | Failed | Unknown:
        """Send an approved template; outside the 24-hour window nothing else is taken."""
        given = json.dumps(dict(variables), ensure_ascii=False)
        facts = {"content_sid": template_sid, "content_variables": given}
        return self._create({"from_": sender, "to": to, **facts, **_reported_to(callback)})

    def list_sent(self, *, sender: str, to: str) -> list[Listed] | Failed | Unknown:
        """Return the newest messages from one number to another."""
        try:
            found = self._sdk.messages.list(to=to, from_=sender, limit=LISTED, page_size=LISTED)
            return [Listed(str(one.sid), str(one.body or ""), one.date_created) for one in found]
        except _NoReply as lost:
            return Unknown(lost.outcome.code)
        except TwilioException as problem:
            return _failure(problem, self._line.retry_after)
        except (KeyError, TypeError, ValueError):
            return Unknown("bad_answer")

    def _create(self, facts: dict[str, str]) -> Sent | Failed | Unknown:
        try:
            self._breaker.allow()
        except Unavailable as closed:
            return Failed(closed.code, permanent=False, retry_after=30)
        outcome = self._try(facts)
        if isinstance(outcome, Sent) or (isinstance(outcome, Failed) and outcome.permanent):
            self._breaker.succeeded()
        else:
            self._breaker.failed()
        return outcome

    def _try(self, facts: dict[str, str]) -> Sent | Failed | Unknown:
        try:
            made = self._sdk.messages.create(**facts)
            sid, status = str(made.sid or ""), str(made.status or "")
        except _NoReply as lost:
            if isinstance(lost.outcome, NotSent):
                return Failed(lost.outcome.code, permanent=not lost.outcome.retry)
            return Unknown(lost.outcome.code)
        except TwilioException as problem:
            return _failure(problem, self._line.retry_after)
        except (KeyError, TypeError, ValueError):
            return Unknown("bad_answer")
        return Sent(sid, status) if sid else Unknown("bad_answer")


def _reported_to(callback: str) -> dict[str, str]:
    """Return the address of reports, if there is one: an empty one is none of the vendor's addresses."""
    return {"status_callback": callback} if callback else {}


def _failure(problem: TwilioException, retry_after: int | None) -> Failed | Unknown:
    status, code = _status_and_code(problem)
    if not status or (status >= 500 and not code.startswith(("2", "3", "6"))):
        # A server that broke may have broken after it took the message.
        return Unknown(code if status else "bad_answer")
    meaning = meaning_of(code, status=status)
    return Failed(code[:20], permanent=meaning.permanent and status < 500 and status != 429, retry_after=retry_after)


def _status_and_code(problem: TwilioException) -> tuple[int, str]:
    """Return the HTTP status (0 for none) and the vendor's code; of a list the SDK only passes the answer on."""
    status, code = getattr(problem, "status", 0), getattr(problem, "code", "")
    answer = next((each for each in problem.args if isinstance(each, Response)), None)
    if answer is not None:
        status = answer.status_code
        code = _code_in(str(answer.text))
    return int(status or 0), str(code or status)


def _code_in(text: str) -> Any:
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    return said.get("code") if isinstance(said, dict) else ""
