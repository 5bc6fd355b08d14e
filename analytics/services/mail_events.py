"""Mail of briefs: its decision links, and the events opened, clicked, unsubscribed."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.utils.formats import date_format

from analytics.brief.decision_buttons import console_url, decision_url, find_placeholders, placeholder
from analytics.models import Brief
from analytics.services.briefs import MAIL_TYPE
from analytics.services.preferences import switch_off
from core.actors import Actor, system
from hitl.services import make_link
from integrations.mail import events
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject

ACTOR: Final[Actor] = system("brief")


class BriefMails(MailReceiver):
    """Fills in decision links, records the first open and click; a complaint turns the brief off."""

    tracks_opens: ClassVar[bool] = True
    tracks_clicks: ClassVar[bool] = True

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return the day; the brief itself is visible to its reader only."""
        days = Brief.objects.filter(pk__in=refs).values_list("pk", "local_date")
        return {pk: RelatedObject(f"Brief of {date_format(day, 'j F Y')}") for pk, day in days}

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Create one decision link for each approval that still waits for the brief's person.

        Where a link can't decide (risk, sign-in, settings, already decided), the button opens the approval's page.
        """
        person_id = Brief.objects.filter(pk=ref).values_list("user_id", flat=True).first()
        if person_id is None:
            return {}
        links = {}
        for approval_id in find_placeholders(ref, text):
            secret = make_link(actor=ACTOR, approval_id=approval_id, person_id=person_id)
            links[placeholder(ref, approval_id)] = decision_url(secret) if secret else console_url(approval_id)
        return links

    def on_event(self, event: MailEvent) -> None:
        rows = Brief.objects.filter(pk=event.ref)
        if event.what in ("opened", "clicked"):
            rows.filter(opened_at=None).update(opened_at=event.at)
        if event.what == "clicked":
            rows.filter(clicked_at=None).update(clicked_at=event.at)
        if event.what in ("unsubscribed", "spam") and event.user_id is not None:
            switch_off(user_id=event.user_id)


events.register(MAIL_TYPE, BriefMails)
