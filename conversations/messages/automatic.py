"""Tell what was written by a program, such as the email of a list: no program is answered by another."""

from conversations.models import Conversation, Message


def is_newest_automatic(conversation: Conversation) -> bool:
    """Return True if a program wrote what came in last. One query."""
    rows = Message.objects.filter(conversation=conversation, direction=Message.Direction.IN).order_by("-seq")
    newest = rows.only("metadata").first()
    mail = newest.metadata.get("mail") if newest is not None else None
    return isinstance(mail, dict) and bool(mail.get("automatic"))
