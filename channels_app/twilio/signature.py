"""Verify Twilio's signature with every configured secret; without one it is never valid."""

import hashlib
import hmac
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
    """The possible signing secrets. Auth tokens sign with SHA-1, shared webhook keys with SHA-256."""

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
    """Return True if one of the secrets signed the request.

    `form` is None for a JSON body.
    Twilio's validator raises on a JSON body without a hash in the URL, so that is checked first:
    such a request proves nothing about its body.
    """
    if not signature:
        return False
    params: QueryDict | dict[str, str] = form if form is not None else {}
    if form is None:
        named = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
        if not hmac.compare_digest(named.encode(), hashlib.sha256(body).hexdigest().encode()):
            return False
    algorithm = get_signature_algorithm(settings)
    tried = (RequestValidator(secret) for secret in secrets.of(algorithm) if secret)
    return any(validator.validate(url, params, signature, algorithm) for validator in tried)
