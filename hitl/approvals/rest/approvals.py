"""Endpoints of approvals: list, read and request."""

import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import StreamingHttpResponse
from django_filters import CharFilter, ChoiceFilter, UUIDFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import shares
from core.clock import now
from core.reliability.idempotency import KEPT_FOR, digest
from core.rest.downloads import streamed
from core.rest.fields import EXPANDED, FROM, UNTIL, Document
from core.rest.filters import (
    AfterFilter,
    AnyOfFilter,
    ApiFilterSet,
    BeforeFilter,
    BooleanFilter,
    OrderFilter,
    PersonFilter,
)
from core.rest.idempotency import HEADER, idempotent_outside_transaction
from core.rest.pagination import SortedPagination
from core.rest.views import ApiViewSet, Expansion, ListViewSet, Query
from hitl.actions import registry
from hitl.actions.base import PRIORITY_MAX, Origin
from hitl.approvals.change.propose import find_repeat, propose
from hitl.approvals.decide import rights
from hitl.approvals.decide.first_view import note_view
from hitl.approvals.rest.serializers import ApprovalDetailSerializer, ApprovalSerializer
from hitl.domain.permissions import EXPORT_LIST
from hitl.domain.state_machine import OPEN, WAITING, State
from hitl.exports.approvals import export_list
from hitl.models import Approval, Assignment
from hitl.policy.rest.workflows import WorkflowSerializer
from hitl.policy.selectors import query_workflows
from hitl.selectors import approvals as selectors
from hitl.selectors import search

CHANNEL: Final = "api"
CUSTOM_LIMIT: Final = 4000
HOLDS: Final = ("manual", "unsatisfiable", "kill_switch", "caps")
RISKS: Final = ("low", "medium", "high", "critical")


class AssigneeFilter(PersonFilter):
    """Approvals that a person is asked to decide now."""

    def filter_person(self, qs: QuerySet[Any], person_id: UUID) -> QuerySet[Any]:
        """Return the approvals with an open assignment of the person."""
        return qs.filter(
            Exists(Assignment.objects.filter(approval=OuterRef("pk"), person_id=person_id, closed_at=None))
        )


class ApprovalFilters(ApiFilterSet):
    """The filters of approvals; values of one filter are alternatives."""

    state = AnyOfFilter(choices=[(state.value, state.value) for state in State])
    risk = AnyOfFilter(field_name="risk_level", choices=[(risk, risk) for risk in RISKS])
    kind = CharFilter(max_length=60)
    assignee = AssigneeFilter(help_text="Who is asked to decide now: an id, or `me`.")
    requester = PersonFilter(field_name="requester_id", help_text="Who asked: an id, or `me`.")
    agent = UUIDFilter(field_name="agent_id", help_text="Which agent asked.")
    hold = ChoiceFilter(method="filter_hold", choices=[(hold, hold) for hold in HOLDS], help_text="Held back by this.")
    tag = CharFilter(method="filter_tag", max_length=40)
    flag = CharFilter(method="filter_flag", max_length=40, help_text="With this compliance flag.")
    overdue = BooleanFilter(method="filter_overdue", initial=False, help_text="Waiting longer than promised.")
    delegated = BooleanFilter(
        method="filter_delegated", initial=False, help_text="You decide it for somebody else: it was delegated to you."
    )
    q = CharFilter(
        method="filter_words",
        max_length=search.LONGEST,
        help_text="A reference (`BR-1042` or `1042`), the beginnings of words, or of the requester's name.",
    )
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")
    decided_after = AfterFilter("decided_at", help_text=f"Decided. {FROM}")
    decided_before = BeforeFilter("decided_at", help_text=f"Decided. {UNTIL}")
    ordering = OrderFilter(
        *selectors.ORDERS, help_text="By risk, cost, deadline or age; with `-` the highest, latest or oldest first."
    )

    def filter_hold(self, queryset: QuerySet[Approval], name: str, value: str) -> QuerySet[Approval]:
        """Return the approvals that are held by one cause."""
        return queryset.filter(holds__contains=[value])

    def filter_tag(self, queryset: QuerySet[Approval], name: str, value: str) -> QuerySet[Approval]:
        return queryset.filter(tags__contains=[value])

    def filter_flag(self, queryset: QuerySet[Approval], name: str, value: str) -> QuerySet[Approval]:
        """Return the approvals with a compliance flag, by the index of flagged ones."""
        return queryset.exclude(compliance_flags=[]).filter(compliance_flags__contains=[value])

    def filter_overdue(self, queryset: QuerySet[Approval], name: str, value: bool) -> QuerySet[Approval]:
        """Return the approvals that people should have decided by now, if asked."""
        waiting = [state.value for state in WAITING]
        return queryset.filter(state__in=waiting, sla_due_at__lt=now()) if value else queryset

    def filter_delegated(self, queryset: QuerySet[Approval], name: str, value: bool) -> QuerySet[Approval]:
        """Return the approvals that the caller decides for somebody else, if asked."""
        if not value:
            return queryset
        waiting = [state.value for state in WAITING]
        given = selectors.delegated_to(self.request.auth).filter(approval=OuterRef("pk"))
        return queryset.filter(Exists(given), state__in=waiting)

    def filter_words(self, queryset: QuerySet[Approval], name: str, value: str) -> QuerySet[Approval]:
        """Return the approvals that a search finds; raises `Invalid` for personal data."""
        words = search.cleaned(value)
        search.refuse_personal(words)
        states = self.form.cleaned_data["state"]
        return queryset.filter(search.found_by(words, only_open=bool(states) and set(states) <= set(OPEN)))


