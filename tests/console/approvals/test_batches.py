"""Deciding many requests at once in the console: select, preview, confirm, follow, undo."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from core.tenancy.scope import tenant_scope
from hitl.batches.work import work_batch
from hitl.models import Approval, BatchDecision, Decision
from hitl.policy.decision_policy import set_decision_policy
from tests.accounts.resets.resetting import person_of
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.console.test_sign_in import code_of
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
QUEUE = "/admin/hitl/approval/"
BATCH = f"{QUEUE}batch/"


@pytest.fixture
def asked(acme: World) -> list[Approval]:
    """Three small requests for the approver, one they made themselves, and one that is too risky."""
    add_workflow(acme)
    set_decision_policy(actor=acme.actor("owner"), undo_seconds=10, batch_risk="high", seen_version=0)
    small = [ask(acme, params={"campaign": f"Small {number}", "budget": "101.00"}) for number in range(3)]
    own = ask(acme, "approver", params={"campaign": "Own", "budget": "101.00"})
    risky = ask(acme, params={"campaign": "Autumn", "budget": "2500000.00", "reach": 9000000})
    return [*small, own, risky]


def values(*rows: Approval) -> list[str]:
    """Return what the boxes of rows send."""
    return [f"{row.pk}:{row.digest}" for row in rows]


def confirm(client: Client, page: str, verdict: str, **fields: str) -> str:
    """Send the preview's form; returns where it leads."""
    sent = {"verdict": verdict, "confirm": "yes", **fields}
    sent["key"] = re.findall(r'name="key" value="(\w+)"', page)[0]
    items = re.findall(r'name="item" value="([^"]+)"', page)
    answer = client.post(BATCH, {**sent, "item": items})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def work(acme: World) -> BatchDecision:
    """Do what the task does."""
    with tenant_scope(acme.acme.pk):
        batch: BatchDecision = BatchDecision.objects.get()
        work_batch(batch_id=batch.pk)
    return batch


def test_boxes_are_for_those_who_can_decide(browser: Browser, asked: list[Approval]) -> None:
    shown = browser("approver").get(QUEUE).content.decode()
    assert shown.count("data-pick name") == 4
    assert values(asked[0])[0] in shown
    assert 'id="batch-form"' in shown
    assert "batch-form" not in browser("viewer").get(QUEUE).content.decode()


def test_selection_is_previewed_confirmed_and_reported_one_by_one(
    browser: Browser, asked: list[Approval], acme: World
) -> None:
    *small, own, risky = asked
    approver = browser("approver")
    changed = f"{small[2].pk}:{'0' * 64}"
    answer = approver.post(BATCH, {"verdict": "approve", "item": [*values(*small[:2], own, risky), changed]})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "2 can be decided" in page
    assert ["You were involved" in page, "Too risky" in page, "Changed since" in page] == [True] * 3
    assert "Approve 2 requests" in page
    assert not BatchDecision.objects.exists(), "a preview decides nothing"
    where = confirm(approver, page, "approve")
    waiting = approver.get(where)
    assert waiting["Refresh"]
    assert "0 of 2 done" in waiting.content.decode()
    work(acme)
    report = approver.get(where)
    assert "Refresh" not in report
    assert "2 of 2 done: 2 decided." in report.content.decode()
    assert "Undo all" in report.content.decode()
    assert {row.state for row in Approval.objects.filter(pk__in=[row.pk for row in small[:2]])} == {"approved"}
    assert Approval.objects.get(pk=small[2].pk).state == "pending"
    assert confirm(approver, page, "approve") == where, "pressed twice"
    assert BatchDecision.objects.count() == 1


@pytest.mark.parametrize("by", ["password", "code"])
def test_level_with_a_second_factor_asks_once_and_goes_on_with_the_whole_batch(
    browser: Browser, acme: World, by: str
) -> None:
    add_workflow(acme, level={"min_auth": "mfa"})
    rows = [ask(acme, params={"campaign": f"Small {number}", "budget": "101.00"}) for number in range(3)]
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(person_of(acme, "approver"), secret)
    approver = browser("approver")
    session = approver.session
    long_ago = time.time() - 3600
    session["account_authentication_methods"] = [
        {"method": "password", "at": long_ago},
        {"method": "mfa", "at": long_ago, "type": "totp"},
    ]
    session["account_authentication_methods_user"] = str(acme.people["approver"].pk)
    session.save()
    page = approver.post(BATCH, {"verdict": "approve", "item": values(*rows)}).content.decode()
    asks = confirm(approver, page, "approve")
    assert "reauthenticate" in asks
    assert not BatchDecision.objects.exists(), "nothing is decided before the step"
    wrong = {"password": {"password": "wrong"}, "code": {"code": "000000"}}[by]
    right = {"password": {"password": PASSWORD}, "code": {"code": code_of(secret)}}[by]
    way = f"{'/account/2fa' if by == 'code' else '/account'}/reauthenticate/?{asks.partition('?')[2]}"
    assert approver.post(way, {**wrong, "next": BATCH}).status_code == 200
    assert not BatchDecision.objects.exists()
    approver.post(way, {**right, "next": BATCH})
    batch = work(acme)
    assert list(batch.items.values_list("code", "state")) == [("", "approved")] * 3
    assert set(Decision.objects.values_list("auth_strength", flat=True)) == {"mfa"}
    assert confirm(approver, page, "approve").endswith(f"/{batch.pk}/"), "asked once"


def test_undo_all_cancels_what_waits_and_others_see_no_batch(
    browser: Browser, asked: list[Approval], acme: World
) -> None:
    approver = browser("approver")
    page = approver.post(BATCH, {"verdict": "approve", "item": values(*asked[:2])}).content.decode()
    where = confirm(approver, page, "approve")
    work(acme)
    assert browser("support").get(where).status_code == 404
    assert browser("compliance").get(where).status_code == 200
    done = approver.post(f"{where}undo/", follow=True).content.decode()
    assert "Undone. 2 requests were cancelled" in done
    assert approver.post(f"{where}undo/").status_code == 409


def test_rejecting_needs_one_reason_for_all(browser: Browser, asked: list[Approval], acme: World) -> None:
    approver = browser("approver")
    sent = {"verdict": "reject", "item": values(*asked[:3], asked[4])}
    page = approver.post(BATCH, sent).content.decode()
    assert "Reject 4 requests" in page, "what is too risky to approve may be rejected"
    assert approver.post(BATCH, {**sent, "confirm": "yes", "key": "k"}).status_code == 400
    confirm(approver, page, "reject", reason="Not this month.")
    work(acme)
    assert set(Approval.objects.filter(summary__contains="Small").values_list("state", flat=True)) == {"rejected"}


def test_empty_and_too_large_selections_are_refused(browser: Browser, asked: list[Approval]) -> None:
    approver = browser("approver")
    assert "Select requests in the list" in approver.get(BATCH).content.decode()
    assert approver.post(BATCH, {"verdict": "approve"}).status_code == 400
    many = [f"00000000-0000-7000-8000-{number:012d}:{'0' * 64}" for number in range(500)]
    answer = approver.post(BATCH, {"verdict": "approve", "confirm": "yes", "item": many})
    assert answer.status_code == 400
    assert "at most 200 requests" in answer.content.decode()
    wrong = approver.post(BATCH, {"verdict": "approve", "item": ["nonsense", *many[:2]]}).content.decode()
    assert wrong.count("This request doesn") == 2
