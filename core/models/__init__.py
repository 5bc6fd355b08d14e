"""Tables of core: streams, outbox, audit, dead letters, idempotency."""

from core.models.audit import AuditEntry, AuditHead
from core.models.events import Outbox, StreamEvent, StreamHead

__all__ = ["AuditEntry", "AuditHead", "Outbox", "StreamEvent", "StreamHead"]
