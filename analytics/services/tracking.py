"""What became of a brief's mail: opened, clicked, or its reader wants no more of them."""

from __future__ import annotations

from typing import ClassVar, Final

from analytics.models import Brief
from analytics.services.making import MAIL_TYPE
from analytics.services.preferences import switch_off
from integrations.mail import events
from integrations.mail.types import MailEvent, MailReceiver

NO_MORE: Final = ("unsubscribed", "spam")


class BriefMails(MailReceiver):
    """Notes the first opening and the first click; a complaint switches the brief off."""

    tracks_opens: ClassVar[bool] = True
    tracks_clicks: ClassVar[bool] = True

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
