"""A message that is stored in the very moment of a merge: kept once, in a conversation of the contact that stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from channels_app.kit.phones import messages
from channels_app.models import InboundDelivery
from conversations import selectors, services
from conversations.contacts import contacts, known_people
from conversations.merges.merges import merge_contacts, undo_merge
from conversations.messages.echoes import record_echo
from conversations.messages.files.rules import Upload, checked_files
from conversations.messages.first_messages import begin_conversation
from conversations.messages.outbound import files_of_channel
from conversations.models import ChannelAccount, Contact, ContactPoint, Conversation, Message
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from tests import files
from tests.channels_app.approver_channels.slack.test_races import wait_until_blocked
from tests.conversations.conftest import DOOR, Shop, make_shop
from tests.world import OPERATOR, World

WHY: Final = "They said so on the phone."


class Meeting:
    """Two contacts: one by a number, who stays, and one by an email address and a number, who goes."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.mail = SenderIdentity("email", f"anna{number}@quill.example", verified=True, display_name="Anna")
        self.phone = SenderIdentity("phone", f"+3460012{number:04}", verified=True, display_name="Anna")
        self.name = SenderIdentity("bsuid", f"ES.anna{number}", verified=True)
        stays = SenderIdentity("phone", f"+3461012{number:04}", verified=True, display_name="Ann")
        self.kept = contacts.introduce(actor=DOOR, sender=stays)
        both = {"phone": self.phone.value, "email": self.mail.value}
        self.gone = known_people.create_contact(actor=OPERATOR, **both).pk
        self.addresses = 2
        self.mailbox = ChannelAccount.objects.get_or_create(
            kind="email", provider="sendgrid", name="Mail", address="hi@shop.example"
        )[0]

    def merge(self) -> None:
        support = self.shop.world.actor("support")
        _again(partial(merge_contacts, actor=support, contact_id=self.gone, into_id=self.kept, reason=WHY))

    def undo(self) -> None:
        _again(partial(undo_merge, actor=self.shop.world.actor("support"), contact_id=self.gone))

    def write(self, text: str = "Hello", thread: str = "t", **more: Any) -> Message:
        place = {"channel_account_id": self.mailbox.pk, "sender": self.mail, "thread": thread}
        return self.shop.write(text, **{**place, **more})

    def call(self, wish: Any = "") -> Message:
        """Write by phone as a number and an id that nobody knows yet."""
        self.addresses = 3
        heard = messages.Heard((self.phone, self.name), None, "whatsapp", wish)
        delivery = InboundDelivery(pk=uuid4(), received_at=now())
        said = InboundMessage(
            channel_account_id=self.shop.line.pk, sender=self.phone, text="stop", external_id=f"wamid.{self.gone}"
        )
        return messages.receive(delivery, heard, lambda _: said)

    def begin(self) -> None:
        support = self.shop.world.actor("support")
        words = {"subject": "Your order", "text": "It is here.", "account_id": self.mailbox.pk}
        with suppress(Conflict):  # merged
            begin_conversation(actor=support, contact_id=self.gone, **words)

    def echo(self) -> None:
        said = InboundMessage(
            channel_account_id=self.shop.line.pk, sender=self.phone, text="By hand", external_id=f"echo.{self.gone}"
        )
        record_echo(actor=DOOR, echo=said)

    def close(self) -> None:
        talk = Conversation.objects.get(contact=self.gone)
        services.close(actor=self.shop.world.actor("support"), conversation_id=talk.pk, resolved=True)

    def problems(self, stays: UUID, origin: UUID | None, expected: int) -> list[str]:
        """Return what is wrong once it is over."""
        places = set(Conversation.objects.filter(contact__in=[self.gone, self.kept]).values_list("contact", "origin"))
        own = (self.mail, self.phone, self.name)
        points = ContactPoint.objects.filter(value_index__in=[contacts.point_index(s.kind, s.value) for s in own])
        found = []
        if places - {(stays, origin)}:
            found.append(f"conversations of {places}")
        if list(points.values_list("contact", "origin")) != [(stays, origin)] * self.addresses:
            found.append("an address with another contact")
        stored = Message.objects.filter(conversation__contact__in=[self.gone, self.kept]).count()
        if stored != expected:
            found.append(f"{stored} messages")
        return found


