"""Files of the chat over HTTP: a visitor sends them with a message, and reads those of their own conversation."""

import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.services import client_address
from channels_app.web_chat import app_customers, frames, tokens
from channels_app.web_chat import conversation as chat
from channels_app.web_chat.event_stream import BEGUN, guests_stream
from channels_app.web_chat.settings import origins
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.tokens import Guest
from conversations.services import visitors
from core.clock import now
from core.errors import Invalid, NotFound, Refused, TooLarge, TooMany, WalkerError
from core.events import streams
from core.files.kinds import PREVIEWED
from core.tenancy.models import tenant_scope

PER_VISITOR: Final = Bucket(size=60, seconds=60)
READ_PER_ADDRESS: Final = Bucket(size=600, seconds=60)
SENT_PER_VISITOR: Final = Bucket(size=10, seconds=60)
# Anybody may become a new visitor: an office behind one address is many, and a program that fills the disk is too.
SENT_PER_ADDRESS: Final = Bucket(size=60, seconds=60)
DAY: Final = 24 * 60 * 60
# Bytes that visitors may store without being signed in.
BYTES_PER_VISITOR: Final = Bucket(size=100 * visitors.MB, seconds=DAY)
BYTES_PER_ADDRESS: Final = Bucket(size=500 * visitors.MB, seconds=DAY)
BYTES_PER_ACCOUNT: Final = Bucket(size=5000 * visitors.MB, seconds=DAY)
BODY_LIMIT: Final = visitors.FROM_VISITORS.total + 256 * 1024
"""The files of one message, and the words beside."""
ALLOWED: Final = "authorization"


