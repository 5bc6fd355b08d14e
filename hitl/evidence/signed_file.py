"""The file of an export: canonical JSON with an index of its items, signed by the installation."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.privacy import signing
from hitl.evidence.verify_evidence import EVIDENCE, canonical, items_of


def plain(value: Any) -> Any:
    """Return a value as JSON: ids, moments and amounts become text."""
    return json.loads(json.dumps(value, default=_text))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not for evidence")


def signer() -> dict[str, str]:
    """Return the key that signs now, for a header."""
    key = signing.public_key()
    return {"key_id": key.key_id, "public_key": key.public_key, "fingerprint": key.fingerprint}


def write(kind: str, header: Mapping[str, Any], content: Mapping[str, Any]) -> bytes:
    """Return the bytes of an export; `header` and `content` are JSON already.

    The index holds the SHA-256 of each item, so that a changed one can be named; the Ed25519 signature is over
    header and index.
    """
    signed = {**header, "signer": signer()}
    index = [[name, hashlib.sha256(canonical(item)).hexdigest()] for name, item in items_of(dict(content))]
    statement = {"format": EVIDENCE, "kind": kind, "header": signed, "index": index}
    signature = signing.sign(f"{EVIDENCE}\n".encode() + canonical(statement), key_id=signed["signer"]["key_id"])
    return canonical({**statement, "content": content, "signature": signature})
