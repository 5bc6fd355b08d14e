"""Endpoint of the roles that may change a single workflow."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.views import ApiViewSet
from hitl.policy import selectors
from hitl.policy.selectors import MANAGE_MEMBERSHIP
from hitl.policy.workflows.workflows import share_workflow


class Sharing(serializers.Serializer[Any]):
    """Roles that may change one workflow too."""

    roles = serializers.ListField(child=serializers.CharField(max_length=20), max_length=20)


class WorkflowSharingViewSet(ApiViewSet):
    """The roles that may change one workflow, beside those that may change all."""

    permissions: ClassVar = {"retrieve": MANAGE_MEMBERSHIP, "update": MANAGE_MEMBERSHIP}
    serializer_class = Sharing
    request_serializers: ClassVar = {"update": Sharing}

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read which roles may change this one workflow too. Needs `accounts.manage_membership`."""
        return self.respond(selectors.sharing_of(viewer=self.actor, **self.kwargs))

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Let exactly these roles change who approves in this workflow, and when; an empty list takes it back. Needs
        `accounts.manage_membership` and `hitl.manage_workflow`."""
        share_workflow(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond(selectors.sharing_of(viewer=self.actor, **self.kwargs))
