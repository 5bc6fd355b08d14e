"""The sandbox back office keeps its contract: reading, drafts, one booking for each key, signatures, webhooks."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from standins.back_office import seed
from standins.back_office.signatures import sign
from tests.edge.back_office_fixture import (
    NEW_DRAFT,
    SHARED,
    BackOffice,
    back_office,
    back_office_process,
    start_back_office,
    validator,
)
from tests.edge.standin_process import end

__all__ = ["back_office", "back_office_process"]


def code(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and code of an answer."""
    return answer.status_code, answer.json()["code"]


@pytest.mark.slow
def test_transactions_are_read_with_a_token_of_the_organisation(back_office: BackOffice) -> None:
    page = back_office.read("/transactions?customer=c-1001&limit=2").json()
    rest = back_office.read(f"/transactions?customer=c-1001&limit=2&after={page['next']}").json()
    assert [row["description"] for row in (*page["items"], *rest["items"])] == [
        "Order 5022",
        "Order 5017",
        "Order 5001",
    ]
    assert rest["next"] is None
    one = page["items"][0]
    assert back_office.read(f"/transactions/{one['id']}").json() == one
    assert back_office.read("/transactions?customer=c-9999").json() == {"items": [], "next": None}
    assert code(back_office.read("/transactions?customer=")) == (422, "invalid")
    assert code(back_office.read("/transactions?customer=c-1001&limit=0")) == (422, "invalid")
    other = replace(back_office, slug="globex", tokens={})
    assert code(other.read(f"/transactions/{one['id']}")) == (404, "not_found")
    assert code(back_office.read(f"/transactions/{one['id']}", "unknown")) == (401, "invalid_token")
    back_office.control("expire", {"company": "acme"})
    assert code(back_office.read(f"/transactions/{one['id']}")) == (401, "invalid_token")
    assert back_office.give_token(secret="no").json()["error"] == "invalid_client"
    assert back_office.give_token(grant_type="password").json()["error"] == "unsupported_grant_type"
    assert back_office.give_token(scope="everything").json()["error"] == "invalid_scope"


def test_draft_is_committed_once_for_its_key_and_never_for_another(back_office: BackOffice) -> None:
    draft = back_office.draft()
    assert draft["recipient"] == {"name": "Ana Souza", "destination": "Card ending in 4242"}
    key = "commit-" + draft["id"]
    first = back_office.commit(draft, key, approval="BR-1042")
    again = back_office.commit(draft, key, approval="BR-1042")
    assert first.json() == again.json()
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert code(back_office.commit(draft, key)) == (409, "key_reused")
    other = back_office.commit(draft)
    assert (*code(other), other.json()["transaction_id"]) == (409, "draft_committed", first.json()["id"])
    assert back_office.journal() == ["create_draft", "commit"]
    assert code(back_office.change("DELETE", f"/drafts/{draft['id']}")) == (409, "draft_committed")
    assert back_office.read(f"/drafts/{draft['id']}").json()["status"] == "committed"
    assert back_office.read("/transactions?customer=c-1001").json()["items"][0]["approval"] == "BR-1042"


def test_wrong_fields_are_named_and_nothing_happens(back_office: BackOffice) -> None:
    wrong: list[tuple[str, Any]] = [
        *(("amount", value) for value in ("0", "-5.00", "NaN", "1e3", "12.345", "1,5", "", 5, None, "01.00")),
        *(("currency", value) for value in ("USD", "eur", "EURO", 978)),
        *(("kind", value) for value in ("gift", None)),
        *(("description", value) for value in ("", " ", "x" * 201, 7)),
        *(("expires_in", value) for value in (59, 1801, "60", True)),
        ("customer", "c 1"),
        ("reference", "x" * 65),
        ("colour", "red"),
    ]
    for name, value in wrong:
        answer = back_office.change("POST", "/drafts", {**NEW_DRAFT, name: value})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [name]), (name, value)
    assert code(back_office.change("POST", "/drafts", {**NEW_DRAFT, "customer": "c-9999"})) == (404, "not_found")
    foreign = {**NEW_DRAFT, "transaction_id": "t-globex-0001"}
    assert code(back_office.change("POST", "/drafts", foreign)) == (404, "not_found")
    key = "the-key-of-a-refusal"
    assert code(back_office.change("POST", "/drafts", {**NEW_DRAFT, "amount": "0"}, key)) == (422, "invalid")
    assert back_office.journal() == []
    # A refusal leaves the key unused.
    assert back_office.change("POST", "/drafts", NEW_DRAFT, key).status_code == 201
    assert code(back_office.change("POST", "/drafts", NEW_DRAFT, "short")) == (422, "invalid")
    headers = back_office.signed("POST", "/drafts", b"[]")
    assert code(back_office.raw("POST", "/v1/drafts", content=b"[]", headers=headers)) == (422, "invalid")


def test_draft_that_was_changed_cancelled_or_has_ended_is_not_booked(back_office: BackOffice) -> None:
    changed = back_office.draft()
    back_office.control("change", {"company": "acme", "draft": changed["id"], "amount": "4990.00"})
    assert code(back_office.commit(changed)) == (409, "draft_changed")
    cancelled = back_office.draft()
    for _ in range(2):
        answer = back_office.change("DELETE", f"/drafts/{cancelled['id']}")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert code(back_office.commit(cancelled)) == (410, "draft_cancelled")
    short = back_office.draft(expires_in=60)
    back_office.control("behave", {"seconds_later": 61})
    assert back_office.read(f"/drafts/{short['id']}").json()["status"] == "expired"
    assert code(back_office.commit(short)) == (410, "draft_expired")
    assert "commit" not in back_office.journal()
    other = replace(back_office, slug="globex", tokens={})
    assert code(other.commit(changed)) == (404, "not_found")
    assert code(other.read(f"/drafts/{changed['id']}")) == (404, "not_found")


