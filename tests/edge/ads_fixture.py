"""The stand-ins of advertising platforms as processes, and a person who consents at them."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from standins.google_ads import seed as google_seed
from standins.meta.ads import seed as meta_seed
from tests.edge.standin_process import Process, end, launch

SHARED = "a secret of the tests"
PUBLIC = "http://127.0.0.1:1"
CALLBACK = f"{PUBLIC}/connections/callback/"


@dataclass(frozen=True)
class Challenge:
    """A verifier of PKCE and what is shown of it."""

    verifier: str
    shown: str

    @classmethod
    def make(cls) -> "Challenge":
        """Return a fresh one."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


@dataclass(frozen=True)
class AdsPlatform:
    """A running stand-in; the methods are what a test wants to do to it or know of it."""

    url: str
    process: Process

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Make one raw request."""
        return httpx2.request(method, self.url + path, trust_env=False, verify=False, timeout=20, **more)

    def control(self, what: str, body: Any = None) -> Any:
        """Make a control request: `view`, `journal`, `change`, `behave`, `withdraw`, `expire`."""
        answer = self.call("GET" if body is None else "POST", f"/__ads/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching requests go wrong."""
        answer = self.call("POST", "/__script", json={"match": match, "do": do, **rule})
        assert answer.status_code == 201, answer.text

    def journal(self) -> list[dict[str, Any]]:
        """Return all effects, oldest first."""
        rows: list[dict[str, Any]] = []
        while page := self.control(f"journal?after={rows[-1]['id'] if rows else 0}")["items"]:
            rows += page
        return rows

    def press_consent(self, path: str, asked: dict[str, str], person: str, **pressed: str) -> dict[str, str]:
        """Open the consent page, press a button, and return what the callback is told."""
        page = self.call("GET", path, params=asked)
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        form = {**fields, "scope": asked["scope"], "person": person, "decision": "allow", **pressed}
        answer = self.call("POST", path, data=form)
        assert answer.status_code == 302, answer.text
        place = urlsplit(answer.headers["Location"])
        assert f"{place.scheme}://{place.netloc}{place.path}" == asked["redirect_uri"]
        return {name: values[0] for name, values in parse_qs(place.query).items()}


class MetaAds(AdsPlatform):
    """The Marketing API at the sandbox Meta."""

    def consent(self, challenge: Challenge, person: str = "acme", **pressed: str) -> dict[str, str]:
        """Return what the callback is told after the login dialog."""
        asked = {
            "client_id": meta_seed.app_id(),
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "s-1",
            "scope": "ads_read,ads_management",
            "code_challenge": challenge.shown,
            "code_challenge_method": "S256",
        }
        return self.press_consent("/v26.0/dialog/oauth", asked, person, **pressed)

    def give(self, **params: str) -> httpx2.Response:
        """Ask for a token as the app."""
        proof = {"client_id": meta_seed.app_id(), "client_secret": meta_seed.ads_app_secret(SHARED)}
        return self.call("GET", "/v26.0/oauth/access_token", params={**proof, **params})

    def token(self, person: str = "acme", **pressed: str) -> str:
        """Return a short token of a person who allowed everything."""
        challenge = Challenge.make()
        code = self.consent(challenge, person, **pressed)["code"]
        answer = self.give(code=code, redirect_uri=CALLBACK, code_verifier=challenge.verifier)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def graph(self, method: str, rest: str, token: str, **params: Any) -> httpx2.Response:
        """Call the Graph API with a token in the header."""
        sent = {"params": params} if method == "GET" else {"data": params}
        return self.call(method, f"/v26.0/{rest}", headers={"Authorization": f"Bearer {token}"}, **sent)


def start_meta(folder: Path, public: str = PUBLIC) -> MetaAds:
    """Start the sandbox Meta; `public` is where callbacks lie."""
    return MetaAds(*launch("meta", folder, f"--public={public}", SANDBOX_META_TOKEN=SHARED))


@pytest.fixture(scope="session")
def meta_ads_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetaAds]:
    """One stand-in for the whole session; its state is that of the tests before."""
    running = start_meta(tmp_path_factory.mktemp("meta-ads"))
    yield running
    end(running.process)


@pytest.fixture
def meta_ads(meta_ads_process: MetaAds) -> MetaAds:
    """Meta's ads as after the first start."""
    assert meta_ads_process.call("POST", "/__reset").status_code == 200
    return meta_ads_process


class GoogleAds(AdsPlatform):
    """Google Ads' stand-in."""

    def consent(self, challenge: Challenge, person: str = "acme", **pressed: str) -> dict[str, str]:
        """Return what the callback is told after the consent page."""
        asked = {
            "client_id": google_seed.client_id(),
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "s-1",
            "scope": google_seed.SCOPE,
            "access_type": "offline",
            "code_challenge": challenge.shown,
            "code_challenge_method": "S256",
        }
        return self.press_consent("/o/oauth2/v2/auth", asked, person, **pressed)

    def give(self, **form: str) -> httpx2.Response:
        """Ask for tokens as the app."""
        proof = {"client_id": google_seed.client_id(), "client_secret": google_seed.client_secret(SHARED)}
        return self.call("POST", "/token", data={**proof, **form})

    def tokens(self, person: str = "acme", **pressed: str) -> dict[str, Any]:
        """Return the tokens of a person who allowed everything."""
        challenge = Challenge.make()
        code = self.consent(challenge, person, **pressed)["code"]
        form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": challenge.verifier}
        answer = self.give(grant_type="authorization_code", **form)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, rest: str, token: str, body: Any, *, manager: str = "") -> httpx2.Response:
        """Call the API with a token in the header."""
        headers = {"Authorization": f"Bearer {token}", **({"login-customer-id": manager} if manager else {})}
        return self.call("POST", f"/v26/{rest}", headers=headers, json=body)

    def search(self, customer: str, token: str, query: str, **more: Any) -> httpx2.Response:
        """Make a search."""
        manager = more.pop("manager", "")
        return self.post(f"customers/{customer}/googleAds:search", token, {"query": query, **more}, manager=manager)


def start_google(folder: Path, public: str = PUBLIC) -> GoogleAds:
    """Start the sandbox Google Ads; `public` is where callbacks lie."""
    return GoogleAds(*launch("google_ads", folder, f"--public={public}", SANDBOX_GOOGLE_ADS_TOKEN=SHARED))


@pytest.fixture(scope="session")
def google_ads_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleAds]:
    """One stand-in for the whole session; its state is that of the tests before."""
    running = start_google(tmp_path_factory.mktemp("google-ads"))
    yield running
    end(running.process)


@pytest.fixture
def google_ads(google_ads_process: GoogleAds) -> GoogleAds:
    """Google Ads as after the first start."""
    assert google_ads_process.call("POST", "/__reset").status_code == 200
    return google_ads_process
