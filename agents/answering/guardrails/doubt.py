"""What an agent says instead of an answer that it isn't sure of, in the person's language."""

from typing import Final

from agents.answering.guardrails.confidence import Grounds
from agents.answering.guardrails.sentences import COLLEAGUE, QUESTION, UNSURE
from agents.langflow.connection import FLOW
from agents.models import AgentRun, AgentRunMessage, AgentVersion
from core.text.languages import foreign_language

APOLOGY: Final = (
    "Sorry, something went wrong on my side and I can't answer this. "
    "I've asked a colleague to take over; they'll reply here."
)
OURS: Final = frozenset({"local", FLOW})
"""Models of whose answers only the cited sources are measured."""


def grounds_of(version: AgentVersion) -> Grounds:
    """Return what collects the grounds of a version's answer."""
    return Grounds(least=version.min_confidence, only_cited=version.model in OURS, told=version.prompt)


def has_asked_back(run: AgentRun) -> bool:
    """Return True if the agent's last answer in the conversation was our question for other words."""
    if run.finished_at is not None:  # a run that answered before the newest message joined it
        return run.asked_back
    earlier = AgentRun.objects.filter(conversation_id=run.conversation_id, trigger=AgentRun.Trigger.MESSAGE)
    answered = earlier.exclude(pk=run.pk).filter(reply_id__isnull=False)
    return bool(answered.order_by("-created_at", "-id").values_list("asked_back", flat=True).first())


def question(said: str) -> str:
    """Return our question for other words, in the language of what was `said`."""
    return QUESTION.get(foreign_language(said), QUESTION[""])


def is_question(text: str) -> bool:
    """Return True if a text is our question for other words."""
    return text in QUESTION.values()


def unsure(said: str) -> str:
    """Return that a colleague answers because the agent isn't sure, in the language of what was `said`."""
    return UNSURE.get(foreign_language(said), UNSURE[""])


def colleague(said: str) -> str:
    """Return that a colleague answers where no agent does, in the language of what was `said`."""
    return COLLEAGUE.get(foreign_language(said), COLLEAGUE[""])


def newest_words(run: AgentRun) -> str:
    """Return the newest message that a run answers, masked."""
    newest = AgentRunMessage.objects.filter(run=run).order_by("-message__seq")
    text: str | None = newest.values_list("message__masked_body", flat=True).first()
    return text or ""
