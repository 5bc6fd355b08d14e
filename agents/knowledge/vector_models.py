"""What a passage means, as numbers of one model."""

from typing import Any, ClassVar

from django.db import models

from agents.knowledge.models import Passage
from agents.llm.routes.models import ModelRoute
from core.clock import now
from core.tenancy.models import TenantModel


class RealArray(models.Field[Any, Any]):
    """Numbers of four bytes, as the extension keeps them."""

    def db_type(self, connection: object) -> str:
        """Return the column's type."""
        return "real[]"


class PassageVector(TenantModel):
    """The vector of a passage; only those of one route, address, model and size are compared.

    An array and not a column of the extension's own type: the table is the same where the extension is missing.
    """

    passage = models.OneToOneField(Passage, on_delete=models.CASCADE, related_name="vector")
    route = models.ForeignKey(ModelRoute, on_delete=models.PROTECT, related_name="vectors")
    base_url = models.CharField(max_length=300, blank=True, help_text="Where the model was asked.")
    model = models.CharField(max_length=80)
    dimensions = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the text that was embedded.")
    embedding = RealArray()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "route", "model"], name="vectors_by_model")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    dimensions=models.Func("embedding", function="cardinality", output_field=models.IntegerField())
                ),
                name="vectors_have_their_size",
            ),
        ]
