"""The talk about an approval in the console: editing, asking, passing on, overriding, being away."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.clock import now
from core.errors import Invalid
from hitl.actions.kind_fields import values_in_the_form
from hitl.approvals.decide.override import close_review, override
from hitl.models import Approval, ApprovalWorkflow, Delegation, OverrideReview
from hitl.policy.workflows.workflows import revise_workflow
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.hitl.kit.scene import stored
from tests.world import World

pytestmark = pytest.mark.django_db
QUEUE = "/admin/hitl/approval/"


@pytest.fixture
def asked(acme: World) -> Approval:
    """A request whose budget the signers may edit."""
    add_workflow(acme, allow_override=True)
    signers = [{"type": "role", "value": role} for role in ("approver", "admin")]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(
        actor=acme.actor("owner"),
        workflow_id=workflow.pk,
        levels=[{"approvers": signers, "editable_fields": ["budget"]}],
    )
    return ask(acme)


def post(browser: Browser, role: str, approval: Approval, verb: str, **fields: Any) -> int:
    """Send a form of the page; returns the answer's status."""
    sent = {"digest": approval.digest, "reason": "Because of the season.", **fields}
    return browser(role).post(f"{QUEUE}{approval.pk}/{verb}/", sent).status_code


def test_mistaken_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Invalid) as caught, values_in_the_form():
        raise Invalid(
            "Which campaign?", fields={"campaign": ["There is none."]}, choices=["Summer Sale", "Retargeting"]
        )
    assert caught.value.facts["fields"] == {
        "value_campaign": ["There is none.", "Choose from: Summer Sale, Retargeting."]
    }


@pytest.mark.slow
def test_form_of_a_request_says_when_its_button_asks(browser: Browser, asked: Approval) -> None:
    first, chosen = (
        browser("support").get(f"{QUEUE}new/{end}").content.decode() for end in ("", "?kind=console_budget")
    )
    assert "Submit request" not in first
    assert "Submit request" in chosen


@pytest.mark.slow
def test_edit_by_the_form_is_shown_with_both_values(browser: Browser, asked: Approval) -> None:
    assert post(browser, "approver", asked, "edit", value_budget="700.00") == 302
    assert (stored(asked).revision, stored(asked).payload["budget"]) == (2, "700.00")
    shown = browser("admin").get(f"{QUEUE}{asked.pk}/").content.decode()
    assert "Changes since the request was made" in shown
    assert "700.00" in shown


def test_edit_without_a_change_is_refused(browser: Browser, asked: Approval) -> None:
    assert post(browser, "approver", asked, "edit", value_budget="900.00") == 400


@pytest.mark.slow
def test_each_move_asks_its_own_question(browser: Browser, asked: Approval) -> None:
    page = browser("approver").get(f"{QUEUE}{asked.pk}/").content.decode()
    assert "Your question" in page
    assert "What should be changed?" in page


