"""The queries of an approval's life stay few: a guard against one query per row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import now
from hitl.execution import claim, execute
from hitl.execution.observation import observe_again
from tests.hitl.scene import BLUE, Scene, performed

LIMITS: Final = {"propose": 35, "decide": 22, "decide and open the next level": 24, "claim": 24, "settle": 17}
"""The number found, and a fifth more; savepoints are counted."""


@contextmanager
def _at_most(step: str) -> Iterator[None]:
    with CaptureQueriesContext(connection) as sent:
        yield
    said = "\n".join(query["sql"].partition(";")[2][:160] for query in sent)
    assert len(sent) <= LIMITS[step], f"{len(sent)} queries to {step}:\n{said}"


def test_queries_from_the_request_to_its_effect(scene: Scene) -> None:
    scene.done(scene.approved())
    with _at_most("propose"):
        approval = scene.propose(params=BLUE)
    with _at_most("decide"):
        approval = scene.decide(approval)
    observed = observe_again(approval)
    with _at_most("claim"):
        taken = claim.claim(approval.pk, observed, now())
    assert taken is not None
    outcome = performed(taken)
    with _at_most("settle"):
        assert execute.settle(claim=taken, outcome=outcome)


def test_queries_of_a_vote_that_opens_the_next_level(scene: Scene) -> None:
    scene.define({}, {})
    approval = scene.propose()
    with _at_most("decide and open the next level"):
        assert scene.decide(approval).level == 2
