"""Keys of the ring that AWS KMS has wrapped: unwrapped once as a process starts, and then in its memory alone."""

import base64
import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

from core.amazon import Signer
from core.clock import now
from core.errors import Unavailable
from core.http import OutgoingHttp, Reply, host_of, url_problem

WRAPPED: Final = "kms:"
KEY_BYTES: Final = 32
OWN_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
"""Hosts that may be called without TLS, from which keys come back in clear."""
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]{1,40}):\d{12}:(?:key|alias)/[\w/-]{1,256}")
_ACCESS: Final = (
    "It doesn't accept WALKER_KMS_ACCESS_KEY, which may be wrong, over, or of another region; or this machine's clock "
    "is wrong."
)
_WHY: Final = {
    "DisabledException": "The key is disabled. Enable it there.",
    "KMSInvalidStateException": "The key can't be used in its present state, such as waiting for its deletion.",
    "NotFoundException": "There is no such key in the region that WALKER_KMS_KEY names.",
    "IncorrectKeyException": "Another key has wrapped it than the one that WALKER_KMS_KEY names.",
    "InvalidCiphertextException": "What WALKER_KEYS has was wrapped elsewhere, or isn't whole.",
    "AccessDeniedException": "WALKER_KMS_ACCESS_KEY may not decrypt with this key, or the key is in another region.",
    "UnrecognizedClientException": _ACCESS,
    "InvalidSignatureException": _ACCESS,
    "ExpiredTokenException": _ACCESS,
}
"""What an error of KMS means, by its code; its own words are not repeated."""


class KeyService:
    """A key in AWS KMS by its ARN, and the access key it is asked with: `id:secret`, or `id:secret:token`.

    Raises `Unavailable` for settings that can't be used.
    """

    def __init__(self, key: str, access_key: str, url: str = "") -> None:
        arn = _ARN.fullmatch(key)
        if arn is None:
            raise Unavailable(
                "AWS KMS has to unwrap WALKER_KEYS. Set WALKER_KMS_KEY to the ARN of the key that wrapped them, "
                "such as arn:aws:kms:eu-central-1:111122223333:key/…"
            )
        key_id, _, rest = access_key.partition(":")
        secret, _, self._token = rest.partition(":")
        if not key_id or not secret:
            raise Unavailable("AWS KMS has to unwrap WALKER_KEYS. Set WALKER_KMS_ACCESS_KEY to id:secret.")
        address = url.rstrip("/") or f"https://kms.{arn[1]}.amazonaws.com"
        problem = url_problem(address, "https://kms.example", limit=200, own_hosts=OWN_MACHINE)
        if not problem and (urlsplit(address).path or urlsplit(address).query):
            problem = "Leave out what follows the host."  # it isn't part of what is signed
        if problem:
            raise Unavailable(f"AWS KMS has to unwrap WALKER_KEYS, but WALKER_KMS_URL can't be called. {problem}")
        self._key, self._host = key, urlsplit(address).netloc
        self._signer = Signer(key_id, secret, arn[1], "kms")
        self._http = OutgoingHttp(address, private_hosts=[host_of(address)], provider="kms")

    def unwrap(self, name: str, wrapped: str) -> str:
        """Return a key of the ring in Base64 (outside call); raises `Unavailable` with a sentence that names KMS."""
        content = json.dumps({"CiphertextBlob": wrapped, "KeyId": self._key}).encode()
        moment = now()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": self._host,
            "x-amz-content-sha256": hashlib.sha256(content).hexdigest(),
            "x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}",
            "x-amz-target": "TrentService.Decrypt",
            **({"x-amz-security-token": self._token} if self._token else {}),
        }
        headers["authorization"] = self._signer.authorization("POST", "/", headers, moment)
        answer = self._http.request("POST", "/", content=content, headers=headers)
        if not isinstance(answer, Reply):
            raise self._refusal(name, f"It can't be reached now. {answer.detail}")
        said = answer.json()
        told: dict[str, Any] = said if isinstance(said, dict) else {}
        if answer.status != 200:
            code = str(told.get("__type", "")).rpartition("#")[2]
            usual = _ACCESS if answer.status in (401, 403) else f"It answered with status {answer.status}."
            raise self._refusal(name, _WHY.get(code, usual))
        try:
            plain = base64.b64decode(str(told.get("Plaintext", "")), validate=True)
        except ValueError:
            plain = b""
        if len(plain) != KEY_BYTES:
            raise self._refusal(name, f"What it wrapped is not a key of {KEY_BYTES} bytes.")
        return base64.b64encode(plain).decode()

    def _refusal(self, name: str, why: str) -> Unavailable:
        return Unavailable(
            f"AWS KMS at {self._host} doesn't unwrap the key “{name[:16]}” of WALKER_KEYS, and Walker doesn't start "
            f"without it. {why}"
        )

    def close(self) -> None:
        """Close the client."""
        self._http.close()


def is_wrapped(ring: str) -> bool:
    """Return True if KMS has wrapped keys of a ring, which are written as `2:kms:AQIDAHh…`."""
    return any(part.partition(":")[2].startswith(WRAPPED) for part in ring.split(","))


def unwrap_ring(ring: str, service: KeyService) -> str:
    """Return a ring with its wrapped keys in clear, each by one call (outside calls); raises `Unavailable`."""
    clear = []
    for part in ring.split(","):
        name, colon, value = part.strip().partition(":")
        if value.startswith(WRAPPED):
            value = service.unwrap(name, value.removeprefix(WRAPPED))
        clear.append(f"{name}{colon}{value}")
    return ",".join(clear)
