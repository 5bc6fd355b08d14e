"""Consent of OAuth 2, as several vendors give it: a page on which a person allows an app, codes and tokens.

A code counts once, for ten minutes, at the address it was sent to and with the verifier of its challenge (RFC 6749,
RFC 7636); used again it takes its tokens with it. Vendors differ in addresses, errors and lives of tokens: those are
in the vendors' own modules.
"""

import base64
import hashlib
import hmac
import html
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from standins.store import Document, SqliteStore
from standins.web import Content

CODE_LIFE = 600
PAGE = Path(__file__).with_suffix(".html")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
GRANTS = """
create table if not exists consent (
    id integer primary key autoincrement, person text not null, scopes text not null, offline integer not null,
    withdrawn integer not null
);
create table if not exists code (
    code text primary key, consent integer not null, redirect_uri text not null, challenge text not null,
    made real not null, used integer not null
);
create table if not exists token (
    token text primary key, consent integer not null, kind text not null, ends real not null, used integer not null
);
"""


@dataclass(frozen=True)
class App:
    """An app that is registered with a vendor; its callbacks lie below one of `origins`."""

    client_id: str
    name: str
    origins: tuple[str, ...]
    secret: str = field(repr=False)

    def knows(self, redirect_uri: str) -> bool:
        """Tell whether an address is one of the app's."""
        parts = urlsplit(redirect_uri)
        return f"{parts.scheme}://{parts.netloc}" in self.origins and not parts.fragment

    def is_proven(self, client_id: object, secret: object) -> bool:
        """Tell whether an id and a secret are those of the app."""
        return client_id == self.client_id and hmac.compare_digest(str(secret).encode(), self.secret.encode())


@dataclass(frozen=True)
class Token:
    """A token that was given out, with what its consent still allows."""

    token: str
    kind: str
    consent: int
    person: str
    scopes: tuple[str, ...]
    ends: float
    is_used: bool
    is_withdrawn: bool

    @property
    def has_ended(self) -> bool:
        """Tell whether its time is over."""
        return self.ends <= time.time()


@dataclass(frozen=True)
class Consent:
    """What a code stood for; `is_offline` if the app wants to work while the person is away."""

    number: int
    is_offline: bool


