"""Endpoints that act on an approval: decide, discuss, hold, resolve, delegate."""

from typing import Any, ClassVar, Final

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.fields import Document
from core.rest.idempotency import idempotent, idempotent_outside_transaction
from hitl.approvals.change import close, holds
from hitl.approvals.change import edit as edits
from hitl.approvals.change.compensate import compensate
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.decide import override as overrides
from hitl.approvals.decide import questions
from hitl.approvals.decide import reassign as reassignments
from hitl.approvals.decide.decide import decide
from hitl.approvals.decide.flags import clear_flag, set_flag
from hitl.approvals.decide.override import close_review
from hitl.approvals.rest.approvals import CHANNEL, HOLDS, ApprovalResponses
from hitl.approvals.state.votes import REASON_LIMIT
from hitl.domain.permissions import DECIDE, FLAG
from hitl.execution import reconcile
from hitl.execution.reconcile import probe_now

DIGEST: Final = "Of the approval as you read it."
PROPOSE: Final = "hitl.propose_approval"
HOLD: Final = "hitl.hold_approval"
REASSIGN: Final = "hitl.reassign_approval"
RESOLVE: Final = "hitl.resolve_approval"


class Verdict(serializers.Serializer[Any]):
    """A vote on exactly what was shown."""

    digest = serializers.CharField(max_length=64, help_text=DIGEST)
    reason = serializers.CharField(default="", allow_blank=True, max_length=REASON_LIMIT)


class Shown(serializers.Serializer[Any]):
    """The body of an action without a reason; with `digest` it is refused (409) if the approval has changed."""

    digest = serializers.CharField(default="", allow_blank=True, max_length=64)


class Move(serializers.Serializer[Any]):
    """The body of an action; with `digest` it is refused (409) if the approval has changed in the meantime."""

    digest = serializers.CharField(default="", allow_blank=True, max_length=64)
    reason = serializers.CharField(default="", allow_blank=True, max_length=REASON_LIMIT)


class HoldRequest(Move):
    """The reason for a hold."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class Release(Move):
    """The hold to remove."""

    hold = serializers.ChoiceField(source="name", choices=HOLDS, default="manual")


class Resolution(Move):
    """The outcome of an execution whose outcome was unknown."""

    outcome = serializers.ChoiceField(choices=("executed", "failed"))
    reason = serializers.CharField(max_length=REASON_LIMIT)
    evidence = serializers.CharField(max_length=REASON_LIMIT)


class Signed(Move):
    """An action on exactly what was shown."""

    digest = serializers.CharField(max_length=64, help_text=DIGEST)


class Said(Signed):
    """An action that needs a reason."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class EditRequest(Signed):
    """The new values of the fields to change."""

    changes = Document(help_text="By field; money as text.")


class ResubmitRequest(Signed):
    """The request as it should be now."""

    params = Document(required=False, default=None, allow_null=True, help_text="All of them; left out: unchanged.")


class Compensate(serializers.Serializer[Any]):
    """Whether to go on if the value was changed again since."""

    even_if_moved = serializers.BooleanField(default=False)


