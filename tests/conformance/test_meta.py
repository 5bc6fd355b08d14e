"""Our client for the WhatsApp Cloud API, judged by Meta's own description.

The description is older than `recipient`, with which people who hide their number are written to: it demands `to`. That
way is judged by the stand-in alone (`tests/channels_app/meta_whatsapp/test_sending.py`).
"""

from typing import Any

import pytest

from channels_app.meta_whatsapp.transport import content_of, template_content
from conversations.mediums import WhatsApp
from conversations.types import OutboundMessage, OutboundTemplate, SenderIdentity
from core.ids import uuid7
from integrations.meta.client import MetaClient
from integrations.outcomes import Failed, Sent

pytestmark = pytest.mark.long
NUMBER, TO = "106540352242922", "15551234567"


def said(text: str, count: int = 0) -> dict[str, Any]:
    choices = [{"id": f"c{number}", "title": f"Choice {number}"} for number in range(count)]
    recipient = SenderIdentity(kind="phone", value=f"+{TO}")
    facts = {"choices": choices} if choices else {}
    outbound = OutboundMessage(uuid7(), uuid7(), uuid7(), "", {}, recipient, text, metadata=facts)
    return content_of(outbound, WhatsApp)


TEMPLATE = template_content(OutboundTemplate("update", "en", "1", {"1": "BR-1 is approved"}))


@pytest.mark.parametrize("content", [said("Olá 😀"), said("Pick", 3), said("Pick", 9), TEMPLATE])
def test_each_kind_of_message_is_what_the_description_takes(meta_prism: str, content: dict[str, Any]) -> None:
    sent = MetaClient(NUMBER, "EAAfake", base_url=meta_prism).send_message(TO, content)
    assert isinstance(sent, Sent)
    assert sent.message_id


def test_our_own_id_goes_along_where_the_description_takes_more(meta_prism: str) -> None:
    """Meta documents the field for all messages; its description forbids any further field of texts."""
    client = MetaClient(NUMBER, "EAAfake", base_url=meta_prism)
    assert isinstance(client.send_message(TO, TEMPLATE, callback_data=str(uuid7())), Sent)


def test_templates_are_read_as_the_description_has_them(meta_prism: str) -> None:
    found = MetaClient(NUMBER, "EAAfake", base_url=meta_prism).list_templates("102290129340398")
    assert isinstance(found, list)
    assert {"name", "language", "status", "components"} <= set(found[0])


def test_description_is_really_enforced(meta_prism: str) -> None:
    """What is refused here shows that the accepted ones were looked at."""
    client = MetaClient(NUMBER, "EAAfake", base_url=meta_prism)
    wrong = template_content(OutboundTemplate("update", "en", "1", {"1": "x"}))
    del wrong["template"]["language"]
    for content in (wrong, {"type": "telegram", "text": {"body": "x"}}):
        assert isinstance(client.send_message(TO, content), Failed)
