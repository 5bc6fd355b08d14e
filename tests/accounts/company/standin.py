"""The demo's identity provider and directory as a process, in the place of those of the tests."""

import html
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from standins.identity import seed
from tests.accounts.company.issuer import Issuer
from tests.edge.standin_process import Process, launch

SHARED = "a secret of the tests"
NAMES = {"given_name": "first_name", "family_name": "last_name", "email": "email"}


@dataclass
class StandIn:
    """A running stand-in, used as one company's."""

    base: str
    process: Process
    slug: str = "acme"

    def raw(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Make one request as it is."""
        return httpx2.request(method, self.base + path, trust_env=False, timeout=20, **more)

    def control(self, what: str, **body: Any) -> Any:
        """Make a control request about the company: `person`, `group`, `switch`, `sign_out`, `rotate`, `push`."""
        answer = self.raw("POST", f"/__{what}", json={"company": self.slug, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def script(self, method: str, place: str, do: str, **rule: Any) -> None:
        """Make the next requests at one of the company's addresses go wrong."""
        rule = {"match": f"{method} /{self.slug}/{place}", "do": do, **rule}
        answer = self.raw("POST", "/__script", json=rule)
        assert answer.status_code == 201, answer.text

    def view(self) -> dict[str, Any]:
        """Return what the page shows of the company."""
        found: list[dict[str, Any]] = self.raw("GET", "/__view").json()["companies"]
        return next(one for one in found if one["slug"] == self.slug)

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the calls of a kind, oldest first."""
        items = self.raw("GET", f"/__journal?company={self.slug}").json()["items"]
        return [one for one in reversed(items) if one["kind"] == kind]

    def person(self, key: str) -> dict[str, Any]:
        """Return a person by the part of their user name before the @."""
        people: list[dict[str, Any]] = self.view()["people"]
        return next(one for one in people if one["user_name"] == f"{key}@{self.slug}.example")

    def switch(self, key: str, *, is_on: bool) -> None:
        """Turn a person off or on."""
        self.control("switch", person=self.person(key)["id"], active=is_on)

    def point_at(self, public: str) -> None:
        """Let the app and the directory be those of a product at this address."""
        door = f"{public}/sign-in/company/{self.slug}"
        self.control("company", redirect=f"{door}/back/", logout=f"{door}/logout/", scim=f"{public}/scim/v2")

    def wait_for(self, check: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something is so."""
        until = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < until, (self.view()["problem"], self.view()["journal"][:3])
            time.sleep(0.05)

    def wait_until_pushed(self) -> None:
        """Wait until nothing is due any more."""

        def is_pushed() -> bool:
            found = self.view()
            return not any(one["is_due"] for one in (*found["people"], *found["groups"]))

        self.wait_for(is_pushed)

    def wait_for_logouts(self, count: int) -> list[int]:
        """Wait for so many logout tokens that were sent, and return how they were answered."""
        self.wait_for(lambda: len(self.journal("logout")) >= count)
        return [one["status"] for one in self.journal("logout")]


def start(folder: Path, public: str) -> StandIn:
    """Start the sandbox identity."""
    return StandIn(*launch("identity", folder, f"--public={public}", SANDBOX_IDENTITY_TOKEN=SHARED))


def fields_in(page: str) -> dict[str, str]:
    """Return the hidden fields of the page on which people sign in."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


@dataclass
class StandInIssuer(Issuer):
    """Its identity provider, used as the one of the tests: people are made as they sign in."""

    stand_in: StandIn = field(kw_only=True)
    people: dict[str, str] = field(default_factory=dict)

    def allow(self, url: str, sub: str = "s-1", **claims: Any) -> str:
        """Let a person sign in on its page; return where the browser is sent back."""
        assert url.startswith(f"{self.url}/auth?"), url
        groups = claims.pop("groups", None) or []
        values = {NAMES[name]: value for name, value in claims.items()}
        wanted = {"user_name": f"{sub}@acme.example", "groups": groups, **values}
        known = {"person": self.people[sub]} if sub in self.people else {}
        self.people[sub] = self.stand_in.control("person", **known, **wanted)["person"]
        page = httpx2.get(url, trust_env=False, timeout=20)
        assert "A stand-in" in page.text, page.text
        form = {**fields_in(page.text), "person": self.people[sub], "amr": "pwd", "decision": "allow"}
        answer = httpx2.post(url, data=form, trust_env=False, timeout=20)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])


def issuer_of(stand_in: StandIn) -> StandInIssuer:
    """Return the company's identity provider."""
    slug = stand_in.slug
    secret = seed.client_secret(slug, SHARED)
    return StandInIssuer(f"{stand_in.base}/{slug}", seed.client_id(slug), secret, stand_in=stand_in)


def press(browser: httpx2.Client, url: str, person: str, amr: str = "pwd") -> httpx2.Response:
    """Sign somebody in on its page in a browser, and follow wherever that leads."""
    page = browser.get(url)
    assert "A stand-in" in page.text, page.text
    form = {**fields_in(page.text), "person": person, "amr": amr, "decision": "allow"}
    return browser.post(str(page.url), data=form)


def asked_of(stand_in: StandIn, **more: str) -> dict[str, str]:
    """Return what an app asks for, without the challenge of its verifier."""
    return {
        "client_id": seed.client_id(stand_in.slug),
        "redirect_uri": stand_in.view()["redirect"],
        "response_type": "code",
        "scope": "openid email profile",
        "state": secrets.token_hex(4),
        "nonce": "n-1",
        "code_challenge_method": "S256",
        **more,
    }


def back_of(answer: httpx2.Response) -> dict[str, str]:
    """Return what stands in the address to which a browser is sent back."""
    assert answer.status_code == 302, answer.text
    return dict(httpx2.QueryParams(urlsplit(answer.headers["Location"]).query))
