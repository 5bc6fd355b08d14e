"""Choose who answers a run, by what its turn has read anyway."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any
from uuid import UUID

from agents.answering.interpretation import Reading
from agents.answering.routing.choice import LIMIT, Choice, cast_of, choose
from agents.answering.routing.facts import Asked, ReadRule
from agents.answering.routing.selectors import active_rules
from agents.answering.selectors import Standing, Transcript
from agents.models import AgentRun
from conversations.models import Conversation
from core.clock import now
from core.reliability import limits


def choose_for_run(run: AgentRun, standing: Standing, transcript: Transcript, found: Reading) -> Choice:
    """Return who answers a run: beyond the organisation's messages of a day nobody, so that it waits for a person.

    No statement, while the settings that a process keeps are young enough, but two for rules over custom fields.
    """
    if limits.is_reached("messages"):
        return Choice(None, LIMIT)
    rules = active_rules()
    asked = Asked(
        account_id=standing.account_id,
        team_id=standing.team_id,
        at=now(),
        is_colleague=standing.is_colleague,
        known={
            "channel": standing.channel,
            "account": standing.account,
            "team": standing.team,
            "language": found.language,
            "intent": found.intent,
            "urgency": found.urgency,
            "lead": found.lead,
            "verified": "yes" if standing.is_proven else "no",
        },
        lines=transcript.lines,
        read_fields=cache(partial(_fields_of, rules, run.conversation_id)),
    )
    return choose(
        run,
        asked,
        rules,
        cast_of(standing.stops),
        named=transcript.named,
        answered_by=transcript.answered_by,
    )


def _fields_of(rules: Sequence[ReadRule], conversation_id: UUID) -> Mapping[str, Any]:
    """Return the values that rules look at: those of a conversation and the contact that it belongs to now."""
    contact_id = Conversation.objects.values_list("contact_id", flat=True).get(pk=conversation_id)
    return rules[0].fields.of({conversation_id: contact_id})[conversation_id]
