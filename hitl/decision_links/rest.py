"""Endpoint of approve-by-email links: whether they are allowed."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import SEEN
from core.rest.views import ApiViewSet
from hitl.decision_links.settings import MANAGE, set_link_policy
from hitl.policy import link_policy, selectors


class LinkPolicySerializer(serializers.Serializer[link_policy.Standing]):
    """Whether approve-by-email links work, who allows it, and the newest choice of the organisation."""

    is_on = serializers.SerializerMethodField(help_text="Whether links work now: both of the next two are true.")
    is_on_here = serializers.BooleanField(read_only=True, help_text="What the organisation has chosen; first: true.")
    is_on_everywhere = serializers.BooleanField(read_only=True, help_text="What the installation is set to.")
    version = serializers.IntegerField(read_only=True, help_text="0 while the organisation has never chosen.")
    reason = serializers.CharField(source="last.reason", default="", read_only=True)
    made_by = PersonSerializer(source="last.made_by", default=None, read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="last.created_at", default=None, read_only=True, allow_null=True)

    def get_is_on(self, standing: link_policy.Standing) -> bool:
        return not standing.why_off


class LinkPolicyRequest(serializers.Serializer[Any]):
    """Whether links should work."""

    is_on = serializers.BooleanField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    version = serializers.IntegerField(source="seen_version", min_value=0, help_text=f"{SEEN} 0 while there is none.")


class DecisionLinkPolicyViewSet(ApiViewSet):
    """Whether people may approve by email."""

    permissions: ClassVar = {"retrieve": selectors.VIEW_WORKFLOW, "update": MANAGE}
    serializer_class = LinkPolicySerializer
    request_serializers: ClassVar = {"update": LinkPolicyRequest}

    def retrieve(self, request: Request) -> Response:
        """Read whether people may approve by links in mails, and who decided that."""
        return self.respond(selectors.get_link_policy(viewer=self.actor))

    def update(self, request: Request) -> Response:
        """Switch approve-by-email links off or on; links already sent end. 409 `stale_version`, `unchanged`,
        `off_everywhere`."""
        set_link_policy(actor=self.actor, **self.read_body())
        return self.respond(link_policy.current())
