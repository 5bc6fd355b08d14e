"""`POST /widget/v1/form/`: what a visitor says about themselves before they write."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.services import client_address
from channels_app.web_chat import conversation as chat
from channels_app.web_chat.files import GuestView, checked_origin, guest_of, json_body, with_cors
from channels_app.web_chat.frames import printable
from channels_app.web_chat.settings import widgets
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.tokens import BadToken, Guest
from conversations.services import visitors
from conversations.types import SenderIdentity
from core.errors import Invalid, TooMany, WalkerError
from core.tenancy.models import tenant_scope

PER_VISITOR: Final = Bucket(size=5, seconds=60)
PER_ADDRESS: Final = Bucket(size=120, seconds=60)
BODY_LIMIT: Final = 8 * 1024
NAME_LIMIT: Final = 80


class FormView(GuestView):
    """Takes the form of a chat once per visitor, while it is on; anything else changes nothing."""

    http_method_names: list[str] = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep name, email address and consent. Raises nothing: errors are answered with their fields."""
        allowed = ""
        try:
            guest = guest_of(request)
            whose = (guest.tenant_id.hex, "form", guest.account_id.hex, guest.point)
            if not (PER_VISITOR.take_now(*whose) and PER_ADDRESS.take_now("form", client_address(request))):
                raise TooMany
            with tenant_scope(guest.tenant_id):
                allowed = checked_origin(request, guest)
                _introduce(guest, json_body(request, BODY_LIMIT), request.headers.get("User-Agent", ""))
            answer = JsonResponse({"type": "introduced"})
        except WalkerError as problem:
            answer, allowed = JsonResponse(problem.as_dict(), status=problem.status), "*"
        return with_cors(answer, allowed)


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
