"""Plan to ask a customer how it was, when their conversation is closed."""

from datetime import datetime
from hashlib import sha256

from conversations.models import Conversation, Survey, Team
from core.jobs import queues


def plan_survey(conversation: Conversation, moment: datetime) -> None:
    """Note on a conversation that is being closed that its customer is to be asked, if its team wants that.

    Once per conversation. In the caller's transaction; it is asked after the commit, by a task. At most three queries.
    """
    rows = Team.objects.exclude(survey=Team.Asks.NEVER)
    chosen = rows.filter(pk=conversation.team_id) if conversation.team_id else rows.filter(is_default=True)
    team = chosen.first()
    if team is None or (team.survey == Team.Asks.RESOLVED and not conversation.resolved):
        return
    # By the conversation's id: asking again decides the same.
    is_chosen = int.from_bytes(sha256(conversation.pk.bytes).digest()[:4]) % 100 < team.survey_share
    if not is_chosen or Survey.objects.filter(conversation=conversation).exists():
        return
    survey = Survey.objects.create(
        conversation=conversation, team=team, person_id=conversation.assigned_to_id, created_at=moment
    )
    queues.enqueue_after_commit("ask_survey", survey.pk)


def leave_team(team: Team) -> None:
    """Leave the surveys of a team that is being deleted without one."""
    Survey.objects.filter(team=team).update(team=None)
