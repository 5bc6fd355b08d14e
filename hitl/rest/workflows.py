"""Endpoints of workflows: read them, write them, say who else may, and try one out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from core.actors import Actor
from core.errors import Invalid
from core.rest.fields import Document
from core.rest.operations import changes, does, lists, reads
from core.rest.views import ApiView
from hitl import services
from hitl.approvals.simulate import Trial, simulate
from hitl.models import ApprovalWorkflow
from hitl.policy import selectors
from hitl.policy.selectors import MANAGE_WORKFLOW as MANAGE
from hitl.policy.validation import FIELDS
from hitl.policy.workflows import conditions_of
from hitl.rest import serializers as shapes
from hitl.rest.serializers import SEEN

FLOW: Final = shapes.WorkflowSerializer


class WorkflowRequest(serializers.Serializer[Any]):
    """A workflow as it is written."""

    name = serializers.CharField(max_length=80)
    levels = serializers.ListField(child=Document(), help_text="In their order, as they are read.")
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


class Retirement(serializers.Serializer[Any]):
    """Which version is retired."""

    version = serializers.IntegerField(
        min_value=1, required=False, default=None, allow_null=True, help_text=f"{SEEN} Left out: whichever it is."
    )


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


def _levels(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a body says; levels are taken as they are read, whose `order` is their place."""
    if said.get("levels") is None:
        return said
    rows = [{name: value for name, value in level.items() if name != "order"} for level in said["levels"]]
    return {**said, "levels": rows}


