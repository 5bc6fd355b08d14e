"""Google, Microsoft and GitHub as the tests have them, on this machine, and the ways there in a browser."""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from django.test import Client

from tests.accounts.company.issuer import CLIENT, SECRET, Issuer, link_in, path_of

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
TOKEN = "gho_of_the_tests"


@dataclass
class GitHub:
    """GitHub's OAuth app and the address that says who somebody is; what it answers can be changed by a test."""

    url: str = ""
    user: Any = field(default_factory=lambda: {"id": 4711, "login": "ana", "email": "ana@acme.example"})
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def allow(self, url: str, **_: Any) -> str:
        """Let the person who was sent to `url` sign in; return where the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/login/oauth/authorize?"), url
        assert (asked["code_challenge_method"], asked["prompt"]) == ("S256", "select_account")
        assert not {"nonce", "scope"} & set(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"

    def redeem(self, form: dict[str, str]) -> dict[str, Any]:
        """Answer for a code, which counts once, with its verifier and the app's secret; 200 in each case, as there."""
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return {"error": "incorrect_client_credentials"}
        asked = self.codes.pop(form.get("code", ""), {})
        shown = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if not asked or shown.decode() != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return {"error": "bad_verification_code"}
        return {"access_token": TOKEN, "token_type": "bearer", "scope": ""}


@contextmanager
def running_github() -> Iterator[GitHub]:
    """Run GitHub on this machine."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}" and self.headers.get("User-Agent")
            self.say(200 if is_known else 401, github.user if is_known and self.path == "/user" else {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            self.say(200, github.redeem({name: values[0] for name, values in parse_qs(body).items()}))

        def say(self, status: int, document: Any) -> None:
            github.asked.append(self.path)
            status, said = github.answers.get(self.path, (status, json.dumps(document).encode()))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()


def begin(client: Client, key: str = "google") -> str:
    """Return where a browser is sent: at once to sign in, or by a link to link an account."""
    answer: Any = client.get(f"/sign-in/with/{key}/")
    if answer.status_code == 302:
        return str(answer.url)
    if key == "github":
        (url,) = re.findall(r'href="(http[^"]+/login/oauth/authorize\?[^"]+)"', answer.content.decode())
        return str(url).replace("&amp;", "&")
    return link_in(answer)


def go(at: Issuer | GitHub, client: Client, sub: str = "g-1", *, key: str = "google", **claims: Any) -> Any:
    """Go there and back in a browser: sign in, or link an account in one that is signed in; return the answer."""
    return client.get(path_of(at.allow(begin(client, key), **{"sub": sub, **claims})))


def of_tenant(at: Issuer, tenant: str = TENANT, **claims: Any) -> dict[str, Any]:
    """Return what Microsoft says of a person of one of its tenants."""
    return {"iss": f"{at.url}/{tenant}/v2.0", "tid": tenant, **claims}


def usual_claims(at: Issuer, asked: dict[str, str], **changed: Any) -> dict[str, Any]:
    """Return the claims of a good ID token, for one that is made by hand."""
    moment = int(time.time())
    usual = {"iss": at.url, "aud": CLIENT, "sub": "g-1", "iat": moment, "exp": moment + 300}
    return {**usual, "nonce": asked["nonce"], **changed}
