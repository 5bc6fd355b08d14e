"""Counted figures: what happened in each local hour and on each local day, one dimension at a time, and dashboards."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.tenancy.models import Dated, TenantModel


class Dimension(models.TextChoices):
    """By what a row is split; no row is split by two."""

    TOTAL = "total", "Total"
    TEAM = "team", "Team"
    AGENT = "agent", "Agent"
    PERSON = "person", "Person"
    CHANNEL = "channel", "Channel"
    KIND = "kind", "Kind"


class Figure(TenantModel):
    """A count and a sum of one metric. It is only ever added to.

    `value` is an id or a code, "" in the dimension `total`. `bucket` is one of `analytics.figures.buckets` for times,
    and -1 for everything else. `currency` is "" unless the metric is money.
    """

    metric = models.CharField(max_length=40)
    dimension = models.CharField(max_length=8, choices=Dimension)
    value = models.CharField(max_length=80, blank=True)
    bucket = models.SmallIntegerField(default=-1)
    currency = models.CharField(max_length=3, blank=True)
    n = models.BigIntegerField()
    total = models.DecimalField(max_digits=26, decimal_places=6)

    class Meta:
        abstract = True


class FigureHour(Figure):
    """What happened in an hour of the tenant's zone; `hour` is the moment at which it began. Kept for two weeks."""

    hour = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "metric", "dimension", "hour", "value", "bucket", "currency"],
                name="one_figure_per_hour",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["hour"], name="figures_by_age")]

    def __str__(self) -> str:
        return f"{self.metric} by {self.dimension} at {self.hour:%Y-%m-%d %H:%M}"


class FigureDay(Figure):
    """What happened on a day of the tenant's zone."""

    day = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "metric", "dimension", "day", "value", "bucket", "currency"],
                # A figure of many days is read from the index alone; of today's rows each is in the table once more.
                include=["n", "total"],
                name="one_figure_per_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} by {self.dimension} on {self.day:%Y-%m-%d}"


class GaugeSample(models.Model):
    """What a gauge of the installation was, every five minutes. Outside the tenant wall: a number, no row of anyone."""

    at = models.DateTimeField()
    name = models.CharField(max_length=120)
    value = models.FloatField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "at"], name="one_sample_per_gauge")]
        indexes: ClassVar = [models.Index(fields=["at"], name="samples_by_age")]

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M}"


class FigureDashboard(Dated, TenantModel):
    """A person's choice of cards, in their order; a shared one is shown to everybody who may see figures."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    cards = ArrayField(models.CharField(max_length=60))
    days = models.PositiveSmallIntegerField(default=30)
    is_shared = models.BooleanField("shared", default=False)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "dashboard"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "owner", "name"], name="one_dashboard_per_name"),
        ]
