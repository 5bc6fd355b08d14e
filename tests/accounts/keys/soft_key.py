"""A security key in software, which answers a page's options as a browser hands its answers on."""

import json
import re
import secrets
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User
from tests.world import PASSWORD

ORIGIN = "https://walker.example"
KEYS = "/account/2fa/webauthn/"
Options = dict[str, Any]


class SoftKey:
    """One key with one credential. Without `verifies` it asks its owner for no more than a touch."""

    def __init__(self, *, origin: str = ORIGIN, verifies: bool = True, cross_origin: bool = False) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.origin, self.verifies, self.cross_origin = origin, verifies, cross_origin
        self.owner = b""

    def create(self, options: Options) -> str:
        """Answer a page that adds a key."""
        public = options["publicKey"]
        self.owner = websafe_decode(public["user"]["id"])
        made = AttestedCredentialData.create(
            Aaguid.NONE, self.id, ES256.from_cryptography_key(self.private.public_key())
        )
        found = AttestationObject.create("none", self._data(public["rp"]["id"], made), {})
        client = self._client("webauthn.create", public)
        return self._say({"clientDataJSON": client.b64, "attestationObject": websafe_encode(found)})

    def get(self, options: Options, *, owner: bytes = b"") -> str:
        """Answer a page that asks for a key."""
        public = options["publicKey"]
        data, client = self._data(public["rpId"]), self._client("webauthn.get", public)
        signature = self.private.sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        parts: dict[str, Any] = {"clientDataJSON": client.b64, "authenticatorData": data, "signature": signature}
        parts["userHandle"] = owner or self.owner
        return self._say({name: one if isinstance(one, str) else websafe_encode(one) for name, one in parts.items()})

    def _say(self, parts: dict[str, str]) -> str:
        name = websafe_encode(self.id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": parts, "clientExtensionResults": {}}
        )

    def _data(self, rp_id: str, made: bytes = b"") -> AuthenticatorData:
        flags = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.AT if made else 0)
        flags |= AuthenticatorData.FLAG.UV if self.verifies else 0
        return AuthenticatorData.create(sha256(rp_id.encode()).digest(), flags, 0, made)

    def _client(self, kind: str, public: Options) -> CollectedClientData:
        return CollectedClientData.create(kind, public["challenge"], self.origin, self.cross_origin)


def options_on(client: Client, path: str) -> Options:
    """Return what a page asks of a key."""
    page = client.get(path, follow=True).content.decode()
    found = re.search(r'<script id="key-options" type="application/json">(.*?)</script>', page)
    assert found, page
    options: Options = json.loads(found[1])
    assert urlsplit(ORIGIN).hostname in (options["publicKey"].get("rpId"), options["publicKey"].get("rp", {}).get("id"))
    return options


def confirm(client: Client) -> Client:
    """Give the password again."""
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def add_key(client: Client, key: SoftKey, **fields: Any) -> Any:
    """Confirm the password and add a key; returns the answer of the form."""
    options = options_on(confirm(client), f"{KEYS}add/")
    return client.post(f"{KEYS}add/", {"name": "Blue key", "credential": key.create(options), **fields})


def give_password(client: Client, person: User) -> Client:
    """Post the sign-in form."""
    client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    """Tell whether the console opens."""
    return bool(client.get("/admin/").status_code == 200)