def _again(step: Callable[[], Any]) -> None:
    """Do it, once more where an address was added at the same moment: people are told to try again."""
    try:
        step()
    except Conflict as problem:
        if problem.code != "changed":
            raise
        step()


def _with_file(meeting: Meeting) -> None:
    checked = checked_files([Upload("a.png", files.png())], files_of_channel(meeting.mailbox))
    inbound = InboundMessage(channel_account_id=meeting.mailbox.pk, sender=meeting.mail, text="See", thread="t")
    services.receive(actor=DOOR, inbound=inbound, files=checked)


Step = Callable[[Meeting], Any]
WAYS: Final[dict[str, tuple[tuple[Step, ...], Step, int, int]]] = {
    # What was before, what meets the merge, and how many messages there are if it comes first, and second.
    "an open conversation": ((Meeting.write,), Meeting.write, 2, 2),
    "a thread of its own": ((Meeting.write,), lambda meeting: meeting.write(thread="other"), 2, 2),
    "a closed conversation": ((Meeting.write, Meeting.close), Meeting.write, 2, 2),
    "a first message": ((), Meeting.write, 1, 1),
    "with a file": ((Meeting.write,), _with_file, 2, 2),
    "by phone, with an id that is new": ((), Meeting.call, 1, 1),
    "a colleague begins": ((), Meeting.begin, 1, 0),
    "written on the phone": ((), Meeting.echo, 1, 1),
}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_message_that_meets_a_merge_or_its_undo_is_kept_once_by_the_contact_of_its_address(world: World) -> None:
    """Two connections: one holds its locks until the other one waits for them; each comes first once."""
    acme, wrong = world.acme.pk, []
    with tenant_scope(acme):
        shop = make_shop(world)

    def in_own_connection(step: Step, meeting: Meeting) -> None:
        try:
            with tenant_scope(acme):
                step(meeting)
        finally:
            connection.close()

    def meet(first: Step, second: Step, meeting: Meeting) -> None:
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                first(meeting)
                later = pool.submit(in_own_connection, second, meeting)
                wait_until_blocked(1)
            later.result()

    number = 0
    for name, (before, way, if_first, if_second) in WAYS.items():
        for move in (Meeting.merge, Meeting.undo):
            for is_first in (True, False):
                if is_first and way is _with_file:
                    continue  # it is called in no transaction
                number += 1
                with tenant_scope(acme):
                    meeting = Meeting(shop, number)
                    for step in before:
                        step(meeting)
                    if move == Meeting.undo:
                        meeting.merge()
                    if move == Meeting.undo and way == Meeting.begin:
                        continue  # nobody writes to a merged contact
                    first, second = (way, move) if is_first else (move, way)
                    meet(first, second, meeting)
                    kept, gone = (meeting.kept, meeting.gone) if move == Meeting.merge else (meeting.gone, None)
                    found = meeting.problems(kept, gone, if_first if is_first else if_second)
                    wrong += [f"{name}, {move.__name__}, first {is_first}: {one}" for one in found]
    assert wrong == []


@pytest.mark.django_db
def test_stop_counts_although_its_worker_died_and_the_contacts_were_merged_since(shop: Shop) -> None:
    meeting = Meeting(shop, 1)
    said = InboundMessage(
        channel_account_id=shop.line.pk, sender=meeting.phone, text="stop", external_id=f"wamid.{meeting.gone}"
    )
    stored = services.receive(actor=DOOR, inbound=said)
    meeting.merge()
    assert meeting.call(wish="stop").pk == stored.pk
    assert meeting.problems(meeting.kept, meeting.gone, 2) == []  # with what confirms it
    assert selectors.wishes_of(Contact.objects.get(pk=meeting.kept).points.all()).opt_outs
