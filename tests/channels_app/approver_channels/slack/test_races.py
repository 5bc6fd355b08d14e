"""Button against console, many times, on real connections: one decision, and the loser is told who won."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from django.db import connection, transaction

from channels_app.approver_channels.slack import posts
from channels_app.models import SlackMessage
from core.clock import now
from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import Approval, Decision, Notification
from standins.slack.server import SlackServer
from tests.channels_app.approver_channels.slack.conftest import ANNA, PUBLIC, make_desk
from tests.hitl.machine.test_races import at_once
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


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


def test_message_is_made_and_taken_over_from_a_dead_poster_by_one_worker(
    committed_world: World, slack: SlackServer
) -> None:
    with tenant_scope(committed_world.acme.pk):
        desk = make_desk(committed_world, slack)
        row = Notification.objects.filter(approval=desk.ask(), channel="slack").earliest("id")
        target = posts.Target(PUBLIC, "channel:shared", None)

        def claim() -> SlackMessage | None:
            return posts._claim(desk.account, row, target, now())

        made = [one for one in at_once([claim] * 4) if one is not None]
        assert len(made) == 1
        SlackMessage.objects.update(due_at=now())
        # All of them wait for the row, and none has read it after another changed it.
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            SlackMessage.objects.select_for_update().get()
            claims = pool.submit(copy_context().run, at_once, [claim] * 4)
            wait_until_blocked(4)
        assert [one.pk for one in claims.result() if one is not None] == [made[0].pk]  # type: ignore[attr-defined]
        SlackMessage.objects.update(ts="1.1")
        assert posts.post(desk.account, row, target).provider_message_id == "1.1"
        assert desk.messages() == []


def wait_until_blocked(count: int) -> None:
    """Wait until so many connections wait for a lock."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("select pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.02)
    raise AssertionError("they do not wait")


def test_button_against_console_has_one_winner(committed_world: World, slack: SlackServer) -> None:
    _trials(committed_world, slack, 4)


@pytest.mark.long
def test_two_hundred_buttons_against_the_console_have_one_winner_each(
    committed_world: World, slack: SlackServer
) -> None:
    _trials(committed_world, slack, 200)
