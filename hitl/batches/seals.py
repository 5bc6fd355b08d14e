"""Seal a batch with what was confirmed, so that one written by other means decides nothing."""

import hmac
import json
from collections.abc import Iterable
from datetime import UTC

from core.errors import Unavailable
from core.privacy.encryption import current_key_id, derive_key
from hitl.models import BatchDecision, BatchItem


def seal(batch: BatchDecision, items: Iterable[BatchItem]) -> None:
    """Set the seal of a batch that is about to be written."""
    key_id = current_key_id()
    batch.seal = f"{key_id}:{_mac(batch, items, key_id)}"


def is_intact(batch: BatchDecision, items: Iterable[BatchItem]) -> bool:
    """Return True if this application wrote the batch, with exactly these requests."""
    key_id, _, mac = batch.seal.partition(":")
    try:
        return hmac.compare_digest(mac.encode(), _mac(batch, items, key_id).encode())
    except Unavailable:  # a key that this installation does not have
        return False


def _mac(batch: BatchDecision, items: Iterable[BatchItem], key_id: str) -> str:
    content = [
        *(str(batch.tenant_id), str(batch.pk), str(batch.maker_id), batch.key, batch.verdict, batch.reason),
        *(batch.channel, batch.auth_strength, batch.scopes, batch.address),
        batch.created_at.astimezone(UTC).isoformat(),
        sorted([str(item.pk), item.place, str(item.approval_id), item.digest] for item in items),
    ]
    key = derive_key(f"batch|{batch.tenant_id}", key_id=key_id)
    return hmac.digest(key, json.dumps(content).encode(), "sha256").hex()
