"""Approvals by key: the whole loop, the filters, and what is masked."""

from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core.clock import now
from core.rest.pagination import cursor_at
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import Approval
from tests.api.office import KIND, PHONE, Caller, Office
from tests.database.sealing import rewrite

pytestmark = pytest.mark.django_db


def listed(office: Office, **query: Any) -> list[str]:
    answer = office.caller("approver").get("approvals/", **query)
    return [row["reference"] for row in answer.json()["results"]]


@pytest.mark.slow
def test_whole_loop_by_key(office: Office) -> None:
    body = {"kind": KIND, "params": {"campaign": "Winter", "budget": "120.00"}, "notes": "Please"}
    asked = office.caller("support").post("approvals/", body).json()
    path = f"approvals/{asked['id']}/"
    signed = office.caller("approver").post(f"{path}approve/", {"digest": asked["digest"], "reason": "Fine"}).json()
    with tenant_scope(office.world.acme.pk):
        services.execute(Approval.objects.get(pk=asked["id"]).pk)
    viewer = office.caller("viewer")
    assert (asked["state"], signed["state"]) == ("pending", "approved")
    assert [row["outcome"] for row in viewer.get(f"{path}executions/").json()["results"]] == ["succeeded"]
    story = [(row["action"], row["reason"], row["channel"]) for row in viewer.get(f"{path}history/").json()["results"]]
    assert story[:2] == [("propose", "", ""), ("approve", "Fine", "api")]
    assert viewer.get(path).json()["state"] == "executed"
    undone = office.caller("support").post(f"{path}compensate/", {}).json()
    assert (undone["state"], undone["payload"]["budget"]) == ("pending", "100.00")
    again = office.caller("admin").post(f"{path}compensate/", {})
    assert (again.status_code, again.json()["code"], again.json()["reference"]) == (
        409, "compensation_open", undone["reference"],
    )  # fmt: skip


@pytest.mark.slow
def test_proposal_by_key_is_its_owners_own(office: Office) -> None:
    body = {"kind": KIND, "params": {"campaign": "Winter", "budget": "120.00"}}
    caller = office.caller("admin")
    asked = caller.post("approvals/", body).json()
    answer = caller.post(f"approvals/{asked['id']}/approve/", {"digest": asked["digest"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "four_eyes")


@pytest.mark.slow
def test_vote_on_something_else_is_stale(office: Office) -> None:
    answer = office.caller("approver").post(f"approvals/{office.ids['approval']}/approve/", {"digest": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_digest")


@pytest.mark.slow
def test_vote_without_a_digest_is_invalid(office: Office) -> None:
    answer = office.caller("approver").post(f"approvals/{office.ids['approval']}/approve/", {"reason": "Fine"})
    assert list(answer.json()["fields"]) == ["digest"]


@pytest.mark.parametrize(("verb", "role"), [("cancel", "support"), ("hold", "compliance")])
def test_move_on_something_else_is_stale(office: Office, verb: str, role: str) -> None:
    body = {"digest": "0" * 64, "reason": "Drill"}
    answer = office.caller(role).post(f"approvals/{office.ids['approval']}/{verb}/", body)
    assert answer.json()["code"] == "stale_digest"


@pytest.mark.slow
def test_held_approval_is_released(office: Office) -> None:
    caller, path = office.caller("compliance"), f"approvals/{office.ids['approval']}/"
    assert caller.post(f"{path}hold/", {"reason": "Wait"}).json()["holds"] == ["manual"]
    assert caller.post(f"{path}release/").json()["holds"] == []


@pytest.mark.slow
def test_signature_is_taken_back(office: Office) -> None:
    approval = office.stored(office.ids["approval"])
    caller, path = office.caller("approver"), f"approvals/{approval.pk}/"
    caller.post(f"{path}approve/", {"digest": approval.digest})
    assert caller.post(f"{path}revoke/", {"reason": "Wrong one"}).json()["decided_as"] == "revoked"


def test_approver_is_told_that_he_may_decide(office: Office) -> None:
    path = f"approvals/{office.ids['approval']}/"
    assert [office.caller(role).get(path).json()["may_decide"] for role in ("approver", "support")] == [True, False]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"state": "pending"}, 1),
        ({"state": ["pending", "cancelled"]}, 2),
        ({"state": "executed"}, 0),
        ({"kind": KIND}, 2),
        ({"kind": "other"}, 0),
        ({"assignee": "me"}, 1),
        ({"overdue": "true"}, 0),
        ({"q": "1001"}, 1),
        ({"q": "br-1002"}, 1),
        ({"q": "wint"}, 1),
        ({"q": "wint", "state": "pending"}, 0),
        ({"q": "winter", "state": "cancelled"}, 1),
        ({"q": "support"}, 2),
        ({"q": "nobody"}, 0),
        ({"delegated": "true"}, 0),
        ({"risk": ["low", "medium", "high", "critical"]}, 2),
    ],
)
def test_list_is_narrowed(office: Office, query: dict[str, Any], count: int) -> None:
    other = office.propose("Winter")
    office.caller("support").post(f"approvals/{other.pk}/cancel/")
    assert len(listed(office, **query)) == count


