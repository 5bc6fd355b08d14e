"""Endpoints that write workflows and try one out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor
from core.errors import Invalid
from core.rest.authentication import actor_of
from core.rest.fields import Document
from core.rest.idempotent import once
from core.rest.operations import changes, reads
from core.rest.views import ApiView, body_of
from hitl import api, definitions, services
from hitl import api_shapes as shapes
from hitl.checks import FIELDS
from hitl.models import ApprovalWorkflow
from hitl.services.workflows import conditions_of
from hitl.simulating import Trial, simulate

MANAGE: Final = "hitl.manage_workflow"
FLOW: Final = shapes.WorkflowSerializer
SEEN: Final = "The version it was made from; 409 `stale_version` says who changed it since, and when."


class WorkflowRequest(serializers.Serializer[Any]):
    """A workflow as it is written."""

    name = serializers.CharField(max_length=80)
    levels = serializers.ListField(child=Document(), help_text="As they are read; `calendar_id` names a calendar.")
    conditions = Document(default=dict, help_text="Every other field, by the name it is read under.")


class WorkflowChange(serializers.Serializer[Any]):
    """What changes; what is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    levels = serializers.ListField(child=Document(), required=False)
    conditions = Document(default=dict)
    version = serializers.IntegerField(min_value=1, help_text=SEEN)


class WorkflowReplacement(WorkflowRequest):
    """A workflow as it should be now; conditions that are left out are as in a new one."""

    version = serializers.IntegerField(min_value=1, help_text=SEEN)


class Sharing(serializers.Serializer[Any]):
    """Roles that may change one workflow too."""

    roles = serializers.ListField(child=serializers.CharField(max_length=20), max_length=20)


class TrialRequest(serializers.Serializer[Any]):
    """A request that nobody makes."""

    kind = serializers.CharField(max_length=60)
    cost = serializers.DecimalField(max_digits=16, decimal_places=2, default=None, allow_null=True)
    currency = serializers.CharField(max_length=3, default="", allow_blank=True)
    share = serializers.DecimalField(max_digits=12, decimal_places=4, default=None, allow_null=True)
    reach = serializers.IntegerField(min_value=0, default=None, allow_null=True)
    score = serializers.IntegerField(min_value=0, max_value=100, default=0, help_text="The risk.")
    channel = serializers.CharField(max_length=20, default="", allow_blank=True)
    agent_id = serializers.UUIDField(default=None, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), default=list)
    moment = serializers.DateTimeField(default=None, allow_null=True, help_text="Now if left out.")


class TriedLevelSerializer(serializers.Serializer[Any]):
    """A step as it would be asked."""

    name = serializers.CharField()
    mode = serializers.CharField()
    required = serializers.IntegerField()  # type: ignore[assignment]
    people = serializers.ListField(child=serializers.UUIDField())
    satisfiable = serializers.BooleanField()
    due_at = serializers.DateTimeField(allow_null=True)


class SimulationSerializer(serializers.Serializer[Any]):
    """What a request would meet."""

    workflow_id = serializers.UUIDField(allow_null=True)
    workflow = serializers.CharField()
    is_this = serializers.BooleanField(help_text="Whether it is the workflow that was asked about.")
    version = serializers.IntegerField()
    rule = serializers.CharField(help_text="The rule that would decide it alone, or nothing.")
    verdict = serializers.CharField()
    risk_level = serializers.CharField()
    levels = TriedLevelSerializer(many=True)


