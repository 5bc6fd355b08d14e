"""The tickets that were last read for a customer, for pages: encrypted, by tenant and contact, for a day."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache

from core.clock import now
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_id
from integrations.ticketing.types import Ticket

DAY: Final = timedelta(days=1)
FRESH: Final = timedelta(minutes=5)
PURPOSE: Final = "integrations.tickets"
_WHAT: Final = "tickets"


@dataclass(frozen=True)
class KeptTickets:
    """Tickets as they were at a moment."""

    read_at: datetime
    tickets: list[dict[str, Any]]
    is_outdated: bool = False
    """Its system has said since that some ticket has changed."""

    @property
    def is_fresh(self) -> bool:
        return not self.is_outdated and now() - self.read_at < FRESH


def keep(system: str, contact_id: UUID, tickets: Sequence[Ticket]) -> None:
    """Keep what was read for a contact."""
    text = json.dumps([ticket.as_dict() for ticket in tickets])
    key, seconds = _key(system, contact_id), DAY.total_seconds()
    loose_cache.keep_sealed(key, text.encode(), purpose=PURPOSE, seconds=seconds, what=_WHAT)


def find(system: str, contact_id: UUID) -> KeptTickets | None:
    """Return what was last read for a contact of the tenant in scope. Without an outside call."""
    kept = loose_cache.find_sealed(_key(system, contact_id), purpose=PURPOSE, what=_WHAT)
    if kept is None:
        return None
    told = loose_cache.find(_changed(system), what=_WHAT)
    return KeptTickets(kept[1], json.loads(kept[0]), bool(told) and kept[1] <= datetime.fromisoformat(told))


def note_change(system: str) -> None:
    """Note that a ticket has changed in a system: what was read before is shown, and read again. Raises RedisError."""
    cache.set(_changed(system), now().isoformat(), timeout=FRESH.total_seconds())


def forget(system: str, contact_id: UUID) -> None:
    """Keep nothing of a contact any longer."""
    loose_cache.forget(_key(system, contact_id), what=_WHAT)


def _changed(system: str) -> str:
    return f"{current_tenant_id().hex}:tickets_changed:{system}"


def _key(system: str, contact_id: UUID) -> str:
    return f"{current_tenant_id().hex}:tickets:{system}:{contact_id.hex}"
