"""What a security system gets: one JSON object for each entry, alone or in a syslog message (RFC 5424)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from core.audit import chain
from core.http import host_of
from core.models import AuditEntry

ENTRY, TEST = "audit", "test"
PRIORITY: Final = 13 * 8 + 6
"""The facility "log audit", the severity "informational"."""
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Line:
    """The time of an entry, what kind of message it is, and its JSON in ASCII."""

    at: datetime
    kind: str
    text: bytes


def line_of(entry: AuditEntry) -> Line:
    """Return an entry: everything that its hash covers, and the hash."""
    return _line(entry.at, ENTRY, {**chain.content_of(entry), "hash": entry.hash})


def line_of_test(tenant_id: UUID, moment: datetime) -> Line:
    """Return a line that is no entry: it has no number and no hash."""
    return _line(moment, TEST, {"tenant_id": str(tenant_id), "at": moment.isoformat(), "action": "TEST_ENTRY"})


def _line(at: datetime, kind: str, content: dict[str, Any]) -> Line:
    return Line(at, kind, _JSON.encode(content).encode())


def syslog_frame(line: Line) -> bytes:
    """Return a syslog message after its length, as RFC 5425 has it."""
    host = host_of(settings.PUBLIC_URL)
    moment = line.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    header = f"<{PRIORITY}>1 {moment} {host if host.isascii() and host else '-'} walker - {line.kind} - "
    message = header.encode() + line.text
    return f"{len(message)} ".encode() + message
