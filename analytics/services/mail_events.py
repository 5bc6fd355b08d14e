"""What became of a brief's mail: opened, clicked, or its reader wants no more of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.utils.formats import date_format

from analytics.models import Brief
from analytics.services.briefs import MAIL_TYPE
from analytics.services.preferences import switch_off
from integrations.mail import events
from integrations.mail.types import Belongs, MailEvent, MailReceiver

NO_MORE: Final = ("unsubscribed", "spam")


class BriefMails(MailReceiver):
    """Notes the first opening and the first click; a complaint switches the brief off."""

    tracks_opens: ClassVar[bool] = True
    tracks_clicks: ClassVar[bool] = True

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, Belongs]:
        """Name the day; the brief itself is open to its reader only."""
        days = Brief.objects.filter(pk__in=refs).values_list("pk", "local_date")
        return {pk: Belongs(f"Brief of {date_format(day, 'j F Y')}") for pk, day in days}

    def hear(self, event: MailEvent) -> None:
        """Take note."""
        rows = Brief.objects.filter(pk=event.ref)
        if event.what in ("opened", "clicked"):
            rows.filter(opened_at=None).update(opened_at=event.at)
        if event.what == "clicked":
            rows.filter(clicked_at=None).update(clicked_at=event.at)
        if event.what in NO_MORE and event.user_id is not None:
            switch_off(user_id=event.user_id)


def register() -> None:
    """Hear of the mails of briefs."""
    events.register(MAIL_TYPE, BriefMails)
