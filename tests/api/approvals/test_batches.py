"""Batches over the API: taken on with 202, followed by their URL, the same again under their key."""

import json

import pytest
from django.test import Client

from accounts.permissions.roles import ALL_PERMISSIONS
from accounts.services import create_api_key
from core.tenancy.scope import tenant_scope
from hitl.batches.work import work_batch
from hitl.models import Approval, BatchDecision
from hitl.policy.decision_policy import set_decision_policy
from tests.console.scene import add_workflow, ask
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PATH = "/api/v1/approvals/batch-decisions/"


@pytest.fixture
def asked(acme: World) -> list[Approval]:
    """Three requests for the approver."""
    add_workflow(acme)
    set_decision_policy(actor=acme.actor("owner"), undo_seconds=10, batch_risk="high", seen_version=0)
    return [ask(acme, params={"campaign": f"Small {number}", "budget": "101.00"}) for number in range(3)]


def client_of(world: World, role: str) -> Client:
    """Return a client with an API key of a person."""
    scopes = sorted(world.actor(role).permissions & ALL_PERMISSIONS)
    _, secret = create_api_key(actor=OPERATOR, user=world.people[role], name="Key", scopes=scopes)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def send(client: Client, rows: list[Approval], **more: object) -> tuple[int, dict[str, object]]:
    """Send a batch; returns status and answer."""
    items = [{"id": str(row.pk), "digest": row.digest} for row in rows]
    answer = client.post(PATH, json.dumps({"verdict": "approve", "items": items, **more}), "application/json")
    return answer.status_code, answer.json()


def test_batch_is_taken_on_worked_and_reported(acme: World, asked: list[Approval]) -> None:
    client = client_of(acme, "approver")
    status, made = send(client, asked, key="mine")
    assert (status, made["total"], made["done"]) == (202, 3, 0)
    assert send(client, asked, key="mine") == (202, made)
    assert send(client, asked[:1], key="mine")[0] == 409
    with tenant_scope(acme.acme.pk):
        work_batch(batch_id=BatchDecision.objects.get().pk)
    report = client.get(str(made["url"])).json()
    assert report["done"] == 3
    assert [(row["id"], row["outcome"], row["state"]) for row in report["items"]] == [
        (str(row.pk), "decided", "approved") for row in asked
    ]
    assert set(Approval.objects.values_list("execute_after", flat=True)) == {None}
    assert client.post(f"{made['url']}undo/", "{}", "application/json").json()["code"] == "too_late"
    assert client_of(acme, "support").get(str(made["url"])).status_code == 404


def test_bad_batches_are_refused_in_words(acme: World, asked: list[Approval]) -> None:
    client = client_of(acme, "approver")
    many = {"items": [{"id": f"00000000-0000-7000-8000-{n:012d}", "digest": "0" * 64} for n in range(500)]}
    assert [send(client, [], **more)[1]["code"] for more in (many, {}, {"verdict": "maybe"})] == [
        "too_many", "invalid", "invalid",
    ]  # fmt: skip
    too_long = {"items": [{"id": str(asked[0].pk), "digest": "0" * 65}]}
    assert send(client, [], **too_long)[0] == 400
    assert client_of(acme, "viewer").post(PATH, "{}", "application/json").status_code == 403
    assert not BatchDecision.objects.exists()
