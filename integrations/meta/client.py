"""Meta's Graph API for one WhatsApp number: time-outs, egress guard, errors as data."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from django.conf import settings

from core.http import OutgoingHttp, Patience, Reply, host_of
from core.reliability.circuit_breaker import breaker
from integrations.meta.errors import meaning_of, words_of
from integrations.meta.types import Answer, Uploaded
from integrations.outcomes import Failed, Sent, Unknown, guarded, unanswered

VERSION: Final = "v23.0"
PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=2_000_000)
# A file takes longer than a message, and still less than an attempt has.
PATIENCE_WITH_FILES: Final = Patience(connect=3.0, read=30.0, total=40.0, max_bytes=2_000_000)
PAGES: Final = 20
PAGE_SIZE: Final = 100
_ID = re.compile(r"[0-9]{1,32}")


@cache
def _http_client(base_url: str, patience: Patience = PATIENCE) -> OutgoingHttp:
    """Return one client per process: creating it takes longer than a request, and it keeps no connection."""
    return OutgoingHttp(base_url, patience=patience, private_hosts=[host_of(base_url)], provider="meta")


class MetaClient:
    """One number of a WhatsApp business account. Failures outside are returned, never raised."""

    def __init__(self, phone_number_id: str, access_token: str, *, base_url: str = "") -> None:
        self._base_url = base_url or settings.META_API_BASE
        self._http = _http_client(self._base_url)
        self._number = phone_number_id
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._breaker = breaker(f"meta:{phone_number_id}")

    def send_message(
        self, to: str, content: Mapping[str, Any], *, by_id: bool = False, callback_data: str = ""
    ) -> Sent | Failed | Unknown:
        """Send one message to a phone number, or `by_id` to Meta's own id; `callback_data` comes back with reports."""
        named = {"recipient": to} if by_id else {"to": to}
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", **named, **content}
        if callback_data:
            body["biz_opaque_callback_data"] = callback_data
        outcome = guarded(self._breaker, lambda: self._call("POST", f"{self._number}/messages", json=body))
        if not isinstance(outcome, Answer):
            return outcome
        messages = outcome.body.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        message_id = first.get("id") if isinstance(first, dict) else None
        return Sent(message_id) if isinstance(message_id, str) and message_id else Unknown("bad_answer", 200)

    def upload_media(self, content: bytes, *, content_type: str, filename: str) -> Uploaded | Failed | Unknown:
        """Store a file at Meta, for 30 days. Nobody sees it before it is sent, so that a repeat does no harm."""
        form = {"messaging_product": "whatsapp", "type": content_type}
        files = {"file": (filename, content, content_type)}
        patient = _http_client(self._base_url, PATIENCE_WITH_FILES)
        outcome = guarded(
            self._breaker, lambda: self._call("POST", f"{self._number}/media", form=form, files=files, line=patient)
        )
        if not isinstance(outcome, Answer):
            return outcome
        media_id = outcome.body.get("id")
        return Uploaded(media_id) if isinstance(media_id, str) and _ID.fullmatch(media_id) else Unknown("bad_answer")

    def mark_read(self, message_id: str, *, typing: bool = False) -> Answer | Failed | Unknown:
        """Show the customer that their message was read, and with `typing` that an answer is on its way."""
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        return self._call("POST", f"{self._number}/messages", json=body)

    def describe_media(self, media_id: str) -> Answer | Failed | Unknown:
        """Return the address (for minutes), type, size and SHA-256 of a customer's file."""
        if not _ID.fullmatch(media_id):
            return Failed("100", permanent=True)
        return self._call("GET", media_id)

    def list_templates(self, business_account_id: str) -> list[Mapping[str, Any]] | Failed | Unknown:
        """Return all templates of the WhatsApp business account."""
        found: list[Mapping[str, Any]] = []
        after = ""
        for _ in range(PAGES):
            query = {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}
            page = self._call("GET", f"{business_account_id}/message_templates", params=query)
            if not isinstance(page, Answer):
                return page
            rows, paging = page.body.get("data"), page.body.get("paging")
            found += [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            cursors = paging.get("cursors") if isinstance(paging, dict) else None
            after = str(cursors.get("after") or "") if isinstance(cursors, dict) else ""
            if not after or not rows or not (isinstance(paging, dict) and paging.get("next")):
                return found
        return found

    def _call(
        self, method: str, path: str, *, line: OutgoingHttp | None = None, **content: Any
    ) -> Answer | Failed | Unknown:
        outcome = (line or self._http).request(method, f"/{VERSION}/{path}", headers=self._headers, **content)
        if not isinstance(outcome, Reply):
            return unanswered(outcome)
        body = outcome.json()
        if outcome.status == 200:
            return Answer(body) if isinstance(body, dict) else Unknown("bad_answer", outcome.status)
        error = body.get("error") if isinstance(body, dict) else None
        given = error.get("code") if isinstance(error, dict) else None
        code = str(given)[:20] if isinstance(given, int | str) and str(given).isalnum() else str(outcome.status)
        if outcome.status >= 500 and given is None:
            # The server may have failed after accepting the message.
            return Unknown(code, outcome.status)
        meaning = meaning_of(code, status=outcome.status)
        is_permanent = meaning.permanent and outcome.status != 429
        return Failed(code, is_permanent, outcome.retry_after, text=words_of(error), status=outcome.status)
