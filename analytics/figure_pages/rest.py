"""Endpoints of figures: the metrics, and one of them over a span."""

from typing import Any, ClassVar, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import tenant_zone
from analytics.figures import selectors
from analytics.figures.metrics import METRICS, Unit
from analytics.figures.selectors import Amount
from analytics.figures.spans import Step, day_of, last_days, span_of
from analytics.models import Dimension
from conversations.selectors import VIEW_FIGURES
from core.clock import now
from core.db import replica
from core.errors import NotFound
from core.rest.views import ApiViewSet, Query

SEE: Final = "analytics.view_team_figures"
USUAL_DAYS: Final = 30


class MetricSerializer(serializers.Serializer[Any]):
    """A metric: what it counts, and by what it can be told apart."""

    key = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    how = serializers.CharField(read_only=True, help_text="How it is counted.")
    page = serializers.CharField(read_only=True, help_text="The console's page that shows it.")
    unit = serializers.ChoiceField(choices=[(unit.value, unit.value) for unit in Unit], read_only=True)
    dimensions = serializers.ListField(child=serializers.CharField(), read_only=True)
    kind = serializers.CharField(read_only=True, help_text="What its values by kind are; empty without any.")


class MoneySerializer(serializers.Serializer[Any]):
    """A sum in one currency."""

    currency = serializers.CharField(read_only=True)
    total = serializers.DecimalField(max_digits=26, decimal_places=6, read_only=True)


class AmountSerializer(serializers.Serializer[Any]):
    """How often something was counted, and what it came to."""

    n = serializers.IntegerField(read_only=True)
    total = serializers.DecimalField(max_digits=26, decimal_places=6, read_only=True, help_text="Seconds for times.")
    average = serializers.DecimalField(max_digits=26, decimal_places=6, read_only=True, allow_null=True)
    money = MoneySerializer(many=True, read_only=True, help_text="The sum in each currency, for money.")


class FigurePointSerializer(serializers.Serializer[Any]):
    """A day, or the first day of a week or month; for hours the moment at which one began."""

    at = serializers.CharField(read_only=True)
    n = serializers.IntegerField(read_only=True)
    total = serializers.DecimalField(max_digits=26, decimal_places=6, read_only=True)


class QuantilesSerializer(serializers.Serializer[Any]):
    """The times below which 50, 95 and 99 % lie, in seconds, at most five percent off."""

    p50 = serializers.FloatField(read_only=True, allow_null=True)
    p95 = serializers.FloatField(read_only=True, allow_null=True)
    p99 = serializers.FloatField(read_only=True, allow_null=True)


class FigureSerializer(serializers.Serializer[Any]):
    """A metric over a span, with the span of the same length before."""

    metric = serializers.CharField(read_only=True)
    first = serializers.DateField(read_only=True)
    last = serializers.DateField(read_only=True)
    now = AmountSerializer(read_only=True)
    before = AmountSerializer(read_only=True)
    change = serializers.FloatField(read_only=True, allow_null=True, help_text="0.25 is a quarter more.")
    quantiles = QuantilesSerializer(read_only=True, allow_null=True, help_text="Of times; else null.")
    points = FigurePointSerializer(
        many=True, read_only=True, help_text="Of money, in the currency with the largest sum."
    )


class FigureQuery(Query):
    """The span, the step of its points, and by what the metric is narrowed."""

    first = serializers.DateField(default=None, allow_null=True, help_text="The first local day; 30 days by default.")
    last = serializers.DateField(default=None, allow_null=True, help_text="The last local day; today by default.")
    step = serializers.ChoiceField(choices=[(step.value, step.value) for step in Step], default=Step.DAY.value)
    dimension = serializers.ChoiceField(choices=Dimension.choices, default=Dimension.TOTAL.value)
    value = serializers.CharField(default="", max_length=80, help_text="A value of the dimension.")


class FigureViewSet(ApiViewSet):
    """Figures: what happened, counted by day."""

    permissions: ClassVar = {"list": SEE, "retrieve": SEE}
    serializer_class = MetricSerializer
    pagination_class = None
    lookup_field = "metric"
    lookup_value_converter = "slug"

    def get_query_class(self) -> type[Query]:
        return FigureQuery if self.action == "retrieve" else super().get_query_class()

    def get_serializer_class(self) -> Any:
        return FigureSerializer if self.action == "retrieve" else MetricSerializer

    def list(self, request: Request) -> Response:
        """List the metrics and how they are counted."""
        return Response(self.represent(METRICS.values()))

    def retrieve(self, request: Request, metric: str) -> Response:
        """Read a metric over a span of at most five years, of all with `analytics.view_figures`.

        Leads of teams read those of their teams with `dimension=team`.
        """
        if metric not in METRICS:
            raise NotFound("There is no such figure.")
        if self.actor.may(VIEW_FIGURES):
            return self.respond(replica.read(lambda: self._figure(metric)))
        return self.respond(self._figure(metric))  # which teams they lead has to count at once

    def _figure(self, metric: str) -> dict[str, Any]:
        asked, unit = self.query, METRICS[metric].unit
        last = asked["last"] or day_of(now(), tenant_zone())
        span = span_of(asked["first"], last) if asked["first"] else last_days(last, USUAL_DAYS)
        narrowed = {"viewer": self.actor, "span": span, "dimension": asked["dimension"], "value": asked["value"]}
        totals = selectors.read_totals(metrics=[metric], **narrowed)[metric]
        is_time, points = unit == Unit.SECONDS, []
        quantiles = selectors.read_quantiles(metric=metric, **narrowed)[asked["value"]] if is_time else None
        currency = max(totals.now.money, key=lambda name: totals.now.money[name], default="")
        if unit != Unit.MONEY or currency:
            series = selectors.read_series(metrics=[metric], step=Step(asked["step"]), currency=currency, **narrowed)
            points = [{"at": each.at.isoformat(), "n": each.n, "total": each.total} for each in series[metric]]
        return {
            "metric": metric,
            "first": span.first,
            "last": span.last,
            "now": _amount(totals.now),
            "before": _amount(totals.before),
            "change": totals.change,
            "quantiles": quantiles,
            "points": points,
        }


def _amount(amount: Amount) -> dict[str, Any]:
    money = [{"currency": name, "total": total} for name, total in sorted(amount.money.items())]
    return {"n": amount.n, "total": amount.total, "average": amount.average, "money": money}
