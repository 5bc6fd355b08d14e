"""What the demo leaves to do: questions that no article answers, replies to review."""

from datetime import timedelta
from typing import Final

from agents.knowledge.search.questions import note_question
from agents.models import OpenQuestion
from conversations.models import Conversation, SuggestedReply
from conversations.services import suggest_reply
from core import clock
from demo.people import SEEDER

QUESTIONS: Final = (
    ("Do you resole hiking boots from other brands?", 3),
    ("Can I collect loyalty points at your partner shops?", 2),
    ("Is there a student discount on sale items?", 1),
)
"""What was asked, and in how many conversations."""
REPLIES: Final = {
    "Where is my refund?": (
        "Refunds arrive within five working days after we have checked the shoes.",
        "low_confidence",
        41,
    ),
    "I want to talk to a person": ("We are open from Monday to Friday, 9:00 to 18:00.", "low_confidence", 38),
}
"""By the question: the answer of an agent that wasn't sent, why, and how sure the agent was."""


def ensure_open_work() -> None:
    """Leave it, once. Runs in the organisation's scope, after its morning was played."""
    if OpenQuestion.objects.exists() or SuggestedReply.objects.exists():
        return
    talks = list(Conversation.objects.order_by("created_at")[:3])
    for number, (question, times) in enumerate(QUESTIONS):
        for talk in talks[:times]:
            with clock.at(talk.last_message_at + timedelta(minutes=number)):
                note_question(conversation_id=talk.pk, question=question, audience="public")
    for asked, (text, reason, confidence) in REPLIES.items():
        begun = Conversation.objects.filter(messages__masked_body=asked).order_by("-created_at").first()
        if begun is not None:
            with clock.at(begun.last_message_at + timedelta(seconds=6)):
                suggest_reply(actor=SEEDER, conversation_id=begun.pk, text=text, reason=reason, confidence=confidence)
