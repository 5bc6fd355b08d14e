"""Register the built-in model and its rules."""

from __future__ import annotations

from collections.abc import Sequence

from agents import registry
from agents.ports import AnswerMatcher, Line, Role, Topic, TopicChoice
from agents.rule_based_model.decide import decide
from agents.rule_based_model.model import make_local_model, topic_of
from agents.rule_based_model.requester_answers import question_answered


class _Topics(TopicChoice):
    def topic(self, lines: Sequence[Line]) -> Topic | None:
        return topic_of(lines)


class _Answers(AnswerMatcher):
    def question_answered(self, lines: Sequence[tuple[Role, str]]) -> str:
        return question_answered(lines, decide(lines))


def register() -> None:
    """Register the model, the choice of a topic and the match of answers, which serve every model's conversations."""
    registry.register_model("local", make_local_model)
    registry.register_topic_choice(_Topics())
    registry.register_answer_matcher(_Answers())
