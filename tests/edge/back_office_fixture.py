"""The sandbox back office as a process, whose answers are held against the contract."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker

from standins.back_office import seed
from standins.back_office.signatures import sign
from tests.edge.standin_process import ROOT, Process, end, launch

SHARED = "a secret of the tests"
CONTRACT = ROOT / "docs" / "reference" / "back-office.openapi.yaml"
NEW_DRAFT = {
    "customer": "c-1001",
    "kind": "refund",
    "amount": "49.90",
    "currency": "EUR",
    "description": "Laces of order 5001",
}


@lru_cache
def contract() -> dict[str, Any]:
    """Return the description that back offices implement."""
    found: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return found


def validator(*place: str) -> Draft202012Validator:
    """Return what judges a body by a schema of the contract."""
    reference = "/".join(("#", *(part.replace("~", "~0").replace("/", "~1") for part in place)))
    document = {name: contract()[name] for name in ("components", "paths", "webhooks")}
    return Draft202012Validator({**document, "$ref": reference}, format_checker=FormatChecker())


def check_answer(method: str, path: str, answer: httpx2.Response) -> None:
    """Hold an answer against the contract: its status has to be described, and its body has to fit."""
    place = path.partition("?")[0]
    templates = [one for one in contract()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), place)]
    template = min(templates, key=lambda one: one.count("{"))
    responses = contract()["paths"][template][method.lower()]["responses"]
    described = responses[str(answer.status_code)]
    where: tuple[str, ...] = ("paths", template, method.lower(), "responses", str(answer.status_code))
    if "$ref" in described:
        where = tuple(described["$ref"].removeprefix("#/").split("/"))
    judge = validator(*where, "content", "application/json", "schema")
    assert [error.message for error in judge.iter_errors(answer.json())] == [], answer.text


@dataclass
class BackOffice:
    """A running stand-in, used as one organisation's client."""

    url: str
    process: Process
    slug: str = "acme"
    tokens: dict[str, str] = field(default_factory=dict)

    def raw(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Make one request as it is."""
        return httpx2.request(method, self.url + path, trust_env=False, verify=False, timeout=20, **more)

    def control(self, what: str, body: Any = None) -> Any:
        """Make a control request: `view`, `journal`, `change`, `behave`, `hook`, `expire`."""
        answer = self.raw("GET" if body is None else "POST", f"/__{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching requests go wrong."""
        answer = self.raw("POST", "/__script", json={"match": match, "do": do, **rule})
        assert answer.status_code == 201, answer.text

    def give_token(self, **changed: str) -> httpx2.Response:
        """Ask for a token, by Basic."""
        known, secret = seed.client_id(self.slug), changed.pop("secret", seed.client_secret(self.slug, SHARED))
        proof = base64.b64encode(f"{known}:{secret}".encode()).decode()
        form = {"grant_type": "client_credentials", **changed}
        return self.raw("POST", "/v1/oauth/token", data=form, headers={"Authorization": f"Basic {proof}"})

    def read(self, path: str, token: str = "") -> httpx2.Response:
        """Read with a token."""
        if not token:
            token = self.tokens.get(self.slug) or str(self.give_token().json()["access_token"])
            self.tokens[self.slug] = token
        answer = self.raw("GET", f"/v1{path}", headers={"Authorization": f"Bearer {token}"})
        check_answer("GET", path, answer)
        return answer

    def signed(self, method: str, path: str, body: bytes, **changed: str) -> dict[str, str]:
        """Return the headers of a signed request."""
        known, moment, nonce = seed.key_id(self.slug), str(int(time.time())), secrets.token_hex(16)
        moment, nonce = changed.pop("moment", moment), changed.pop("nonce", nonce)
        place = changed.pop("place", f"/v1{path}")
        signature = sign(seed.key_secret(self.slug, SHARED), moment, method, place, body, nonce, known)
        return {
            "X-Key-Id": known,
            "X-Timestamp": moment,
            "X-Nonce": nonce,
            "X-Content-SHA256": hashlib.sha256(body).hexdigest(),
            "X-Signature": signature,
            "Content-Type": "application/json",
            **changed,
        }

    def change(self, method: str, path: str, body: Any = None, key: str = "", **headers: str) -> httpx2.Response:
        """Make a signed request with a key."""
        content = b"" if body is None else json.dumps(body).encode()
        given = {
            "Idempotency-Key": key or f"key-{secrets.token_hex(8)}",
            **self.signed(method, path, content, **headers),
        }
        answer = self.raw(method, f"/v1{path}", content=content, headers=given)
        check_answer(method, path, answer)
        return answer

    def draft(self, **changed: Any) -> dict[str, Any]:
        """Prepare a transaction and return its draft."""
        answer = self.change("POST", "/drafts", {**NEW_DRAFT, **changed})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def commit(self, draft: dict[str, Any], key: str = "", **changed: Any) -> httpx2.Response:
        """Book a draft."""
        return self.change("POST", f"/drafts/{draft['id']}/commit", {"digest": draft["digest"], **changed}, key)

    def journal(self) -> list[str]:
        """Return what was done in the organisation, oldest first."""
        return [row["operation"] for row in self.effects()]

    def effects(self) -> list[dict[str, Any]]:
        """Return each thing done in the organisation with its details, oldest first."""
        rows: list[dict[str, Any]] = []
        while page := self.control(f"journal?company={self.slug}&after={rows[-1]['id'] if rows else 0}")["items"]:
            rows += page
        return rows


def start_back_office(folder: Path, public: str = "http://127.0.0.1:1") -> BackOffice:
    """Start the sandbox back office."""
    return BackOffice(*launch("back_office", folder, f"--public={public}", SANDBOX_BACK_OFFICE_TOKEN=SHARED))


@pytest.fixture(scope="session")
def back_office_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackOffice]:
    """One stand-in for the whole session; its state is that of the tests before."""
    running = start_back_office(tmp_path_factory.mktemp("back-office"))
    yield running
    end(running.process)


@pytest.fixture
def back_office(back_office_process: BackOffice) -> BackOffice:
    """The back office as after the first start."""
    assert back_office_process.raw("POST", "/__reset").status_code == 200
    back_office_process.tokens.clear()
    return back_office_process
