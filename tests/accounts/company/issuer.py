"""An identity provider of the tests: it publishes itself and its keys, exchanges codes, and signs what it is asked to.

Nobody signs in there on a page: a test says who does, and gets the address to which the browser is sent back.
"""

import base64
import hashlib
import html
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from accounts.company import providers
from accounts.company.protocol import LOGOUT
from accounts.company.providers import ProviderSettings
from accounts.models import IdentityProvider, Tenant
from core.actors import Actor
from core.tenancy.scope import tenant_scope
from tests.integrations.mail.servers import running
from tests.world import World

CLIENT, SECRET = "walker", "a secret: of the tests/with signs"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
CURVE = ec.generate_private_key(ec.SECP256R1())


def jwk_of(key: Any, kid: str) -> dict[str, Any]:
    """Return the public half of a key as it is published."""
    algorithm: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@dataclass
class Answering:
    """A provider on this machine; what it answers can be changed by a test."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict, kw_only=True)
    """What it answers at a path, instead of what it should."""
    seconds: float = field(default=0.0, kw_only=True)
    """How long it takes over an answer."""
    asked: list[str] = field(default_factory=list, kw_only=True)


@dataclass
class Issuer(Answering):
    """One that speaks OpenID Connect."""

    client: str = CLIENT
    secret: str = SECRET
    key: Any = KEYS[0]
    kid: str = "one"
    algorithm: str = "RS256"
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk_of(KEYS[0], "one")])
    about: dict[str, Any] = field(default_factory=dict)
    """What it says about itself besides, or instead."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    """What it tells of the person who signed in last, besides who that is."""
    subject: Any = ""
    codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """Return what it publishes about itself."""
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            **self.about,
        }
        return {name: value for name, value in said.items() if value is not None}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return claims signed by its key of now; those that are None are left out."""
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm=self.algorithm, headers={"kid": self.kid, **header})

    def allow(self, url: str, sub: str = "s-1", **claims: Any) -> str:
        """Let a person sign in who was sent to `url`; return where the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/auth?"), url
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = (asked, {"sub": sub, **claims})
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"

    def id_token(self, asked: dict[str, str], claims: dict[str, Any]) -> str:
        """Return the ID token for what was asked; a claim `raw` stands for the whole token."""
        if "raw" in claims:
            made: str = claims["raw"](asked)
            return made
        moment = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT, "iat": moment, "exp": moment + 300, "nonce": asked["nonce"]}
        return self.sign({**usual, "email": f"{claims['sub']}@acme.example", **claims})

    def logout_token(self, **claims: Any) -> str:
        """Return a logout token."""
        moment = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT, "iat": moment, "exp": moment + 120, "jti": secrets.token_hex(8)}
        return self.sign({**usual, "events": {LOGOUT: {}}, **claims})

    def redeem(self, form: dict[str, str], header: str) -> tuple[int, Any]:
        """Answer the token endpoint: a code counts once, with its verifier and the client's secret."""
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        if (unquote(name), unquote(secret.replace("+", " "))) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        asked, claims = self.codes.pop(form.get("code", ""), ({}, {}))
        if not is_answered(asked, form):
            return 400, {"error": "invalid_grant"}
        self.subject = claims["sub"]
        return 200, {"id_token": self.id_token(asked, claims), "access_token": "access", "token_type": "Bearer"}


def is_answered(asked: dict[str, str], form: dict[str, str]) -> bool:
    """Tell whether who brings a code is the one who asked for it: by verifier and by the address to come back to."""
    shown = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
    return bool(asked) and (shown.decode(), form["redirect_uri"]) == (asked["code_challenge"], asked["redirect_uri"])


class Provider(BaseHTTPRequestHandler):
    """Reads forms and answers with JSON, or with what a test wants instead."""

    def form(self) -> dict[str, str]:
        """Return the form that was sent."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        return {name: values[0] for name, values in parse_qs(body).items()}

    def say(self, at: Answering, status: int, document: Any) -> None:
        """Answer in the place of a provider."""
        at.asked.append(self.path)
        time.sleep(at.seconds)
        status, said = at.answers.get(self.path, (status, json.dumps(document).encode()))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", said.decode())
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer on this machine."""
    issuer = Issuer()

    class Handler(Provider):
        def do_GET(self) -> None:
            # Microsoft publishes itself under one address for all its tenants.
            path = self.path.removeprefix("/common/v2.0")
            documents = {
                "/.well-known/openid-configuration": issuer.metadata(),
                "/jwks": {"keys": issuer.keys},
                "/userinfo": {"sub": issuer.subject, **issuer.userinfo},
            }
            self.say(issuer, 200, documents.get(path, {}))

        def do_POST(self) -> None:
            self.say(issuer, *issuer.redeem(self.form(), self.headers.get("Authorization", "")))

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer


def connect(world: World, issuer: Issuer, *, tenant: Tenant | None = None, **settings: Any) -> IdentityProvider:
    """Connect an issuer with an organisation, the first one unless another is named."""
    found = tenant or world.acme
    actor: Actor = world.actor("owner") if found == world.acme else world.outsider("owner")
    wanted = ProviderSettings(issuer=issuer.url, client_id=issuer.client, client_secret=issuer.secret, **settings)
    with tenant_scope(found.pk):
        return providers.connect_provider(actor=actor, settings=wanted)


def change(world: World, row: IdentityProvider, **settings: Any) -> IdentityProvider:
    """Change what an organisation's provider decides."""
    kept = ("issuer", "client_id", "scopes", "groups_claim", "default_role", "creates_people")
    lines = {"rules": tuple(row.rules), "proofs": tuple(row.proofs)}
    values = {**{name: getattr(row, name) for name in kept}, **lines, **settings}
    with tenant_scope(row.tenant_id):
        return providers.revise_provider(
            actor=world.actor("owner"), provider_id=row.pk, settings=ProviderSettings(**values)
        )


def path_of(url: str) -> str:
    """Return an address of ours without its host."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def arrive(issuer: Issuer, client: Client, sub: str = "s-1", *, slug: str = "acme", **claims: Any) -> Any:
    """Sign in at the company in a browser, also one that is signed in; return the last answer."""
    begun: Any = client.get(f"/sign-in/company/{slug}/")
    url = begun.url if begun.status_code == 302 else link_in(begun)
    return client.get(path_of(issuer.allow(url, sub, **claims)))


def link_in(answer: Any) -> str:
    """Return the address of the provider that a page leads to."""
    (url,) = re.findall(r'href="(http[^"]+/(?:auth|authorize)\?[^"]+)"', answer.content.decode())
    return html.unescape(url)


def is_in(client: Client) -> bool:
    """Tell whether the browser is in the console."""
    return client.get("/admin/").status_code == 200
