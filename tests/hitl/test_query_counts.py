"""How many queries each step of an approval takes: a guard against one query for each row."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import now
from hitl.approvals import transitions
from hitl.execution import execute
from hitl.execution.claim import claim
from hitl.execution.observation import observe_again
from tests.hitl.scene import BLUE, Scene

# Measured with plain ORM access (29, 18, 22, 14), plus a fifth. BEGIN and COMMIT count too.
MOST = {"propose": 34, "decide": 21, "claim": 26, "settle": 16}


def test_each_step_of_an_approval_takes_few_queries(live_scene: Scene) -> None:
    live_scene.done(live_scene.approved())
    taken = {}
    with CaptureQueriesContext(connection) as sent:
        approval = live_scene.propose(params=BLUE)
    taken["propose"] = len(sent)
    with CaptureQueriesContext(connection) as sent:
        live_scene.decide(approval)
    taken["decide"] = len(sent)
    observation = observe_again(transitions.read(approval.pk))
    with CaptureQueriesContext(connection) as sent:
        claimed = claim(approval.pk, observation, now())
    taken["claim"] = len(sent)
    assert claimed is not None
    outcome = execute.call(claimed)
    with CaptureQueriesContext(connection) as sent:
        assert execute.settle(claim=claimed, outcome=outcome)
    taken["settle"] = len(sent)
    assert {step: count for step, count in taken.items() if count > MOST[step]} == {}
