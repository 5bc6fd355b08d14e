"""The same POST twice, ten times at once, and under another's key."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from conversations.models import Message
from core.models import IdempotencyRecord
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from tests.api.office import KIND, V1, Caller, Office, build_office, switches
from tests.world import build_world

pytestmark = pytest.mark.slow

NEW: dict[str, Any] = {"kind": KIND, "params": {"campaign": "Winter", "budget": "120.00"}}


@pytest.fixture
def office(db: None) -> Office:
    """An office of each test's own: one test of this module commits, beside a transaction around them all."""
    return build_office(build_world())


def approvals(office: Office) -> int:
    with tenant_scope(office.world.acme.pk):
        return Approval.objects.count()


def replies(office: Office) -> int:
    with tenant_scope(office.world.acme.pk):
        return Message.objects.filter(sender_type="person").count()


def chat(office: Office) -> str:
    return f"conversations/{office.ids['conversation']}/messages/"


@pytest.mark.django_db
def test_repetition_gets_the_first_answer(office: Office) -> None:
    caller = office.caller("support")
    first, second = (caller.post(chat(office), {"text": "Hello"}, key="k1") for _ in range(2))
    assert (second.status_code, second.json()) == (201, first.json())
    assert (second.headers["Idempotency-Replayed"], replies(office)) == ("true", 1)


@pytest.mark.django_db
def test_repeated_proposal_makes_one_approval(office: Office) -> None:
    caller = office.caller("support")
    answers = [caller.post("approvals/", NEW, key="k1").json() for _ in range(2)]
    assert (answers[0]["id"], approvals(office)) == (answers[1]["id"], 2)


@pytest.mark.django_db
def test_proposal_whose_answer_was_lost_is_found_again(office: Office) -> None:
    caller = office.caller("support")
    first = caller.post("approvals/", NEW, key="k1").json()
    with tenant_scope(office.world.acme.pk):
        IdempotencyRecord.objects.all().delete()
    assert caller.post("approvals/", NEW, key="k1").json()["id"] == first["id"]


@pytest.mark.django_db
def test_proposal_that_was_closed_before_its_answer_came_is_not_made_again(office: Office) -> None:
    caller = office.caller("support")
    first = caller.post("approvals/", NEW, key="k1").json()
    with tenant_scope(office.world.acme.pk):
        IdempotencyRecord.objects.all().delete()
    office.caller("approver").post(f"approvals/{first['id']}/reject/", {"digest": first["digest"], "reason": "No"})
    again = caller.post("approvals/", NEW, key="k1").json()
    assert (again["id"], again["state"]) == (first["id"], "rejected")


@pytest.mark.django_db
def test_other_proposal_under_a_key_that_is_free_again_is_made(office: Office) -> None:
    caller = office.caller("support")
    first = caller.post("approvals/", NEW, key="k1").json()
    with tenant_scope(office.world.acme.pk):
        IdempotencyRecord.objects.all().delete()
    other = {**NEW, "params": {**NEW["params"], "budget": "130.00"}}
    assert caller.post("approvals/", other, key="k1").json()["id"] != first["id"]


@pytest.mark.django_db
def test_other_body_under_the_key_is_refused(office: Office) -> None:
    caller = office.caller("support")
    caller.post(chat(office), {"text": "Hello"}, key="k1")
    answer = caller.post(chat(office), {"text": "Goodbye"}, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.django_db
def test_other_address_under_the_key_is_refused(office: Office) -> None:
    caller = office.caller("support")
    caller.post(chat(office), {"text": "Hello"}, key="k1")
    assert caller.post("approvals/", {"text": "Hello"}, key="k1").status_code == 422


@pytest.mark.django_db
def test_request_still_running_is_a_conflict(office: Office) -> None:
    caller = office.caller("support")
    caller.post(chat(office), {"text": "Hello"}, key="k1")
    with tenant_scope(office.world.acme.pk):
        IdempotencyRecord.objects.update(state="running")
    answer = caller.post(chat(office), {"text": "Hello"}, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_progress")


@pytest.mark.django_db
def test_key_of_a_failed_request_is_free_again(office: Office) -> None:
    caller = office.caller("support")
    assert caller.post(chat(office), {"text": ""}, key="k1").status_code == 400
    assert caller.post(chat(office), {"text": "Hello"}, key="k1").status_code == 201


@pytest.mark.django_db
def test_colleague_with_the_same_key_gets_his_own_answer(office: Office) -> None:
    for role in ("support", "admin"):
        assert office.caller(role).post(chat(office), {"text": "Hello"}, key="k1").status_code == 201
    assert replies(office) == 2


@pytest.mark.django_db
def test_replay_needs_the_right_of_now(office: Office) -> None:
    caller = office.caller("compliance")
    body = {"scope": "kind", "target": "x", "reason": "Drill"}
    caller.post("kill-switches/", body, key="k1")
    with tenant_scope(office.world.acme.pk):
        office.world.people["compliance"].memberships.update(role="viewer")
    assert caller.post("kill-switches/", body, key="k1").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_unusable_key_is_refused(office: Office, key: str) -> None:
    assert office.caller("support").post(chat(office), {"text": "Hello"}, key=key).status_code == 400


@pytest.mark.django_db
def test_repeated_client_id_is_one_message(office: Office) -> None:
    caller, body = office.caller("support"), {"text": "Hello", "client_id": str(uuid4())}
    answers = {caller.post(chat(office), body).json()["id"] for _ in range(2)}
    assert (len(answers), replies(office)) == (1, 1)


@pytest.mark.django_db
def test_other_text_under_a_client_id_is_a_conflict(office: Office) -> None:
    caller, ref = office.caller("support"), str(uuid4())
    answers = [caller.post(chat(office), {"text": text, "client_id": ref}) for text in ("Hello", "Goodbye")]
    assert (answers[1].status_code, answers[1].json()["code"], replies(office)) == (409, "id_reused", 1)


@pytest.mark.django_db
def test_repeated_switch_is_activated_once(office: Office) -> None:
    caller, body = office.caller("compliance"), {"scope": "tenant", "reason": "Drill"}
    assert {caller.post("kill-switches/", body, key="k1").status_code for _ in range(2)} == {201}
    assert switches(office) == 2


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_send_one_message(live_office: Office) -> None:
    secret = live_office.key("support")

    def send(_number: int) -> int:
        try:
            return int(Caller(secret).post(chat(live_office), {"text": "Hello"}, key="k1").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        found = set(pool.map(send, range(10)))
    assert found <= {201, 409}
    assert replies(live_office) == 1


def test_every_post_can_be_repeated() -> None:
    from config.api import urlpatterns

    views: list[Any] = [entry.callback for entry in urlpatterns if str(entry.pattern).startswith(V1[1:])]
    routed = [view for view in views if "post" in (getattr(view, "actions", None) or {})]
    posts = [getattr(view.cls, view.actions["post"]) for view in routed]
    assert posts
    # What these answer are tokens: no answer is kept, and a refresh has its own way of being repeated.
    strangers = {f"TokenViewSet.{name}" for name in ("login", "refresh", "logout")}
    # Each email makes one account, and only the first of two does.
    strangers |= {f"RegistrationViewSet.{name}" for name in ("register", "verify_email")}
    assert {post.__qualname__ for post in posts if not getattr(post, "is_idempotent", False)} == strangers
