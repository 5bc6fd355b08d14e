"""The identity provider: OpenID Connect Core 1.0 with PKCE, RP-initiated and back-channel logout.

People don't type a password: the page asks who signs in. All else is as at a real one: a code counts once, for its
client, address and verifier; `prompt` and `max_age` are obeyed; people who are turned off get nothing.
"""

import base64
import binascii
import hmac
import html
import re
import secrets
import time
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus, urlencode, urlsplit

from standins.consent import PAGE as CONSENT
from standins.consent import ConsentRefused
from standins.errors import ApiError
from standins.identity.company import Companies
from standins.identity.seed import client_id, object_id
from standins.store import Document
from standins.web import Content

PAGE: Final = Path(__file__).with_name("sign_in.html")
ACCESS_LIFE: Final = 300
TOKEN_LIFE: Final = 300
SCOPES: Final = ("openid", "email", "profile", "groups")
AMR: Final = {"pwd": "Password", "pwd otp mfa": "Password and a code", "hwk user mfa": "Security key"}
ASKED: Final = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt", "max_age",
                "code_challenge", "code_challenge_method")  # fmt: skip
HTML: Final = "text/html; charset=utf-8"
Answer = tuple[int, Document | Content, dict[str, str]]


class Issuer:
    """The identity provider of one company."""

    def __init__(self, companies: Companies, slug: str) -> None:
        self.companies, self.store, self.slug = companies, companies.store, slug
        self.url = companies.issuer(slug)

    def metadata(self) -> Document:
        """Return what it publishes about itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/end",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "select_account"],
            "claims_supported": ["sub", "oid", "sid", "auth_time", "amr", "email", "name", "groups"],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }

    def authorize(self, wanted: Document, cookie: str) -> Answer:
        """Answer a browser that wants to sign in: the page, or the way back."""
        refused = self._refuse(wanted)
        if refused:
            return refused
        session = self._session(cookie)
        if "none" in str(wanted.get("prompt", "")).split():
            if session is None or self._has_to_ask(wanted, session):
                return self._lead_back(wanted, error="login_required")
            return self._give_code(wanted, session["sid"], session["person"])
        return self._page(wanted, session)

    def press(self, form: Document, cookie: str) -> Answer:
        """Answer a press of a button on the page."""
        refused = self._refuse(form)
        if refused:
            return refused
        if form.get("decision") != "allow":
            return self._lead_back(form, error="access_denied")
        person = self.store.person(self.slug, str(form.get("person", "")))
        if person is None or not person["active"]:
            return 403, _said("This account is turned off. Nobody signs in with it."), {}
        session = self._session(cookie)
        if session is None or session["person"] != person["id"]:
            sid, cookie = secrets.token_hex(12), secrets.token_urlsafe(32)
        else:
            sid = session["sid"]
        amr = str(form.get("amr", ""))
        if session is None or sid != session["sid"] or self._has_to_ask(form, session):
            self.store.add_session(sid, self.slug, person["id"], cookie, amr if amr in AMR else "pwd")
        status, body, headers = self._give_code(form, sid, person["id"])
        place = f"Path=/{self.slug}; HttpOnly; SameSite=Lax"
        return status, body, {**headers, "Set-Cookie": f"{cookie_name(self.slug)}={cookie}; {place}"}

    def give_tokens(self, form: Document, header: str) -> Answer:
        """Answer the token endpoint."""
        known, secret = _client(form, header)
        own = self.companies.client_secret(self.slug)
        if known != client_id(self.slug) or not hmac.compare_digest(secret.encode(), own.encode()):
            return 401, {"error": "invalid_client"}, {"WWW-Authenticate": "Basic"}
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}, {}
        code, address, verifier = (str(form.get(name, "")) for name in ("code", "redirect_uri", "code_verifier"))
        asked = self.store.asked(code)
        if asked is None or asked["company"] != self.slug:
            return 400, {"error": "invalid_grant", "error_description": "unknown"}, {}
        try:
            consent = self.store.redeem(code, address, verifier)
        except ConsentRefused as refused:
            return 400, {"error": "invalid_grant", "error_description": refused.reason}, {}
        session = self.store.session(asked["sid"])
        person = self.store.person(self.slug, session["person"]) if session and not session["ended"] else None
        if session is None or person is None or not person["active"]:
            return 400, {"error": "invalid_grant", "error_description": "signed out"}, {}
        access = self.store.issue(consent.number, "access", ACCESS_LIFE)
        found = self.store.find_token(access)
        scopes = found.scopes if found else ()
        return 200, {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFE,
            "scope": " ".join(scopes),
            "id_token": self._id_token(person, session, asked["nonce"], scopes),
        }, {}  # fmt: skip

    def _id_token(self, person: Document, session: Document, nonce: str, scopes: tuple[str, ...]) -> str:
        behaviour = self.companies.behaviour
        moment = int(time.time() + behaviour.seconds_later)
        facts = {
            "iss": self.url,
            "aud": client_id(self.slug),
            "iat": moment,
            "exp": moment + TOKEN_LIFE,
            "auth_time": int(session["since"]),
            "sid": session["sid"],
            "amr": session["amr"].split(),
            **({"nonce": "another" if behaviour.wrong_nonce else nonce} if nonce else {}),
        }
        return self.companies.keys.sign(self.slug, {**facts, **claims_of(person, scopes)})

    def userinfo(self, header: str) -> Answer:
        """Return what an access token lets its owner know of the person."""
        scheme, _, token = header.partition(" ")
        found = self.store.find_token(token.strip()) if scheme.lower() == "bearer" else None
        is_good = found is not None and found.kind == "access" and not (found.has_ended or found.is_withdrawn)
        person = self.store.person(self.slug, found.person) if found is not None and is_good else None
        if found is None or person is None or not person["active"]:
            return 401, {"error": "invalid_token"}, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return 200, claims_of(person, found.scopes), {}

    def end(self, wanted: Document, cookie: str) -> Answer:
        """End the session of a browser, tell the product, and lead back if that was asked for."""
        session = self._session(cookie)
        if session is not None:
            self.companies.sign_out(self.slug, session["person"], sid=session["sid"])
        headers = {"Set-Cookie": f"{cookie_name(self.slug)}=; Path=/{self.slug}; Max-Age=0; HttpOnly; SameSite=Lax"}
        there, own = str(wanted.get("post_logout_redirect_uri", "")), urlsplit(self._row()["redirect"])
        if there and urlsplit(there)[:2] == own[:2]:
            state = f"?{urlencode({'state': wanted['state']})}" if wanted.get("state") else ""
            return 302, ("text/plain", b""), {**headers, "Location": there + state}
        return 200, _said("You are signed out here."), headers

    def _row(self) -> Document:
        return self.companies.row(self.slug)

    def _session(self, cookie: str) -> Document | None:
        """Return the session of a browser, if its person may still sign in."""
        session = self.store.session_of(self.slug, cookie)
        person = self.store.person(self.slug, session["person"]) if session else None
        return session if person and person["active"] else None

    def _has_to_ask(self, wanted: Document, session: Document) -> bool:
        """Tell whether the person has to sign in again although the browser has a session."""
        longest = str(wanted.get("max_age", ""))
        is_old = longest.isdigit() and time.time() - session["since"] >= int(longest)
        return is_old or bool({"login", "select_account"} & set(str(wanted.get("prompt", "")).split()))

    def _refuse(self, wanted: Document) -> Answer | None:
        """Return what is wrong with a request: on a page where its address isn't known, else by the way back."""
        if wanted.get("client_id") != client_id(self.slug):
            return 400, _said("Invalid client_id: there is no such app."), {}
        if wanted.get("redirect_uri") != self._row()["redirect"]:
            return 400, _said("Invalid redirect_uri: the address isn't the one that is registered for the app."), {}
        if wanted.get("response_type") != "code":
            return self._lead_back(wanted, error="unsupported_response_type")
        if "openid" not in str(wanted.get("scope", "")).split():
            return self._lead_back(wanted, error="invalid_scope")
        if not wanted.get("code_challenge") or wanted.get("code_challenge_method") != "S256":
            return self._lead_back(wanted, error="invalid_request", error_description="PKCE with S256 is needed.")
        return None

    def _give_code(self, wanted: Document, sid: str, person: str) -> Answer:
        scopes = tuple(one for one in str(wanted["scope"]).split() if one in SCOPES)
        with self.store.transaction():
            code = self.store.add_consent(person, scopes, wanted)
            self.store.add_asked(code, self.slug, sid, str(wanted.get("nonce", "")))
        return self._lead_back(wanted, code=code)

    def _lead_back(self, wanted: Document, **facts: str) -> Answer:
        said = {**facts, "iss": self.url, **({"state": str(wanted["state"])} if wanted.get("state") else {})}
        address = str(wanted["redirect_uri"])
        location = f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(said)}"
        return 302, ("text/plain", b""), {"Location": location}

    def _page(self, wanted: Document, session: Document | None) -> Answer:
        current = session["person"] if session else ""
        words = ""
        if session is not None:
            words = (
                "Walker asks you to sign in again." if self._has_to_ask(wanted, session) else "You are signed in here."
            )
        options = "".join(_option(one, is_chosen=one["id"] == current) for one in self.store.people(self.slug))
        filled = {
            "company": html.escape(self.companies.name(self.slug)),
            "words": words,
            "people": options,
            "amr": "".join(f'<option value="{key}">{said}</option>' for key, said in AMR.items()),
            "hidden": "".join(
                f'<input type="hidden" name="{name}" value="{html.escape(str(wanted[name]))}">'
                for name in ASKED
                if name in wanted
            ),
        }
        return 200, _filled(PAGE.read_text(), filled), {}


