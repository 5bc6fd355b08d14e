"""What a mirror knows of the ad campaigns that requests are about; without an outside call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F

from core.actors import Actor
from core.observability.logging import get_logger
from core.privacy.visible_text import visible
from hitl.actions import registry, targets
from hitl.actions.targets import Mark, Target
from hitl.domain.state_machine import AHEAD, State
from hitl.models import Approval, Execution
from integrations import platforms
from integrations.ads.kinds import AdsKind, StateKind
from integrations.calls.rights import VIEW
from integrations.models import MirroredAdCampaign
from integrations.ports import AD_CAMPAIGN, UNKNOWN_BUDGET

log = get_logger(__name__)


class AdCampaigns(targets.TargetType):
    """The ad campaigns of the connections that tools use."""

    def find(self, viewer: Actor, target_id: UUID) -> Target | None:
        """Return an ad campaign to which `VIEW` lets the viewer, with its values as they were read. One query."""
        row = MirroredAdCampaign.objects.filter(pk=target_id, gone_at=None).select_related("connection").first()
        if row is None or not viewer.may(VIEW):
            return None
        budget = row.daily_budget if row.daily_budget != UNKNOWN_BUDGET else ""
        known = {AD_CAMPAIGN: row.key, "daily_budget": budget, "currency": row.currency}
        return Target(row.name, platforms.kinds_for(row.connection, AD_CAMPAIGN), known)

    def marks(self, approvals: Sequence[Approval]) -> Mapping[UUID, Mark]:
        about = [(one, kind) for one in approvals if (kind := kind_of(one)) is not None]
        keys = {str(one.payload[AD_CAMPAIGN]) for one, _ in about}
        used = {"connection__is_active": True, "connection__is_default": True, "key__in": keys}
        rows = MirroredAdCampaign.objects.filter(**used).annotate(provider=F("connection__provider")) if keys else ()
        known = {(row.provider, row.key): row for row in rows}
        read_back = read_back_times([one for one, _ in about if one.state == State.EXECUTED])
        found = {}
        for approval, kind in about:
            row, read_at = known.get((kind.provider, approval.payload[AD_CAMPAIGN])), read_back.get(approval.pk)
            try:
                mark = executed_mark(kind, approval, row, read_at) if read_at else open_mark(kind, approval, row)
            except Exception:  # noqa: BLE001  # boundary: no odd request may keep a list from being shown
                log.warning("mark_failed", kind=approval.kind)
                continue
            if mark is not None:
                found[approval.pk] = mark
        return found


def kind_of(approval: Approval) -> AdsKind[Any] | None:
    """Return the kind of a request about an ad campaign, None for others or once its contents were erased."""
    kind = registry.get(approval.kind)
    is_known = isinstance(kind, AdsKind) and AD_CAMPAIGN in approval.payload and "daily_budget" in approval.facts
    return kind if is_known else None  # type: ignore[return-value]


def read_back_times(approvals: Sequence[Approval]) -> dict[UUID, datetime]:
    """Return when the changes of executed requests were read back. One query, none without requests."""
    rows = Execution.objects.filter(approval__in=approvals, outcome="succeeded").order_by("revision")
    results = rows.values_list("approval_id", "result") if approvals else ()
    return {key: datetime.fromisoformat(at) for key, result in results if (at := result.get("read_back_at"))}


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


def open_mark(kind: AdsKind[Any], approval: Approval, row: MirroredAdCampaign | None) -> Mark | None:
    """Return what has changed since an open request was made or decided again; None for nothing."""
    if row is None or approval.state not in AHEAD:
        return None
    if row.gone_at is not None:
        return Mark(gone_at=row.gone_at)
    # A vendor's log may have no fractions of seconds; our own reading has.
    is_older = (
        row.changed_at < approval.created_at.replace(microsecond=0)
        if row.changed_at
        else row.seen_at < approval.created_at
    )
    if is_older:
        return None  # the request is newer than the mirror
    changes = kind.drift(approval.facts, facts_now(approval.facts, row))
    budget_moved = "daily_budget" in row.changed and is_later(row, approval.created_at)
    if not changes and not ("ad_set_id" in approval.facts and budget_moved):
        return None
    said = [visible(str(approval.masked(sentence))) for sentence in changes]
    return Mark(row.changed_at, row.changer, said, is_decided_again=bool(changes))


def executed_mark(kind: AdsKind[Any], approval: Approval, row: MirroredAdCampaign | None, read_at: datetime) -> Mark:
    """Return when a change was read back, and whether somebody changed the same value after it."""
    found = Mark(read_back_at=read_at)
    is_state = isinstance(kind, StateKind)
    if row is None or not is_later(row, read_at) or ("status" if is_state else "daily_budget") not in row.changed:
        return found
    if is_state:
        is_as_set = row.status == kind.state  # type: ignore[attr-defined]
    else:
        now = facts_now({"daily_budget": approval.payload["daily_budget"]}, row)
        is_as_set = Decimal(now["daily_budget"]) == Decimal(str(approval.payload["daily_budget"]))
    # A change of ours that the log doesn't show yet left the value as we set it.
    return found if is_as_set and not row.changed_by else Mark(row.changed_at, row.changer, read_back_at=read_at)


def is_later(row: MirroredAdCampaign, moment: datetime) -> bool:
    """Return True if somebody else changed an ad campaign after a moment; a log may have no fractions of seconds."""
    return row.changed_at is not None and row.changed_at >= moment.replace(microsecond=0) and not row.is_ours


targets.targets.register(AD_CAMPAIGN, AdCampaigns)
