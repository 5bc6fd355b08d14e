"""Twilio's Content API: the templates of an account with WhatsApp's approval."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from core.http import OutgoingHttp, Patience, Reply, host_of
from integrations.outcomes import Failed, Unknown, unanswered

PATIENCE: Final = Patience(connect=3.0, read=8.0, total=12.0, max_bytes=2_000_000)
PATH: Final = "/v1/ContentAndApprovals"
PAGES: Final = 20


def list_contents(account_sid: str, auth_token: str) -> list[Mapping[str, Any]] | Failed | Unknown:
    """Return all templates of the account. Failures outside are returned, never raised."""
    base = settings.TWILIO_CONTENT_BASE
    secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
    http = OutgoingHttp(
        base,
        headers={"Authorization": f"Basic {secret}"},
        patience=PATIENCE,
        private_hosts=[host_of(base)],
        provider="twilio",
    )
    found: list[Mapping[str, Any]] = []
    path = f"{PATH}?PageSize=100"
    try:
        for _ in range(PAGES):
            outcome = http.request("GET", path)
            if not isinstance(outcome, Reply):
                return unanswered(outcome)
            body = outcome.json()
            if outcome.status != 200 or not isinstance(body, dict):
                code = body.get("code") if isinstance(body, dict) else None
                return Failed(str(code or outcome.status)[:20], permanent=outcome.status < 500)
            rows, meta = body.get("contents"), body.get("meta")
            found += [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            following = urlsplit(str(meta.get("next_page_url") or "")) if isinstance(meta, dict) else urlsplit("")
            if following.path != PATH or not following.query:
                return found
            path = f"{PATH}?{following.query}"
        return found
    finally:
        http.close()
