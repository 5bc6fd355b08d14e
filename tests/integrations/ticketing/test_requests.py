"""Requests that change tickets: approved once, done once, also when an answer is lost; what approvers see."""

import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from conversations.models import Contact
from core.clock import now
from core.errors import Invalid, NotFound
from hitl.actions import registry as kinds
from hitl.actions.base import Origin
from hitl.models import Approval
from hitl.services import create_workflow, decide, execute, propose
from integrations import platforms
from integrations.models import ProviderAccount
from integrations.ticketing import selectors
from integrations.ticketing.types import CommentParams, NewTicketParams
from tests.edge.tickets_fixture import ADDS, CREATES, READS
from tests.integrations.ticketing.conftest import Desk, make_contact
from tests.world import OPERATOR

TEXT = {"subject": "Zip is broken", "text": "It broke on the first day."}
SECRET = "Do not tell: he is a fraudster"


@pytest.fixture
def open_desk(desk: Desk) -> Desk:
    """The desk with a workflow for everything."""
    signers = [{"type": "role", "value": "approver"}]
    create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": signers}])
    return desk


def request(desk: Desk, kind: str = "create_ticket", **params: Any) -> Approval:
    given = {"customer": str(desk.customer.id), **(TEXT if kind == "create_ticket" else {}), **params}
    return propose(actor=desk.world.actor("support"), kind=kind, params=given, origin=Origin())


def approved(desk: Desk, kind: str = "create_ticket", **params: Any) -> Approval:
    made = request(desk, kind, **params)
    who = desk.world.actor("approver")
    decide(actor=who, approval_id=made.pk, verdict="approve", digest=made.digest, reason="")
    return made


def open_ticket(desk: Desk) -> str:
    return next(row.number for row in selectors.search_tickets(desk.customer) if not row.is_done)


def test_request_names_the_contact_and_no_address_and_is_of_low_risk(open_desk: Desk) -> None:
    made = request(open_desk)
    kept = str([made.payload, made.facts, made.preview, made.summary])
    assert (open_desk.customer.addresses[0] in kept, "Carla" in kept) == (False, False)
    title = platforms.get(open_desk.server.name).title
    assert made.preview["headline"] == f"Open a ticket in {title}"
    assert made.preview["body"] == TEXT["text"]
    assert made.risk_level == "low"
    assert open_desk.server.created() == 0


@pytest.mark.slow
def test_approved_ticket_is_created_once_and_told_by_its_number(open_desk: Desk) -> None:
    made = approved(open_desk)
    selectors.search_tickets(open_desk.customer)
    assert [execute(approval_id=made.pk).state for _ in range(2)] == ["executed", "executed"]
    number = made.executions.get().result["ticket"]
    assert (open_desk.server.created(), number in made.executions.get().result["in_words"]) == (1, True)
    assert selectors.last_tickets(selectors.connection(), open_desk.customer.id) is None


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["drop_after", "drop_before"])
def test_lost_answer_is_asked_for_again_with_the_same_key(open_desk: Desk, deed: str) -> None:
    made = approved(open_desk)
    open_desk.server.script(CREATES[open_desk.server.name], deed)
    assert execute(approval_id=made.pk).state == "executing"
    assert execute(approval_id=made.pk, now=now() + timedelta(hours=1)).state == "executed"
    assert open_desk.server.created() == 1


@pytest.mark.slow
def test_comment_whose_answer_was_lost_is_found_by_the_probe(open_desk: Desk) -> None:
    made = approved(open_desk, "add_comment", ticket=open_ticket(open_desk), text=SECRET)
    kind, key = kinds.get("add_comment"), "walker:1"
    params = CommentParams.model_validate(made.payload)
    found = kind.probe(params, idempotency_key=key)
    assert (found.kind, found.retry) == ("failed_clean", True)  # type: ignore[union-attr]
    open_desk.server.script(ADDS[open_desk.server.name], "drop_after")
    assert kind.execute(params, idempotency_key=key).kind == "unknown"
    found = kind.probe(params, idempotency_key=key)
    assert found is not None
    assert (found.kind, SECRET in str(found)) == ("succeeded", False)
    assert kind.execute(params, idempotency_key=key).kind == "succeeded"
    assert len(open_desk.server.comments()) == 1
    open_desk.server.script(READS[open_desk.server.name].rsplit("/", 2)[0], "fail", times=9)
    assert kind.probe(params, idempotency_key=key) is None


