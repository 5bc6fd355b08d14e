"""Tables of core: streams, outbox, audit, dead letters, idempotency."""

from core.models.audit import AuditEntry, AuditHead
from core.models.dead_letters import DeadLetter
from core.models.events import Outbox, StreamEvent, StreamHead
from core.models.idempotency import IdempotencyRecord

__all__ = [
    "AuditEntry",
    "AuditHead",
    "DeadLetter",
    "IdempotencyRecord",
    "Outbox",
    "StreamEvent",
    "StreamHead",
]