def _known(conditions: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions, whose names are none but ours: `actor` is not said in a body."""
    unknown = sorted(set(conditions) - FIELDS)
    if unknown:
        raise Invalid("There is no such condition.", fields={"conditions": [f"unknown: {unknown[0][:60]}"]})
    return conditions


def _read(viewer: Actor, workflow: ApprovalWorkflow) -> ApprovalWorkflow:
    return selectors.get_workflow(viewer=viewer, workflow_id=workflow.pk)


class Workflows(ApiView):
    """Workflows: list, and define one."""

    permissions: ClassVar = {"GET": selectors.VIEW_WORKFLOW, "POST": MANAGE}

    def has_right(self, actor: Actor, permission: str) -> bool:
        """Who was given a workflow may list those that he was given."""
        return permission == selectors.VIEW_WORKFLOW and bool(selectors.given_workflows(actor))

    @lists("workflows_list", FLOW, query=shapes.WorkflowQuery)
    def get(self, viewer: Actor) -> QuerySet[ApprovalWorkflow]:
        """List workflows with their steps, newest first. Needs `hitl.view_approvalworkflow`; who was given single
        ones gets those."""
        return selectors.query_workflows(viewer=viewer, active=self.asked["active"])

    @does("workflows_create", WorkflowRequest, FLOW, status=201)
    def post(self, actor: Actor, conditions: dict[str, Any], **said: Any) -> ApprovalWorkflow:
        """Define which requests need whose signatures. Needs `hitl.manage_workflow`."""
        return _read(actor, services.create_workflow(actor=actor, **_levels(said), **_known(conditions)))


class OfOneWorkflow(ApiView):
    """What is about one workflow: the right on it is enough."""

    def has_right(self, actor: Actor, permission: str) -> bool:
        """Tell whether the workflow of the address was given to the actor."""
        if permission not in (selectors.VIEW_WORKFLOW, MANAGE):
            return False
        return self.kwargs["workflow_id"] in selectors.given_workflows(actor)


def _changed(actor: Actor, version: int, conditions: dict[str, Any], **said: Any) -> ApprovalWorkflow:
    changed = services.revise_workflow(actor=actor, seen_version=version, **_levels(said), **_known(conditions))
    return _read(actor, changed)


class WorkflowPage(OfOneWorkflow):
    """One workflow: read it, write it anew, change some of it."""

    permissions: ClassVar = {"GET": selectors.VIEW_WORKFLOW, "PUT": MANAGE, "PATCH": MANAGE}

    @reads("workflows_retrieve", FLOW)
    def get(self, **asked: Any) -> ApprovalWorkflow:
        """Read a workflow with its steps. Needs `hitl.view_approvalworkflow`, or the right on this one."""
        return selectors.get_workflow(**asked)

    @changes("workflows_replace", WorkflowReplacement, FLOW)
    def put(self, conditions: dict[str, Any], **said: Any) -> ApprovalWorkflow:
        """Write a workflow anew under a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; who has it for this one only says who signs and when, and gets 403 for the rest; 409
        `stale_version`."""
        return _changed(conditions={**conditions_of(ApprovalWorkflow()), **conditions}, **said)

    @changes("workflows_update", WorkflowChange, FLOW)
    def patch(self, **said: Any) -> ApprovalWorkflow:
        """Change some of a workflow under a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; who has it for this one only says who signs and when, and gets 403 for the rest; 409
        `stale_version`."""
        return _changed(**said)


class WorkflowRevision(OfOneWorkflow):
    """Changes a workflow; the same as PATCH, for callers who can only POST."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("workflows_revise", WorkflowChange, FLOW)
    def post(self, **said: Any) -> ApprovalWorkflow:
        """Change a workflow under a new version; running requests keep theirs. Needs `hitl.manage_workflow`."""
        return _changed(**said)


class CopyRequest(serializers.Serializer[Any]):
    """What the copy is called."""

    name = serializers.CharField(max_length=80)


class WorkflowCopy(ApiView):
    """Copies a workflow."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("workflows_copy", CopyRequest, FLOW, status=201)
    def post(self, actor: Actor, workflow_id: UUID, name: str) -> ApprovalWorkflow:
        """Define another workflow like this one, never as the default; it is in use at once. Needs
        `hitl.manage_workflow`."""
        return _read(actor, services.copy_workflow(actor=actor, workflow_id=workflow_id, name=name))


class WorkflowRetirement(OfOneWorkflow):
    """Retires a workflow."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("workflows_retire", Retirement, FLOW)
    def post(self, actor: Actor, workflow_id: UUID, version: int | None) -> ApprovalWorkflow:
        """Take a workflow out of use; running requests keep it. Needs `hitl.manage_workflow` for all; with a
        `version` that is not the current one 409 `stale_version`."""
        return _read(actor, services.retire_workflow(actor=actor, workflow_id=workflow_id, seen_version=version))


class WorkflowRestoration(OfOneWorkflow):
    """Restores a workflow."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("workflows_restore", None, FLOW)
    def post(self, actor: Actor, workflow_id: UUID) -> ApprovalWorkflow:
        """Bring a retired workflow back into use. Needs `hitl.manage_workflow` for all."""
        return _read(actor, services.restore_workflow(actor=actor, workflow_id=workflow_id))


class WorkflowSharing(ApiView):
    """Which roles may change one workflow, beside those who may change them all."""

    permissions: ClassVar = {"GET": selectors.MANAGE_MEMBERSHIP, "PUT": selectors.MANAGE_MEMBERSHIP}

    @reads("workflows_sharing", Sharing)
    def get(self, **asked: Any) -> dict[str, list[str]]:
        """Read which roles may change this one workflow too. Needs `accounts.manage_membership`."""
        return selectors.sharing_of(**asked)

    @changes("workflows_share", Sharing, Sharing)
    def put(self, actor: Actor, workflow_id: UUID, roles: list[str]) -> dict[str, list[str]]:
        """Let just these roles say who signs in this one workflow, and when; none takes it back from all. Needs
        `accounts.manage_membership` and `hitl.manage_workflow`."""
        services.share_workflow(actor=actor, workflow_id=workflow_id, roles=roles)
        return selectors.sharing_of(viewer=actor, workflow_id=workflow_id)


class WorkflowSimulation(ApiView):
    """Tries a request out."""

    permissions: ClassVar = {"POST": selectors.VIEW_WORKFLOW}

    @does("workflows_simulate", TrialRequest, SimulationSerializer)
    def post(self, actor: Actor, workflow_id: UUID, moment: datetime | None, **said: Any) -> dict[str, Any]:
        """Tell what a request would meet, and whether it is this workflow; writes nothing. Needs
        `hitl.view_approvalworkflow`."""
        selectors.get_workflow(viewer=actor, workflow_id=workflow_id)
        found = simulate(viewer=actor, trial=Trial(**said), moment=moment)
        return {**asdict(found), "is_this": found.workflow_id == workflow_id}