def _conditions(said: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions, whose names are none but ours: `actor` is not said in a body."""
    found: dict[str, Any] = said["conditions"]
    unknown = sorted(set(found) - FIELDS)
    if unknown:
        raise Invalid("There is no such condition.", fields={"conditions": [f"unknown: {unknown[0][:60]}"]})
    return found


def _shown(request: Request, workflow: ApprovalWorkflow, *, status: int = 200) -> Response:
    found = definitions.get_workflow(viewer=actor_of(request), workflow_id=workflow.pk)
    return Response(FLOW(found).data, status=status)


class Workflows(api.Workflows):
    """Workflows: list, and define one."""

    permissions: ClassVar = {"GET": definitions.VIEW_WORKFLOW, "POST": MANAGE}

    @extend_schema(operation_id="workflows_create", request=WorkflowRequest, responses={201: FLOW})
    @once
    def post(self, request: Request) -> Response:
        """Define which requests need whose signatures. Needs `hitl.manage_workflow`."""
        said = body_of(request, WorkflowRequest)
        made = services.create_workflow(
            actor=actor_of(request), name=said["name"], levels=said["levels"], **_conditions(said)
        )
        return _shown(request, made, status=201)


def _changed(request: Request, workflow_id: UUID) -> Response:
    said = body_of(request, WorkflowChange)
    named = {key: said[key] for key in ("name", "levels") if key in said}
    changed = services.revise_workflow(
        actor=actor_of(request),
        workflow_id=workflow_id,
        seen_version=said["version"],
        **named,
        **_conditions(said),
    )
    return _shown(request, changed)


class WorkflowPage(api.WorkflowPage):
    """One workflow: read it, write it anew, change some of it."""

    permissions: ClassVar = {"GET": definitions.VIEW_WORKFLOW, "PUT": MANAGE, "PATCH": MANAGE}

    @extend_schema(operation_id="workflows_replace", request=WorkflowReplacement, responses=FLOW)
    def put(self, request: Request, workflow_id: UUID) -> Response:
        """Write a workflow anew under a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; 409 `stale_version`."""
        said = body_of(request, WorkflowReplacement)
        plain = conditions_of(ApprovalWorkflow())
        changed = services.revise_workflow(
            actor=actor_of(request),
            workflow_id=workflow_id,
            name=said["name"],
            levels=said["levels"],
            seen_version=said["version"],
            **{**plain, **_conditions(said)},
        )
        return _shown(request, changed)

    @extend_schema(operation_id="workflows_update", request=WorkflowChange, responses=FLOW)
    def patch(self, request: Request, workflow_id: UUID) -> Response:
        """Change some of a workflow under a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; 409 `stale_version`."""
        return _changed(request, workflow_id)


class WorkflowRevision(api.OfOneWorkflow):
    """Changes a workflow; the same as PATCH, for callers who can only POST."""

    permissions: ClassVar = {"POST": MANAGE}

    @extend_schema(operation_id="workflows_revise", request=WorkflowChange, responses=FLOW)
    @once
    def post(self, request: Request, workflow_id: UUID) -> Response:
        """Change a workflow under a new version; running requests keep theirs. Needs `hitl.manage_workflow`."""
        return _changed(request, workflow_id)


class WorkflowRetirement(api.OfOneWorkflow):
    """Retires a workflow."""

    permissions: ClassVar = {"POST": MANAGE}

    @extend_schema(operation_id="workflows_retire", request=None, responses=FLOW)
    @once
    def post(self, request: Request, workflow_id: UUID) -> Response:
        """Take a workflow out of use; running requests keep it. Needs `hitl.manage_workflow`."""
        return _shown(request, services.retire_workflow(actor=actor_of(request), workflow_id=workflow_id))


class WorkflowRestoration(api.OfOneWorkflow):
    """Restores a workflow."""

    permissions: ClassVar = {"POST": MANAGE}

    @extend_schema(operation_id="workflows_restore", request=None, responses=FLOW)
    @once
    def post(self, request: Request, workflow_id: UUID) -> Response:
        """Bring a retired workflow back into use. Needs `hitl.manage_workflow`."""
        return _shown(request, services.restore_workflow(actor=actor_of(request), workflow_id=workflow_id))


class WorkflowSharing(ApiView):
    """Which roles may change one workflow, beside those who may change them all."""

    permissions: ClassVar = {"GET": definitions.MANAGE_MEMBERSHIP, "PUT": definitions.MANAGE_MEMBERSHIP}

    @reads("workflows_sharing", Sharing)
    def get(self, **asked: Any) -> dict[str, list[str]]:
        """Read which roles may change this one workflow too. Needs `accounts.manage_membership`."""
        return definitions.sharing_of(**asked)

    @changes("workflows_share", Sharing, Sharing)
    def put(self, actor: Actor, workflow_id: UUID, roles: list[str]) -> dict[str, list[str]]:
        """Let just these roles change, retire and restore this one workflow too; none takes it back from all. Needs
        `accounts.manage_membership` and `hitl.manage_workflow`."""
        services.share_workflow(actor=actor, workflow_id=workflow_id, roles=roles)
        return definitions.sharing_of(viewer=actor, workflow_id=workflow_id)


class WorkflowSimulation(ApiView):
    """Tries a request out."""

    permissions: ClassVar = {"POST": definitions.VIEW_WORKFLOW}

    @extend_schema(operation_id="workflows_simulate", request=TrialRequest, responses=SimulationSerializer)
    @once
    def post(self, request: Request, workflow_id: UUID) -> Response:
        """Tell what a request would meet, and whether it is this workflow; writes nothing. Needs
        `hitl.view_approvalworkflow`."""
        definitions.get_workflow(viewer=actor_of(request), workflow_id=workflow_id)
        said = body_of(request, TrialRequest)
        moment = said.pop("moment")
        found = simulate(viewer=actor_of(request), trial=Trial(**said), moment=moment)
        answer = {**asdict(found), "is_this": found.workflow_id == workflow_id}
        return Response(SimulationSerializer(answer).data)
