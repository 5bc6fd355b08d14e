"""Many requests decided at once are nothing but their single decisions, each with an outcome of its own."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from core.audit import chain
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services, tasks
from hitl.actions.base import Origin
from hitl.approvals.decide.decide import CONSOLE, Verdict
from hitl.batches import work
from hitl.batches.batches import Sent, get_batch, open_batch, query_batches, undo_batch
from hitl.batches.preview import Chosen, preview_batch
from hitl.batches.work import work_batch
from hitl.models import Approval, BatchDecision, BatchItem, Decision
from hitl.policy.decision_policy import set_decision_policy
from tests.hitl.kit.processes import in_processes
from tests.hitl.kit.scene import PRESS, Scene, stored
from tests.hitl.machine.test_races import at_once

pytestmark = pytest.mark.slow

BUTTONS = ("red", "blue", "green", "white", "black")


def _asked(scene: Scene, count: int = 3, **options: Any) -> list[Approval]:
    return [scene.propose(params={**PRESS, "button": name}, **options) for name in BUTTONS[:count]]


def _chosen(*approvals: Approval) -> list[Chosen]:
    return [Chosen(row.pk, row.digest) for row in approvals]


def _send(scene: Scene, chosen: Sequence[Chosen], verdict: Verdict = "approve", **options: Any) -> BatchDecision:
    actor = options.pop("actor", None) or scene.actor("approver")
    sent = Sent(options.pop("channel", CONSOLE), options.pop("key", ""))
    return open_batch(actor=actor, verdict=verdict, chosen=chosen, sent=sent, is_mixed=True, **options)


def _report(batch: BatchDecision) -> list[str]:
    rows = BatchItem.objects.filter(batch=batch).order_by("place")
    return [row.code or row.state for row in rows]


def _worked(batch: BatchDecision, **options: Any) -> list[str]:
    assert work_batch(batch_id=batch.pk, **options)
    return _report(batch)


def test_each_is_decided_and_audited_on_its_own(scene: Scene) -> None:
    rows = _asked(scene)
    batch = _send(scene, _chosen(*rows))
    assert _report(batch) == [""] * 3
    assert _worked(batch) == ["approved"] * 3
    votes = Decision.objects.filter(approval__in=rows, verdict="approve")
    assert {(vote.person_id, vote.channel, vote.digest) for vote in votes} == {
        (scene.user_id("approver"), "console", row.digest) for row in rows
    }
    assert AuditEntry.objects.filter(action="APPROVAL_APPROVE", object_id__in=[row.pk for row in rows]).count() == 3
    facts = AuditEntry.objects.get(action="BATCH_FINISHED", object_id=batch.pk).facts
    assert (facts["decided"], facts["refused"]) == (3, 0)
    after = [stored(row).execute_after for row in rows]
    assert None not in after
    assert scene.effects.pressed == []
    batch.refresh_from_db()
    assert batch.finished_at is not None
    assert not work_batch(batch_id=batch.pk)


def test_what_may_not_be_decided_is_reported_one_by_one(scene: Scene) -> None:
    own = scene.propose(actor=scene.actor("approver"))
    decided, changed, removed, good = _asked(scene, 4)
    scene.decide(decided, actor=scene.actor("admin"))
    with tenant_scope(scene.world.globex.pk):
        foreign = services.propose(actor=scene.world.outsider(), kind="test_press_keyed", params=PRESS, origin=Origin())
    with connection.cursor() as cursor:
        cursor.execute("update hitl_approval set notes = 'x' where id = %s", [removed.pk])
    chosen = [
        *_chosen(own, decided), Chosen(changed.pk, good.digest), *_chosen(removed, foreign),
        Chosen(uuid4(), "0" * 64), *_chosen(good),
    ]  # fmt: skip
    wanted = ["four_eyes", "conflict", "stale_digest", "tampered", "not_found", "not_found"]
    seen = preview_batch(viewer=scene.actor("approver"), verdict="approve", chosen=chosen)
    assert [line.code for line in seen] == [*wanted, ""]
    assert all(line.says for line in seen[:-1])
    assert _worked(_send(scene, chosen)) == [*wanted, "approved"]
    assert [stored(row).state for row in (own, changed, removed)] == ["pending"] * 3
    assert AuditEntry.objects.filter(action="ATTEMPT_REFUSED", object_id=own.pk).exists()


def test_preview_of_more_requests_takes_no_more_queries(scene: Scene) -> None:
    rows = _asked(scene)
    counts = []
    for chosen in (_chosen(rows[0]), _chosen(*rows)):
        with CaptureQueriesContext(connection) as sent:
            preview_batch(viewer=scene.actor("approver"), verdict="approve", chosen=chosen)
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("ceiling", ["none", "low", "medium", "high"])
def test_ceiling_of_the_organisation_keeps_out_what_is_too_risky(scene: Scene, ceiling: str) -> None:
    set_decision_policy(actor=scene.actor("admin"), undo_seconds=0, batch_risk=ceiling, seen_version=0)
    rows = [scene.propose(), scene.propose(params={**PRESS, "button": "blue", "amount": "9000000.00"})]
    order = ["low", "medium", "high", "critical"]
    allowed = order[: order.index(ceiling) + 1] if ceiling in order else []
    codes = ["" if row.risk_level in allowed else "too_risky" for row in rows]
    seen = preview_batch(viewer=scene.actor("approver"), verdict="approve", chosen=_chosen(*rows))
    assert [line.code for line in seen] == codes
    assert _worked(_send(scene, _chosen(*rows))) == [code or "approved" for code in codes]
    if left := [row for row, code in zip(rows, codes, strict=True) if code]:
        rejected = _send(scene, _chosen(*left), "reject", reason="Not these.")
        assert _worked(rejected) == ["rejected"] * len(left)


@pytest.mark.parametrize(
    ("chosen", "options", "code"),
    [
        ([], {}, "invalid"),
        ([Chosen(uuid4(), "0" * 64) for _ in range(500)], {}, "too_many"),
        ([Chosen(UUID(int=1), "0" * 64)] * 2, {}, "invalid"),
        ([Chosen(UUID(int=1), "0" * 65)], {}, "invalid"),
        ([Chosen(UUID(int=1), "not a digest")], {}, "invalid"),
        ([Chosen(UUID(int=1), "0" * 64)], {"verdict": "reject"}, "invalid"),
        ([Chosen(UUID(int=1), "0" * 64)], {"verdict": "maybe"}, "invalid"),
    ],
)
def test_bad_batch_is_refused_whole(scene: Scene, chosen: list[Chosen], options: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        _send(scene, chosen, **options)
    assert caught.value.code == code
    assert not BatchDecision.objects.exists()


def test_same_batch_again_is_the_same_and_another_under_its_key_is_a_conflict(scene: Scene) -> None:
    rows = _asked(scene)
    first = _send(scene, _chosen(*rows), key="mine")
    _worked(first)
    versions = [stored(row).version for row in rows]
    again = _send(scene, _chosen(*rows), key="mine")
    assert again.pk == first.pk
    assert not work_batch(batch_id=again.pk)
    assert [stored(row).version for row in rows] == versions
    for other in (_chosen(rows[0]), [Chosen(row.pk, "0" * 64) for row in rows]):
        with pytest.raises(Conflict) as caught:
            _send(scene, other, key="mine")
        assert caught.value.code == "different_arguments"
    assert _worked(_send(scene, _chosen(*rows))) == ["conflict"] * 3


def test_different_actions_are_decided_together_only_if_asked(scene: Scene) -> None:
    rows = [scene.propose(), scene.propose("test_press_plain", params={**PRESS, "button": "blue"})]
    actor = scene.actor("approver")
    with pytest.raises(Invalid) as caught:
        open_batch(actor=actor, verdict="approve", chosen=_chosen(*rows))
    assert caught.value.code == "mixed_kinds"
    assert _worked(_send(scene, _chosen(*rows))) == ["approved"] * 2


def test_right_lost_meanwhile_is_reported_and_the_rest_stays(scene: Scene) -> None:
    rows = _asked(scene)
    batch = _send(scene, _chosen(*rows))
    other = _send(scene, _chosen(*rows))
    own = Membership.objects.filter(user_id=scene.user_id("approver"))
    own.update(role="viewer")
    assert _worked(batch) == ["not_allowed"] * 3
    own.update(role="approver", is_active=False)
    assert _worked(other) == ["no_membership"] * 3
    assert {stored(row).state for row in rows} == {"pending"}


def test_level_that_wants_a_second_factor_asks_for_it_once(scene: Scene) -> None:
    scene.define({"min_auth": "mfa"})
    rows = _asked(scene)
    weak = scene.actor("approver")
    assert _worked(_send(scene, _chosen(*rows), actor=weak)) == ["weak_sign_in"] * 3
    strong = replace(weak, auth_strength="mfa", proven_lately=False)
    with pytest.raises(Refused) as caught:
        _send(scene, _chosen(*rows), actor=strong)
    assert caught.value.code == "confirm_first"
    assert _worked(_send(scene, _chosen(*rows), actor=replace(strong, proven_lately=True))) == ["approved"] * 3
    assert set(Decision.objects.values_list("auth_strength", flat=True)) == {"mfa"}


@pytest.mark.parametrize(
    "change",
    [
        "update hitl_batchdecision set verdict = 'reject', reason = 'No'",
        "update hitl_batchdecision set auth_strength = 'mfa'",
        "update hitl_batchdecision set maker_id = "
        "(select user_id from accounts_membership where role = 'admin' limit 1)",
        "update hitl_batchitem set digest = repeat('0', 64) where place = 1",
        "delete from hitl_batchitem where place = 2",
        "update hitl_batchdecision set created_at = created_at + interval '1 day'",
    ],
)
def test_batch_that_was_changed_by_other_means_decides_nothing(scene: Scene, change: str) -> None:
    rows = _asked(scene)
    batch = _send(scene, _chosen(*rows))
    with connection.cursor() as cursor:
        cursor.execute(change)
    assert set(_worked(batch)) == {"not_genuine"}
    assert {stored(row).state for row in rows} == {"pending"}


def test_batch_played_again_overrules_no_later_vote_and_an_old_one_is_over(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    (row,) = _asked(scene, 1)
    before = now() - timedelta(minutes=5)
    batch = _send(scene, _chosen(row), now=before)
    assert _worked(batch, now=before) == ["pending"]
    scene.decide(row)
    reset = "update hitl_batchdecision set finished_at = null; update hitl_batchitem set outcome = '', code = ''"
    with connection.cursor() as cursor:
        cursor.execute(reset)
    assert _worked(batch) == ["voted"]
    late = _send(scene, _chosen(row), now=now() - timedelta(hours=2))
    assert _worked(late) == ["batch_expired"]


def test_undo_all_undoes_what_still_waits(scene: Scene) -> None:
    rows = _asked(scene)
    batch = _send(scene, _chosen(*rows))
    _worked(batch)
    after = stored(rows[0]).execute_after
    scene.done(rows[0], after)
    with pytest.raises(Refused):
        undo_batch(actor=scene.actor("admin"), batch_id=batch.pk)
    assert undo_batch(actor=scene.actor("approver"), batch_id=batch.pk) == 2
    assert [stored(row).state for row in rows] == ["executed", "cancelled", "cancelled"]
    with pytest.raises(Conflict) as caught:
        undo_batch(actor=scene.actor("approver"), batch_id=batch.pk)
    assert caught.value.code == "too_late"


def test_batch_is_seen_by_its_maker_and_by_those_who_read_the_log(scene: Scene) -> None:
    batch = _send(scene, _chosen(*_asked(scene)))
    seen = {role for role in scene.world.people if query_batches(viewer=scene.actor(role)).exists()}
    assert seen == {
        "approver",
        "compliance",
        *(r for r in ("owner", "admin") if scene.actor(r).may("core.view_auditentry")),
    }
    with pytest.raises(NotFound):
        get_batch(viewer=scene.actor("support"), batch_id=batch.pk)
    with pytest.raises(Refused):
        _send(scene, [Chosen(uuid4(), "0" * 64)], actor=scene.actor("support"))


def test_old_batches_are_removed_and_only_they(scene: Scene) -> None:
    old = now() - timedelta(days=91)
    rows = _asked(scene)
    batch = _send(scene, _chosen(*rows))
    _worked(batch)
    assert work.purge_batches() == 0
    BatchDecision.objects.filter(pk=batch.pk).update(finished_at=old)
    assert work.purge_batches(now=now() + timedelta(days=91)) > 0
    assert not BatchItem.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_sent_at_once_are_one_batch_worked_once(live_scene: Scene) -> None:
    rows = _asked(live_scene, 5)
    sent = at_once([lambda: _send(live_scene, _chosen(*rows), key="twice")] * 2)
    assert len({batch.pk for batch in sent if isinstance(batch, BatchDecision)}) == 1
    (batch,) = BatchDecision.objects.all()
    at_once([lambda: work_batch(batch_id=batch.pk)] * 2)
    assert _report(batch) == ["approved"] * 5
    assert {stored(row).version for row in rows} == {2}
    assert Decision.objects.count() == 5
    assert chain.verify().ok


@pytest.mark.django_db(transaction=True)
def test_batch_of_a_killed_worker_is_continued_by_the_sweep(live_scene: Scene) -> None:
    rows = _asked(live_scene, 5)
    batch = _send(live_scene, _chosen(*rows))
    child = os.fork()
    if child == 0:
        try:
            in_processes([lambda: _work_until_killed(batch.pk)])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    done = [code for code in _report(batch) if code]
    assert len(done) == 2
    assert not work_batch(batch_id=batch.pk), "its lease is not over"
    later = now() + work.LEASE + timedelta(seconds=1)
    assert [key for _, key in work.list_abandoned(now=later)] == [batch.pk]
    assert _worked(batch, now=later) == ["approved"] * 5
    assert Decision.objects.count() == 5
    assert chain.verify().ok


def _work_until_killed(batch_id: UUID) -> None:
    """Work on a batch and be killed in the middle of its third request."""
    decide, count = work._decide, [0]

    def counted(*args: Any) -> Approval:
        count[0] += 1
        if count[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(5)
        return decide(*args)

    work._decide = counted
    work_batch(batch_id=batch_id)


@pytest.mark.django_db(transaction=True)
def test_task_and_sweep_work_in_the_batchs_tenant(live_scene: Scene) -> None:
    batch = _send(live_scene, _chosen(*_asked(live_scene)))
    tasks.sweep_batches()
    tasks.work_batch(str(live_scene.world.acme.pk), str(batch.pk))
    assert _report(batch) == ["approved"] * 3
