"""What the customer's own page reads: frames with their own clear text, and a snapshot."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from conversations.contacts import points
from conversations.inbox.models import conversations_of
from conversations.messages.selectors.messages import public_metadata
from conversations.models import Attachment, ContactPoint, Conversation, Message
from core.db.rows import get_or_missing
from core.events import streams
from core.privacy.encryption import blind_index
from core.reliability import loose_cache
from core.tenancy.models import current_tenant_id

SNAPSHOT: Final = 50
FRAMES: Final = 200
STOP_LIFE: Final = 120
"""Seconds for which a request to stop an answer is kept: longer than any answer takes."""


def find_customer_conversation(*, channel_account_id: UUID, kind: str, value: str) -> Conversation | None:
    """Return the newest conversation of a contact point on a channel account, open or closed."""
    index = blind_index(points.index_form(kind, value), column=points.COLUMN)
    owners = ContactPoint.objects.filter(kind=kind, value_index=index)
    rows = conversations_of(owners).filter(channel_account_id=channel_account_id)
    return rows.order_by("-last_message_at", "-id").first()


def frames_for_customer(conversation_id: UUID, after: int, *, limit: int = FRAMES) -> list[dict[str, Any]]:
    """Return the numbered events above `after` as frames, with the text in clear.

    For the customer only: the caller has checked whose conversation it is. Each frame is
    `{"type", "seq", ...payload}`; frames of a message carry `content` and `message` (the same clear text), `media`,
    `metadata`, and as `person` the id of a colleague who wrote it. Two queries for any number of frames, three if
    there are files.
    """
    found = streams.read(f"conversation:{conversation_id}", after, limit)
    ids = [event.payload["id"] for event in found if "content_type" in event.payload]
    shown = Message.objects.only("tenant_id", "body", "media", "metadata", "status", "sender_type", "sender_id")
    rows = list(shown.filter(conversation_id=conversation_id, pk__in=ids)) if ids else []
    messages, names = {str(message.pk): message for message in rows}, _names_of_files(rows)
    frames = []
    for event in found:
        frame = {"type": event.type, "seq": event.seq, **event.payload}
        message = messages.get(str(event.payload.get("id")))
        if message is not None and "content_type" in event.payload:
            frame.pop("text", None)
            frame.update(_clear_content(message, names))
        frames.append(frame)
    return frames


def _names_of_files(messages: Collection[Message]) -> dict[str, str]:
    """Return the names of the messages' files by id; one query if there are any."""
    wanted = [message.pk for message in messages if message.media]
    rows = Attachment.objects.filter(message__in=wanted).only("id", "filename", "tenant_id") if wanted else ()
    return {str(row.pk): row.filename for row in rows}


def _clear_content(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "content": message.body,
        "message": message.body,
        "media": [{**file, "name": names.get(file["id"], "")} for file in message.media],
        "metadata": public_metadata(message.metadata) | choices_of(message),
        "status": message.status,
        "person": str(message.sender_id or "") if message.sender_type == Message.Sender.PERSON else "",
    }


def choices_of(message: Message) -> dict[str, Any]:
    """Return the buttons of a message of ours that the customer answers with."""
    is_ours = message.sender_type == Message.Sender.SYSTEM and message.metadata.get("draft")
    return {"choices": message.metadata["choices"]} if is_ours and "choices" in message.metadata else {}


def snapshot_for_customer(conversation_id: UUID, *, limit: int = SNAPSHOT) -> dict[str, Any]:
    """Return the newest messages in clear with the number they are complete up to.

    For the customer only. `{"type": "snapshot", "seq", "conversation", "state",
    "messages": [...]}`; three queries, four if there are files. Raises `NotFound`.
    """
    # The head first: later messages arrive as events too, and the page drops them by number.
    head = streams.head(f"conversation:{conversation_id}")
    states = Conversation.objects.filter(pk=conversation_id).values_list("state", flat=True)
    state = get_or_missing(states, "There is no such conversation.")
    rows = Message.objects.filter(conversation_id=conversation_id, seq__lte=head)
    newest = list(rows.order_by("-seq")[:limit])
    names = _names_of_files(newest)
    return {
        "type": "snapshot",
        "seq": head,
        "conversation": str(conversation_id),
        "state": state,
        "messages": [
            {
                "id": str(message.pk),
                "client_id": str(message.client_id) if message.client_id else None,
                "seq": message.seq,
                "direction": message.direction,
                "sender": {"type": message.sender_type, "name": message.sender_name},
                "content_type": message.content_type,
                "created_at": message.created_at.isoformat(),
                **_clear_content(message, names),
            }
            for message in reversed(newest)
        ],
    }


def stop_key(tenant_id: UUID, conversation_id: UUID) -> str:
    """Return the cache key of the request: `<tenant>:stop:<conversation>`, both as hex."""
    return f"{tenant_id.hex}:stop:{conversation_id.hex}"


def stopped_at(conversation_id: UUID) -> datetime | None:
    """Return when the customer last asked to stop the answer.

    Returns None if never, or without Redis.
    """
    asked = loose_cache.find(stop_key(current_tenant_id(), conversation_id), what="stop")
    return asked if isinstance(asked, datetime) else None
