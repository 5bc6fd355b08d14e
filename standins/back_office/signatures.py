"""Signatures of requests: who signed, whether it is still this request, and whether it was seen before.

The text that is signed has six lines: time, method, path with query, SHA-256 of the body, nonce, key id. The page
docs/reference/back-office.md has an example; a change of this rule is a change of the contract.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from email.message import Message

from standins.back_office.seed import Company
from standins.back_office.store import Store
from standins.errors import ApiError

WINDOW = 300
NONCE = re.compile(r"[0-9a-f]{32}")


def sign(secret: str, moment: str, method: str, path: str, body: bytes, nonce: str, key_id: str) -> str:
    """Return the value of X-Signature."""
    lines = (moment, method, path, hashlib.sha256(body).hexdigest(), nonce, key_id)
    return "v1=" + hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def check_signature(
    store: Store,
    companies: Sequence[Company],
    headers: Message,
    request: tuple[str, str, bytes],
    *,
    ahead: float,
) -> Company:
    """Return whose request it is; raises an error with status 401. `request` are method, path with query, and body."""
    names = ("X-Key-Id", "X-Timestamp", "X-Nonce", "X-Content-SHA256", "X-Signature")
    key_id, moment, nonce, digest, given = (str(headers.get(name, "")) for name in names)
    company = next((one for one in companies if one.key_id == key_id), None)
    method, path, body = request
    if company is None or not NONCE.fullmatch(nonce) or not re.fullmatch(r"[0-9]{10}", moment):
        raise _unproven("bad_signature", "The signature isn't valid.")
    expected = sign(company.key_secret, moment, method, path, body, nonce, key_id)
    is_same = hmac.compare_digest(expected.encode(), given.encode())
    if not is_same or digest != hashlib.sha256(body).hexdigest():
        raise _unproven("bad_signature", "The signature isn't valid.")
    if abs(time.time() + ahead - int(moment)) > WINDOW:
        raise _unproven("stale", "The request was signed too long ago.")
    if not store.use_nonce(key_id, nonce, 2 * WINDOW):
        raise _unproven("nonce_used", "The request was seen before.")
    return company


def _unproven(code: str, words: str) -> ApiError:
    return ApiError(401, code, words)
