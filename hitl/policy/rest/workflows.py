"""Endpoints of workflows: read, write, share and simulate."""

from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor
from core.errors import Invalid
from core.rest.fields import SEEN, AmountField, Document, RowSerializer, SeenVersion
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet
from hitl.approvals.change.simulate import Trial, simulate
from hitl.models import ApprovalLevel, ApprovalWorkflow
from hitl.policy import selectors
from hitl.policy.selectors import MANAGE_MEMBERSHIP, VIEW_WORKFLOW
from hitl.policy.selectors import MANAGE_WORKFLOW as MANAGE
from hitl.policy.workflows.describe import Label, sentence
from hitl.policy.workflows.labels import labels
from hitl.policy.workflows.validation import FIELDS
from hitl.policy.workflows.workflows import (
    conditions_of,
    copy_workflow,
    create_workflow,
    levels_of,
    restore_workflow,
    retire_workflow,
    revise_workflow,
    share_workflow,
)


class WorkflowFilters(ApiFilterSet):
    """The filters of workflows."""

    active = BooleanFilter(field_name="is_active", initial=True)


class LevelSerializer(RowSerializer[ApprovalLevel]):
    """One level of a workflow."""

    class Meta:
        model = ApprovalLevel
        fields: ClassVar[list[str]] = (
            "order name mode quorum reject_threshold approvers sla_hours calendar_id parallel require_reason min_auth "
            "editable_fields"
        ).split()


class WorkflowSerializer(RowSerializer[ApprovalWorkflow]):
    """Which requests need whose approval."""

    levels = LevelSerializer(many=True, read_only=True)
    says = serializers.SerializerMethodField(help_text="The workflow in one sentence.")

    class Meta:
        model = ApprovalWorkflow
        fields: ClassVar[list[str]] = (
            "id name description is_active is_default priority version kinds risk_levels min_cost max_cost currency "
            "agents channels contact_tags time_window condition expire_hours execute_within_hours auto_rules "
            "edit_policy escalation reminder_every_hours reminder_max notify_by allow_override distinct_approvers "
            "open_per_agent created_at levels says"
        ).split()

    def get_says(self, workflow: ApprovalWorkflow) -> str:
        return sentence(conditions_of(workflow), levels_of(workflow), self._label)

    @cached_property
    def _label(self) -> Label:
        """Return the names, read once for the whole list."""
        return labels()


class WorkflowRequest(serializers.Serializer[Any]):
    """A new workflow."""

    name = serializers.CharField(max_length=80)
    levels = serializers.ListField(child=Document(), help_text="In their order, as they are read.")
    conditions = Document(default=dict, help_text="Every other field, by the name it is read under.")


class WorkflowChange(SeenVersion):
    """The fields to change; others stay."""

    name = serializers.CharField(max_length=80, required=False)
    levels = serializers.ListField(child=Document(), required=False)
    conditions = Document(default=dict)


class WorkflowReplacement(WorkflowRequest, SeenVersion):
    """The whole workflow after the change; conditions that are left out get the defaults of a new one."""


class Retirement(serializers.Serializer[Any]):
    """The version to retire."""

    version = serializers.IntegerField(
        source="seen_version",
        min_value=1,
        required=False,
        default=None,
        allow_null=True,
        help_text=f"{SEEN} Left out: any version.",
    )


class TrialRequest(serializers.Serializer[Any]):
    """A made-up request."""

    kind = serializers.CharField(max_length=60)
    cost = AmountField(max_digits=16, decimal_places=2, default=None, allow_null=True)
    currency = serializers.CharField(max_length=3, default="", allow_blank=True)
    share = AmountField(max_digits=12, decimal_places=4, default=None, allow_null=True)
    reach = serializers.IntegerField(min_value=0, default=None, allow_null=True)
    score = serializers.IntegerField(min_value=0, max_value=100, default=0, help_text="The risk.")
    channel = serializers.CharField(max_length=20, default="", allow_blank=True)
    agent_id = serializers.UUIDField(default=None, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), default=list)
    moment = serializers.DateTimeField(default=None, allow_null=True, help_text="Now if left out.")


class TriedLevelSerializer(serializers.Serializer[Any]):
    """A level as it would be asked."""

    name = serializers.CharField()
    mode = serializers.CharField()
    required = serializers.IntegerField()  # type: ignore[assignment]
    people = serializers.ListField(child=serializers.UUIDField())
    satisfiable = serializers.BooleanField()
    due_at = serializers.DateTimeField(allow_null=True)


class SimulationSerializer(serializers.Serializer[Any]):
    """What a request would go through."""

    workflow_id = serializers.UUIDField(allow_null=True)
    workflow = serializers.CharField()
    is_this = serializers.BooleanField(help_text="Whether it is the workflow of the address.")
    version = serializers.IntegerField()
    rule = serializers.CharField(help_text="The rule that would decide it alone, or nothing.")
    verdict = serializers.CharField()
    risk_level = serializers.CharField()
    levels = TriedLevelSerializer(many=True)


class CopyRequest(serializers.Serializer[Any]):
    """The name of the copy."""

    name = serializers.CharField(max_length=80)