@method_decorator(csrf_exempt, name="dispatch")  # carries no cookie and trusts none
class GuestView(View):
    """An address for the pages of registered websites, with the session's token as `Authorization: Bearer`."""

    bucket: ClassVar[str]
    """What is counted, for each visitor and for each address."""
    per_visitor: ClassVar[Bucket]
    per_address: ClassVar[Bucket]
    too_many: ClassVar[str] = ""
    """What is said to who asks too often; by default what every address says."""

    def options(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Answer a preflight. It knows no token yet: which website may read is decided by the request itself."""
        answer = HttpResponse(status=204)
        answer["Access-Control-Allow-Methods"] = self.http_method_names[0].upper()
        answer["Access-Control-Allow-Headers"] = ALLOWED
        answer["Access-Control-Max-Age"] = "600"
        return with_cors(answer, request.headers.get("Origin", ""))

    def answer(self, request: HttpRequest, **place: UUID) -> HttpResponse:
        """Let `serve` answer the visitor whose token the request bears, in the scope of their organisation."""
        allowed = ""
        answer: HttpResponse
        try:
            guest = guest_of(request)
            whose = (guest.tenant_id.hex, self.bucket, guest.account_id.hex, guest.point)
            address = client_address(request)
            if not (self.per_visitor.take_now(*whose) and self.per_address.take_now(self.bucket, address)):
                raise TooMany(self.too_many)
            with tenant_scope(guest.tenant_id):
                allowed = checked_origin(request, guest)
                answer = self.serve(request, guest, **place)
        except WalkerError as problem:
            answer, allowed = JsonResponse(problem.as_dict(), status=problem.status), "*"
        return with_cors(answer, allowed)

    def serve(self, request: HttpRequest, guest: Guest, **place: UUID) -> HttpResponse:
        """Return the answer to a visitor; errors are raised."""
        raise NotImplementedError


class FileView(GuestView):
    """`GET /widget/v1/files/<id>/`."""

    http_method_names: list[str] = ["get", "options"]
    bucket, per_visitor, per_address = "files", PER_VISITOR, READ_PER_ADDRESS

    def get(self, request: HttpRequest, attachment_id: UUID) -> HttpResponse:
        """Serve one file of the visitor's own conversation.

        Pictures under their own type, everything else as a download. Only registered websites can read it.
        """
        return self.answer(request, attachment_id=attachment_id)

    def serve(self, request: HttpRequest, guest: Guest, **place: UUID) -> HttpResponse:
        """Return the file. Raises `NotFound` for one of another conversation."""
        own = chat.find_place(guest)
        if own is None:
            raise NotFound("There is no such file.")
        file = visitors.read_own_file(conversation_id=own.conversation_id, **place)
        return visitors.picture_of(file) if file.content_type in PREVIEWED else visitors.download(file)


class MessageView(GuestView):
    """`POST /widget/v1/messages/`, multipart: `id`, `message` and `files`."""

    http_method_names: list[str] = ["post", "options"]
    bucket, per_visitor, per_address = "uploads", SENT_PER_VISITOR, SENT_PER_ADDRESS
    too_many = "Too many files in a short time. Wait a minute, then send them again."

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store a message with pictures or PDFs and confirm it as the socket does; a repeat is the first one."""
        return self.answer(request)

    def serve(self, request: HttpRequest, guest: Guest, **place: UUID) -> HttpResponse:
        """Store the message. Raises `Refused`, `Invalid`, `TooLarge` and `TooMany`."""
        if not chat.takes_files(guest):
            raise Refused("This chat doesn't take files.", code="no_files")
        fields, uploads = uploads_of(request, BODY_LIMIT)
        if not uploads:
            raise Invalid("Send at least one file.", code="empty", fields={"files": ["Add a picture or a PDF."]})
        frame = frames.read_message({"message": "", **fields}, may_be_empty=True)
        chat.require_form(guest, frame.id)
        checked = visitors.checked_files(uploads, visitors.FROM_VISITORS)
        size, account = sum(len(file.content) for file in checked), (guest.tenant_id.hex, "bytes", guest.account_id.hex)
        if guest.kind == "visitor" and not (
            BYTES_PER_VISITOR.spend_now(size, *account, guest.point)
            and BYTES_PER_ADDRESS.spend_now(size, "bytes", client_address(request))
            and BYTES_PER_ACCOUNT.spend_now(size, *account)
        ):
            raise TooMany("Too many files in one day. Send them again tomorrow.")
        stored = chat.store_message(guest, frame, request.headers.get("User-Agent", ""), checked)
        # Pages of this visitor that have no conversation yet listen for one.
        streams.transient(guests_stream(guest), BEGUN, {}, tenant_id=guest.tenant_id)
        return JsonResponse({**chat.echo(stored, frame), "conversation": str(stored.conversation_id)})


def uploads_of(request: HttpRequest, limit: int) -> tuple[dict[str, Any], list[visitors.Upload]]:
    """Return the fields and the files of a multipart form. Raises `TooLarge` before it is read, and `Invalid`."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > limit:
        raise TooLarge("The files of one message can have at most 16 MB together.")
    try:
        files = [visitors.Upload(file.name or "", file.read()) for file in request.FILES.getlist("files")]
        return request.POST.dict(), files
    except (MultiPartParserError, SuspiciousOperation, OSError, ValueError) as problem:
        most = visitors.FROM_VISITORS.most
        raise Invalid(f"This isn't a form with at most {most} files.", code="too_many_files") from problem


def json_body(request: HttpRequest, limit: int) -> dict[str, Any]:
    """Return the object that a page sends. Raises `TooLarge`, and `Invalid` for what is none."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise TooLarge
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as problem:
        raise Invalid("The body isn't JSON.") from problem
    if not isinstance(found, dict):
        raise Invalid("The body has to be a JSON object.")
    return found


def guest_of(request: HttpRequest) -> Guest:
    """Return whose token a request bears: a page's, or that of a customer of a company's own app. Raises `BadToken`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise tokens.BadToken
    try:
        return tokens.verify(token.strip(), now=now())
    except tokens.BadToken:
        guest = app_customers.find_guest(token.strip())
        if guest is None:
            raise
        return guest


def checked_origin(request: HttpRequest, guest: Guest) -> str:
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


def with_cors(answer: HttpResponse, allowed: str) -> HttpResponse:
    """Return an answer that the website which asks may read."""
    answer["Vary"] = "Origin"
    answer["Cache-Control"] = "no-store"
    if allowed:
        answer["Access-Control-Allow-Origin"] = allowed
        answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