@pytest.mark.slow
def test_edit_is_not_offered_where_none_of_its_fields_may_be_changed(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    signers = [{"type": "role", "value": "approver"}]
    levels = [{"approvers": signers, "editable_fields": ["title"]}]
    workflow_id = ApprovalWorkflow.objects.get().pk
    revise_workflow(actor=acme.actor("owner"), workflow_id=workflow_id, levels=levels)
    page = browser("approver").get(f"{QUEUE}{ask(acme).pk}/").content.decode()
    assert "Save changes" not in page
    assert "Send back" in page


@pytest.mark.slow
def test_question_and_answer_by_the_forms(browser: Browser, asked: Approval) -> None:
    assert post(browser, "approver", asked, "ask", reason="For how long?") == 302
    assert "For how long?" in browser("support").get(f"{QUEUE}{asked.pk}/").content.decode()
    assert post(browser, "support", asked, "answer", reason="A week.") == 302
    assert stored(asked).state == "pending"


@pytest.mark.slow
def test_sending_back_and_in_again_by_the_forms(browser: Browser, asked: Approval) -> None:
    assert post(browser, "approver", asked, "send-back") == 302
    values = {f"value_{name}": value for name, value in {**asked.payload, "budget": "300.00"}.items()}
    assert post(browser, "support", stored(asked), "resubmit", **values) == 302
    assert stored(asked).payload["budget"] == "300.00"


@pytest.mark.slow
def test_passing_on_and_reassigning_by_the_forms(browser: Browser, asked: Approval, acme: World) -> None:
    people = acme.people
    third, _ = acme.another("approver")
    assert post(browser, "approver", asked, "delegate", to=str(people["owner"].pk)) == 302
    moved = {"from_person": str(people["owner"].pk), "to": str(third.pk)}
    assert post(browser, "admin", asked, "reassign", **moved) == 302
    assert stored(asked).assigned_to_id == third.pk


@pytest.mark.slow
def test_override_without_second_factor_is_refused(browser: Browser, asked: Approval) -> None:
    assert post(browser, "owner", asked, "override") == 403
    assert stored(asked).state == "pending"


@pytest.mark.parametrize("verb", ["edit", "ask", "answer", "send-back", "resubmit", "delegate", "reassign", "override"])
def test_get_of_a_move_changes_nothing(browser: Browser, asked: Approval, verb: str) -> None:
    browser("owner").get(f"{QUEUE}{asked.pk}/{verb}/?digest={asked.digest}&reason=x")
    assert stored(asked).version == 1


@pytest.mark.slow
def test_being_away_by_the_form_moves_the_assignment_until_it_is_ended(
    browser: Browser, asked: Approval, acme: World
) -> None:
    page, owner = "/admin/hitl/delegation/", acme.people["owner"]
    until = timezone.localtime(now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    sent = {"from_person": "", "to_person": str(owner.pk), "starts_at": "", "until": until, "reason": ""}
    assert browser("approver").post(f"{page}away/", sent).status_code == 302
    assert asked.assignments.filter(person=owner, closed_at=None).exists()
    row = Delegation.objects.get()
    assert "Owner Acme decides for Approver Acme" in browser("admin").get(page).content.decode()
    assert browser("approver").post(f"{page}{row.pk}/end/").status_code == 302
    assert not asked.assignments.filter(person=owner, closed_at=None).exists()


@pytest.mark.slow
def test_override_waits_for_its_review(browser: Browser, asked: Approval, acme: World) -> None:
    OverrideReview.objects.create(approval=asked, revision=1, opened_by_id=acme.people["owner"].pk)
    page = browser("compliance").get("/admin/hitl/overridereview/").content.decode()
    assert asked.reference in page
    assert acme.people["owner"].get_full_name() in page
    review = OverrideReview.objects.get()
    one = browser("compliance").get(f"/admin/hitl/overridereview/{review.pk}/").content.decode()
    assert f"Open {asked.reference}" in one
    close_review(actor=acme.actor("compliance"), approval_id=asked.pk, reason="Fine")
    assert asked.reference not in browser("compliance").get("/admin/hitl/overridereview/").content.decode()


@pytest.mark.slow
def test_override_is_told_with_its_reason_and_what_its_review_found(browser: Browser, acme: World) -> None:
    add_workflow(acme, allow_override=True)
    asked = ask(acme)
    owner = replace(acme.actor("owner"), auth_strength="mfa")
    override(actor=owner, approval_id=asked.pk, digest=asked.digest, reason="The shop is down")
    person = acme.people["owner"].get_full_name()
    assert f"Approved in an emergency by {person}" in browser("approver").get("/admin/").content.decode()
    review = OverrideReview.objects.get()
    page = browser("compliance").get(f"/admin/hitl/overridereview/{review.pk}/").content.decode()
    assert "The shop is down" in page
    close_review(actor=acme.actor("compliance"), approval_id=asked.pk, reason="Rightly so")
    assert ": Rightly so" in browser("approver").get(f"{QUEUE}{asked.pk}/").content.decode()
