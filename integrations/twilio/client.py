"""Twilio's Messages API by its SDK and our HTTP client. The SDK is large: import this where it sends."""

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of
from core.reliability.circuit_breaker import breaker
from integrations.outcomes import Failed, Sent, Unknown, guarded, unanswered
from integrations.twilio.errors import meaning_of
from integrations.twilio.types import ListedMessage

PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=1_000_000)
# The SDK logs every request at INFO, phone numbers included.
_SILENT: Final = logging.getLogger("twilio.silent")
_SILENT.setLevel(logging.CRITICAL)
LISTED: Final = 50
GIVEN_UP: Final = ("failed", "undelivered", "canceled")


class _NoReply(Exception):
    """Carries a failure of our HTTP client through the SDK."""

    def __init__(self, outcome: NotSent | NoAnswer) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class _Line(HttpClient):
    """The SDK's HTTP client, with our base URL instead of the SDK's."""

    def __init__(self, base_url: str) -> None:
        super().__init__(_SILENT, is_async=False)
        self._http = _http_client(base_url)
        self.retry_after: int | None = None

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        *_: Any,
        **__: Any,
    ) -> Response:
        """Send one request; raises if there is no answer."""
        query = {name: str(value) for name, value in (params or {}).items()}
        all_headers = dict(headers or {})
        if auth is not None:
            all_headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        path = urlsplit(uri).path
        outcome = self._http.request(method, path, params=query or None, form=data, headers=all_headers)
        if not isinstance(outcome, Reply):
            raise _NoReply(outcome)
        self.retry_after = outcome.retry_after
        return Response(outcome.status, outcome.body.decode("utf-8", "replace"), outcome.headers)


@cache
def _http_client(base_url: str) -> OutgoingHttp:
    """Return one client per process: creating it takes longer than a request, and it keeps no connection."""
    return OutgoingHttp(base_url, patience=PATIENCE, private_hosts=[host_of(base_url)], provider="twilio")


class TwilioClient:
    """One Twilio account. Failures outside are returned, never raised."""

    def __init__(self, account_sid: str, auth_token: str, *, base_url: str = "") -> None:
        self._line = _Line(base_url or settings.TWILIO_API_BASE)
        self._sdk = Client(account_sid, auth_token, http_client=self._line)
        self._breaker = breaker(f"twilio:{account_sid}")

    def send_text(self, *, sender: str, to: str, body: str, callback: str) -> Sent | Failed | Unknown:
        """Send a text of up to 1,600 characters."""
        return self._create({"from_": sender, "to": to, "body": body, **_callback(callback)})

    def send_media(
        self, *, sender: str, to: str, body: str, urls: Sequence[str], callback: str
    ) -> Sent | Failed | Unknown:
        """Send files that Twilio fetches from these addresses: one by WhatsApp, up to ten by MMS."""
        facts: dict[str, Any] = {"from_": sender, "to": to, "media_url": list(urls), **_callback(callback)}
        return self._create({**facts, "body": body} if body else facts)

    def send_template(
        self, *, sender: str, to: str, template_sid: str, variables: Mapping[str, str], callback: str
    ) -> Sent | Failed | Unknown:
        """Send an approved template; outside the 24-hour window nothing else is accepted."""
        facts = {"content_sid": template_sid, "content_variables": json.dumps(dict(variables), ensure_ascii=False)}
        return self._create({"from_": sender, "to": to, **facts, **_callback(callback)})

    def list_sent(self, *, sender: str, to: str) -> list[ListedMessage] | Failed | Unknown:
        """Return the newest messages from one number to another."""
        try:
            rows = self._sdk.messages.list(to=to, from_=sender, limit=LISTED, page_size=LISTED)
            # What Twilio gave up on was not sent: it may be sent again.
            kept = [row for row in rows if str(row.status) not in GIVEN_UP]
            return [ListedMessage(str(row.sid), str(row.body or ""), row.date_created) for row in kept]
        except _NoReply as lost:
            return Unknown(lost.outcome.code)
        except TwilioException as problem:
            return _failure(problem, self._line.retry_after)
        except (KeyError, TypeError, ValueError):
            return Unknown("bad_answer")

    def _create(self, facts: dict[str, Any]) -> Sent | Failed | Unknown:
        return guarded(self._breaker, partial(self._try, facts))

    def _try(self, facts: dict[str, Any]) -> Sent | Failed | Unknown:
        try:
            sid = str(self._sdk.messages.create(**facts).sid or "")
        except _NoReply as lost:
            return unanswered(lost.outcome)
        except TwilioException as problem:
            return _failure(problem, self._line.retry_after)
        except (KeyError, TypeError, ValueError):
            return Unknown("bad_answer")
        return Sent(sid) if sid else Unknown("bad_answer")


def _callback(url: str) -> dict[str, str]:
    """Return the callback parameter, if any: Twilio rejects an empty one."""
    return {"status_callback": url} if url else {}


def _failure(problem: TwilioException, retry_after: int | None) -> Failed | Unknown:
    status, code = getattr(problem, "status", 0), getattr(problem, "code", "")
    answer = next((each for each in problem.args if isinstance(each, Response)), None)
    if answer is not None:  # when listing, the SDK only passes the answer on
        status, code = answer.status_code, ""
        with suppress(ValueError):
            body = json.loads(str(answer.text))
            code = body.get("code") if isinstance(body, dict) else ""
    status, code = int(status or 0), str(code or status)
    if not status or (status >= 500 and not code.startswith(("2", "3", "6"))):
        # The server may have failed after accepting the message.
        return Unknown(code if status else "bad_answer", status or None)
    meaning = meaning_of(code, status=status)
    is_final = meaning.permanent and status < 500 and status != 429
    return Failed(code[:20], is_final, retry_after, str(getattr(problem, "msg", ""))[:400], status)
