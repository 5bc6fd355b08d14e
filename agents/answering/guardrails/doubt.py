"""What an agent says instead of an answer that it isn't sure of, in the language of the turn."""

from typing import Final

from agents.answering.guardrails.confidence import LOW, Grounds
from agents.langflow.connection import FLOW
from agents.models import AgentRun, AgentVersion
from core.text.speech import gettext, gettext_noop, in_all_languages

APOLOGY: Final = gettext_noop(
    "Sorry, something went wrong on my side and I can't answer this. "
    "I've asked a colleague to take over; they'll reply here."
)
QUESTION: Final = gettext_noop(
    "I'm not sure I have the right answer to that. Could you put it another way, or tell me a bit more?"
)
COLLEAGUE: Final = gettext_noop("Thank you for your message. A colleague will reply here.")
UNSURE: Final = gettext_noop("I'm not sure about this one, so I've asked a colleague. They'll reply here.")
ALARMS: Final = {
    "danger": gettext_noop(
        "If anyone is in danger, please call your local emergency number now. "
        "I've asked a colleague to take over; they'll reply here as soon as they can."
    ),
    "bargaining": gettext_noop("I can't agree on prices. I've asked a colleague, who'll reply here."),
}
BROUGHT_IN: Final = gettext_noop("I'm sorry about this. I've asked a colleague to take over; they'll reply here.")
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


def question() -> str:
    """Return our question for other words."""
    return gettext(QUESTION)


def is_question(text: str) -> bool:
    """Return True if a text is our question for other words, in any language."""
    return text in in_all_languages(QUESTION)


def alarmed(alarm: str) -> str:
    """Return what the customer reads whose message a person has to see."""
    return gettext(ALARMS.get(alarm, BROUGHT_IN))


def instead(error: str) -> str:
    """Return what the customer reads instead of an answer that failed with an error."""
    return gettext(UNSURE if error == LOW else APOLOGY)
