"""Verify Meta's signature over the raw bytes with every configured app secret."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
_PREFIX: Final = "sha256="


def proven_by(body: bytes, given: str, secrets: Iterable[str]) -> frozenset[str]:
    """Return the secrets that made the signature of the body; all are tried, an empty one proves nothing."""
    if not given.startswith(_PREFIX):
        return frozenset()
    wanted = given.removeprefix(_PREFIX).lower().encode("utf-8", "replace")
    made = {secret: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets if secret}
    return frozenset(secret for secret, digest in made.items() if hmac.compare_digest(digest.encode(), wanted))
