"""The sandbox identity proves people as OpenID Connect says, and its directory pushes until everything is taken."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import jwt
import pytest

from core.privacy.encryption import challenge_of
from standins.identity import seed
from tests.accounts.company.standin import SHARED, StandIn, asked_of, back_of, fields_in, start
from tests.edge.standin_process import end

pytestmark = pytest.mark.slow
VERIFIER = "a-verifier-of-the-tests-" * 2
CLIENT, SECRET = seed.client_id("acme"), seed.client_secret("acme", SHARED)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    made = start(tmp_path_factory.mktemp("identity"), "http://127.0.0.1:1")
    yield made
    end(made.process)


@pytest.fixture
def stand_in(running: StandIn) -> Iterator[StandIn]:
    """The stand-in without a past."""
    assert running.raw("POST", "/__reset").status_code == 200
    yield running
    running.control("company", token="")


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    """A browser, which follows nothing by itself."""
    with httpx2.Client(trust_env=False, timeout=20) as made:
        yield made


def wanted(stand_in: StandIn, **more: str) -> dict[str, str]:
    return asked_of(stand_in, code_challenge=challenge_of(VERIFIER), **more)


def sign_in(stand_in: StandIn, browser: httpx2.Client, key: str = "support", **more: str) -> dict[str, str]:
    """Sign somebody in on the page; return what leads back."""
    page = browser.get(f"{stand_in.base}/acme/auth", params=wanted(stand_in, **more))
    assert (page.status_code, "A stand-in" in page.text) == (200, True)
    form = {**fields_in(page.text), "person": stand_in.person(key)["id"], "amr": "pwd otp mfa", "decision": "allow"}
    return back_of(browser.post(f"{stand_in.base}/acme/auth", data=form))


def redeem(stand_in: StandIn, code: str, **changed: str) -> httpx2.Response:
    """Exchange a code, with the secret in the form."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": stand_in.view()["redirect"],
        "code_verifier": VERIFIER,
        "client_id": CLIENT,
        "client_secret": SECRET,
        **changed,
    }
    return stand_in.raw("POST", "/acme/token", data=form)


def claims_in(stand_in: StandIn, answer: httpx2.Response) -> dict[str, Any]:
    """Return the claims of an ID token that a published key has signed."""
    token = answer.json()["id_token"]
    keys = jwt.PyJWKSet.from_dict(stand_in.raw("GET", "/acme/jwks").json())
    key = keys[jwt.get_unverified_header(token)["kid"]].key
    issuer = stand_in.raw("GET", "/acme/.well-known/openid-configuration").json()["issuer"]
    found: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT, issuer=issuer)
    return found


def test_person_is_proven_once_with_the_verifier_and_the_secret(stand_in: StandIn, browser: httpx2.Client) -> None:
    back = sign_in(stand_in, browser)
    for changed, status in (
        ({"client_secret": "another"}, 401),
        ({"code_verifier": "another"}, 400),
        ({"redirect_uri": "http://127.0.0.1:1/another/"}, 400),
        ({"grant_type": "password"}, 400),
        ({"code": "another"}, 400),
    ):
        assert redeem(stand_in, **{"code": back["code"], **changed}).status_code == status, changed
    answer = redeem(stand_in, back["code"])
    claims, sam = claims_in(stand_in, answer), stand_in.person("support")
    assert (claims["sub"], claims["nonce"], claims["groups"]) == (sam["id"], "n-1", ["walker-support"])
    assert (claims["email"], claims["name"], claims["amr"]) == (
        "support@acme.example",
        "Sam Rossi",
        ["pwd", "otp", "mfa"],
    )
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert stand_in.raw("GET", "/acme/userinfo", headers=bearer).json()["sub"] == sam["id"]
    # A code that comes again ends what it gave.
    assert redeem(stand_in, back["code"]).json()["error"] == "invalid_grant"
    assert stand_in.raw("GET", "/acme/userinfo", headers=bearer).status_code == 401
    assert SECRET not in stand_in.raw("GET", "/__journal?company=acme").text

    assert len(stand_in.control("rotate")["keys"]) == 2
    assert claims_in(stand_in, answer)["sub"] == sam["id"]  # the key before is still published
    stand_in.raw("POST", "/__behave", json={"wrong_nonce": True})
    assert claims_in(stand_in, redeem(stand_in, sign_in(stand_in, browser)["code"]))["nonce"] == "another"


