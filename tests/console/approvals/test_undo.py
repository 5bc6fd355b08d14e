"""Undo in the console: the bar after an approval, the form behind it, and the settings."""

import pytest

from core.clock import at, now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import Approval
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
QUEUE = "/admin/hitl/approval/"
BAR = 'class="wk-undo"'


@pytest.fixture
def asked(acme: World) -> Approval:
    """One request of the support person that waits for the approver and the admin."""
    add_workflow(acme)
    return ask(acme)


def test_bar_follows_an_approval_for_some_seconds_and_undoes_it(browser: Browser, asked: Approval) -> None:
    approver, page = browser("approver"), f"{QUEUE}{asked.pk}/"
    assert approver.post(f"{page}approve/", {"digest": asked.digest}).status_code == 302
    shown = approver.get(QUEUE).content.decode()
    assert BAR in shown
    assert f'action="{page}undo/"' in shown
    assert BAR not in browser("admin").get(QUEUE).content.decode()
    after = Approval.objects.get(pk=asked.pk).execute_after
    assert after is not None
    with at(after):
        assert BAR not in approver.get(QUEUE).content.decode()
    answer = approver.post(f"{page}undo/", follow=True).content.decode()
    assert BAR not in answer
    assert f"Undone. {asked.reference} was cancelled" in answer
    assert Approval.objects.get(pk=asked.pk).state == "cancelled"


def test_undo_says_when_the_execution_started(browser: Browser, asked: Approval) -> None:
    approver, page = browser("approver"), f"{QUEUE}{asked.pk}/"
    approver.post(f"{page}approve/", {"digest": asked.digest})
    after = Approval.objects.get(pk=asked.pk).execute_after
    services.execute(asked.pk, now=after)
    answer = approver.post(f"{page}undo/")
    assert answer.status_code == 409
    assert "Its execution started at" in answer.content.decode()
    assert BAR not in approver.get(QUEUE).content.decode()


def test_only_its_approvers_can_undo_it_and_nobody_by_get(browser: Browser, asked: Approval) -> None:
    page = f"{QUEUE}{asked.pk}/undo/"
    browser("approver").post(f"{QUEUE}{asked.pk}/approve/", {"digest": asked.digest})
    assert "Only one of its approvers" in browser("admin").get(page).content.decode()
    assert browser("admin").post(page).status_code == 403
    assert browser("approver").get(page).status_code == 200
    assert Approval.objects.get(pk=asked.pk).state == "approved"


def test_settings_choose_the_seconds(browser: Browser, asked: Approval, acme: World) -> None:
    settings, admin = "/admin/hitl/decisionpolicy/", browser("admin")
    sent = {"undo_seconds": "0", "version": "0", "batch_risk": "low", "reason": "We are sure."}
    assert admin.post(f"{settings}change-settings/", {**sent, "undo_seconds": "61"}).status_code == 400
    assert admin.post(f"{settings}change-settings/", sent).status_code == 302
    assert "None: executed at once" in admin.get(settings).content.decode()
    assert browser("approver").post(f"{settings}change-settings/", sent).status_code == 403
    admin.post(f"{QUEUE}{asked.pk}/approve/", {"digest": asked.digest})
    assert BAR not in admin.get(QUEUE).content.decode()
    with tenant_scope(acme.acme.pk):
        assert services.execute(asked.pk, now=now()).state == "executed"
