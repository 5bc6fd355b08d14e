"""A merged person is erased as one: whose contacts they were, and why they were merged."""

import pytest

from accounts.models import Membership
from accounts.privacy.erasure import erase_member
from conversations import services as talk
from conversations.contacts import erasure
from conversations.merges import merges
from conversations.models import Contact, ContactMerge, Conversation, Message
from conversations.types import InboundMessage, SenderIdentity
from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from tests.erasure.scene import DOOR, NAME, PHRASE, WORDS, Traces, finish
from tests.erasure.searching import found

pytestmark = pytest.mark.slow


def test_erasing_one_contact_erases_those_merged_into_it(traces: Traces) -> None:
    support, acme = traces.world.actor("support"), traces.world.acme.pk
    with tenant_scope(acme):
        old = Conversation.objects.get(pk=traces.conversation_id)
        other = SenderIdentity("webchat", "the-other-visitor", display_name=NAME)
        chat = Conversation.objects.filter(channel_account__kind="webchat").first()
        account = chat.channel_account_id if chat else old.channel_account_id
        said = talk.receive(actor=DOOR, inbound=InboundMessage(account, other, text=PHRASE))
        gone = said.conversation.contact_id
        merges.merge_contacts(actor=support, contact_id=gone, into_id=old.contact_id, reason=f"{NAME} said so")
        with pytest.raises(Conflict, match="data of both"):
            erasure.erase_contact(actor=traces.officer(), contact_id=gone, reason="asked_for")
        finish(erasure.erase_contact(actor=traces.officer(), contact_id=old.contact_id, reason="asked_for").pk)
        assert Message.objects.get(pk=said.pk).body == "[erased]"
        assert Contact.objects.get(pk=gone).erased_at is not None
        merge = ContactMerge.objects.get()
        assert (merge.reason, merge.masked_reason) == ("[erased]", "[erased]")
        with pytest.raises(Conflict) as refused:
            merges.undo_merge(actor=support, contact_id=gone)
        assert refused.value.code == "erased"
    assert found(acme, WORDS) == set()


def test_erasing_a_colleague_erases_what_their_contact_was_merged_with(traces: Traces) -> None:
    support, admin, acme = traces.world.actor("support"), traces.world.actor("admin"), traces.world.acme.pk
    with tenant_scope(acme):
        kept = Conversation.objects.get(pk=traces.conversation_id).contact_id
        chat = Conversation.objects.filter(channel_account__kind="webchat").exclude(contact=kept).first()
        account = Conversation.objects.get(pk=traces.conversation_id).channel_account_id
        said = talk.receive(
            actor=DOOR,
            inbound=InboundMessage(chat.channel_account_id if chat else account, SenderIdentity("webchat", "me"), "Hi"),
        )
        mine = said.conversation.contact_id
        talk.link_contact_to_user(actor=admin, contact_id=mine, user_id=support.user_id)
        merges.merge_contacts(actor=admin, contact_id=mine, into_id=kept, reason="The same person")
        seat = Membership.objects.get(user_id=support.user_id)
        finish(erase_member(actor=traces.officer(), membership_id=seat.pk, reason="asked_for").pk)
        assert not Contact.objects.filter(pk__in=[kept, mine], erased_at=None).exists()
