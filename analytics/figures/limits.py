"""What figures say of the limits of an organisation's tier: its messages of the day, and what models cost this month.

They are counted from events, a moment after these: as far behind as figures are.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from accounts.selectors import tenant_zone
from analytics.figures.spans import day_of
from analytics.models import Dimension, FigureDay
from core.clock import now
from core.reliability.limits import Limit, kinds


class MessageLimit(Limit):
    """Messages of a day of the organisation's zone, of customers and to them."""

    label, unit, period = "Messages today", "messages a day", "day"
    way_out = "You can still answer customers. Ask your operator for a larger tier."

    def used(self) -> int:
        """Add up two figures of today."""
        return int(_sum(day_of(now(), tenant_zone()), "messages_in", "messages_out"))


class SpendLimit(Limit):
    """What models cost in a month; amounts in another currency than the organisation's count as they stand."""

    label, unit, period = "Model cost this month", "for models a month", "month"

    def used(self) -> Decimal:
        """Add up the figure of each day of this month."""
        return _sum(day_of(now(), tenant_zone()).replace(day=1), "model_cost").quantize(Decimal("0.01"))


def _sum(since: date, *metrics: str) -> Decimal:
    rows: Any = FigureDay.objects.filter(metric__in=metrics, dimension=Dimension.TOTAL, value="", day__gte=since)
    return rows.filter(bucket=-1).aggregate(total=Sum("total"))["total"] or Decimal(0)


kinds.register("messages", MessageLimit)
kinds.register("model_spend", SpendLimit)
