"""What a model over a network sees of a run: placeholders in the place of personal data, in both directions."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final
from uuid import UUID

from agents.answering.selectors import Transcript
from agents.answering.tools import registry as tools
from agents.llm.ports import SEARCH_TOOL, Emit, Line, RunOutcome, ToolRequest
from agents.memory.models import ContactFact
from agents.memory.recall import line_of
from agents.models import AgentRun
from agents.privacy import PLACEHOLDER, ShownStream, Vault, build_vault, count_marks, suspected_names
from conversations.models import Contact, ContactPoint, Conversation, Message
from core.privacy.pii import mask_value

MASK: Final = "•"
"""What every mask has in it: a message without one holds nothing to replace."""
KINDS: Final = {ContactPoint.Kind.PHONE: "phone", ContactPoint.Kind.EMAIL: "email"}

MOST_SUSPECTED: Final = 500
MOST_OTHERS: Final = 200
"""So many other contacts with names of the same initials are compared with what is written."""


class Redaction:
    """The placeholders of one round of a run."""

    def __init__(
        self, run: AgentRun, transcript: Transcript, facts: Sequence[ContactFact] = (), noted: str = ""
    ) -> None:
        # The clear text is read only where something was masked.
        pairs = list(zip(transcript.lines, transcript.message_ids, strict=True))
        masked = [message_id for line, message_id in pairs if MASK in line.text]
        clear = {row.pk: row.body for row in Message.objects.filter(pk__in=masked)} if masked else {}
        texts = [clear.get(message_id) or line.text for line, message_id in pairs]
        self._vault = open_vault(run.conversation_id, texts)
        for fact in facts:
            if fact.kind == ContactFact.Kind.PREFERRED_NAME:
                self._vault.know("name", fact.value, is_own=True)
        known = [self._vault.redact(line_of(facts), is_own=True), self._vault.redact(noted)]
        hidden = [
            replace(line, text=self._vault.redact(text, is_own=line.role == "user"))
            for line, text in zip(transcript.lines, texts, strict=True)
        ]
        self.lines = (*(Line("user", text) for text in known if text), *hidden)
        self._marks = {mark for line in self.lines for mark in PLACEHOLDER.findall(line.text)}
        self._shown: ShownStream | None = None

    def emit(self, emit: Emit) -> Emit:
        """Return where a model's words go: people see masks where it wrote placeholders."""
        self._shown = ShownStream(self._vault, emit)
        return self._shown.hear

    def finish(self, outcome: RunOutcome) -> RunOutcome:
        """Return the outcome as people may see it."""
        if self._shown is not None:
            self._shown.end()
        return replace(outcome, text=self._vault.show(outcome.text), redacted=count_marks(self._marks))

    def restore(self, request: ToolRequest) -> ToolRequest:
        """Return the call with the customer's own values where its tool declares personal arguments."""
        if request.error or not tools.is_known(request.name):
            return request
        try:
            arguments = self._vault.restore(request.arguments, tools.get(request.name).arguments)
        except ValueError as problem:
            return replace(request, error=str(problem))
        return replace(request, arguments=arguments)

    def redact(self, line: Line) -> Line:
        """Return the result of a tool without personal data."""
        if line.role != "tool":
            return line
        # In what others wrote, numbers and addresses are masked already.
        text = self._vault.redact(line.text, is_published=line.tool_name == SEARCH_TOOL)
        self._marks.update(PLACEHOLDER.findall(text))
        return replace(line, text=text)


def open_vault(conversation_id: UUID, texts: Sequence[str]) -> Vault:
    """Return a vault with what is kept of a conversation's contact, and the names of others in the texts. Two queries.

    A third one if the texts have what may be a name.
    """
    talk = Conversation.objects.select_related("contact", "origin").filter(pk=conversation_id).first()
    if talk is None:
        return Vault()
    # Placeholders are turned back into values: a model could ask for those of another address of a merged contact.
    points = ContactPoint.objects.filter(contact=talk.contact_id, origin=talk.origin_id, kind__in=KINDS).order_by("id")
    kept = [(KINDS[ContactPoint.Kind(point.kind)], point.value) for point in points]
    vault = build_vault([("name", talk.record.display_name), *kept])
    # Others whose whole names may stand in the texts: encrypted, so they are looked for by their masks in the index.
    masks = (mask_value("name", name) for text in reversed(texts) for name in suspected_names(text))
    suspected = set(islice(masks, MOST_SUSPECTED))
    if suspected:
        rows = Contact.objects.filter(masked_name__in=suspected, erased_at=None).order_by("-id")
        for contact in rows.only("tenant_id", "display_name")[:MOST_OTHERS]:
            vault.know_other(contact.display_name)
    return vault
