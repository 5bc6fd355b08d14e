"""The door of a company's own app: check the caller, store by one INSERT and answer; a worker does the rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import api_keys
from accounts.services import KEY_PREFIX
from channels_app.kit.found import forget
from channels_app.web_chat import app_customers
from channels_app.web_chat.app_customers import App
from channels_app.web_chat.files import uploads_of
from channels_app.web_chat.settings.limits import Bucket
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import REFUSED, TAKEN, Refusal, body_of, note_refused
from conversations import selectors, services, texts
from conversations.models import Attachment, ChannelAccount, Message
from conversations.services import accounts, visitors
from conversations.types import InboundMessage, SenderIdentity
from core.actors import system
from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Invalid, Refused, TooMany, Unavailable, WalkerError
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.tenancy.scope import tenant_scope

log = get_logger(__name__)

ACTOR: Final = system("app")
PROVIDER: Final = "app"
KEY: Final = "channels_app_inbounddelivery.event_key"
LINE: Final = "channels_app_inbounddelivery.queue_key"
DELIVER: Final = "channels_app.deliver_message"
BODY_LIMIT: Final = 64 * 1024
FILES_LIMIT: Final = visitors.FROM_VISITORS.total + BODY_LIMIT * 2
FORM: Final = "multipart/form-data"
NO_FILE: Final = "There is no such file."
ID_LIMIT: Final = 100
NAME_LIMIT: Final = 120
TYPE_LIMIT: Final = 32
TEXT: Final = "text"
PER_CUSTOMER: Final = Bucket(size=20, seconds=10)
WORDS: Final = {
    "no_signature": "Send an API key or a customer's token: Authorization: Bearer …",
    "unknown_account": "There is no such app, or it is switched off.",
    "bad_signature": "The API key or token isn't valid for this app.",
    "not_allowed": f"This API key needs the scope {DELIVER}.",
    "other_customer": "The token belongs to another customer.",
    "no_secret": "This app has no token secret yet. Create one on the channel's page.",
    "too_large": f"A message can have at most {BODY_LIMIT} bytes.",
    "malformed": "The body has to be a JSON object.",
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as the app sent it, checked."""

    id: str
    customer_id: str = field(repr=False)
    type: str
    text: str = field(repr=False)
    name: str = field(repr=False)
    language: str
    metadata: dict[str, Any] = field(repr=False)

    def document(self, app: App) -> dict[str, Any]:
        """Return it as it is stored until a worker takes it."""
        # "From" is the name by which the erasure of a person finds their webhooks.
        names = ("id", "type", "text", "name", "language", "metadata")
        point = app_customers.customer_point(app.key, self.customer_id)
        return {"From": point, **{name: getattr(self, name) for name in names}}

    def event_key(self) -> str:
        """Return the key of the message in its app; in the tenant's scope."""
        # Ids are the customer's own: another customer may use the same one. Keyed, as it outlives their erasure.
        return "message:" + blind_index(f"{self.customer_id}\n{self.id}", column=KEY)


