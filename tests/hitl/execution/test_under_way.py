"""The page of a request that is being executed says until when, and what happens without a report."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core.clock import now
from hitl.approvals.admin.page.timeline import AGAIN, CHECKED, FINAL, LOST, RECORDED, WAITS
from hitl.approvals.change.holds import hold
from hitl.execution import claim
from hitl.execution.observation import observe_again
from hitl.models import Approval, Execution
from tests.hitl.kit.scene import Scene

pytestmark = pytest.mark.slow


def claimed(scene: Scene, kind: str) -> Approval:
    approval = scene.approved(kind)
    assert claim.claim(approval.pk, observe_again(approval), now()) is not None
    return approval


def banner_of(scene: Scene, approval: Approval) -> str:
    """Return the text over the approval's page, as an admin reads it."""
    browser = Client()
    browser.force_login(scene.world.people["admin"], backend="accounts.backends.RoleBackend")
    page = browser.get(f"/admin/hitl/approval/{approval.pk}/").content.decode()
    head = page[page.index('id="live-head"') :].partition("</header>")[0]
    return html.unescape(re.sub(r"<[^>]+>", "", head))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("test_press_keyed", [AGAIN, "attempt 1 of 5"]),
        ("test_press_plain", [LOST, RECORDED]),
        ("test_press_probed", [LOST, CHECKED]),
    ],
)
def test_page_says_what_happens_without_a_report(scene: Scene, kind: str, said: list[str]) -> None:
    text = banner_of(scene, claimed(scene, kind))
    assert [words for words in [*said, "has to report back by", FINAL] if words not in text] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [({"lease_until": None}, "did not report back in time"), ({"attempt": claim.MAX_ATTEMPTS}, LOST)],
)
def test_page_says_when_the_lease_is_over_and_when_no_try_is_left(
    scene: Scene, change: dict[str, Any], said: str
) -> None:
    approval = claimed(scene, "test_press_keyed")
    Execution.objects.update(**change)
    assert said in banner_of(scene, approval)


def test_page_says_that_a_hold_keeps_it_from_being_taken_up_again(scene: Scene) -> None:
    approval = claimed(scene, "test_press_keyed")
    hold(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Wait")
    text = banner_of(scene, approval)
    assert (WAITS in text, AGAIN in text) == (True, False)


def test_page_of_any_other_request_says_nothing_of_it(scene: Scene) -> None:
    done = scene.done(claimed(scene, "test_press_keyed"), now=now() + timedelta(minutes=2))
    assert done.state == "executed"
    assert FINAL not in banner_of(scene, done)