def test_page_asks_as_it_was_wanted(stand_in: StandIn, browser: httpx2.Client) -> None:
    place = f"{stand_in.base}/acme/auth"
    assert back_of(browser.get(place, params=wanted(stand_in, prompt="none")))["error"] == "login_required"
    first = claims_in(stand_in, redeem(stand_in, sign_in(stand_in, browser)["code"]))
    silent = back_of(browser.get(place, params=wanted(stand_in, prompt="none")))
    again = claims_in(stand_in, redeem(stand_in, silent["code"]))
    assert (again["sid"], again["auth_time"]) == (first["sid"], first["auth_time"])
    asked = back_of(browser.get(place, params=wanted(stand_in, prompt="none", max_age="0")))
    assert asked["error"] == "login_required"
    fresh = claims_in(stand_in, redeem(stand_in, sign_in(stand_in, browser, prompt="login", max_age="0")["code"]))
    assert (fresh["sid"], fresh["auth_time"] >= first["auth_time"]) == (first["sid"], True)
    other = claims_in(stand_in, redeem(stand_in, sign_in(stand_in, browser, "approver")["code"]))
    assert (other["sub"], other["sid"] != first["sid"]) == (stand_in.person("approver")["id"], True)

    for more, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ):
        back = back_of(browser.get(place, params=wanted(stand_in, **more)))
        assert (back["error"], "state" in back, back["iss"]) == (error, True, f"{stand_in.base}/acme")
    for more in ({"client_id": "another"}, {"redirect_uri": "http://127.0.0.1:1/elsewhere/"}):
        assert browser.get(place, params=wanted(stand_in, **more)).status_code == 400
    page = browser.get(place, params=wanted(stand_in))
    refused = browser.post(place, data={**fields_in(page.text), "decision": "cancel"})
    assert back_of(refused)["error"] == "access_denied"


def test_who_is_turned_off_gets_nothing_any_more(stand_in: StandIn, browser: httpx2.Client) -> None:
    stand_in.control("company", logout="")
    tokens = redeem(stand_in, sign_in(stand_in, browser)["code"]).json()
    waiting = sign_in(stand_in, browser)["code"]
    stand_in.switch("support", is_on=False)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert stand_in.raw("GET", "/acme/userinfo", headers=bearer).status_code == 401
    assert redeem(stand_in, waiting).json()["error"] == "invalid_grant"
    silent = browser.get(f"{stand_in.base}/acme/auth", params=wanted(stand_in, prompt="none"))
    assert back_of(silent)["error"] == "login_required"
    assert "Sam Rossi (turned off)" in browser.get(f"{stand_in.base}/acme/auth", params=wanted(stand_in)).text