@csrf_exempt  # carries no cookie and trusts none: the key or token is the proof
@require_POST
def messages(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /channels/app/<key>/messages/`: a message of one of the app's customers, as JSON or a form with files."""
    try:
        incoming, is_new = (_take_files if request.content_type == FORM else _take)(request, key)
    except Refusal as refusal:
        REFUSED.labels(PROVIDER, refusal.reason).inc()
        return JsonResponse({"detail": WORDS[refusal.reason], "code": refusal.reason}, status=refusal.status)
    except WalkerError as problem:
        REFUSED.labels(PROVIDER, problem.code).inc()
        headers = {"Retry-After": str(PER_CUSTOMER.seconds)} if isinstance(problem, TooMany) else {}
        return JsonResponse(problem.as_dict(), status=problem.status, headers=headers)
    except DatabaseError:
        log.warning("webhook_not_stored", provider=PROVIDER, exc_info=True)
        REFUSED.labels(PROVIDER, "database").inc()
        return JsonResponse({"detail": "Try again later.", "code": "unavailable"}, status=503)
    TAKEN.labels(PROVIDER).inc()
    answer = {"id": incoming.id, "customer_id": incoming.customer_id, "repeated": not is_new}
    return JsonResponse(answer, status=202)


@csrf_exempt
@require_GET
def file(request: HttpRequest, key: str, attachment_id: UUID) -> HttpResponse:
    """`GET /channels/app/<key>/files/<id>/`: one for a customer with an API key, or of their own with their token."""
    try:
        app, proven = _called(request, key)
        if proven and not PER_CUSTOMER.take_now(app.tenant_id.hex, "app-files", app.account_id.hex, proven):
            raise TooMany
        with tenant_scope(app.tenant_id):
            rows = Attachment.objects.filter(pk=attachment_id, message__channel_account=app.account_id)
            if proven:
                point = app_customers.customer_point(app.key, proven)
                talk = selectors.find_customer_conversation(
                    channel_account_id=app.account_id, kind="customer", value=point
                )
                rows = rows.filter(message__conversation=talk)
            else:
                # What customers sent is read by colleagues with the right to, and each look is written down.
                rows = rows.filter(message__direction=Message.Direction.OUT)
            conversation_id = get_or_missing(rows.values_list("message__conversation", flat=True), NO_FILE)
            found = visitors.read_own_file(conversation_id=conversation_id, attachment_id=attachment_id)
    except Refusal as refusal:
        return JsonResponse({"detail": WORDS[refusal.reason], "code": refusal.reason}, status=refusal.status)
    except WalkerError as problem:
        return JsonResponse(problem.as_dict(), status=problem.status)
    return visitors.download(found)


def _called(request: HttpRequest, key: str) -> tuple[App, str]:
    """Return the app that is called and the customer who is proven, "" for its company. Raises `Refusal`."""
    if not _bearer(request):
        raise Refusal("no_signature")
    app = app_customers.find_app(key)
    if app is None:
        raise Refusal("unknown_account")
    return app, _authenticate(request, app)


def _take_files(request: HttpRequest, key: str) -> tuple[Incoming, bool]:
    """Store a message with files at once: they are not kept twice, and its sender hears what is wrong with one."""
    app, proven = _called(request, key)
    if proven and not PER_CUSTOMER.take_now(app.tenant_id.hex, "app", app.account_id.hex, proven):
        raise TooMany("Too many messages in a short time. Wait a moment.")
    fields, uploads = uploads_of(request, FILES_LIMIT)
    incoming = _parse(fields.get("message", "").encode(), proven, has_files=bool(uploads))
    moment = now()
    with tenant_scope(app.tenant_id):
        if not ChannelAccount.objects.filter(pk=app.account_id, paused_at=None).exists():
            raise Unavailable("This channel is paused. Send it again later.")
        said = message_of(incoming.document(app), account_id=app.account_id, event_key=incoming.event_key())
        checked = visitors.checked_files(uploads, visitors.FROM_VISITORS)
        stored = services.receive(actor=ACTOR, inbound=said, files=checked, now=moment)
    return incoming, stored.created_at == moment


def message_of(fields: Mapping[str, Any], *, account_id: UUID, event_key: str) -> InboundMessage:
    """Return a customer's message from what is stored of it. An unknown type is shown, and no agent answers it."""
    is_known = fields["type"] == TEXT
    return InboundMessage(
        channel_account_id=account_id,
        sender=SenderIdentity(
            kind="customer",
            value=fields["From"],
            verified=True,
            display_name=fields["name"],
            language=fields.get("language") or "",
        ),
        text=fields["text"] if is_known or fields["text"].strip() else f"[{fields['type']} message]",
        external_id=event_key,
        metadata={"app": fields["metadata"]} if fields["metadata"] else {},
        wants_answer=is_known,
    )


def _take(request: HttpRequest, key: str) -> tuple[Incoming, bool]:
    if not _bearer(request):
        raise Refusal("no_signature")
    body = body_of(request, limit=BODY_LIMIT)
    app, proven = _called(request, key)
    incoming = _parse(body, proven)
    if proven and not PER_CUSTOMER.take_now(app.tenant_id.hex, "app", app.account_id.hex, proven):
        raise TooMany("Too many messages in a short time. Wait a moment.")
    document = incoming.document(app)
    with tenant_scope(app.tenant_id):
        queue_key = blind_index(f"{app.account_id}:{document['From']}", column=LINE)
        event_key = incoming.event_key()
    arrival = deliveries.Arrival(
        provider=PROVIDER, tenant_id=app.tenant_id, account_id=app.account_id, event_key=event_key,
        queue_key=queue_key, body=json.dumps(document).encode(), headers={"Content-Type": "application/json"},
    )  # fmt: skip
    is_new = deliveries.store(arrival)
    wake_worker.stored.give()
    return incoming, is_new


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _authenticate(request: HttpRequest, app: App) -> str:
    """Return the customer that a token names, "" for an API key. Raises `Refusal`."""
    secret = _bearer(request)
    if secret.startswith(KEY_PREFIX):
        _check_key(secret, app)
        return ""
    try:
        return app_customers.verify(secret, app=app, now=now()).customer_id
    except Refused:
        note_refused([(app.tenant_id, app.account_id)])
        raise Refusal("bad_signature") from None
    except WalkerError as problem:
        log.warning("channel_without_secret", account=str(app.account_id))
        raise Refusal("no_secret", problem.status) from None


def _check_key(secret: str, app: App) -> None:
    """Raise `Refusal` unless the API key is of the app's tenant and may deliver messages."""
    if api_keys.tenant_of_key(secret) != app.tenant_id:
        note_refused([(app.tenant_id, app.account_id)])
        raise Refusal("bad_signature")
    with tenant_scope(app.tenant_id):
        try:
            actor = api_keys.actor_of_key(secret)
        except Refused:
            raise Refusal("bad_signature") from None
        if not actor.may(DELIVER):
            raise Refusal("not_allowed")
        if actor.user_id not in app.keepers:
            # Before anything they write can become a request.
            accounts.note_keeper(actor=actor, account_id=app.account_id)
            forget()


def _parse(body: bytes, proven: str, *, has_files: bool = False) -> Incoming:
    """Return the message. Raises `Refusal` for what is no JSON object, `Invalid` with the fields."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal("malformed", 400) from None
    if not isinstance(found, dict):
        raise Refusal("malformed", 400)
    wrong: dict[str, list[str]] = {}
    given = found.get("customer_id")
    customer_id = app_customers.checked_customer(proven if given is None and proven else given)
    if proven and customer_id != proven:
        raise Refusal("other_customer")
    if not customer_id:
        wrong["customer_id"] = [f"Use 1 to {app_customers.CUSTOMER_LIMIT} printable ASCII characters."]
    client_id = found.get("id")
    if not isinstance(client_id, str) or not 0 < len(client_id) <= ID_LIMIT or not client_id.isprintable():
        client_id = ""
        wrong["id"] = [f"Your own id of the message: 1 to {ID_LIMIT} characters. A repetition is the first one."]
    elif texts.clean(client_id) != client_id:
        wrong["id"] = ["It holds characters that can't be stored."]
    kind, text, name = found.get("type", TEXT), found.get("text", ""), found.get("name", "")
    metadata, language = found.get("metadata", {}), found.get("language", "")
    if not isinstance(kind, str) or not kind.isascii() or not kind.isidentifier() or len(kind) > TYPE_LIMIT:
        wrong["type"] = [f"Use a short word, such as {TEXT}."]
    wrong |= {field: ["Use text."] for field in ("text", "name") if not isinstance(found.get(field, ""), str)}
    if not isinstance(language, str) or (language and not services.language_code(language)):
        wrong["language"] = ["Use a code such as en, de or pt_BR."]
    if not isinstance(metadata, dict):
        wrong["metadata"] = ["Use a JSON object."]
    if wrong:
        raise Invalid("Some fields are not valid.", fields=wrong)
    # A type that is not known yet is stored and shown with any text.
    checked = texts.checked(text, limit=settings.TEXT_LIMIT, empty_ok=has_files or kind != TEXT)
    cut = texts.clean(name)[:NAME_LIMIT]
    spoken = services.language_code(language)
    return Incoming(client_id, customer_id, kind, checked, cut, spoken, texts.checked_document(metadata))


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)