class WorkflowViewSet(RetrieveModelMixin, ListViewSet):
    """Workflows."""

    descriptions: ClassVar = {
        "list": "List workflows with their levels, newest first. Needs `hitl.view_approvalworkflow`; who has the "
        "right on single ones gets those.",
        "retrieve": "Read a workflow with its levels. Needs `hitl.view_approvalworkflow`, or the right on this one.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "simulate"), VIEW_WORKFLOW),
        **dict.fromkeys(("create", "update", "partial_update", "revise", "copy", "retire", "restore"), MANAGE),
    }
    shared_actions: ClassVar = frozenset({"retrieve", "update", "partial_update", "revise", "retire", "restore"})
    """The actions for which the right on one workflow is enough."""
    serializer_class = WorkflowSerializer
    request_serializers: ClassVar = {
        "create": WorkflowRequest,
        "update": WorkflowReplacement,
        "partial_update": WorkflowChange,
    }
    filterset_class = WorkflowFilters
    lookup_url_kwarg = "workflow_id"
    list_rows, read_row = selectors.query_workflows, selectors.get_workflow

    @action(detail=True, methods=["post"], request_serializer=CopyRequest, success_status=201)
    @idempotent
    def copy(self, request: Request, **kwargs: Any) -> Response:
        """Define another workflow like this one, never as the default; it is in use at once."""
        return self.call_service(copy_workflow)

    @action(detail=True, methods=["post"], request_serializer=Retirement)
    @idempotent
    def retire(self, request: Request, **kwargs: Any) -> Response:
        """Take a workflow out of use; running requests keep it. Needs `hitl.manage_workflow` for all; with a
        `version` that is not the current one 409 `stale_version`."""
        return self.call_service(retire_workflow)

    @action(detail=True, methods=["post"])
    @idempotent
    def restore(self, request: Request, **kwargs: Any) -> Response:
        """Bring a retired workflow back into use. Needs `hitl.manage_workflow` for all."""
        return self.call_service(restore_workflow)

    def has_right(self, actor: Actor, permission: str) -> bool:
        """Return True if the actor has the right on the workflow of the address, or for the list on any."""
        if self.action == "list":
            return bool(selectors.shared_workflows(actor))
        return self.action in self.shared_actions and self.kwargs["workflow_id"] in selectors.shared_workflows(actor)

    def respond(self, row: Any) -> Response:
        """Return the response that shows a workflow with its levels as it is now."""
        return super().respond(selectors.get_workflow(viewer=self.actor, workflow_id=row.pk))

    @idempotent
    def create(self, request: Request) -> Response:
        """Define which requests need whose approval."""
        return self.respond(create_workflow(actor=self.actor, **_definition(self.read_body())))

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Replace a workflow by a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; with the right on this one only, who approves and when may change, else 403; 409
        `stale_version`."""
        body = self.read_body()
        return self._revise({**body, "conditions": {**conditions_of(ApprovalWorkflow()), **body["conditions"]}})

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change parts of a workflow as a new version; running requests keep theirs. Needs
        `hitl.manage_workflow`; with the right on this one only, who approves and when may change, else 403; 409
        `stale_version`."""
        return self._revise(self.read_body())

    @action(detail=True, methods=["post"], request_serializer=WorkflowChange)
    @idempotent
    def revise(self, request: Request, **kwargs: Any) -> Response:
        """Change a workflow as a new version; running requests keep theirs."""
        return self._revise(self.read_body())

    def _revise(self, body: dict[str, Any]) -> Response:
        return self.respond(revise_workflow(actor=self.actor, **self.kwargs, **_definition(body)))

    @action(detail=True, methods=["post"], request_serializer=TrialRequest, serializer_class=SimulationSerializer)
    @idempotent
    def simulate(self, request: Request, **kwargs: Any) -> Response:
        """Return what a request would go through, and whether this workflow covers it; writes nothing."""
        workflow, body = self.get_object(), self.read_body()
        moment = body.pop("moment")
        found = simulate(viewer=self.actor, trial=Trial(**body), moment=moment)
        return super().respond({**asdict(found), "is_this": found.workflow_id == workflow.pk})


def _definition(body: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a service; raises `Invalid` for unknown conditions.

    Levels are taken as they are read: their `order` is their place in the list.
    """
    conditions = body.pop("conditions")
    if unknown := sorted(set(conditions) - FIELDS):
        raise Invalid("There is no such condition.", fields={"conditions": [f"unknown: {unknown[0][:60]}"]})
    if body.get("levels") is not None:
        body["levels"] = [{name: level[name] for name in level if name != "order"} for level in body["levels"]]
    return {**body, **conditions}


class Sharing(serializers.Serializer[Any]):
    """Roles that may change one workflow too."""

    roles = serializers.ListField(child=serializers.CharField(max_length=20), max_length=20)


class WorkflowSharingViewSet(ApiViewSet):
    """The roles that may change one workflow, beside those that may change all."""

    permissions: ClassVar = {"retrieve": MANAGE_MEMBERSHIP, "update": MANAGE_MEMBERSHIP}
    serializer_class = Sharing
    request_serializers: ClassVar = {"update": Sharing}

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read which roles may change this one workflow too."""
        return self.respond(selectors.sharing_of(viewer=self.actor, **self.kwargs))

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Let exactly these roles change who approves in this workflow, and when; an empty list takes it back. Needs
        `accounts.manage_membership` and `hitl.manage_workflow`."""
        share_workflow(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond(selectors.sharing_of(viewer=self.actor, **self.kwargs))