def test_failures_are_scripted_and_wrong_entries_named(stand_in: StandIn) -> None:
    stand_in.script("GET", "jwks", "html", status=200)
    stand_in.script("GET", "jwks", "fail", status=503)
    answers = [stand_in.raw("GET", "/acme/jwks") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert [answer.headers["Content-Type"] for answer in answers] == [
        "text/html",
        "application/json",
        "application/json",
    ]
    for what, body, field in (
        ("person", {"user_name": "no address"}, "user_name"),
        ("person", {"user_name": "support@acme.example"}, "user_name"),
        ("company", {"scim": "ftp://127.0.0.1"}, "scim"),
        ("company", {"token": "two words"}, "token"),
        ("company", {"dialect": "another"}, "dialect"),
        ("group", {"name": ""}, "name"),
    ):
        answer = stand_in.raw("POST", f"/__{what}", json={"company": "acme", **body})
        assert (answer.status_code, field in answer.json()["fields"]) == (422, True), body
    assert stand_in.raw("GET", "/__view", headers={"Host": "evil.example"}).status_code == 421
    assert "Sandbox identity" in stand_in.raw("GET", "/").text


class Taker:
    """A SCIM service that takes everything, once it has given the answers that it was told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """Return status and body."""
        if self.answers:
            return self.answers.pop(0)
        self.asked.append((method, path, body))
        if method == "GET":
            return 200, json.dumps({"totalResults": 0, "Resources": []}).encode()
        return (201 if method == "POST" else 200), json.dumps({"id": f"there-{len(self.asked)}"}).encode()


@pytest.fixture
def taker() -> Iterator[Taker]:
    """A service on this machine."""
    made = Taker()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = made.answer(self.command, self.path, json.loads(raw) if raw else None)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def do_PUT(self) -> None:
            self.reply()

        def do_PATCH(self) -> None:
            self.reply()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/scim/v2"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def test_directory_goes_on_after_failures_and_pushes_what_changed(stand_in: StandIn, taker: Taker) -> None:
    taker.answers = [(503, b""), (200, b"<html>"), (429, b"{}")]
    stand_in.control("company", scim=taker.url, token="wd_x")
    stand_in.wait_until_pushed()
    assert [one["status"] for one in stand_in.journal("scim")][:4] == [503, 200, 429, 200]
    people, groups = len(seed.PEOPLE["acme"]), len(seed.GROUPS)
    made = [(method, path.rpartition("/")[2]) for method, path, _ in taker.asked if method == "POST"]
    assert made == [("POST", "Users")] * people + [("POST", "Groups")] * groups
    assert "wd_x" not in stand_in.raw("GET", "/__view").text + stand_in.raw("GET", "/__journal?company=acme").text

    def after(what: str, **body: Any) -> list[tuple[str, Any]]:
        """Change something and return what was pushed."""
        before = len(taker.asked)
        stand_in.control(what, **body)
        stand_in.wait_until_pushed()
        return [(method, body) for method, _, body in taker.asked[before:]]

    nora = stand_in.person("nora.vogel")["id"]
    (pushed,) = after("switch", person=nora, active=False)
    assert pushed == ("PATCH", {"schemas": pushed[1]["schemas"], "Operations": [
        {"op": "replace", "value": {"active": False}}
    ]})  # fmt: skip
    ((method, whole),) = after("person", person=nora, last_name="Lang")
    assert (method, whole["name"], whole["active"], whole["externalId"]) == (
        "PUT",
        {"givenName": "Nora", "familyName": "Lang"},
        False,
        nora,
    )
    after("company", dialect="entra")
    ((_, said),) = after("switch", person=nora, active=True)
    assert said["Operations"] == [{"op": "Replace", "path": "active", "value": "True"}]
    ((_, said),) = after("person", person=nora, email="")
    assert said["Operations"] == [{"op": "Remove", "path": 'emails[type eq "work"]'}]
    ((_, said),) = after("person", person=nora, email="n@acme.example")
    path = 'emails[type eq "work"].value'
    assert said["Operations"] == [{"op": "Add", "path": path, "value": "n@acme.example"}]

    taker.answers = [(404, b"{}")]  # deleted there: it is asked for, and made again
    assert [method for method, _ in after("person", person=nora, first_name="Nina")][:2] == ["GET", "POST"]
    taker.answers = [(400, b'{"detail": "No such name."}')]
    after("person", person=nora, first_name="N.")
    assert stand_in.person("nora.vogel")["problem"] == "Refused: No such name."
    taker.answers = [(401, b"{}")]
    stand_in.control("person", person=nora, first_name="Nora")
    stand_in.wait_for(lambda: "take the token" in stand_in.view()["problem"])
    assert stand_in.person("nora.vogel")["is_due"]
    after("company", token="wd_y")
    assert (stand_in.person("nora.vogel")["problem"], stand_in.view()["problem"]) == ("", "")