class Finding(serializers.Serializer[Any]):
    """The finding of a review."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class FlagMove(Move):
    """The flag to set or clear, and why."""

    flag = serializers.CharField(max_length=40, help_text="The name of one of your organisation's flags.")
    reason = serializers.CharField(max_length=REASON_LIMIT)


class DelegateRequest(Signed):
    """The colleague to delegate to."""

    to = serializers.UUIDField(help_text="A colleague who may approve.")


class ReassignRequest(Said):
    """The approver to replace, and the new one."""

    from_person = serializers.UUIDField(help_text="The approver now.")
    to = serializers.UUIDField(help_text="A colleague who may approve.")


class ApprovalActionViewSet(ApprovalResponses):
    """Actions on an approval. Each responds with the approval as it is afterwards."""

    permissions: ClassVar = {
        "approve": DECIDE,
        "reject": DECIDE,
        "cancel": "hitl.cancel_approval",
        "revoke": "hitl.revoke_approval",
        "undo": "hitl.revoke_approval",
        "hold": HOLD,
        "release": HOLD,
        "resolve": RESOLVE,
        "edit": DECIDE,
        "edit_and_approve": DECIDE,
        "ask": DECIDE,
        "answer": PROPOSE,
        "send_back": DECIDE,
        "resubmit": PROPOSE,
        "override": "hitl.override_approval",
        "escalate": REASSIGN,
        "probe": RESOLVE,
        "review": "hitl.review_override",
        "delegate": DECIDE,
        "flag": FLAG,
        "unflag": FLAG,
        "reassign": REASSIGN,
        "compensate": PROPOSE,
    }

    @action(detail=True, methods=["post"], request_serializer=Verdict)
    @idempotent
    def approve(self, request: Request, **kwargs: Any) -> Response:
        """Approve exactly what the digest identifies. Needs `hitl.decide_approval` and an open assignment.

        403 `four_eyes` for your own request, `not_an_approver`, `weak_sign_in`; 409 `stale_digest` if it
        changed, 409 with the decision if it was already decided.
        """
        return self.call_service(decide, verdict="approve", channel=CHANNEL)

    @action(detail=True, methods=["post"], request_serializer=Verdict)
    @idempotent
    def reject(self, request: Request, **kwargs: Any) -> Response:
        """Reject exactly what the digest identifies. Needs what approving needs, and a reason where the level
        asks."""
        return self.call_service(decide, verdict="reject", channel=CHANNEL)

    @action(detail=True, methods=["post"], request_serializer=Move)
    @idempotent
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Cancel your own request, or any as administrator."""
        return self.call_service(close.cancel)

    @action(detail=True, methods=["post"], request_serializer=Move)
    @idempotent
    def revoke(self, request: Request, **kwargs: Any) -> Response:
        """Revoke an approval before it is executed."""
        return self.call_service(close.revoke)

    @action(detail=True, methods=["post"], request_serializer=Shown)
    @idempotent
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Undo your approval of a request while its execution waits; the request is cancelled.

        409 `no_undo` if it was not given in the console; 409 with `claimed_at` if its execution has started.
        """
        return self.call_service(close.undo)

    @action(detail=True, methods=["post"], request_serializer=HoldRequest)
    @idempotent
    def hold(self, request: Request, **kwargs: Any) -> Response:
        """Keep it from being executed until it is released; needs a reason."""
        return self.call_service(holds.hold)

    @action(detail=True, methods=["post"], request_serializer=Release)
    @idempotent
    def release(self, request: Request, **kwargs: Any) -> Response:
        """Remove one hold; 409 `still_held` while its cause persists."""
        return self.call_service(holds.release)

    @action(detail=True, methods=["post"], request_serializer=Resolution)
    @idempotent
    def resolve(self, request: Request, **kwargs: Any) -> Response:
        """Record the outcome of an execution whose outcome is unknown, with evidence."""
        return self.call_service(reconcile.resolve)

    @action(detail=True, methods=["post"], request_serializer=EditRequest)
    @idempotent_outside_transaction
    def edit(self, request: Request, **kwargs: Any) -> Response:
        """Change fields that the level lists as editable; everyone is asked again.

        403 `no_edit_right` where nothing may be edited; 409 `stale_digest` if it changed.
        """
        return self.call_service(edits.edit)

    @action(detail=True, methods=["post"], url_path="edit-and-approve", request_serializer=EditRequest)
    @idempotent_outside_transaction
    def edit_and_approve(self, request: Request, **kwargs: Any) -> Response:
        """Change fields and approve the result, where the workflow lets editors approve.

        It stays `pending`, and `why_not` says why, if risk or cost rose. 403 `editors_may_not_approve`,
        `no_edit_right`; 409 `stale_digest` if it changed.
        """
        return self.call_service(edits.edit_and_approve, channel=CHANNEL)

    @action(detail=True, methods=["post"], request_serializer=Said)
    @idempotent
    def ask(self, request: Request, **kwargs: Any) -> Response:
        """Ask the requester a question; the deadline is paused. Needs `hitl.decide_approval` and an open
        assignment."""
        return self.call_service(questions.ask)

    @action(detail=True, methods=["post"], url_path="send-back", request_serializer=Said)
    @idempotent
    def send_back(self, request: Request, **kwargs: Any) -> Response:
        """Send it back for changes; the fourth time rejects it. Needs `hitl.decide_approval` and an open
        assignment."""
        return self.call_service(questions.send_back)

    @action(detail=True, methods=["post"], request_serializer=ResubmitRequest)
    @idempotent_outside_transaction
    def resubmit(self, request: Request, **kwargs: Any) -> Response:
        """Resubmit your own returned request, changed or not.

        403 `paused` under a kill switch, 503 if the current state cannot be looked up.
        """
        return self.call_service(edits.resubmit)

    @action(detail=True, methods=["post"], request_serializer=Said)
    @idempotent
    def override(self, request: Request, **kwargs: Any) -> Response:
        """Approve alone where the workflow allows it; a review is opened.

        403 `no_break_glass` where it is not allowed, `weak_sign_in` without a second factor: an API key never
        has one.
        """
        return self.call_service(overrides.override)

    @action(detail=True, methods=["post"], request_serializer=Said)
    @idempotent
    def escalate(self, request: Request, **kwargs: Any) -> Response:
        """Take the next escalation step now.

        409 `no_step` if the workflow has no further one.
        """
        return self.call_service(escalate_now)

    @action(detail=True, methods=["post"], request_serializer=Move)
    @idempotent_outside_transaction
    def probe(self, request: Request, **kwargs: Any) -> Response:
        """Ask the other system now for the outcome; it stays `unknown` if that cannot tell."""
        return self.call_service(probe_now)

    @action(detail=True, methods=["post"], request_serializer=Finding)
    @idempotent
    def review(self, request: Request, **kwargs: Any) -> Response:
        """Close the review of an override with a finding. Needs `hitl.review_override`; not for the person who
        overrode it."""
        return self.call_service(close_review)

    @action(detail=True, methods=["post"], request_serializer=DelegateRequest)
    @idempotent
    def delegate(self, request: Request, **kwargs: Any) -> Response:
        """Delegate your decision to a colleague, before voting. Needs `hitl.decide_approval` and an open
        assignment."""
        return self.call_service(reassignments.delegate)

    @action(detail=True, methods=["post"], request_serializer=ReassignRequest)
    @idempotent
    def reassign(self, request: Request, **kwargs: Any) -> Response:
        """Replace one approver by another."""
        return self.call_service(reassignments.reassign)

    @action(detail=True, methods=["post"], request_serializer=FlagMove)
    @idempotent
    def flag(self, request: Request, **kwargs: Any) -> Response:
        """Put a flag of your organisation's list on it, with a reason. 409 `flagged`."""
        return self.call_service(set_flag)

    @action(detail=True, methods=["post"], request_serializer=FlagMove)
    @idempotent
    def unflag(self, request: Request, **kwargs: Any) -> Response:
        """Take a flag off it, with a reason. Needs `hitl.flag_approval`; not for people who contributed to it.

        409 `not_flagged`.
        """
        return self.call_service(clear_flag)

    def respond(self, row: Any) -> Response:
        return self.respond_with_approval(self.kwargs["approval_id"])

    @action(detail=True, methods=["post"], request_serializer=Compensate)
    @idempotent_outside_transaction
    def compensate(self, request: Request, **kwargs: Any) -> Response:
        """Request that an executed change is undone; responds with the new request. Needs `hitl.view_approval`, too.

        409 `not_executed`, `no_compensation` with the reason, `compensation_open`; `moved` if it was changed since,
        unless `even_if_moved`; 503 if the current state cannot be looked up.
        """
        opened = compensate(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond_with_approval(opened.pk)

    @action(detail=True, methods=["post"], request_serializer=Said)
    @idempotent
    def answer(self, request: Request, **kwargs: Any) -> Response:
        """Answer the approvers' question about your own request (`reason`)."""
        body = self.read_body()
        answer = {"digest": body["digest"], "text": body["reason"]}
        return self.respond(questions.answer(actor=self.actor, **self.kwargs, **answer))
