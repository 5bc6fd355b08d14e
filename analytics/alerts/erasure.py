"""Erasing a person from alerts: they hold numbers and ids; a member's rules go on without them."""

from typing import ClassVar

from analytics.models import AlertRule
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, ErasureHandler, Table


class AlertsErasure(ErasureHandler):
    """Takes the member off rules."""

    order: ClassVar[int] = 53
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.AlertRule", "The organisation's own rules.",
              kept="key name condition ways runbook quiet_from quiet_until trouble"),
        Table("analytics.Alert", "Numbers of the organisation.", kept="facts"),
        Table("analytics.AlertMessage", "A code.", kept="error"),
        Table("analytics.AlertSettings", "The organisation's own key and channel.", kept="routing_key slack_channel"),
    )  # fmt: skip

    @classmethod
    def detach(cls, person: Person) -> None:
        """Leave the member's rules without an owner."""
        AlertRule.objects.filter(owner_id__in=person.ids("users")).update(owner=None)


HANDLERS.register("alerts", AlertsErasure)