def cookie_name(slug: str) -> str:
    """Return the name of the cookie of a company's sessions: ports don't separate cookies, so no other one has it."""
    return f"sandbox_identity_{slug}"


def name_of(person: Document) -> str:
    """Return how a person is called."""
    return " ".join(filter(None, (person["first_name"], person["last_name"]))) or str(person["user_name"])


def claims_of(person: Document, scopes: tuple[str, ...]) -> Document:
    """Return what is said of a person. Groups are said to everybody, as at most providers that were set up so."""
    return {
        "sub": person["id"],
        "oid": object_id(person["id"]),
        "groups": person["groups"],
        **({"email": person["email"] or person["user_name"], "email_verified": True} if "email" in scopes else {}),
        **(
            {
                "name": name_of(person),
                "given_name": person["first_name"],
                "family_name": person["last_name"],
                "preferred_username": person["user_name"],
            }
            if "profile" in scopes
            else {}
        ),
    }


def _option(person: Document, *, is_chosen: bool) -> str:
    marks = f"{' selected' if is_chosen else ''}{'' if person['active'] else ' disabled'}"
    words = f"{name_of(person)}{'' if person['active'] else ' (turned off)'}"
    return f'<option value="{html.escape(person["id"])}"{marks}>{html.escape(words)}</option>'


def _client(form: Document, header: str) -> tuple[str, str]:
    """Return id and secret of who asks for tokens (RFC 6749, 2.3.1)."""
    scheme, _, proof = header.partition(" ")
    if scheme.lower() != "basic":
        return str(form.get("client_id", "")), str(form.get("client_secret", ""))
    try:
        known, _, secret = base64.b64decode(proof).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(400, "bad_header", "The header can't be read.") from None
    return unquote_plus(known), unquote_plus(secret)


def _said(words: str) -> Content:
    page = "<main><h1>{words}</h1></main>"
    return _filled(f"<!doctype html><title>Sign in</title>/* style */{page}", {"words": html.escape(words)})


def _filled(page: str, words: dict[str, str]) -> Content:
    """Return a page in the look of the consent pages."""
    style = re.search(r"<style>.*</style>", CONSENT.read_text(), re.DOTALL)
    page = page.replace("/* style */", style[0] if style else "")
    for name, text in words.items():
        page = page.replace(f"{{{name}}}", text)
    return HTML, page.encode()
