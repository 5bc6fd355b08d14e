"""Process a stored message of a company's own app."""

import json
from typing import Any, Final

from channels_app.models import InboundDelivery
from channels_app.webhooks.deliveries import stored_as
from conversations import services
from conversations.types import InboundMessage, SenderIdentity
from core.actors import system
from core.errors import Invalid

ACTOR: Final = system("app")
TEXT: Final = "text"


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one message in its tenant's scope; safe to repeat. An unknown type is shown, and no agent answers it."""
    try:
        fields: dict[str, Any] = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This message isn't JSON.", code="not_json") from None
    is_known = fields["type"] == TEXT
    # The id of the delivery's event is unique per customer, so a repeat is recognised here too.
    metadata = {"app": fields["metadata"]} if fields["metadata"] else {}
    message = services.receive(
        actor=ACTOR,
        inbound=InboundMessage(
            channel_account_id=delivery.channel_account_id,
            sender=SenderIdentity(kind="customer", value=fields["From"], verified=True, display_name=fields["name"]),
            text=fields["text"] if is_known or fields["text"].strip() else f"[{fields['type']} message]",
            external_id=delivery.event_key,
            metadata=metadata,
            wants_answer=is_known,
            **stored_as(delivery),
        ),
    )
    if language := fields.get("language"):
        services.note_language(contact_id=message.conversation.contact_id, language=language)
