"""Sign decisions with an HMAC so that rows inserted or edited outside the application are ignored."""

import hmac
from operator import attrgetter
from typing import Any, Final

from core.errors import Unavailable
from core.observability.logging import get_logger
from core.privacy.encryption import current_key_id, derive_key
from hitl.models import Decision

log = get_logger(__name__)
_signed_columns: Final = attrgetter(
    "tenant_id",
    "id",
    "approval_id",
    "revision",
    "level",
    "digest",
    "person_id",
    "on_behalf_of_id",
    "actor_kind",
    "verdict",
    "actor_name",  # the only free text, so it comes last
)
_REASON_CHARACTERS: Final = 8
"""Of the digest of a reason: enough to detect another one, too few to tell what an erased one was."""


def sign(decision: Decision) -> None:
    """Sign a decision that is about to be written: nobody without the key can write one like it.

    Where a reason was given, the signature says so for ever, by a few characters of its keyed digest.
    """
    key_id = current_key_id()
    reason = _reason_digest(decision, key_id)
    decision.seal = ":".join((key_id, _mac(decision, key_id, reason), *([reason] if reason else [])))


def verify(decision: Any) -> bool:
    """Return True if this application wrote the decision exactly so; anything else is logged."""
    key_id, mac, reason = _parts(decision)
    try:
        ok = hmac.compare_digest(mac.encode(), _mac(decision, key_id, reason).encode())
    except Unavailable:  # a key that this installation does not have
        ok = False
    if not ok:
        log.error("decision_not_sealed", decision=str(decision.id), approval=str(decision.approval_id))
    return ok


def has_original_reason(decision: Decision) -> bool:
    """Return True if the reason is the one that was given; the oldest rows can't be checked and pass."""
    key_id, _, reason = _parts(decision)
    return not reason or hmac.compare_digest(reason.encode(), _reason_digest(decision, key_id).encode())


def _parts(decision: Any) -> tuple[str, str, str]:
    key_id, _, rest = decision.seal.partition(":")
    mac, _, reason = rest.partition(":")
    return key_id, mac, reason


def _reason_digest(decision: Decision, key_id: str) -> str:
    if not decision.reason:
        return ""
    return _digest(decision, key_id, f"{decision.id}|{decision.reason}")[:_REASON_CHARACTERS]


def _mac(decision: Any, key_id: str, reason: str) -> str:
    content = "|".join(str(value) for value in _signed_columns(decision))
    return _digest(decision, key_id, f"said:{reason}|{content}" if reason else content)


def _digest(decision: Any, key_id: str, content: str) -> str:
    key = derive_key(f"decision|{decision.tenant_id}", key_id=key_id)
    return hmac.digest(key, content.encode(), "sha256").hex()
