"""The back office's contract by Prism, between a client and the stand-in: what it refuses on either side fails."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.conftest import serving
from tests.edge.back_office_fixture import CONTRACT, NEW_DRAFT, BackOffice, start_back_office
from tests.edge.ports import free_port
from tests.edge.standin_process import end

pytestmark = pytest.mark.long


@pytest.fixture
def between(node_tools: Path, tmp_path: Path) -> Iterator[tuple[BackOffice, BackOffice]]:
    """The stand-in behind Prism, and without it for what a test scripts."""
    running = start_back_office(tmp_path / "office")
    port = free_port()
    tool = str(node_tools / "node_modules" / ".bin" / "prism")
    command = [tool, "proxy", "-p", str(port), "-h", "127.0.0.1", "--errors", str(CONTRACT), f"{running.url}/v1"]
    try:
        with serving(command, f"http://127.0.0.1:{port}", tmp_path / "log") as url:
            yield replace(running, url=url), running
    finally:
        end(running.process)


def test_both_sides_are_what_the_contract_describes(between: tuple[BackOffice, BackOffice]) -> None:
    behind, office = between
    token = str(office.give_token().json()["access_token"])
    bearer = {"Authorization": f"Bearer {token}"}

    def read(path: str) -> int:
        answer = behind.raw("GET", path, headers=bearer)
        assert "sl-violations" not in answer.headers, answer.text
        return answer.status_code

    def change(
        method: str, path: str, body: object = None, key: str = "the key of a judge"
    ) -> tuple[int, dict[str, str]]:
        # As Prism writes it again: the signature covers each byte.
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Idempotency-Key": key, **office.signed(method, path, content)}
        answer = behind.raw(method, path, content=content, headers=headers)
        assert "sl-violations" not in answer.headers, answer.text
        return answer.status_code, answer.json()

    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "no"}
    assert behind.raw("POST", "/oauth/token", data=form).status_code == 401
    assert [read(path) for path in ("/transactions?customer=c-1001&limit=2", "/transactions/t-acme-0001")] == [200, 200]
    assert read("/transactions/t-globex-0001") == 404
    status, draft = change("POST", "/drafts", NEW_DRAFT)
    assert status == 201
    assert change("POST", "/drafts", {**NEW_DRAFT, "amount": "0"}, "the key of a refusal")[0] == 422
    assert read(f"/drafts/{draft['id']}") == 200
    commit = (f"/drafts/{draft['id']}/commit", {"digest": draft["digest"], "approval": "BR-1042"})
    assert change("POST", *commit, "the key of a commit")[0] == 200
    assert change("POST", *commit, "the key of a commit")[0] == 200
    assert change("POST", *commit, "another key of it")[0] == 409
    assert change("DELETE", f"/drafts/{draft['id']}", key="the key of a cancel")[0] == 409
    hook = {"url": "https://walker.example/back-office/changes/"}
    assert change("PUT", "/webhook", hook, "the key of a webhook") == (200, hook)
    # What is refused here shows that the others were looked at.
    false = json.dumps({**NEW_DRAFT, "amount": 5}, separators=(",", ":")).encode()
    signed = {"Idempotency-Key": "the key of a lie", **office.signed("POST", "/drafts", false)}
    refused = behind.raw("POST", "/drafts", content=false, headers=signed)
    assert (refused.status_code, "stoplight" in refused.json()["type"]) == (422, True)
