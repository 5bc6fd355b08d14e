"""What a mirror knows of ad campaigns, for requests about them; without an outside call."""

from uuid import UUID

from core.actors import Actor
from hitl.actions import targets
from integrations.calls.rights import VIEW
from integrations.mirrors.selectors import kinds_for
from integrations.models import MirroredAdCampaign
from integrations.ports import AD_CAMPAIGN, UNKNOWN_BUDGET


class AdCampaigns(targets.TargetType):
    """The ad campaigns of the connections that tools use."""

    def find(self, viewer: Actor, target_id: UUID) -> targets.Target | None:
        """Return an ad campaign to which `VIEW` lets the viewer, with its values as they were read. One query."""
        row = MirroredAdCampaign.objects.filter(pk=target_id, gone_at=None).select_related("connection").first()
        if row is None or not viewer.may(VIEW):
            return None
        budget = row.daily_budget if row.daily_budget != UNKNOWN_BUDGET else ""
        known = {AD_CAMPAIGN: row.key, "daily_budget": budget, "currency": row.currency}
        return targets.Target(row.name, [kind.key for kind in kinds_for(row.connection)], known)


targets.targets.register(AD_CAMPAIGN, AdCampaigns)
