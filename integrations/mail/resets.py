"""Password emails: the reset link, and the notice that a password was changed."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership
from accounts.selectors import zone_of
from accounts.sign_in.password_reset import is_offered, link_lifetime, make_reset_link
from core.actors import system
from core.clock import now
from core.models import Consent
from integrations.mail.providers import routes
from integrations.mail.services import queue_mail_to
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject

ASKED: Final = "password_reset"
CHANGED: Final = "password_changed"
TITLES: Final = {ASKED: "Choose a new password", CHANGED: "Your password was changed"}
WORDS: Final = {ASKED: "Password reset link", CHANGED: "Password changed"}
ACTOR: Final = system("mail")
_PLACE: Final = re.compile(r"of-[0-9a-f]{32}-(\d{1,12})")


def on_reset_asked(*, ref: UUID, payload: Mapping[str, str], **_: Any) -> None:
    """Queue the mail with the link once per request, unless it has expired or mail is not set up."""
    asked = _parse_time(payload["asked"])
    if is_offered() and now() < asked + link_lifetime():
        place = f"of-{ref.hex}-{payload['asked']}"
        link = f"{settings.PUBLIC_URL}{reverse('new_password', args=[place])}"
        _queue(ref, ASKED, payload["asked"], asked + link_lifetime(), link)


def on_password_changed(*, ref: UUID, payload: Mapping[str, str], **_: Any) -> None:
    """Queue the notice once per change, if mail is set up."""
    if routes.is_connected():
        link = f"{settings.PUBLIC_URL}{reverse('forgot_password')}"
        _queue(ref, CHANGED, payload["changed"], _parse_time(payload["changed"]), link)


def _queue(ref: UUID, type: str, number: str, moment: datetime, link: str) -> None:
    membership = Membership.objects.select_related("user").filter(pk=ref, is_active=True, user__is_active=True).first()
    if membership is None:
        return
    texts = {
        "title": TITLES[type],
        "name": membership.user.first_name,
        "link": link,
        "moment": f"{moment.astimezone(zone_of(membership.user_id)):%d %B %Y, %H:%M %Z}",
    }
    queue_mail_to(membership.user, type, texts, type=type, ref=ref, key=f"{type}:{ref}:{number}")


def _parse_time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


class PasswordMail(MailReceiver):
    """Links password mails to the membership; their delivery events are ignored."""

    purpose: ClassVar[str] = Consent.Purpose.ACCOUNT
    words: ClassVar[str] = WORDS[CHANGED]

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        page = "admin:accounts_membership_change"
        return {ref: RelatedObject(self.words, reverse(page, args=[ref])) for ref in refs}

    def on_event(self, event: MailEvent) -> None:
        """Ignore it: if the mail doesn't arrive, the person requests another one."""


class ResetMail(PasswordMail):
    """Fills in the reset link; sent by the installation, since a tenant's mail account could be read."""

    by_installation: ClassVar[bool] = True
    words: ClassVar[str] = WORDS[ASKED]

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Create the link, unless the person may no longer get one."""
        match = next(reversed(list(_PLACE.finditer(text))), None)  # the name precedes the link
        if match is None:
            return {}
        secret = make_reset_link(actor=ACTOR, membership_id=ref, asked=_parse_time(match[1]))
        return {match[0]: secret} if secret else {}
