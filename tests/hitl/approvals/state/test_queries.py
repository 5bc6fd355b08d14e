"""The queries of an approval's life stay few: a guard against one query per row."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import now
from hitl import services
from hitl.approvals.decide.questions import ask
from hitl.execution import claim, execute
from hitl.execution.observation import observe_again
from tests.hitl.kit.scene import BLUE, PRESS, Scene, performed, roles

LIMITS: Final = {"propose": 41, "decide": 34, "decide and open the next level": 36, "claim": 34, "settle": 27}
"""The number found, and a fifth more; savepoints are counted.

Of each step up to ten are its seals: four read the rows of a locked request and its newest audit entry, three read the
rows again at the end, and up to three write the seals that changed. Their number does not grow with the rows.
"""


@contextmanager
def _at_most(step: str) -> Iterator[None]:
    with CaptureQueriesContext(connection) as sent:
        yield
    said = "\n".join(query["sql"].partition(";")[2][:160] for query in sent)
    assert len(sent) <= LIMITS[step], f"{len(sent)} queries to {step}:\n{said}"


@pytest.mark.slow
def test_queries_from_the_request_to_its_effect(scene: Scene) -> None:
    scene.done(scene.approved())
    with _at_most("propose"):
        approval = scene.propose(params=BLUE)
    with _at_most("decide"), CaptureQueriesContext(connection) as sent:
        approval = scene.decide(approval)
    # A vote asks nothing of connections, their calls and what is exchanged over them.
    assert [table for query in sent for table in re.findall(r"\b(?:hub|integrations)_[a-z]+", query["sql"])] == []
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


@pytest.mark.slow
def test_queries_of_a_vote_do_not_grow_with_its_rows(scene: Scene) -> None:
    counts = []
    for params, names in ((PRESS, ("approver", "admin")), (BLUE, ("approver", "admin", "owner"))):
        scene.define({"mode": "quorum", "quorum": 2, "approvers": roles(*names)})
        approval = scene.propose(params=params)
        for _ in names[2:]:
            asked = {"actor": scene.actor("admin"), "approval_id": approval.pk, "digest": approval.digest}
            ask(**asked, reason="Why?")
            services.answer(actor=scene.actor("support"), approval_id=approval.pk, text="Because")
        with CaptureQueriesContext(connection) as sent:
            scene.decide(approval)
        counts.append(len(sent))
    assert counts[0] == counts[1]
