"""Emails about alert notices: at most one per person, kind and hour."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.models import Notice
from accounts.selectors import wants_mail
from core.notices import label_of
from hitl.services import alert_may_leave_at
from integrations.mail.providers import routes
from integrations.mail.services import queue_mail_to
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject

TYPE: Final = "notice"


def on_alert(*, ref: UUID, **_: Any) -> None:
    """Queue an alert's mail for the end of quiet hours; one of a kind an hour, to members who want such emails."""
    notice = Notice.objects.select_related("person").filter(pk=ref).first()
    if notice is None or not routes.is_connected() or not wants_mail(notice.person_id):
        return
    texts = {
        "title": notice.title,
        "body": notice.body,
        "kind": label_of(notice.kind)[0],
        "link": f"{settings.PUBLIC_URL}{notice.link or reverse('admin:accounts_notice_changelist')}",
        "preferences": f"{settings.PUBLIC_URL}{reverse('mail_preference')}",
    }
    # One mail per key: what follows within this hour is in the list only.
    key = f"notice:{notice.person_id}:{notice.kind}:{notice.created_at:%Y%m%d%H}"
    not_before = alert_may_leave_at(person_id=notice.person_id)
    queue_mail_to(notice.person, "notice", texts, type=TYPE, ref=notice.pk, key=key, not_before=not_before)


class NoticeMail(MailReceiver):
    """Names the notice a mail is about; delivery events are ignored."""

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return the notices by what they say; their pages are open to their people only."""
        titles = Notice.objects.filter(pk__in=refs).values_list("pk", "title")
        return {pk: RelatedObject(f"Alert: {title}") for pk, title in titles}

    def on_event(self, event: MailEvent) -> None:
        """Ignore it."""
