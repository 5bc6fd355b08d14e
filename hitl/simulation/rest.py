"""Endpoints of simulations: try a changed rule on past requests."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import Document, RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet
from hitl.models import Simulation
from hitl.policy.selectors import VIEW_WORKFLOW as VIEW
from hitl.simulation import runs
from hitl.simulation.runs import start_simulation, stop_simulation


class HistorySimulationSerializer(RowSerializer[Simulation]):
    """A changed rule that is tried on past requests."""

    made_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Simulation
        fields: ClassVar[list[str]] = (
            "id what title draft days starts_at ends_at state evaluated total failure result made_by created_at "
            "started_at ended_at"
        ).split()


class SimulationRequest(serializers.Serializer[Any]):
    """A changed rule, and the days to try it on."""

    what = serializers.CharField(max_length=10, help_text="`workflow`, `cap` or `risk`.")
    days = serializers.IntegerField(min_value=1, max_value=runs.DAYS_MAX)
    draft = Document(
        help_text="workflow: `workflow` (id; left out: a new one), `name`, `levels`, `conditions`, what is left out "
        "stays. cap: `cap` (id) and `amount`, or `scope`, `target`, `currency`, `window`, `amount` of a new one. risk: "
        "`weights`, `kind_points`."
    )


class SimulationViewSet(RetrieveModelMixin, ListViewSet):
    """Simulations."""

    descriptions: ClassVar = {
        "list": "List the simulations of the last 30 days, newest first.",
        "retrieve": "Read a simulation with its progress and, when it is done, its result.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW, "create": VIEW, "stop": VIEW}
    serializer_class = HistorySimulationSerializer
    request_serializers: ClassVar = {"create": SimulationRequest}
    lookup_url_kwarg = "simulation_id"
    list_rows, read_row = runs.query_simulations, runs.get_simulation

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Start to try a changed rule on past requests; writes nothing else and notifies nobody. Needs
        `hitl.view_approvalworkflow` and the right to save the change; 409 `simulation_running`."""
        return self.call_service(start_simulation)

    @action(detail=True, methods=["post"])
    @idempotent
    def stop(self, request: Request, **kwargs: Any) -> Response:
        """Stop a simulation. Needs `hitl.view_approvalworkflow` for one's own, `hitl.manage_workflow` for
        another's; 409 if it has ended."""
        return self.call_service(stop_simulation)
