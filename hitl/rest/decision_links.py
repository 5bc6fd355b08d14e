"""The endpoint that tells and says whether links in mails may decide."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.operations import changes, reads
from core.rest.views import ApiView
from hitl import services
from hitl.decision_links.settings import MANAGE
from hitl.policy import link_policy, selectors
from hitl.rest.serializers import SEEN


class LinkPolicySerializer(serializers.Serializer[link_policy.Standing]):
    """Whether links decide, who allows it, and the newest choice of the organisation."""

    is_on = serializers.SerializerMethodField(help_text="Whether a link decides now: both of the next two are true.")
    is_on_here = serializers.BooleanField(read_only=True, help_text="What the organisation has chosen; first: true.")
    is_on_everywhere = serializers.BooleanField(read_only=True, help_text="What the installation is set to.")
    version = serializers.IntegerField(read_only=True, help_text="0 while the organisation has never chosen.")
    reason = serializers.CharField(source="last.reason", default="", read_only=True)
    made_by = PersonSerializer(source="last.made_by", default=None, read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="last.created_at", default=None, read_only=True, allow_null=True)

    def get_is_on(self, standing: link_policy.Standing) -> bool:
        """Return what counts."""
        return not standing.why_off


class LinkPolicyRequest(serializers.Serializer[Any]):
    """Whether links should decide."""

    is_on = serializers.BooleanField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    version = serializers.IntegerField(min_value=0, help_text=f"{SEEN} 0 while there is none.")


class DecisionLinks(ApiView):
    """Whether links in mails decide."""

    permissions: ClassVar = {"GET": selectors.VIEW_WORKFLOW, "PUT": MANAGE}

    @reads("decision_links_retrieve", LinkPolicySerializer)
    def get(self, viewer: Actor) -> link_policy.Standing:
        """Read whether links in mails decide, and who switched them. Needs `hitl.view_approvalworkflow`."""
        return selectors.get_link_policy(viewer=viewer)

    @changes("decision_links_replace", LinkPolicyRequest, LinkPolicySerializer)
    def put(self, version: int, **said: Any) -> link_policy.Standing:
        """Switch links that decide off or on; those already sent end. Needs `hitl.manage_links`; 409
        `stale_version`, `unchanged`, `off_everywhere`."""
        services.set_link_policy(seen_version=version, **said)
        return link_policy.current()
