"""`POST /widget/v1/form/`: what a visitor says about themselves before they write."""

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse

from channels_app.web_chat import conversation as chat
from channels_app.web_chat.files import GuestView, json_body
from channels_app.web_chat.frames import printable
from channels_app.web_chat.settings import widgets
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.tokens import BadToken, Guest
from conversations.services import visitors
from conversations.types import SenderIdentity
from core.errors import Invalid

PER_VISITOR: Final = Bucket(size=5, seconds=60)
PER_ADDRESS: Final = Bucket(size=120, seconds=60)
BODY_LIMIT: Final = 8 * 1024
NAME_LIMIT: Final = 80


class FormView(GuestView):
    """Takes the form of a chat once per visitor, while it is on; anything else changes nothing."""

    http_method_names: list[str] = ["post", "options"]
    bucket, per_visitor, per_address = "form", PER_VISITOR, PER_ADDRESS

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep name, email address and consent. Raises nothing: errors are answered with their fields."""
        return self.answer(request)

    def serve(self, request: HttpRequest, guest: Guest, **place: UUID) -> HttpResponse:
        """Keep what the form says. Raises `BadToken`, and `Invalid` with the fields."""
        _introduce(guest, json_body(request, BODY_LIMIT), request.headers.get("User-Agent", ""))
        return JsonResponse({"type": "introduced"})


def _introduce(guest: Guest, given: dict[str, Any], user_agent: str) -> None:
    widget = widgets.load(guest.account_id)
    if widget is None:
        raise BadToken
    if chat.form_of(guest, widget) is None:
        return
    form, language = widget.form, guest.language
    name, email = (printable(str(given.get(key) or "")).strip() for key in ("name", "email"))
    consent = form.consent_in(language)
    wrong = {}
    if form.asks_name and not 0 < len(name) <= NAME_LIMIT:
        wrong["name"] = [f"Enter your name, at most {NAME_LIMIT} characters."]
    if form.asks_email and not email:
        wrong["email"] = ["Enter an email address."]
    if consent and given.get("agrees") is not True:
        wrong["agrees"] = ["Please agree first."]
    if wrong:
        raise Invalid("Some fields are not valid.", fields=wrong)
    visitors.introduce_visitor(
        actor=chat.actor_of(guest, user_agent),
        sender=SenderIdentity(
            kind=chat.point_kind(guest),
            value=guest.point,
            display_name=name if form.asks_name else "",
            language=language,
        ),
        email=email if form.asks_email else "",
        agreed_to=consent,
    )
