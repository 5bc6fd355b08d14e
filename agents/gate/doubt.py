"""What an agent says instead of an answer that it isn't sure of, in the person's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agents.flows.connecting import FLOW
from agents.gate.confidence import Grounds
from agents.models import AgentRun, AgentRunMessage, AgentVersion
from agents.rule_based_model.languages import foreign_language

APOLOGY: Final = (
    "Sorry, something went wrong on my side and I can't answer this. "
    "I've asked a colleague to take over; they'll reply here."
)
OURS: Final = frozenset({"local", FLOW})
"""Models of whose answers only the cited sources are measured."""
_QUESTION: Final[Mapping[str, str]] = {
    "": "I'm not sure I have the right answer to that. Could you put it another way, or tell me a bit more?",
    "de": "Ich bin nicht sicher, ob ich die richtige Antwort habe. Können Sie die Frage anders stellen oder etwas mehr "
    "dazu sagen?",
    "es": "No estoy seguro de tener la respuesta correcta. ¿Puede preguntarlo de otra forma o contarme algo más?",
    "fr": "Je ne suis pas sûr d'avoir la bonne réponse. Pouvez-vous le demander autrement, ou m'en dire un peu plus ?",
    "it": "Non sono sicuro di avere la risposta giusta. Può chiederlo in un altro modo o dirmi qualcosa in più?",
    "nl": "Ik weet niet zeker of ik het juiste antwoord heb. Kunt u het anders vragen, of iets meer vertellen?",
    "pt": "Não tenho a certeza de ter a resposta certa. Pode perguntar de outra forma, ou contar um pouco mais?",
}
_UNSURE: Final[Mapping[str, str]] = {
    "": "I'm not sure about this one, so I've asked a colleague. They'll reply here.",
    "de": "Da bin ich nicht sicher, deshalb habe ich jemanden aus dem Team gefragt. Die Antwort kommt hier.",
    "es": "No estoy seguro, así que he preguntado a un colega. Le responderá aquí.",
    "fr": "Je n'en suis pas sûr : j'ai demandé à un collègue, qui vous répondra ici.",
    "it": "Non ne sono sicuro, quindi ho chiesto a un collega. Le risponderà qui.",
    "nl": "Dit weet ik niet zeker, dus ik heb een collega gevraagd. Die antwoordt u hier.",
    "pt": "Não tenho a certeza, por isso perguntei a um colega, que responderá aqui.",
}


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
    return _QUESTION.get(foreign_language(said), _QUESTION[""])


def is_question(text: str) -> bool:
    """Return True if a text is our question for other words."""
    return text in _QUESTION.values()


def unsure(said: str) -> str:
    """Return that a colleague answers because the agent isn't sure, in the language of what was `said`."""
    return _UNSURE.get(foreign_language(said), _UNSURE[""])


def newest_words(run: AgentRun) -> str:
    """Return the newest message that a run answers, masked."""
    newest = AgentRunMessage.objects.filter(run=run).order_by("-message__seq")
    text: str | None = newest.values_list("message__masked_body", flat=True).first()
    return text or ""
