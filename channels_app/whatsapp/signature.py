"""Whether Twilio signed a request: every configured secret is tried, and none means no."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from django.http import QueryDict
from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

__all__ = ["SIGNATURE_HEADER", "SIGNATURE_SETTINGS_HEADER", "Secrets", "is_signed"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What may have signed: auth tokens sign with SHA-1, shared webhook keys with SHA-256."""

    tokens: tuple[str, ...] = field(default=(), repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.tokens or self.keys)

    def of(self, algorithm: str) -> tuple[str, ...]:
        """Return the secrets of one algorithm; an unknown one has none."""
        return {HMAC_SHA1: self.tokens, HMAC_SHA256: self.keys}.get(algorithm.upper(), ())


def is_signed(
    *, url: str, form: QueryDict | None, body: bytes, signature: str, settings: str, secrets: Secrets
) -> bool:
    """Tell whether one of the secrets signed the request; `form` is None for a JSON body.

    The vendor's validator raises on a JSON body unless the URL carries its hash, so that is looked
    at first: such a request proves nothing about its body.
    """
    if not signature:
        return False
    params: QueryDict | dict[str, str] = form if form is not None else {}
    if form is None and not _has_hash_of(url, body):
        return False
    algorithm = get_signature_algorithm(settings)
    return _any_signed(secrets.of(algorithm), url, params, signature, algorithm)


def _any_signed(
    secrets: Sequence[str], url: str, params: QueryDict | dict[str, str], signature: str, algorithm: str
) -> bool:
    return any(RequestValidator(one).validate(url, params, signature, algorithm) for one in secrets if one)


def _has_hash_of(url: str, body: bytes) -> bool:
    named = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(named.encode(), hashlib.sha256(body).hexdigest().encode())
