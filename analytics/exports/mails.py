"""Mail the link of a scheduled export to those it is for; never the file."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.models import User
from accounts.selectors import roles_now
from analytics.exports.jobs import USE, link_to
from analytics.exports.sources import SOURCES
from analytics.models import Export
from core.errors import NotFound
from integrations.mail import events
from integrations.mail.services import queue_mail_to
from integrations.mail.types import AUTOMATIC, MailEvent, MailReceiver, RelatedObject

MAIL_TYPE: Final = "export"


def send_links(export: Export) -> int:
    """Queue a mail for each recipient who may still read the export; return how many. In the caller's transaction."""
    schedule = export.schedule
    if schedule is None:
        return 0
    members = roles_now(schedule.recipients)
    try:
        permission = SOURCES.get(export.source).permission
    except NotFound:
        return 0
    needed = {USE, permission}
    able = [user_id for user_id, one in members.items() if needed <= one.permissions and not one.own_only]
    people = User.objects.filter(pk__in=able).order_by("pk")
    texts = {
        "subject": f"Export “{schedule.name}” is ready",
        "name": schedule.name, "rows": export.written, "since": export.since, "until": export.until,
        "link": f"{settings.PUBLIC_URL}{link_to(export)}", "expires": export.expires_at,
    }  # fmt: skip
    for person in people:
        key = f"export:{export.pk}:{person.pk}"
        queue_mail_to(person, "export", texts, type=MAIL_TYPE, ref=export.pk, key=key, headers=AUTOMATIC)
    return len(people)


class ExportMails(MailReceiver):
    """Names the export a mail is about; delivery events are ignored."""

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        rows = Export.objects.filter(pk__in=refs).values_list("pk", "source")
        return {pk: RelatedObject(f"Export of {source}") for pk, source in rows}

    def on_event(self, event: MailEvent) -> None:
        """Ignore it."""


events.register(MAIL_TYPE, ExportMails)
