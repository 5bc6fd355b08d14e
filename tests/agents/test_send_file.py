"""An agent sends a file that it wrote: once, and only where the channel carries it."""

from uuid import uuid4

import pytest

from agents.tools.files import SendFile
from agents.tools.registry import Caller
from conversations import services
from conversations.models import Attachment, Conversation
from core.errors import Conflict, Invalid
from tests.conversations.conftest import make_shop
from tests.world import World


def caller_in(chat: Conversation) -> Caller:
    return Caller(
        conversation_id=chat.pk,
        channel="webchat",
        verified=False,
        user_id=None,
        permissions=frozenset(),
        agent_id=uuid4(),
        agent_type="seo",
        agent_owner_id=None,
        run_id=uuid4(),
    )


def test_agent_sends_a_table_once_and_not_over_a_person(acme: World) -> None:
    shop, tool, call_id = make_shop(acme), SendFile(), uuid4()
    chat = shop.conversation()
    caller = caller_in(chat)
    assert tool.allows(caller)
    asked = tool.read({"name": "../figures.csv", "content": "day,visits\n1,2", "text": "Here"})
    for _ in range(2):
        assert tool.call(asked, caller=caller, call_id=call_id) == {"sent": "../figures.csv", "size": 14}
    file = Attachment.objects.get()
    assert (file.filename, file.content_type, file.message.sender_type) == ("figures.csv", "text/csv", "agent")
    script = tool.read({"name": "run.sh", "content": "#!/bin/sh"})
    with pytest.raises(Invalid):
        tool.call(script, caller=caller, call_id=uuid4())
    services.take_over(actor=acme.actor("support"), conversation_id=chat.pk)
    with pytest.raises(Conflict):
        tool.call(asked, caller=caller, call_id=uuid4())
    line = Conversation.objects.get(pk=shop.call().conversation_id)
    assert not tool.allows(caller_in(line))  # WhatsApp through Twilio takes no tables
