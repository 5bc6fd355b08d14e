"""Open a batch of decisions, read it, and undo what it approved."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, Refused, WalkerError
from core.ids import uuid7
from core.jobs import queues
from core.text.clean import clean_text
from hitl.approvals.change.close import undo
from hitl.approvals.decide.decide import EVENTS, Verdict
from hitl.approvals.state.votes import REASON_LIMIT
from hitl.batches import seals
from hitl.batches.preview import MOST, Chosen
from hitl.domain.permissions import DECIDE
from hitl.domain.strictness import required_strength
from hitl.models import Approval, BatchDecision, BatchItem

SEE_ALL: Final = "core.view_auditentry"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Sent(NamedTuple):
    """How a batch was sent: over which channel, and under which key of its maker's own."""

    channel: str = "service"
    key: str = ""


def open_batch(
    *,
    actor: Actor,
    verdict: Verdict,
    chosen: Sequence[Chosen],
    reason: str = "",
    sent: Sent = Sent(),  # noqa: B008  (it is never changed)
    is_mixed: bool = False,
    now: datetime | None = None,
) -> BatchDecision:
    """Decide several requests, each on its own, by a task.

    Returns the batch, whose items say what became of each. Who may: a person with `hitl.decide_approval`; what
    they may decide is checked for each request when its turn comes. Sent under the same key again, it returns
    the same batch. A person in a session confirms who they are where a level asks for a second factor. Raises Invalid
    (`too_many`, `mixed_kinds` unless `is_mixed`), Refused (`not_a_person`, `confirm_first`), Conflict
    (`different_arguments`). Announces nothing.
    """
    actor.require(DECIDE)
    actor.require_person("Only a person can decide.")
    _check(verdict, chosen, reason)
    moment, channel, key = now or clock_now(), sent.channel, sent.key or uuid7().hex
    existing = _find(actor, key)
    if existing is None:
        _check_kinds_and_sign_in(actor, chosen, is_mixed)
        try:
            with transaction.atomic():
                return _write(actor, verdict, chosen, clean_text(reason, REASON_LIMIT), channel, key, moment)
        except IntegrityError:
            # The same batch was sent at the same moment: return that one.
            existing = _find(actor, key)
            if existing is None:
                raise
    rows = existing.items.order_by("place").values_list("approval_id", "digest")
    is_same = (existing.verdict, existing.channel) == (verdict, channel)
    if not is_same or [(each.id, each.digest) for each in chosen] != list(rows):
        raise Conflict("Another batch was sent under this key.", code="different_arguments", batch=str(existing.pk))
    return existing


def _check(verdict: str, chosen: Sequence[Chosen], reason: str) -> None:
    if verdict not in EVENTS:
        raise Invalid("Approve or reject.", fields={"verdict": ["Choose one of the two."]})
    if not chosen:
        raise Invalid("Select at least one request.", fields={"items": ["Select at least one request."]})
    if len(chosen) > MOST:
        say = f"Select at most {MOST} requests at once; these are {len(chosen)}."
        raise Invalid(say, code="too_many", most=MOST, count=len(chosen), fields={"items": [say]})
    if len({each.id for each in chosen}) < len(chosen):
        raise Invalid("A request is named twice.", fields={"items": ["Name each request once."]})
    if any(not _DIGEST.fullmatch(each.digest) for each in chosen):
        raise Invalid("A digest is not one.", fields={"items": ["A digest has 64 characters, 0 to 9 and a to f."]})
    if verdict == "reject" and not reason.strip():
        say = "Give a reason for rejecting these requests."
        raise Invalid(say, fields={"reason": [say]})


def _check_kinds_and_sign_in(actor: Actor, chosen: Sequence[Chosen], is_mixed: bool) -> None:
    rows = list(Approval.objects.filter(pk__in=[each.id for each in chosen]).only("kind", "level", "snapshot"))
    if len({row.kind for row in rows}) > 1 and not is_mixed:
        say = "These requests ask for different actions. Confirm that you want to decide them together."
        raise Invalid(say, code="mixed_kinds", fields={"mixed": [say]})
    wants_proof = any(required_strength(row.current_level) > 1 for row in rows)
    if wants_proof and actor.kind == "user" and actor.has_second_factor and not actor.proven_lately:
        raise Refused("Confirm who you are, then try again.", code="confirm_first")


def _find(actor: Actor, key: str) -> BatchDecision | None:
    return BatchDecision.objects.filter(maker_id=actor.user_id, key=key).first()


def _write(
    actor: Actor, verdict: str, chosen: Sequence[Chosen], reason: str, channel: str, key: str, moment: datetime
) -> BatchDecision:
    batch = BatchDecision(
        maker_id=actor.user_id or UUID(int=0),
        key=key[:64],
        verdict=verdict,
        reason=reason,
        channel=channel[:20],
        auth_strength=actor.auth_strength,
        scopes=None if actor.scopes is None else sorted(actor.scopes),
        address=actor.address[:45],
        total=len(chosen),
        created_at=moment,
    )
    items = [
        BatchItem(batch=batch, place=place, approval_id=each.id, digest=each.digest)
        for place, each in enumerate(chosen, start=1)
    ]
    seals.seal(batch, items)
    batch.save(force_insert=True)
    BatchItem.objects.bulk_create(items)
    chain.note(
        actor, "BATCH_OPENED", batch, new_state="working", verdict=verdict, requests=len(chosen), channel=channel
    )
    queues.enqueue_after_commit("work_batch", batch.pk)
    return batch


def query_batches(*, viewer: Actor) -> QuerySet[BatchDecision]:
    """Return the viewer's own batches, or all with `core.view_auditentry`."""
    rows: QuerySet[BatchDecision] = BatchDecision.objects.select_related("maker")
    return rows if viewer.may(SEE_ALL) else rows.filter(maker_id=viewer.user_id)


def get_batch(*, viewer: Actor, batch_id: UUID) -> BatchDecision:
    """Return one batch that the viewer may see. Raises `NotFound`."""
    return get_or_missing(
        query_batches(viewer=viewer).prefetch_related("items").filter(pk=batch_id), "This batch doesn't exist."
    )


def list_undoable(batch: BatchDecision, moment: datetime) -> list[Approval]:
    """Return the requests that the batch approved and whose execution still waits. One query."""
    decided = batch.items.filter(outcome="decided", state="approved")
    waiting = Approval.objects.filter(
        pk__in=decided.values("approval_id"),
        digest__in=decided.values("digest"),  # a later revision was approved by somebody's newer decision
        state="approved",
        execute_after__gt=moment,
    )
    return list(waiting.order_by("execute_after"))


def undo_batch(*, actor: Actor, batch_id: UUID, now: datetime | None = None) -> int:
    """Undo every approval of one's own batch whose execution still waits.

    Returns how many were undone. Who may: the person who made the batch, with `hitl.revoke_approval`. Each is
    undone on its own; one whose execution has started stays as it is. Raises Refused, NotFound, Conflict
    (`too_late` if none was left). Announces approval_closed for each.
    """
    actor.require("hitl.revoke_approval")
    batch, moment = get_batch(viewer=actor, batch_id=batch_id), now or clock_now()
    if batch.maker_id != actor.user_id:
        raise Refused("Only the person who made this batch can undo it.")
    undone = 0
    for approval in list_undoable(batch, moment):
        try:
            undo(actor=actor, approval_id=approval.pk, now=now)
        except WalkerError:
            continue  # its execution has started, or it was revoked; the report says so
        undone += 1
    if not undone:
        raise Conflict("It is too late to undo: execution has started, or nothing waits any more.", code="too_late")
    return undone
