"""Button against console, many times, on real connections: one decision, and the loser is told who won."""

from typing import Any

import pytest

from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import Approval, Decision
from standins.slack.server import SlackServer
from tests.channels_app.slack.conftest import ANNA, make_desk
from tests.hitl.test_races import at_once
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def _trials(world: World, slack: SlackServer, count: int) -> None:
    with tenant_scope(world.acme.pk):
        desk = make_desk(world, slack)
        desk.link("approver", ANNA)
        admin = world.actor("admin")
        for number in range(count):
            asked = desk.ask()
            desk.notify(asked)
            message = desk.messages()[-1]
            verdict: Any = "reject" if number % 2 else "approve"

            def in_console(asked: Approval = asked, verdict: Any = verdict) -> Approval:
                return services.decide(
                    actor=admin, approval_id=asked.pk, verdict=verdict, reason="No", digest=asked.digest
                )

            def in_slack(message: dict[str, Any] = message) -> list[int]:
                return desk.press(message, "walker_approve")

            result, statuses = at_once([in_console, in_slack])
            assert statuses == [200]
            (vote,) = Decision.objects.filter(approval=asked, verdict__in=("approve", "reject"))
            said = desk.said_to(ANNA)
            if vote.channel == "slack":
                assert isinstance(result, Conflict), result
                assert result.facts["decided_by"] == "Approver Acme"
                assert said == []
            else:
                assert isinstance(result, Approval), result
                assert "by Admin Acme" in said[-1]
            desk.slack.store.clear()


def test_button_against_console_has_one_winner(committed_world: World, slack: SlackServer) -> None:
    _trials(committed_world, slack, 4)


@pytest.mark.long
def test_two_hundred_buttons_against_the_console_have_one_winner_each(
    committed_world: World, slack: SlackServer
) -> None:
    _trials(committed_world, slack, 200)
