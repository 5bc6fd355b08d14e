"""Choose who answers a run, by what its turn has read anyway."""

from agents.answering.interpretation import Reading
from agents.answering.routing.choice import LIMIT, Choice, cast_of, choose
from agents.answering.routing.facts import Asked
from agents.answering.routing.selectors import active_rules
from agents.answering.selectors import Standing, Transcript
from agents.models import AgentRun
from core.clock import now
from core.reliability import limits


def choose_for_run(run: AgentRun, standing: Standing, transcript: Transcript, found: Reading) -> Choice:
    """Return who answers a run: beyond the organisation's messages of a day nobody, so that it waits for a person.

    No statement, while the settings that a process keeps are young enough.
    """
    if limits.is_reached("messages"):
        return Choice(None, LIMIT)
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
    )
    return choose(
        run,
        asked,
        active_rules(),
        cast_of(standing.stops),
        named=transcript.named,
        answered_by=transcript.answered_by,
    )
