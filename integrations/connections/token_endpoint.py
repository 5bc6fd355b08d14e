"""Ask a token endpoint (RFC 6749), and believe nothing of its answer that doesn't fit."""

import re
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from core.clock import now
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience
from integrations.connections.errors import ConnectionFailed

PATIENCE: Final = Patience(connect=3.0, read=10.0, total=15.0, max_bytes=64_000)
TOKEN_LIMIT: Final = 8_000
LONGEST: Final = 10 * 365 * 86_400
KNOWN: Final = frozenset({"invalid_grant", "invalid_client", "invalid_scope", "unauthorized_client"})
BUSY: Final = 429


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave; `scopes` is None where it doesn't say them, `ends` where it never ends."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    ends: datetime | None
    refresh_ends: datetime | None
    scopes: frozenset[str] | None


def ask_for_tokens(
    url: str, form: Mapping[str, str], own_hosts: Collection[str], headers: Mapping[str, str] | None = None
) -> Tokens:
    """Return the tokens that an endpoint gives for a form (outside call). Raises ConnectionFailed."""
    with closing(OutgoingHttp(url, patience=PATIENCE, private_hosts=own_hosts, provider="tokens")) as http:
        given = {"Accept": "application/json", **(headers or {})}
        reply = http.request("POST", url, form=form, headers=given)
    if isinstance(reply, NotSent | NoAnswer):
        raise ConnectionFailed(reply.code)
    body = reply.json()
    if reply.status == BUSY or reply.status >= 500:
        raise ConnectionFailed("token_busy")
    if not isinstance(body, dict):
        raise ConnectionFailed("token_not_json")
    if reply.status != 200:
        error = body.get("error")
        raise ConnectionFailed(error if isinstance(error, str) and error in KNOWN else "token_refused")
    if str(body.get("token_type", "bearer")).lower() != "bearer":
        raise ConnectionFailed("token_malformed")
    scope = body.get("scope")
    return Tokens(
        access=token_of(body.get("access_token")),
        refresh=token_of(body["refresh_token"]) if body.get("refresh_token") is not None else "",
        ends=end_of(body.get("expires_in")),
        refresh_ends=end_of(body.get("refresh_token_expires_in")),
        scopes=frozenset(re.split(r"[ ,]+", scope.strip())) if isinstance(scope, str) else None,
    )


def token_of(value: Any) -> str:
    """Return a token that can be sent in a header. Raises ConnectionFailed."""
    is_text = isinstance(value, str) and 0 < len(value) <= TOKEN_LIMIT
    if not is_text or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ConnectionFailed("token_malformed")
    return str(value)


def end_of(value: Any) -> datetime | None:
    """Return the moment in so many seconds, None without any. Raises ConnectionFailed for what can't be."""
    if value is None:
        return None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value, is_number = int(value), True
    if not is_number or not 0 < value <= LONGEST:
        raise ConnectionFailed("token_malformed")
    return now() + timedelta(seconds=value)