@pytest.mark.slow
def test_comment_is_internal_unless_it_says_otherwise(open_desk: Desk) -> None:
    number = open_ticket(open_desk)
    made = approved(open_desk, "add_comment", ticket=number, text=SECRET)
    assert "an internal comment" in made.preview["headline"]
    assert execute(approval_id=made.pk).state == "executed"
    assert open_desk.server.comments()[0]["detail"].get("public", False) is False
    shown = kinds.get("add_comment").done_sentence(made.preview, made.facts)
    assert SECRET not in shown + made.executions.get().result["in_words"]
    if open_desk.server.name == "hubspot":
        with pytest.raises(Invalid, match="internal comments only"):
            request(open_desk, "add_comment", ticket=number, text="Hello", is_internal=False)


def test_bad_input_is_refused_with_the_field_named(open_desk: Desk) -> None:
    with pytest.raises(NotFound):
        request(open_desk, "add_comment", ticket="999999", text="Hello")
    stranger = make_contact("stranger@customers.example", "Stan")
    with pytest.raises(NotFound):
        request(open_desk, "add_comment", ticket=open_ticket(open_desk), text="Hello", customer=str(stranger.pk))
    unproven = make_contact("typed@customers.example", "Ty", is_verified=False)
    for contact_id in (str(unproven.pk), str(uuid4())):
        with pytest.raises(Invalid) as refusal:
            request(open_desk, customer=contact_id)
        assert list(refusal.value.facts["fields"]) == ["customer"]
    for wrong in (
        {"priority": "NaN"},
        {"subject": ""},
        {"text": "x" * 5001},
        {"customer": "carla"},
        {"system": "jira"},
    ):
        with pytest.raises((Invalid, NotFound)):
            request(open_desk, **wrong)
    assert not Approval.objects.exists()


def test_person_who_was_erased_meanwhile_gets_no_ticket(open_desk: Desk) -> None:
    params = NewTicketParams.model_validate(request(open_desk).payload)
    Contact.objects.filter(pk=open_desk.customer.id).update(erased_at=now())
    assert kinds.get("create_ticket").execute(params, idempotency_key="walker:1").kind == "failed_clean"
    assert open_desk.server.created() == 0


def test_account_taken_away_is_a_clean_failure(open_desk: Desk) -> None:
    params = NewTicketParams.model_validate(request(open_desk).payload)
    ProviderAccount.objects.update(is_active=False)
    outcome = kinds.get("create_ticket").execute(params, idempotency_key="walker:1")
    assert (outcome.kind, outcome.error) == ("failed_clean", "not_connected")


@pytest.mark.long
def test_two_hundred_lost_answers_create_two_hundred_tickets(open_desk: Desk) -> None:
    dice, kind, server = random.Random(34), kinds.get("create_ticket"), open_desk.server
    for number in range(200):
        key = f"walker:trial:{number}"
        params = NewTicketParams.model_validate({**TEXT, "customer": str(open_desk.customer.id), "system": server.name})
        for _ in range(dice.randint(1, 3)):
            server.script(CREATES[server.name], dice.choice(["drop_after", "drop_before", "html_after", "fail"]))
            kind.execute(params, idempotency_key=key)
        server.call("DELETE", "/__script")
        outcome = kind.probe(params, idempotency_key=key)
        assert outcome is not None
        if outcome.kind != "succeeded":
            assert kind.execute(params, idempotency_key=key).kind == "succeeded"
        assert server.created() == number + 1
