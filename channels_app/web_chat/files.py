"""Files that staff sent, for the widget: only the visitor of the conversation gets them."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from channels_app.web_chat import conversation as chat
from channels_app.web_chat import tokens
from channels_app.web_chat.settings import origins
from channels_app.web_chat.settings.limits import Bucket
from conversations import services
from conversations.messages.downloads import download, picture_of
from conversations.messages.files.kinds import PREVIEWED
from core.clock import now
from core.errors import NotFound, Refused, TooMany, WalkerError
from core.tenancy.models import tenant_scope

PER_VISITOR: Final = Bucket(size=60, seconds=60)
ALLOWED: Final = "authorization"


@method_decorator(csrf_exempt, name="dispatch")  # carries no cookie and trusts none
class FileView(View):
    """`GET /widget/v1/files/<id>/` with the session's token as `Authorization: Bearer`."""

    http_method_names: list[str] = ["get", "options"]

    def get(self, request: HttpRequest, attachment_id: UUID) -> HttpResponse:
        """Serve one file of a message that staff wrote in the visitor's own conversation.

        Pictures under their own type, everything else as a download. Only registered websites can read it.
        """
        allowed = ""
        answer: HttpResponse
        try:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise tokens.BadToken
            guest = tokens.verify(token.strip(), now=now())
            if not PER_VISITOR.take_now(guest.tenant_id.hex, "files", guest.account_id.hex, guest.point):
                raise TooMany
            with tenant_scope(guest.tenant_id):
                allowed = _checked_origin(request, guest)
                place = chat.find_place(guest)
                if place is None:
                    raise NotFound("There is no such file.")
                file = services.read_own_file(conversation_id=place.conversation_id, attachment_id=attachment_id)
            answer = picture_of(file) if file.content_type in PREVIEWED else download(file)
        except WalkerError as problem:
            answer, allowed = JsonResponse(problem.as_dict(), status=problem.status), "*"
        return _with_cors(answer, allowed)

    def options(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Answer a preflight. It knows no token yet: which website may read is decided by the request itself."""
        answer = HttpResponse(status=204)
        answer["Access-Control-Allow-Methods"] = "GET"
        answer["Access-Control-Allow-Headers"] = ALLOWED
        answer["Access-Control-Max-Age"] = "600"
        return _with_cors(answer, request.headers.get("Origin", ""))


def _checked_origin(request: HttpRequest, guest: tokens.Guest) -> str:
    """Return the website that asks. Raises `BadToken` for a guest who may not be here, `Refused` for the website."""
    entry = chat.check_entry(guest)
    if entry is None or not entry.guest_may:
        raise tokens.BadToken
    origin = request.headers.get("Origin")
    if origin is None:
        # A request of the page's own origin carries none, and a program can name any: the token is what counts.
        return ""
    own = origins.own_origins(request.get_host(), secure=request.is_secure())
    if not origins.is_allowed(origin, registered=entry.origins, own=own):
        raise Refused("This chat isn't enabled for this website.", code="origin")
    return origin


def _with_cors(answer: HttpResponse, allowed: str) -> HttpResponse:
    answer["Vary"] = "Origin"
    answer["Cache-Control"] = "no-store"
    if allowed:
        answer["Access-Control-Allow-Origin"] = allowed
        answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