@pytest.mark.slow
def test_pages_go_on_after_the_last_row(office: Office) -> None:
    for campaign in ("Winter", "Spring"):
        office.propose(campaign)
    pages = parts(office.caller("approver"), "approvals/", limit=2)
    assert [[row["reference"] for row in page] for page in pages] == [["BR-1003", "BR-1002"], ["BR-1001"]]


@pytest.mark.slow
def test_pages_in_an_order_have_no_gaps_and_no_repeats(office: Office) -> None:
    for number in range(5):
        office.propose(f"C{number}")
    with tenant_scope(office.world.acme.pk):
        for number, row in enumerate(Approval.objects.order_by("id")):
            cost = None if number % 3 == 0 else Decimal(number % 2)
            due = None if number % 3 == 1 else now() + timedelta(hours=number % 2)
            rewrite(Approval.objects.filter(pk=row.pk), cost=cost, sla_due_at=due, risk_score=number % 2)
    caller, wrong = office.caller("viewer"), []
    for column, state in product(["risk", "cost", "deadline", "age"], [{}, {"state": "pending"}]):
        orders, wholes = [], []
        for name in (column, f"-{column}"):
            pages = parts(caller, "approvals/", limit=2, ordering=name, **state)
            orders.append([row["reference"] for page in pages for row in page])
            whole = caller.get("approvals/", ordering=name, **state).json()["results"]
            wholes.append([row["reference"] for row in whole])
        if orders != wholes or orders[0] != orders[1][::-1] or len(orders[0]) != 6:
            wrong.append((column, state, orders, wholes))
    assert wrong == []


@pytest.mark.slow
def test_orders_put_what_is_riskiest_dearest_and_due_first(office: Office) -> None:
    dear = office.propose("Dear")
    with tenant_scope(office.world.acme.pk):
        rewrite(Approval.objects.all(), cost=None, sla_due_at=None, risk_score=10)
        rewrite(Approval.objects.filter(pk=dear.pk), cost=Decimal(9), sla_due_at=now(), risk_score=90)
    first = [listed(office, ordering=name)[0] for name in ("-risk", "-cost", "deadline", "age")]
    assert first == [dear.reference] * 4
    assert [listed(office, ordering=name)[0] for name in ("risk", "cost", "-deadline", "-age")] == ["BR-1001"] * 4


