"""The seal of a verdict: a row that was not written by this application counts for nothing, nor do other words."""

from __future__ import annotations

import hmac
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from core.errors import Unavailable
from core.ids import text_of
from core.observability.logging import get_logger
from core.privacy.encryption import current_key_id, derive_key

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
_sealed: Final = attrgetter(*SEALED)
SIGNS: Final = 8
"""Of the digest of a reason: enough to find another one, too few to tell what an erased one was."""


class Verdict(Protocol):
    """What is sealed of a decision."""

    seal: str
    tenant_id: UUID
    id: UUID
    reason: str


def seal(decision: Verdict) -> None:
    """Seal a decision that is about to be written: nobody who lacks the key can write one like it.

    Where a reason was given the seal tells so for ever, by a few signs of its keyed digest.
    """
    key_id = current_key_id()
    said = _said(decision, key_id)
    decision.seal = ":".join((key_id, _mac(decision, key_id, said), *([said] if said else [])))


def is_sealed(decision: Any) -> bool:
    """Tell whether this application wrote a decision just so; what was not is told to the log."""
    key_id, mac, said = _parts(decision)
    try:
        ok = bool(mac) and hmac.compare_digest(mac, _mac(decision, key_id, said))
    except Unavailable:  # a key that nobody here knows
        ok = False
    if not ok:
        log.error("decision_not_sealed", decision=str(decision.id), approval=str(decision.approval_id))
    return ok


def holds_its_reason(decision: Verdict) -> bool:
    """Tell whether the reason of a sealed decision is the one that was given; of the oldest nobody knows."""
    key_id, _, said = _parts(decision)
    return not said or hmac.compare_digest(said, _said(decision, key_id))


def _parts(decision: Any) -> tuple[str, str, str]:
    key_id, _, rest = decision.seal.partition(":")
    mac, _, said = rest.partition(":")
    return key_id, mac, said


def _said(decision: Verdict, key_id: str) -> str:
    return _digest(decision, key_id, f"{decision.id}|{decision.reason}")[:SIGNS] if decision.reason else ""


def _mac(decision: Any, key_id: str, said: str) -> str:
    content = "|".join([text_of(value) if type(value) is UUID else str(value) for value in _sealed(decision)])
    return _digest(decision, key_id, f"said:{said}|{content}" if said else content)


def _digest(decision: Any, key_id: str, content: str) -> str:
    key = derive_key(f"decision|{text_of(decision.tenant_id)}", key_id=key_id)
    return hmac.digest(key, content.encode(), "sha256").hex()
