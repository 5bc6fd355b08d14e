"""After a decision the next request in one's queue opens, and one can step through the queue without deciding."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from hitl.models import Approval
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
QUEUE = "/admin/hitl/approval/"


@pytest.fixture
def queue(browser: Browser, acme: World) -> list[Approval]:
    """Three requests that wait for the approver, in the order of their list."""
    add_workflow(acme)
    rows = {str(row.pk): row for row in (ask(acme, params={"campaign": f"Campaign {number}"}) for number in range(3))}
    shown = browser("approver").get(QUEUE).content.decode()
    return [rows[key] for key in re.findall(r'class="wk-row-link" href="/admin/hitl/approval/([^/"]+)/"', shown)]


def decide(client: Client, approval: Approval, verdict: str = "approve", **fields: str) -> str:
    sent = {"digest": approval.digest, "reason": "Fits.", **fields}
    return str(client.post(f"{QUEUE}{approval.pk}/{verdict}/", sent).headers.get("Location", ""))


def step(client: Client, after: str = "") -> str:
    return str(client.get(f"{QUEUE}next/", {"after": after})["Location"])


def page(approval: Approval) -> str:
    return f"{QUEUE}{approval.pk}/"


@pytest.mark.parametrize("verdict", ["approve", "reject", "send-back"])
def test_decision_opens_what_followed_it_in_the_queue(browser: Browser, queue: list[Approval], verdict: str) -> None:
    approver = browser("approver")
    assert decide(approver, queue[1], verdict) == page(queue[2])
    told = approver.get(page(queue[2])).content.decode()
    assert f'<a href="{page(queue[1])}" data-decided>{queue[1].reference}</a>' in told
    assert decide(approver, queue[2]) == page(queue[0])  # behind the last the queue begins again
    assert decide(approver, queue[0]) == page(queue[0])  # nothing else waits


def test_decision_stays_on_its_page_for_those_who_want_it_and_when_it_fails(
    browser: Browser, queue: list[Approval]
) -> None:
    approver = browser("approver")
    refused = approver.post(f"{page(queue[0])}reject/", {"digest": queue[0].digest, "reason": ""})
    assert (refused.status_code, page(queue[1]) in refused.content.decode()) == (400, False)
    stale = approver.post(f"{page(queue[0])}approve/", {"digest": "0" * 64})
    assert (stale.status_code, page(queue[1]) in stale.content.decode()) == (409, False)
    approver.post("/admin/moving-on/", {"after": "decision", "on": "no"})
    assert decide(approver, queue[0]) == page(queue[0])


def test_steps_through_the_own_queue_decide_nothing(browser: Browser, queue: list[Approval]) -> None:
    approver = browser("approver")
    found = [step(approver)]
    for approval in queue:
        found.append(step(approver, str(approval.pk)))
    assert found == [page(queue[0]), page(queue[1]), page(queue[2]), page(queue[0])]
    assert step(approver, str(uuid4())) == step(approver, "nonsense") == page(queue[0])
    assert set(Approval.objects.values_list("state", flat=True)) == {"pending"}


def test_nobody_steps_into_a_queue_that_is_not_theirs(browser: Browser, queue: list[Approval]) -> None:
    for client in (browser("viewer"), browser("support"), browser("approver", outside=True)):
        assert step(client) == QUEUE
        assert "Nothing else is waiting for your approval." in client.get(QUEUE).content.decode()


def test_list_names_the_keys_of_a_row_to_those_who_may_use_them(browser: Browser, queue: list[Approval]) -> None:
    shown = browser("approver").get(QUEUE).content.decode()
    for key, action in (("a", "approve"), ("r", "reject"), ("e", "edit"), ("n", "next")):
        assert f'data-key="{key}" data-action="{action}"' in shown
    assert 'id="row-keys"' not in browser("viewer").get(QUEUE).content.decode()
