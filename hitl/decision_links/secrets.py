"""Secrets of decision links: made from the link's own row with a key, so that a row nobody made decides nothing."""

import base64
import hmac
from datetime import UTC
from typing import Final

from core.observability.logging import get_logger
from core.privacy.encryption import derive_key, digest_of_secret, lasting_key_id
from hitl.models import DecisionToken

log = get_logger(__name__)
_PURPOSE: Final = "decision_link"


def secret_of(token: DecisionToken) -> str:
    """Return the secret of a link: a MAC over what it can decide, its person and its end.

    Somebody who can write the table but has no key can neither make a link nor change one.
    """
    content = "|".join(
        str(value)
        for value in (
            token.tenant_id,
            token.pk,
            token.approval_id,
            token.person_id,
            token.verdict,
            token.revision_digest,
            token.policy_version,
            token.expires_at.astimezone(UTC).isoformat(),
        )
    )
    key = derive_key(f"{_PURPOSE}|{token.tenant_id}", key_id=lasting_key_id())
    return base64.urlsafe_b64encode(hmac.digest(key, content.encode(), "sha256")).rstrip(b"=").decode()


def is_genuine(token: DecisionToken) -> bool:
    """Return True if this application made the link exactly so. Anything else is logged."""
    ok = hmac.compare_digest(token.digest, digest_of_secret(secret_of(token)))
    if not ok:
        log.error("decision_link_not_genuine", token=str(token.pk), approval=str(token.approval_id))
    return ok