def test_request_counts_only_as_it_was_signed_and_once(back_office: BackOffice) -> None:
    body = json.dumps(NEW_DRAFT).encode()
    good = {"Idempotency-Key": "a key of this test", **back_office.signed("POST", "/drafts", body)}

    def send(headers: dict[str, str], content: bytes = body) -> tuple[int, str]:
        return code(back_office.raw("POST", "/v1/drafts", content=content, headers=headers))

    for name, value in (
        ("X-Signature", "v1=" + "0" * 64),
        ("X-Key-Id", seed.key_id("globex")),
        ("X-Key-Id", "nobody"),
        ("X-Timestamp", "1000000000"),
        ("X-Timestamp", "soon"),
        ("X-Nonce", "0" * 32),
        ("X-Content-SHA256", "0" * 64),
    ):
        assert send({**good, name: value}) == (401, "bad_signature"), name
    assert send(good, body.replace(b"49.90", b"99.90")) == (401, "bad_signature")
    assert send({name: value for name, value in good.items() if name != "X-Signature"}) == (401, "bad_signature")
    old = {**good, **back_office.signed("POST", "/drafts", body, moment="1700000000")}
    assert send(old) == (401, "stale")
    assert back_office.raw("POST", "/v1/drafts", content=body, headers=good).status_code == 201
    assert send(good) == (401, "nonce_used")
    assert back_office.journal() == ["create_draft"]


def test_ten_commits_at_once_book_once(back_office: BackOffice) -> None:
    draft = back_office.draft()
    with ThreadPoolExecutor(10) as pool:
        same = list(pool.map(lambda _: back_office.commit(draft, "one key for all ten"), range(10)))
    assert {answer.json()["id"] for answer in same} == {same[0].json()["id"]}
    assert back_office.journal() == ["create_draft", "commit"]


@pytest.mark.slow
def test_lost_answers_are_found_again_by_their_key(back_office: BackOffice) -> None:
    draft, key = back_office.draft(), "the key of a lost answer"
    back_office.script("POST /v1/drafts/", "drop_after")
    with pytest.raises(httpx2.RemoteProtocolError):
        back_office.commit(draft, key)
    assert back_office.journal() == ["create_draft", "commit"]
    assert back_office.commit(draft, key).headers["Idempotent-Replayed"] == "true"
    back_office.script("GET /v1/transactions", "429", retry_after=7)
    answer = back_office.read("/transactions?customer=c-1001")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    back_office.script("POST /v1/oauth/token", "html", status=200)
    assert back_office.give_token().headers["Content-Type"] == "text/html"
    wanted = {"company": "acme", "draft": back_office.draft()["id"], "amount": "1.00"}
    back_office.script("POST /v1/drafts/", "change_before", change=wanted)
    changed = back_office.read(f"/drafts/{wanted['draft']}").json()
    assert code(back_office.commit(changed)) == (409, "draft_changed")


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted; answers 500 to the first post."""

    posts: list[tuple[dict[str, str], bytes]] = []
    seen = threading.Event()

    def do_POST(self) -> None:
        """Take a webhook."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(500 if len(self.posts) == 1 else 200)
        self.end_headers()
        if len(self.posts) > 1:
            self.seen.set()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """The address of something that takes webhooks."""
    Receiver.posts.clear()
    Receiver.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/back-office/"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_change_is_posted_signed_and_again_until_it_is_taken(back_office: BackOffice, receiver: str) -> None:
    for wrong in ({}, {"url": "nowhere"}, {"url": receiver, "colour": "red"}):
        assert code(back_office.change("PUT", "/webhook", wrong)) == (422, "invalid")
    assert back_office.change("PUT", "/webhook", {"url": receiver}).json() == {"url": receiver}
    back_office.control("change", {"company": "acme", "transaction": "t-acme-0003", "status": "booked"})
    assert Receiver.seen.wait(20)
    (first, body), (second, same) = Receiver.posts
    assert (body == same, first["x-nonce"] == second["x-nonce"]) == (True, False)
    for headers in (first, second):
        given = (headers["x-timestamp"], "POST", urlsplit(receiver).path, body, headers["x-nonce"], headers["x-key-id"])
        assert headers["x-signature"] == sign(seed.key_secret("acme", SHARED), *given)
    told = json.loads(body)
    judge = validator("webhooks", "transaction.changed", "post", "requestBody", "content", "application/json", "schema")
    assert list(judge.iter_errors(told)) == []
    assert told["data"] == {"transaction_id": "t-acme-0003", "customer": "c-1001"}
    assert back_office.read("/transactions/t-acme-0003").json()["status"] == "booked"


@pytest.mark.slow
def test_killed_back_office_keeps_bookings_and_keys(tmp_path: Any) -> None:
    running = start_back_office(tmp_path)
    draft, key = running.draft(), "the key over a kill"
    first = running.commit(draft, key).json()
    running.process.kill()
    end(running.process)
    again = start_back_office(tmp_path)
    assert again.commit(draft, key).json() == first
    assert again.journal() == ["create_draft", "commit"]
    assert "Sandbox back office" in again.raw("GET", "/").text
    end(again.process)
