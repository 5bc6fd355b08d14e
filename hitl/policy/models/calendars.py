"""Working time of a place: zone, weekly hours and holidays."""

from typing import Any, ClassVar

from django.db import models

from core.clock import now
from core.tenancy.models import TenantModel


class BusinessCalendar(TenantModel):
    """The working hours that count towards deadlines; each request keeps its own copy."""

    name = models.CharField(max_length=60)
    zone = models.CharField(max_length=60)
    week = models.JSONField(default=dict)
    """Shifts of each day by the wall clock: {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], ...}."""
    holidays = models.JSONField(default=list, blank=True)
    """Days without work: [{"day": "2026-12-25", "name": "Christmas Day"}, ...]."""
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_calendar_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def definition(self) -> dict[str, Any]:
        """Return the copy that a request keeps."""
        days = [row["day"] for row in self.holidays]
        return {"zone": self.zone, "week": self.week, "holidays": days}
