"""The seal of a verdict: a row that was not written by this application counts for nothing."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from core.crypto import current_key_id, derive_key
from core.errors import Unavailable
from core.log import get_logger

log = get_logger(__name__)


class Sealed(NamedTuple):
    """A decision as far as its seal goes: all but the seal is sealed, the only free text last."""

    tenant_id: UUID
    id: UUID
    approval_id: UUID
    revision: int
    level: int
    digest: str
    person_id: UUID | None
    on_behalf_of_id: UUID | None
    actor_kind: str
    verdict: str
    actor_name: str
    seal: str


SEALED: Final = Sealed._fields[:-1]


class Verdict(Protocol):
    """What is sealed of a decision."""

    seal: str
    tenant_id: UUID
    id: UUID


def seal(decision: Verdict) -> None:
    """Seal a decision that is about to be written: nobody who lacks the key can write one like it."""
    key_id = current_key_id()
    decision.seal = f"{key_id}:{_mac(decision, key_id)}"


def is_sealed(decision: Any) -> bool:
    """Tell whether this application wrote a decision just so; what was not is told to the log."""
    key_id, _, mac = decision.seal.partition(":")
    try:
        ok = bool(mac) and hmac.compare_digest(mac, _mac(decision, key_id))
    except Unavailable:  # a key that nobody here knows
        ok = False
    if not ok:
        log.error("decision_not_sealed", decision=str(decision.id), approval=str(decision.approval_id))
    return ok


def _mac(decision: Any, key_id: str) -> str:
    content = "|".join(str(getattr(decision, name)) for name in SEALED)
    key = derive_key(f"decision|{decision.tenant_id}", key_id=key_id)
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()
