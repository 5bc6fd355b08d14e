"""Schemes of authorisation, as data that a provider declares: what each puts into the headers of a request."""

import base64
import hashlib
import hmac
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from core.clock import now

WINDOW: Final = 300
"""Seconds for which the time of a signed request counts."""
MOMENT: Final = re.compile(r"[0-9]{10}")
NONCE: Final = re.compile(r"[0-9a-f]{32}")
Secrets = Mapping[str, Any]
"""The credentials of a connection."""
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is to be authorised, with the bytes that it will send."""

    method: str
    url: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that a person allows at the vendor; `sentence` completes "Walker can …"."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """This installation as the vendor knows it; without an id nobody registered it there."""

    client_id: str
    client_secret: str = field(repr=False)


class Scheme:
    """How requests to a provider are authorised."""

    def pick(self, method: str) -> "Scheme":
        """Return the scheme of a method; one provider may read and change by different ones."""
        return self


class SecretScheme(Scheme, ABC):
    """A scheme that needs no more than what was typed in."""

    @abstractmethod
    def headers(self, kept: Secrets, call: Call) -> Headers:
        """Return the headers that authorise a request."""


@dataclass(frozen=True)
class ApiKey(SecretScheme):
    """A key in a header of its own."""

    header: str = "X-Api-Key"
    field: str = "api_key"

    def headers(self, kept: Secrets, call: Call) -> Headers:
        return {self.header: str(kept[self.field])}


@dataclass(frozen=True)
class Basic(SecretScheme):
    """A name and a password (RFC 7617)."""

    user: str = "username"
    password: str = "password"  # noqa: S105  (the name of a field)

    def headers(self, kept: Secrets, call: Call) -> Headers:
        return basic(str(kept[self.user]), str(kept[self.password]))


@dataclass(frozen=True)
class Bearer(SecretScheme):
    """A token that stays (RFC 6750)."""

    field: str = "token"

    def headers(self, kept: Secrets, call: Call) -> Headers:
        return bearer(str(kept[self.field]))


@dataclass(frozen=True)
class Signed(SecretScheme):
    """HMAC-SHA256 over time, method, path with query, digest of the body, nonce and key id.

    docs/reference/back-office.md says how the other side checks it.
    """

    key_id: str = "key_id"
    secret: str = "key_secret"  # noqa: S105  (the name of a field)

    def headers(self, kept: Secrets, call: Call) -> Headers:
        return self._headers(kept, call, str(int(now().timestamp())), secrets.token_hex(16))

    def refusal_of(self, kept: Secrets, call: Call, headers: Mapping[str, str]) -> str:
        """Return why a request that came here isn't signed by the other side, now; "" if it is.

        Whether its nonce was seen before is the caller's to know.
        """
        moment, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
        if not MOMENT.fullmatch(moment) or not NONCE.fullmatch(nonce):
            return "bad_signature"
        wanted = self._headers(kept, call, moment, nonce)
        pairs = [(value.encode(), headers.get(name, "").encode()) for name, value in wanted.items()]
        if not all(hmac.compare_digest(*pair) for pair in pairs):
            return "bad_signature"
        return "" if abs(now().timestamp() - int(moment)) <= WINDOW else "stale"

    def _headers(self, kept: Secrets, call: Call, moment: str, nonce: str) -> Headers:
        parts = urlsplit(call.url)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        key_id = str(kept[self.key_id])
        digest = hashlib.sha256(call.body).hexdigest()
        text = "\n".join((moment, call.method.upper(), path, digest, nonce, key_id))
        signature = hmac.new(str(kept[self.secret]).encode(), text.encode(), hashlib.sha256).hexdigest()
        return {
            "X-Key-Id": key_id,
            "X-Timestamp": moment,
            "X-Nonce": nonce,
            "X-Content-SHA256": digest,
            "X-Signature": f"v1={signature}",
        }


class TokenScheme(Scheme):
    """A scheme whose requests carry a token that ends: OAuth 2 (RFC 6749)."""


@dataclass(frozen=True)
class ClientCredentials(TokenScheme):
    """A token for a client's id and secret, which are typed in; `token_url` may depend on what else was."""

    token_url: Callable[[Secrets], str]
    client_id: str = "client_id"
    client_secret: str = "client_secret"  # noqa: S105  (the name of a field)
    scope: str = ""


@dataclass(frozen=True)
class Consent(TokenScheme):
    """A token that a person allows at the vendor, with PKCE, renewed by a refresh token.

    `asked` are parameters that the vendor wants besides those of the standard, such as `access_type=offline`.
    """

    consent_url: Callable[[], str]
    token_url: Callable[[], str]
    app: Callable[[], OAuthApp]
    scopes: tuple[Scope, ...]
    asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ByMethod(Scheme):
    """One scheme for reading and one for changing."""

    reading: Scheme
    changing: Scheme

    def pick(self, method: str) -> Scheme:
        return self.reading if method.upper() in ("GET", "HEAD") else self.changing


def basic(user: str, password: str) -> Headers:
    """Return the header of a name and a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def bearer(token: str) -> Headers:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}
