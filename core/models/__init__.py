"""Tables of core: streams, bus, outbox, audit, jobs, idempotency, erasures, retention, webhooks, keys, upgrades."""

from core.models.audit import AnchorDelivery, AuditAnchor, AuditEntry, AuditHead, RefusalCount
from core.models.bus import BusConsumer, BusCursor, ParkedEvent
from core.models.dead_letters import DeadLetter
from core.models.erasures import Erasure
from core.models.events import Outbox, StreamEvent, StreamHead
from core.models.idempotency import IdempotencyRecord
from core.models.keys import KeyRotation
from core.models.reach import Consent, ConsentWording, ReachPolicy, ReplyWindow, SendCount
from core.models.retention import LegalHold, RetentionChoice
from core.models.upgrades import Backfill, Upgrade
from core.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