@pytest.mark.slow
def test_cursor_of_another_order_is_refused(office: Office) -> None:
    office.propose("Winter")
    caller = office.caller("viewer")
    following = caller.get("approvals/", limit=1, ordering="-risk").json()["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    texts = ("-risk", "-risk||", "-risk|x|y", "-risk|1|y", "-cost|NaN|y", f"-risk||{'0' * 32}")
    broken = [cursor_at(text) for text in texts]
    for ordering, text in [("-cost", cursor), ("", cursor), *(("-risk", each) for each in broken)]:
        asked = {"ordering": ordering} if ordering else {}
        assert caller.get("approvals/", cursor=text, **asked).status_code == 400
    huge = cursor_at(f"-risk|{10**40}|{'0' * 32}")
    assert caller.get("approvals/", cursor=huge, ordering="-risk").status_code in (200, 400)


def test_personal_data_is_not_searched(office: Office) -> None:
    answer = office.caller("approver").get("approvals/", q="+34 600 123 456")
    assert (answer.status_code, answer.json()["code"]) == (400, "personal_data")


@pytest.mark.slow
def test_delegated_ones_are_found_by_their_new_approver(office: Office) -> None:
    row = office.propose("Winter")
    body = {"to": str(office.ids["owner"]), "digest": row.digest}
    assert office.caller("approver").post(f"approvals/{row.pk}/delegate/", body).status_code == 200
    found = office.caller("owner").get("approvals/", delegated="true").json()["results"]
    assert [each["reference"] for each in found] == [row.reference]
    assert listed(office, delegated="true") == []


def test_overdue_ones_are_found(office: Office) -> None:
    with tenant_scope(office.world.acme.pk):
        Approval.objects.update(sla_due_at=now() - timedelta(minutes=1))
    assert listed(office, overdue="true") == ["BR-1001"]


def test_list_by_the_person_who_is_asked(office: Office) -> None:
    people = office.world.people
    assert listed(office, assignee=str(people["approver"].pk)) == ["BR-1001"]
    assert listed(office, assignee=str(people["viewer"].pk)) == []


@pytest.mark.slow
def test_pages_follow_each_other_without_gaps(office: Office) -> None:
    for number in range(4):
        office.propose(f"C{number}")
    caller = office.caller("viewer")
    answer, found = caller.get("approvals/", limit=2), []
    while True:
        found += [row["reference"] for row in answer.json()["results"]]
        if not answer.json()["next"]:
            break
        answer = caller.next(answer)
    assert found == ["BR-1005", "BR-1004", "BR-1003", "BR-1002", "BR-1001"]


@pytest.mark.slow
def test_next_page_keeps_the_filters(office: Office) -> None:
    for number in range(3):
        office.propose(f"C{number}")
    caller = office.caller("viewer")
    answer = caller.get("approvals/", limit=1, state="pending", kind=KIND)
    assert "kind=console_budget" in answer.json()["next"]
    assert caller.next(answer).status_code == 200


def test_notes_are_masked(office: Office) -> None:
    found = office.caller("approver").get(f"approvals/{office.ids['approval']}/").json()
    assert PHONE not in found["notes"]
    assert found["notes"].startswith("Call me at")


def test_what_is_signed_is_word_for_word_for_those_who_sign(office: Office) -> None:
    approval = office.propose(f"Call {PHONE}")
    pages = {
        role: office.caller(role).get(f"approvals/{approval.pk}/").content.decode() for role in ("approver", "viewer")
    }
    assert (PHONE in pages["approver"], PHONE in pages["viewer"]) == (True, False)


@pytest.mark.slow
def test_open_approval_with_the_dedupe_key_is_the_answer(office: Office) -> None:
    body = {"kind": KIND, "params": {"campaign": "A", "budget": "1.00"}, "dedupe_key": "same"}
    caller = office.caller("support")
    assert len({caller.post("approvals/", body).json()["id"] for _ in range(2)}) == 1
    answer = caller.post("approvals/", {**body, "params": {"campaign": "A", "budget": "2.00"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "different_arguments")
    assert answer.json()["reference"] in answer.json()["detail"]


@pytest.mark.slow
def test_paused_kind_is_refused(office: Office) -> None:
    office.caller("compliance").post("kill-switches/", {"scope": "kind", "target": KIND, "reason": "Drill"})
    answer = office.caller("support").post("approvals/", {"kind": KIND, "params": {"campaign": "A", "budget": "1"}})
    assert (answer.status_code, answer.json()["code"]) == (403, "paused")
    (stop,) = answer.json()["stopped"]
    assert (stop["what"], stop["by"], stop["reason"]) == ("“Set a daily budget”", "Compliance Acme", "Drill")


@pytest.mark.slow
def test_held_approval_tells_which_switch_holds_it(office: Office) -> None:
    path = f"approvals/{office.ids['approval']}/"
    assert office.caller("viewer").get(path).json()["stopped"] == []
    office.caller("compliance").post("kill-switches/", {"scope": "tenant", "reason": "Drill"})
    (stop,) = office.caller("viewer").get(path).json()["stopped"]
    assert (stop["what"], stop["by"], stop["reason"]) == ("everything", "Compliance Acme", "Drill")


def parts(caller: Caller, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Return the pages of a timeline, from the newest back to its beginning."""
    answer = caller.get(path, **query)
    found = [answer.json()["results"]]
    while answer.json()["next"]:
        answer = caller.next(answer)
        found.append(answer.json()["results"])
    return found


@pytest.mark.slow
def test_story_is_read_part_by_part_from_the_newest(office: Office) -> None:
    path, signer, asker = f"approvals/{office.ids['approval']}/", office.caller("approver"), office.caller("support")
    first_digest = office.stored(office.ids["approval"]).digest
    for number in range(3):
        digest = office.stored(office.ids["approval"]).digest
        signer.post(f"{path}send-back/", {"digest": digest, "reason": "Less"})
        params = {"campaign": "Sale", "budget": f"{800 - number}.00"}
        asker.post(f"{path}resubmit/", {"digest": digest, "params": params})
    whole = parts(signer, f"{path}history/")
    told = parts(signer, f"{path}history/", limit=3)
    assert [[row["action"] for row in part] for part in told] == [
        ["resubmit", "send_back", "resubmit"], ["send_back", "resubmit", "send_back"], ["propose"],
    ]  # fmt: skip
    assert [row for part in told[::-1] for row in part] == whole[0]
    revised = parts(signer, f"{path}revisions/", limit=2)
    assert [[row["revision"] for row in part] for part in revised] == [[3, 4], [2]]
    assert revised[1][0]["digest_before"] == first_digest


def test_executions_have_a_cursor_too(office: Office) -> None:
    with tenant_scope(office.world.acme.pk):
        approval = Approval.objects.get(pk=office.ids["approval"])
        for revision in (1, 2, 3):
            approval.executions.create(revision=revision, digest="d", idempotency_key=f"key {revision}")
    pages = parts(office.caller("viewer"), f"approvals/{approval.pk}/executions/", limit=2)
    assert [[row["revision"] for row in page] for page in pages] == [[2, 3], [1]]


@pytest.mark.parametrize("part", ["history", "executions", "revisions", "decisions"])
def test_part_of_an_approval_that_is_absent_is_not_found(office: Office, part: str) -> None:
    assert office.caller("viewer").get(f"approvals/{office.ids['workflow']}/{part}/").status_code == 404


@pytest.mark.parametrize("query", [{"limit": 101}, {"limit": 0}, {"cursor": "x"}, {"cursor": "LTE"}, {"before": 3}])
def test_part_of_a_story_that_cannot_be_is_refused(office: Office, query: dict[str, Any]) -> None:
    answer = office.caller("approver").get(f"approvals/{office.ids['approval']}/history/", **query)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(query))
