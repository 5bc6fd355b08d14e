"""Endpoint of the kinds of action that can be requested."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.pagination import cursor_at, value_of
from core.rest.views import ApiViewSet
from hitl.policy import selectors
from hitl.policy.workflows.definitions import risk_policy


class KindSerializer(serializers.Serializer[Any]):
    """A kind of risky action, with the fields that approvers may be allowed to edit."""

    key = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    keyed = serializers.BooleanField(help_text="Its outside drops a second call with the same key.")
    base_risk = serializers.IntegerField()
    added_points = serializers.IntegerField(help_text="Points that the risk scoring adds for it.")
    editable = serializers.ListField(child=serializers.CharField(), help_text="Names for `editable_fields` of a level.")


class ActionKindViewSet(ApiViewSet):
    """Kinds of action."""

    permissions: ClassVar = {"list": selectors.VIEW_WORKFLOW}
    serializer_class = KindSerializer

    def list(self, request: Request) -> Response:
        """List the kinds of action with their risk and their fields, by key."""
        kinds = selectors.list_kinds(viewer=self.actor, points=risk_policy().kind_points)
        limit, after = self.query["limit"], value_of(self.query["cursor"])
        rows = sorted((kind for kind in kinds if kind["key"] > after), key=lambda kind: kind["key"])
        return self.respond_with_page(rows[:limit], cursor_at(rows[limit - 1]["key"]) if len(rows) > limit else "")
