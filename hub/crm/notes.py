"""What a CRM reads of a conversation that was closed: masked words, and a link to the whole."""

from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator

from conversations.models import Message
from core.reach import channels
from hub.crm.models import CrmNote
from integrations.crm.types import CrmNote as Told

LONGEST: Final = 300


def note_of(note: CrmNote) -> Told:
    """Return the note on a closed conversation. Two queries. Personal data in it is masked."""
    talk = note.conversation
    messages = Message.objects.filter(conversation=talk).exclude(masked_body="")
    asked = messages.filter(direction=Message.Direction.IN).order_by("seq").first()
    said = messages.filter(direction=Message.Direction.OUT).order_by("-seq").first()
    facts = [channels.label_of(talk.channel_account.kind), talk.get_intent_display()]
    facts.append("resolved" if note.is_resolved else "not resolved")
    lines = [("Conversation", ", ".join(filter(None, facts)))]
    lines += [("Customer", _short(asked))] if asked else []
    lines += [("Last answer", _short(said))] if said else []
    text = format_html_join("", "<p><b>{}:</b> {}</p>", lines)
    address = settings.PUBLIC_URL + reverse("admin:conversations_conversation_change", args=[talk.pk])
    return Told(format_html('{}<p><a href="{}">Open in Walker</a></p>', text, address), note.closed_at)


def _short(message: Message) -> str:
    return Truncator(" ".join(message.masked_body.split())).chars(LONGEST)
