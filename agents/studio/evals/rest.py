"""Endpoints of cases and of the runs of checks."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from agents.studio.evals import case_services, runs
from agents.studio.evals.models import EvalCase, EvalResult, EvalRun
from agents.studio.trials.models import Trial
from agents.studio.trials.speakers import TRY
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin

EXPECTS = "`contains`, `avoids`, `calls`, `never_calls`, `asks_approval_for`, `sources`, `brings_person`, `cites`."


class CaseFilters(ApiFilterSet):
    """The filters of cases."""

    agent = UUIDFilter(field_name="agent_id")


class CaseSerializer(RowSerializer[EvalCase]):
    """A case of an agent."""

    must = serializers.BooleanField(source="is_must", read_only=True)
    speaker = serializers.CharField(source="document.speaker", read_only=True)
    says = serializers.ListField(source="document.says", child=serializers.CharField(), read_only=True)
    expects = serializers.DictField(source="document.expects", read_only=True)

    class Meta:
        model = EvalCase
        fields: ClassVar[list[str]] = (
            "id agent_id conversation_id name must speaker says expects author_id created_at changed_at"
        ).split()


class CaseDocument(serializers.Serializer[Any]):
    """A case as in a file of cases."""

    name = serializers.CharField(max_length=80)
    speaker = serializers.ChoiceField(choices=Trial.Speaker.choices, required=False)
    says = serializers.ListField(child=serializers.CharField(max_length=2000), min_length=1, max_length=10)
    expects = serializers.DictField(help_text=EXPECTS)
    must = serializers.BooleanField(required=False)


class NewCase(CaseDocument):
    """A case of an agent."""

    agent_id = serializers.UUIDField()
    conversation_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="It is from; the case is deleted with its person."
    )


class CaseViewSet(ReadOneMixin, ListViewSet):
    """Cases that agents are checked with."""

    descriptions: ClassVar = {
        "list": "List cases, newest first. Needs `agents.change_agent`.",
        "retrieve": "Read a case. Needs `agents.change_agent`.",
    }
    permissions: ClassVar = dict.fromkeys("list retrieve create update destroy".split(), TRY)
    serializer_class = CaseSerializer
    request_serializers: ClassVar = {"create": NewCase, "update": CaseDocument}
    filterset_class = CaseFilters
    lookup_url_kwarg = "case_id"
    list_rows = staticmethod(case_services.query_cases)
    read_row = staticmethod(case_services.get_case)

    @idempotent
    def create(self, request: Request) -> Response:
        """Keep a case of an agent. Needs `agents.change_agent`; 409 `name_taken`."""
        body = dict(self.read_body())
        facts = {name: body.pop(name) for name in ("agent_id", "conversation_id") if name in body}
        return self.respond(case_services.keep_case(actor=self.actor, document=body, **facts))

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Replace a case; the checks have to run again. Needs `agents.change_agent`; 409 `name_taken`."""
        return self.respond(case_services.change_case(actor=self.actor, document=self.read_body(), **self.kwargs))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a case. Needs `agents.change_agent`."""
        case_services.delete_case(actor=self.actor, **self.kwargs)
        return Response(status=self.get_success_status())


class EvalRunFilters(ApiFilterSet):
    """The filters of runs of checks."""

    agent = UUIDFilter(field_name="agent_id")
    kind = ChoiceFilter(choices=EvalRun.Kind.choices)


class EvalResultSerializer(RowSerializer[EvalResult]):
    """What one case or past conversation showed, masked."""

    must = serializers.BooleanField(source="is_must", read_only=True)
    steps = serializers.ListField(child=serializers.DictField(), read_only=True)
    sources = serializers.ListField(child=serializers.DictField(), read_only=True)
    misses = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = EvalResult
        fields: ClassVar[list[str]] = (
            "id number name must conversation_id said before answer stopped steps sources misses passed brings_person "
            "error_code milliseconds finished_at"
        ).split()


class EvalRunSerializer(RowSerializer[EvalRun]):
    """A run of checks."""

    version = serializers.IntegerField(source="version.number", read_only=True)
    total = serializers.IntegerField(read_only=True)
    answered = serializers.IntegerField(read_only=True, help_text="How far a run is that is still running.")
    passed = serializers.IntegerField(source="passed_count", read_only=True)
    failed = serializers.IntegerField(source="failed_count", read_only=True)
    failed_musts = serializers.IntegerField(read_only=True)

    class Meta:
        model = EvalRun
        fields: ClassVar[list[str]] = (
            "id agent_id version revision kind state error_code total answered passed failed failed_musts created_at "
            "finished_at"
        ).split()


class EvalRunDetailSerializer(EvalRunSerializer):
    """A run of checks with its results."""

    results = EvalResultSerializer(many=True, read_only=True)

    class Meta(EvalRunSerializer.Meta):
        fields: ClassVar[list[str]] = [*EvalRunSerializer.Meta.fields, "results"]


class NewEvalRun(serializers.Serializer[Any]):
    """Which agent to check, and how."""

    agent_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=EvalRun.Kind.choices)
    days = serializers.IntegerField(
        required=False, min_value=1, max_value=runs.MOST_DAYS, help_text="Of past conversations; 7 by default."
    )


class EvalRunViewSet(ReadOneMixin, ListViewSet):
    """Runs of checks."""

    descriptions: ClassVar = {
        "list": "List runs of checks, newest first. Needs `agents.change_agent`.",
        "retrieve": "Read a run with its results. Needs `agents.change_agent`.",
    }
    permissions: ClassVar = dict.fromkeys("list retrieve create".split(), TRY)
    serializer_class = EvalRunDetailSerializer
    request_serializers: ClassVar = {"create": NewEvalRun}
    filterset_class = EvalRunFilters
    lookup_url_kwarg = "check_id"
    list_rows = staticmethod(runs.query_runs)
    read_row = staticmethod(runs.get_run)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists leave the results out."""
        return EvalRunSerializer if self.action == "list" else EvalRunDetailSerializer

    @idempotent
    def create(self, request: Request) -> Response:
        """Run an agent's cases, or answer its past conversations again without sending. Needs `agents.change_agent`.

        Past conversations also need `conversations.view_conversation`. A worker does it: read the run until its
        `state` is `finished`. 409 `no_cases`, `no_past`, `busy`, `cannot_try`, `no_version`.
        """
        body = self.read_body()
        if body.pop("kind") == EvalRun.Kind.CASES:
            body.pop("days", None)
            return self.respond(runs.start_checks(actor=self.actor, **body))
        return self.respond(runs.start_replay(actor=self.actor, **body))
