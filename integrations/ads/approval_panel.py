"""What became of an ad campaign on its platform, on the page of a request about it; from the mirror, without a call."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.actors import Actor
from core.errors import NotFound
from core.privacy.visible_text import visible
from hitl.actions import registry
from hitl.approvals.admin import panels
from hitl.domain.state_machine import UNDECIDED, State
from hitl.models import Approval, Execution
from integrations.ads.kinds import AdsKind, StateKind
from integrations.models import MirroredAdCampaign
from integrations.ports import UNKNOWN_BUDGET

OPEN: Final = (*UNDECIDED, State.APPROVED)
"""The states in which a change on the platform still matters to a decision, or to its execution."""


class PlatformPanel(panels.ContextPanel):
    """Marks a request whose ad campaign was changed on the platform since, and says when a change was read back."""

    title: ClassVar[str] = "On the platform"
    template: ClassVar[str] = "console/approval/platform.html"
    permission: ClassVar[str] = "hitl.view_approval"

    def context(self, *, viewer: Actor, approval: Approval) -> dict[str, Any] | None:
        """Return what the mirror says of a request; None where nothing has changed. At most two queries."""
        kind = kind_of(approval)
        row = find_row(kind.provider, approval) if kind else None
        if kind is None or row is None:
            return None
        if approval.state in OPEN:
            return open_mark(kind, approval, row)
        return executed_mark(kind, approval, row) if approval.state == State.EXECUTED else None


def kind_of(approval: Approval) -> AdsKind[Any] | None:
    """Return the kind of a request about an ad campaign, None for others or once its contents were erased."""
    try:
        kind = registry.get(approval.kind)
    except NotFound:
        return None
    is_known = isinstance(kind, AdsKind) and "ad_campaign" in approval.payload and "daily_budget" in approval.facts
    return kind if is_known else None  # type: ignore[return-value]


def find_row(provider: str, approval: Approval) -> MirroredAdCampaign | None:
    """Return the mirror of a request's ad campaign over the connection that tools use. One query."""
    used = {"connection__provider": provider, "connection__is_active": True, "connection__is_default": True}
    found: MirroredAdCampaign | None = MirroredAdCampaign.objects.filter(
        key=approval.payload["ad_campaign"], **used
    ).first()
    return found


def facts_now(facts: Mapping[str, Any], row: MirroredAdCampaign) -> dict[str, Any]:
    """Return the facts of a request with those that the mirror has; an ad set's own it doesn't have."""
    found = {**facts, "ad_campaign_name": row.name}
    if "ad_set_id" in facts:
        return found
    if row.daily_budget == UNKNOWN_BUDGET:
        return {**found, "status": row.status}
    budget = row.daily_budget or "0"
    is_same = Decimal(budget) == Decimal(str(facts["daily_budget"]))
    return {**found, "status": row.status, "daily_budget": facts["daily_budget"] if is_same else budget}


def open_mark(kind: AdsKind[Any], approval: Approval, row: MirroredAdCampaign) -> dict[str, Any] | None:
    """Return what has changed since a request was made or decided again; None for nothing."""
    changes = kind.drift(approval.facts, facts_now(approval.facts, row))
    if row.gone_at is not None:
        return {"gone_at": row.gone_at}
    budget_moved = "daily_budget" in row.changed and is_later(row, approval.created_at)
    if not changes and not ("ad_set_id" in approval.facts and budget_moved):
        return None
    said = [visible(str(approval.masked(sentence))) for sentence in changes]
    return {**change_of(row), "sentences": said, "is_decided_again": bool(changes)}


def executed_mark(kind: AdsKind[Any], approval: Approval, row: MirroredAdCampaign) -> dict[str, Any] | None:
    """Return when a change was read back, and whether somebody changed the same value after it. One query."""
    done = Execution.objects.filter(approval=approval, outcome="succeeded").order_by("-revision").first()
    text = done.result.get("read_back_at", "") if done else ""
    if done is None or not text:
        return None
    read_at = datetime.fromisoformat(text)
    found: dict[str, Any] = {"read_back_at": read_at}
    is_state = isinstance(kind, StateKind)
    if not is_later(row, read_at) or ("status" if is_state else "daily_budget") not in row.changed:
        return found
    if is_state:
        is_as_set = row.status == kind.state  # type: ignore[attr-defined]
    else:
        now = facts_now({"daily_budget": approval.payload["daily_budget"]}, row)
        is_as_set = Decimal(now["daily_budget"]) == Decimal(str(approval.payload["daily_budget"]))
    # A change of ours that the log doesn't show yet left the value as we set it.
    return found if is_as_set and not row.changed_by else {**found, **change_of(row)}


def is_later(row: MirroredAdCampaign, moment: datetime) -> bool:
    """Return True if somebody else changed an ad campaign after a moment; a log may have no fractions of seconds."""
    return row.changed_at is not None and row.changed_at >= moment.replace(microsecond=0) and not row.is_ours


def change_of(row: MirroredAdCampaign) -> dict[str, Any]:
    """Return who made the last change and when, as far as that is known."""
    by = "Walker" if row.is_ours else visible(row.changed_by)
    return {"changed_at": row.changed_at, "by": by}


panels.register("platform", PlatformPanel)
