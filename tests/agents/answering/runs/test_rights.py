"""Whose rights a run has: those of the weakest message that it answers, as its sender was proven."""

from dataclasses import replace
from uuid import uuid4

import pytest

from agents import services
from agents.answering.selectors import caller_of
from agents.answering.tools.registry import Caller
from agents.models import AgentRun
from agents.selectors import any_version
from conversations.models import Contact, Message
from conversations.services import link_contact_to_user, receive
from conversations.types import InboundMessage, SenderIdentity
from core.errors import Refused
from hitl.models import Approval
from hitl.services import decide
from tests.agents.conftest import DOOR, Desk

RAISE = "Raise the daily budget of Summer Sale to 900"


def write(desk: Desk, sender: SenderIdentity, text: str = RAISE) -> AgentRun:
    """A message of this sender arrives and finds its run."""
    inbound = InboundMessage(channel_account_id=desk.account.pk, sender=sender, text=text, client_id=uuid4())
    run = services.take_message(message_id=receive(actor=DOOR, inbound=inbound).pk)
    assert run is not None
    return run


def caller(run: AgentRun) -> Caller:
    version = any_version()
    assert version is not None
    return caller_of(run, version)


def link(desk: Desk, role: str = "support", by: str = "admin") -> None:
    user_id = desk.world.people[role].pk if role else None
    link_contact_to_user(actor=desk.world.actor(by), contact_id=Contact.objects.get().pk, user_id=user_id)


def test_verified_member_has_the_rights_of_his_membership(desk: Desk) -> None:
    found = caller(write(desk, desk.sender("support")))
    assert (found.user_id, found.verified) == (desk.world.people["support"].pk, True)


@pytest.mark.slow
def test_unverified_message_of_a_linked_contact_gives_public_rights_only(desk: Desk) -> None:
    desk.receive("hello", "visitor")
    link(desk)
    run = write(desk, desk.sender("visitor"))
    found = caller(run)
    assert (found.user_id, found.verified, found.permissions) == (None, False, frozenset())
    services.run_turn(run.pk)
    assert not Approval.objects.exists()


def test_unverified_message_in_a_burst_takes_the_rights_of_all(desk: Desk) -> None:
    run = write(desk, desk.sender("support"))
    joined = write(desk, replace(desk.sender("support"), verified=False), "please")
    assert joined.pk == run.pk
    assert caller(joined).user_id is None


def test_point_that_was_verified_once_proves_no_later_message(desk: Desk) -> None:
    desk.say("hello")
    AgentRun.objects.update(joinable_until=None)
    run = write(desk, replace(desk.sender("support"), verified=False, user_id=None))
    assert not caller(run).verified


def test_verified_sender_without_a_membership_is_no_member(desk: Desk) -> None:
    found = caller(write(desk, SenderIdentity("phone", "+34600123456", verified=True)))
    assert (found.user_id, found.verified) == (None, True)


def test_verified_phone_of_a_linked_colleague_is_the_member(desk: Desk) -> None:
    phone = SenderIdentity("phone", "+34600123456", verified=True)
    write(desk, phone, "hello")
    link(desk)
    AgentRun.objects.update(joinable_until=None, state="finished")
    assert caller(write(desk, phone)).user_id == desk.world.people["support"].pk


@pytest.mark.slow
def test_who_linked_a_contact_cannot_sign_what_is_asked_through_it(desk: Desk) -> None:
    phone = SenderIdentity("phone", "+34600123456", verified=True)
    write(desk, phone, "hello")
    link(desk)
    AgentRun.objects.update(joinable_until=None, state="finished")
    services.run_turn(write(desk, phone).pk)
    approval = Approval.objects.get()
    assert set(approval.excluded) >= {desk.world.people["admin"].pk, desk.world.people["support"].pk}
    with pytest.raises(Refused) as refusal:
        decide(actor=desk.world.actor("admin"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    assert refusal.value.code == "four_eyes"


@pytest.mark.slow
def test_who_linked_a_contact_stays_close_to_it_when_a_colleague_links_it_anew(desk: Desk) -> None:
    phone = SenderIdentity("phone", "+34600123456", verified=True)
    write(desk, phone, "hello")
    for role, by in (("support", "admin"), ("", "admin"), ("support", "owner")):
        link(desk, role, by)
    AgentRun.objects.update(joinable_until=None, state="finished")
    services.run_turn(write(desk, phone).pk)
    people = desk.world.people
    assert set(Approval.objects.get().excluded) >= {people["admin"].pk, people["owner"].pk}


def test_message_from_before_the_link_gives_no_membership(desk: Desk) -> None:
    run = write(desk, SenderIdentity("phone", "+34600123456", verified=True))
    link(desk)
    assert caller(run).user_id is None


def test_verified_sender_who_is_another_user_than_the_contacts_is_no_member(desk: Desk) -> None:
    run = write(desk, desk.sender("support"))
    AgentRun.objects.update(joinable_until=None, state="finished")
    link(desk, "admin")
    assert caller(run).user_id is None
    assert caller(write(desk, desk.sender("support"))).user_id is None
    assert Message.objects.filter(sender_user_id=desk.world.people["support"].pk).count() == 1
