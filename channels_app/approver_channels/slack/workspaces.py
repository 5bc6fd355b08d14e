"""The tenant's Slack workspace: found by the key in its address, or as the tenant's own; and what proves a request."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from channels_app.exchanges import calls
from channels_app.kit.found import Found
from conversations.models import ChannelAccount
from integrations.slack.client import SlackClient
from integrations.slack.types import SlackOutcome

KIND: Final = ChannelAccount.Kind.SLACK
SIGNATURE_HEADER: Final = "X-Slack-Signature"
TIMESTAMP_HEADER: Final = "X-Slack-Request-Timestamp"


@dataclass(frozen=True, slots=True)
class Door:
    """A workspace as its incoming requests need it."""

    tenant_id: UUID
    account_id: UUID
    secrets: tuple[str, ...] = field(default=(), repr=False)


def find_door(key: str) -> Door | None:
    """Return the active workspace of this key, or None."""
    return _doors.first(key)


def _read(tenant_id: UUID, account_id: UUID) -> Door | None:
    account = ChannelAccount.objects.filter(pk=account_id, kind=KIND, is_active=True).first()
    return None if account is None else Door(tenant_id, account.pk, secrets_of(account.credentials))


_doors: Final = Found("account_by_key", _read)


def secrets_of(credentials: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the signing secrets, the current one first."""
    kept = credentials or {}
    names = ("signing_secret", "secondary_signing_secret")
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))


def own_workspace() -> ChannelAccount | None:
    """Return the tenant's workspace if it is active and not paused. One query."""
    return ChannelAccount.objects.filter(kind=KIND, is_active=True, paused_at=None).first()


def is_paused() -> bool:
    """Return True if the tenant's workspace is active and paused. One query."""
    return ChannelAccount.objects.filter(kind=KIND, is_active=True, paused_at__isnull=False).exists()


class LoggedClient(SlackClient):
    """A workspace's bot, whose calls are shown in the exchange log."""

    def __init__(self, account: ChannelAccount) -> None:
        super().__init__(str((account.credentials or {}).get("bot_token") or ""), account=account.pk.hex)
        self._account = account

    def call(self, method: str, **body: Any) -> SlackOutcome:
        """Call a method of the Web API, and keep how it ended."""
        return calls.make(self._account, method, partial(super().call, method, **body))


def is_signed(*, body: bytes, timestamp: str, signature: str, secrets: Iterable[str]) -> bool:
    """Return True if one of the signing secrets signed these bytes at that time."""
    given = signature.encode("utf-8", "replace")
    expected = [sign(body, timestamp, secret).encode() for secret in secrets if secret]
    return any(hmac.compare_digest(one, given) for one in expected)


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the signature of these bytes."""
    base = b"v0:" + timestamp.encode("utf-8", "replace") + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