class ConsentRefused(Exception):
    """A code or refresh token that isn't taken; `reason` is unknown, used, old, redirect or verifier."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConsentStore(SqliteStore):
    """Consents of people, their codes and tokens; stores of vendors build on it."""

    schema: ClassVar[str] = GRANTS
    tables: ClassVar[tuple[str, ...]] = ("token", "code", "consent")

    def add_consent(self, person: str, scopes: tuple[str, ...], asked: Document) -> str:
        """Store what a person allows of a request and return the code for it."""
        code, is_offline = secrets.token_urlsafe(32), asked.get("access_type") == "offline"
        with self.transaction():
            sql = "insert into consent (person, scopes, offline, withdrawn) values (?, ?, ?, 0)"
            self._change(sql, person, " ".join(scopes), int(is_offline))
            number = self._rows("select max(id) as id from consent")[0]["id"]
            given = (code, number, asked["redirect_uri"], asked["code_challenge"], time.time())
            self._change("insert into code values (?, ?, ?, ?, ?, 0)", *given)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Consent:
        """Use a code and return its consent; raises ConsentRefused."""
        with self.transaction():
            rows = self._rows("select * from code join consent on id = consent where code = ?", code)
            reason = _why_not(dict(rows[0]), redirect_uri, verifier) if rows else "unknown"
            if reason == "used":
                self._change("update token set ends = 0 where consent = ?", rows[0]["id"])
            if not reason:
                self._change("update code set used = 1 where code = ?", code)
        if reason:
            raise ConsentRefused(reason)
        return Consent(int(rows[0]["id"]), bool(rows[0]["offline"]))

    def issue(self, consent: int, kind: str, seconds: float) -> str:
        """Return a fresh token of a consent."""
        token = secrets.token_urlsafe(48)
        self._change("insert into token values (?, ?, ?, ?, 0)", token, consent, kind, time.time() + seconds)
        return token

    def find_token(self, token: str) -> Token | None:
        """Return a token with what is still allowed, or None."""
        sql = "select t.*, c.person, c.scopes, c.withdrawn from token t join consent c on c.id = t.consent"
        rows = self._rows(f"{sql} where t.token = ?", token)
        if not rows:
            return None
        row = rows[0]
        given = (row["token"], row["kind"], row["consent"], row["person"], tuple(row["scopes"].split()), row["ends"])
        return Token(*given, is_used=bool(row["used"]), is_withdrawn=bool(row["withdrawn"]))

    def rotate(self, token: str) -> Token:
        """Use a refresh token up; raises ConsentRefused. One that was used before ends all tokens of its consent."""
        with self.transaction():
            found = self.find_token(token)
            reason = "unknown" if found is None or found.kind != "refresh" or found.is_withdrawn else ""
            reason = (
                reason or ("used" if found and found.is_used else "") or ("old" if found and found.has_ended else "")
            )
            if found and reason == "used":
                self._change("update token set ends = 0 where consent = ?", found.consent)
            if found and not reason:
                self._change("update token set used = 1 where token = ?", token)
        if reason or found is None:
            raise ConsentRefused(reason)
        return found

    def withdraw(self, person: str, scopes: tuple[str, ...] = ()) -> None:
        """Take scopes out of all consents of a person; without scopes, withdraw the consents."""
        with self.transaction():
            for row in self._rows("select * from consent where person = ?", person):
                left = [scope for scope in row["scopes"].split() if scope not in scopes] if scopes else []
                values = (" ".join(left), int(not left), row["id"])
                self._change("update consent set scopes = ?, withdrawn = ? where id = ?", *values)

    def expire(self, person: str, kind: str = "") -> None:
        """End the tokens of a person, or those of a kind."""
        sql = "update token set ends = 0 where consent in (select id from consent where person = ?)"
        self._change(f"{sql} and (kind = ? or ? = '')", person, kind, kind)


def _why_not(row: Document, redirect_uri: str, verifier: str) -> str:
    if row["used"]:
        return "used"
    if row["made"] + CODE_LIFE < time.time():
        return "old"
    if row["redirect_uri"] != redirect_uri:
        return "redirect"
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return "" if hmac.compare_digest(digest, row["challenge"]) else "verifier"


@dataclass(frozen=True)
class ConsentPage:
    """The page of a vendor: who can be signed in, by name, and what each scope means."""

    vendor: str
    app: App
    people: Mapping[str, str]
    scopes: Mapping[str, str]

    def show(self, wanted: Document) -> tuple[int, Content]:
        """Return the page for a request of the app, or what is wrong with it."""
        problem = self._problem(wanted)
        if problem:
            return 400, ("text/html; charset=utf-8", f"<!doctype html><p>{html.escape(problem)}</p>".encode())
        asked = [scope for scope in _split(wanted.get("scope", "")) if scope in self.scopes]
        names = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "access_type")
        filled = {
            "vendor": html.escape(self.vendor),
            "app": html.escape(self.app.name),
            "people": "".join(
                f'<option value="{html.escape(slug)}">{html.escape(name)}</option>'
                for slug, name in self.people.items()
            ),
            "scopes": "".join(
                f'<label class="scope"><input type="checkbox" name="scope" value="{html.escape(scope)}" checked> '
                f"<span>{html.escape(self.scopes[scope])}</span></label>"
                for scope in asked
            ),
            "hidden": "".join(
                f'<input type="hidden" name="{name}" value="{html.escape(str(wanted.get(name, "")))}">'
                for name in names
            ),
        }
        page = PAGE.read_text()
        for name, text in filled.items():
            page = page.replace(f"{{{name}}}", text)
        return 200, ("text/html; charset=utf-8", page.encode())

    def press(self, store: ConsentStore, form: Document) -> tuple[str, str]:
        """Return where a press of a button leads: the address, and what is wrong if it leads nowhere."""
        problem = self._problem(form)
        if problem:
            return "", problem
        person = str(form.get("person", ""))
        scopes = tuple(scope for scope in _split(form.get("scope", "")) if scope in self.scopes)
        if form.get("decision") != "allow" or person not in self.people or not scopes:
            # As RFC 6749 says it; `error_reason` is Meta's.
            facts = {"error": "access_denied", "error_reason": "user_denied"}
        else:
            facts = {"code": store.add_consent(person, scopes, form), "scope": " ".join(scopes)}
        if form.get("state"):
            facts["state"] = str(form["state"])
        address = str(form["redirect_uri"])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(facts)}", ""

    def _problem(self, wanted: Document) -> str:
        if wanted.get("client_id") != self.app.client_id:
            return "Invalid client_id: no such app."
        if not self.app.knows(str(wanted.get("redirect_uri", ""))):
            return "redirect_uri_mismatch: the address isn't one of the app's."
        if not wanted.get("code_challenge") or wanted.get("code_challenge_method") != "S256":
            return "invalid_request: this stand-in wants PKCE with S256."
        return ""


def parse_pairs(text: str) -> Document:
    """Return a query or form as an object; values of a repeated name are joined by spaces."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def origins_of(*addresses: str) -> tuple[str, ...]:
    """Return scheme, host and port of addresses."""
    parts = [urlsplit(address) for address in addresses if address]
    return tuple(f"{one.scheme}://{one.netloc}" for one in parts)


def _split(text: object) -> list[str]:
    return str(text).replace(",", " ").split()
