"""Google, Microsoft and GitHub as the tests have them, on this machine, and the ways there in a browser."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.test import Client

from tests.accounts.company.issuer import CLIENT, SECRET, Answering, Issuer, Provider, is_answered, link_in, path_of
from tests.integrations.mail.servers import running

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
TOKEN = "gho_of_the_tests"


@dataclass
class GitHub(Answering):
    """GitHub's OAuth app and the address that says who somebody is."""

    user: Any = field(default_factory=lambda: {"id": 4711, "login": "ana", "email": "ana@acme.example"})
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
        if not is_answered(asked, form):
            return {"error": "bad_verification_code"}
        return {"access_token": TOKEN, "token_type": "bearer", "scope": ""}


@contextmanager
def running_github() -> Iterator[GitHub]:
    """Run GitHub on this machine."""
    github = GitHub()

    class Handler(Provider, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}" and self.headers.get("User-Agent")
            self.say(github, 200 if is_known else 401, github.user if is_known and self.path == "/user" else {})

        def do_POST(self) -> None:
            self.say(github, 200, github.redeem(self.form()))

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        github.url = f"http://127.0.0.1:{port}"
        yield github


def begin(client: Client, key: str = "google") -> str:
    """Return where a browser is sent: at once to sign in, or by a link to link an account."""
    answer: Any = client.get(f"/sign-in/with/{key}/")
    return str(answer.url) if answer.status_code == 302 else link_in(answer)


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