class ApprovalPagination(SortedPagination):
    """Pages of approvals, newest first or in the order that is asked for."""

    orders = selectors.ORDERS
    dated: ClassVar = {"created": "created_at", "decided": "decided_at"}


class ExportQuery(Query):
    """How the list is written."""

    format = serializers.ChoiceField(
        choices=("csv", "jsonl"), default="csv", help_text="`csv` for spreadsheets, `jsonl` for programs."
    )


class Proposal(serializers.Serializer[Any]):
    """A request for a risky action."""

    kind = serializers.CharField(max_length=60, help_text="Such as `send_audience_message`.")
    params = Document(help_text="What the kind asks for; money as text.")
    notes = serializers.CharField(default="", allow_blank=True, max_length=2000, help_text="For the approvers.")
    dedupe_key = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="While yours of this kind is open, it is the answer."
    )
    priority = serializers.IntegerField(
        default=0, min_value=0, max_value=PRIORITY_MAX, help_text="How urgent it is; it only ranks the queue."
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list, max_length=20, help_text="To find it by."
    )
    custom = Document(default=dict, help_text="Fields of your own, kept with it and shown; 4,000 characters at most.")

    def validate_custom(self, custom: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is too long to be read."""
        if len(json.dumps(custom)) > CUSTOM_LIMIT:
            raise serializers.ValidationError(f"At most {CUSTOM_LIMIT} characters.")
        return custom

    def validate_kind(self, kind: str) -> str:
        """Refuse an unknown kind as a value, not as a missing page."""
        if not registry.is_known(kind):
            raise serializers.ValidationError(f"One of {', '.join(registry.keys())}.")
        return kind


class ApprovalResponses(ApiViewSet):
    """The base of view sets that respond with one approval."""

    serializer_class: type[BaseSerializer[Any]] = ApprovalDetailSerializer
    lookup_url_kwarg = "approval_id"
    share_kind = shares.APPROVAL
    watched = rights.WATCHED

    def respond_with_approval(self, approval_id: UUID, *, is_view: bool = False) -> Response:
        """Return an approval as it is now; callers who may not view approvals get its id."""
        if not shares.may_some(self.actor, shares.APPROVAL, selectors.VIEW):
            return Response({"id": str(approval_id)}, status=self.get_success_status())
        approval = selectors.get_approval(viewer=self.actor, approval_id=approval_id)
        if is_view:
            note_view(viewer=self.actor, approval=approval)
        context = {
            "viewer": self.actor,
            "assignments": selectors.list_assignments(viewer=self.actor, approval_id=approval_id),
            "why_not": rights.why_not_decide(viewer=self.actor, approval=approval),
            EXPANDED: self.read_expanded([approval]),
        }
        return Response(ApprovalDetailSerializer(approval, context=context).data, status=self.get_success_status())


class ApprovalViewSet(ListViewSet, ApprovalResponses):
    """Approvals."""

    descriptions: ClassVar = {"list": "List approvals, newest first or by `ordering`."}
    permissions: ClassVar = {
        "list": selectors.VIEW,
        "export": EXPORT_LIST,
        "retrieve": selectors.VIEW,
        "create": "hitl.propose_approval",
    }
    request_serializers: ClassVar = {"create": Proposal}
    expansions: ClassVar = {"workflow": Expansion(query_workflows, WorkflowSerializer, "workflow_id")}
    filterset_class = ApprovalFilters
    pagination_class = ApprovalPagination
    list_rows = staticmethod(selectors.query_approvals)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists leave out what is approved."""
        return ApprovalSerializer if self.action == "list" else ApprovalDetailSerializer

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return ExportQuery if self.action == "export" else super().get_query_class()

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read an approval with what is approved and its digest."""
        return self.respond_with_approval(self.kwargs["approval_id"], is_view=True)

    @extend_schema(
        parameters=[ExportQuery],
        filters=True,
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    @action(detail=False, methods=["get"], many=True, pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        """Export the list as a file, at most 10,000 rows.

        Filters and order are those of the list; a file that lacks rows says so in its last line. Summaries are always
        masked. Each export is written to the audit log; 429 after 30 an hour.
        """
        order = selectors.ORDERS.get(request.query_params.get("ordering", ""), ("-id",))
        file = export_list(
            actor=self.actor,
            rows=self.filter_queryset(self.get_queryset()).order_by(*order),
            filters=self.get_filter_names() & set(request.query_params),
            format=self.query["format"],
        )
        return streamed(request._request, file.parts, file.content_type, file.name)

    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """Request a risky action; people decide.

        The current state of what is touched is looked up outside first: 503 when that is not available, 403 `paused`
        under a kill switch. With the same `dedupe_key` for the same kind your open approval is the answer; with other
        `params` 409 `different_arguments`, which names it.
        """
        # Under this key a repetition after a crash finds its approval, even if that is closed by now.
        key = request.headers.get(HEADER)
        body, repeat_key = self.read_body(), (f"api:{digest(key, request._request.body)}" if key else "")
        kind, dedupe_key = body["kind"], body["dedupe_key"]
        found = None
        if repeat_key and not dedupe_key:
            since = now() - KEPT_FOR
            found = find_repeat(actor=self.actor, kind=kind, params=body["params"], dedupe_key=repeat_key, since=since)
        approval = found or propose(
            actor=self.actor,
            kind=kind,
            params=body["params"],
            origin=Origin(
                requester_user_id=self.actor.user_id,
                channel=CHANNEL,
                address=self.actor.address,
                user_agent=self.actor.user_agent,
                notes=body["notes"],
                priority=body["priority"],
                tags=tuple(body["tags"]),
                custom=body["custom"],
            ),
            dedupe_key=dedupe_key or repeat_key,
        )
        return self.respond_with_approval(approval.pk)
