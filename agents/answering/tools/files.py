"""Sends a file that the agent wrote, such as a table of figures, to the person in the conversation."""

from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import Field

from agents.answering.guardrails.answer import check_words
from agents.answering.tools.registry import Arguments, Caller, Tool, register
from conversations import services
from conversations.models import Conversation
from conversations.services import Draft, Upload
from core.actors import Actor
from core.errors import Invalid
from core.text.speech import gettext_noop
from core.text.tables import safe_table

WRITTEN: Final = ("text/plain", "text/csv")
"""The kinds that a model can write; a channel has to carry one of them."""
CONTENT_LIMIT: Final = 100_000
NOT_SENT: Final = "The file was not sent: it says what an answer may not say."


class FileArguments(Arguments):
    """The file, and a sentence beside it."""

    name: str = Field(min_length=1, max_length=100, description='Its name, ending in ".csv" or ".txt"')
    content: str = Field(min_length=1, max_length=CONTENT_LIMIT, description="Its whole content, as plain text")
    text: str = Field(default="", max_length=1000, description="A sentence that goes with it")


@register
class SendFile(Tool):
    """Sends a text or a table as a file, in a message of its own."""

    key = "send_file"
    title = "Send a file"
    ability = gettext_noop("send you figures as a file")
    description = (
        "Send the person a file that you write: a CSV table or a plain text. Use it for tables and long lists. "
        "Only what the person may see belongs in it."
    )
    audience = "public"
    arguments = FileArguments
    changes = True
    largest = 4 * CONTENT_LIMIT + 8192

    def allows(self, caller: Caller) -> bool:
        """Allow it only where the channel carries such files."""
        if not self.suits(caller):
            return False
        rows = Conversation.objects.select_related("channel_account").filter(pk=caller.conversation_id)
        sizes = services.files_of_channel(rows.get().channel_account).sizes
        return any(kind in sizes for kind in WRITTEN)

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        given = FileArguments.model_validate(_checked(arguments.model_dump(), caller))
        content = given.content if given.name.lower().endswith(".txt") else safe_table(given.content)
        message = services.reply(
            actor=Actor(
                kind="agent",
                id=caller.agent_id,
                role="agent",
                name=caller.agent_type,
                permissions=frozenset({"conversations.reply_conversation"}),
            ),
            conversation_id=caller.conversation_id,
            draft=Draft(
                text=given.text,
                files=[Upload(given.name, content.encode("utf-8", "replace"))],
                # The same call, repeated after its worker died, is the same message.
                client_id=uuid5(call_id, "file"),
            ),
        )
        return {"sent": given.name, "size": message.media[0]["size"] if message.media else 0}


def _checked(given: dict[str, str], caller: Caller) -> dict[str, str]:
    """Return the arguments as the gate lets them out. Raises `Invalid` for what no answer may say either."""
    place = {"run_id": caller.run_id, "conversation_id": caller.conversation_id, "agent_id": caller.agent_id}
    sent = {
        name: check_words(words=words, is_text=name == "text", **place) if words else ""
        for name, words in given.items()
    }
    if wrong := {name: [NOT_SENT] for name, words in given.items() if words and not sent[name].strip()}:
        raise Invalid(NOT_SENT, code="not_sent", fields=wrong)
    return sent
