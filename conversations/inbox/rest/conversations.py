"""Endpoints of conversations and their messages."""

from typing import Any, ClassVar
from uuid import uuid5

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import shares
from conversations.contacts import contacts
from conversations.contacts.rest.serializers import ContactSerializer
from conversations.contacts.selectors import directory
from conversations.custom_fields.rest import CustomValues
from conversations.inbox import assignment, snoozes, states
from conversations.inbox.bulk import change_many
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.rest.bulk import ChangedManySerializer, ChangingMany
from conversations.inbox.rest.desk import Assigning, DraftRequest, DraftSerializer, Escalating, SendingFiles, Tagging
from conversations.inbox.rest.serializers import (
    Closing,
    ConversationDetailSerializer,
    ConversationQuery,
    ConversationRowSerializer,
    ConversationSerializer,
    CreatedQuery,
    Searching,
)
from conversations.inbox.rest.tags import TaggingConversation
from conversations.inbox.selectors import lists
from conversations.inbox.selectors.search import refuse_personal
from conversations.inbox.tags import change_tags
from conversations.inbox.teams import seen
from conversations.inbox.teams.rest import Moving, Prioritising, Snoozing
from conversations.messages import attachments, first_messages, outbound
from conversations.messages.downloads import download
from conversations.messages.files.rules import LARGEST, MB, Upload
from conversations.messages.outbound import ByTemplate, Draft, Sender
from conversations.messages.rest import Beginning, BegunSerializer, MessageSerializer, Reply
from conversations.messages.selectors import messages
from conversations.replies import canned_replies, drafts
from core.errors import Conflict, NotFound
from core.rest.idempotency import HEADER, idempotent, idempotent_outside_transaction
from core.rest.pagination import cursor_at, number_of
from core.rest.views import ApiViewSet, Expansion, Query

VIEW = "conversations.view_conversation"
REPLY = "conversations.reply_conversation"


class ConversationViewSet(ApiViewSet):
    """Conversations."""

    permissions: ClassVar = {
        "list": VIEW,
        "search": VIEW,
        "retrieve": VIEW,
        "take_over": REPLY,
        "give_back": REPLY,
        "close": REPLY,
        "assign": REPLY,
        "team": REPLY,
        "escalate": REPLY,
        "snooze": REPLY,
        "priority": REPLY,
        "tags": REPLY,
        "conversation_tags": REPLY,
        "custom_fields": REPLY,
        "bulk": REPLY,
        "draft": REPLY,
        "save_draft": REPLY,
        "drop_draft": REPLY,
    }
    share_kind = shares.CONVERSATION
    serializer_class = ConversationSerializer
    request_serializers: ClassVar = {"save_draft": DraftRequest}
    expansions: ClassVar = {"contact": Expansion(directory.query_contacts, ContactSerializer, "contact_id")}
    lookup_url_kwarg = "conversation_id"

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read a conversation; the look is written to the audit."""
        return self.call_service(states.record_view)

    @action(detail=True, methods=["post"], url_path="take-over")
    @idempotent
    def take_over(self, request: Request, **kwargs: Any) -> Response:
        """Answer from now on; 409 `taken` when a colleague has it."""
        return self.call_service(states.take_over)

    @action(detail=True, methods=["post"], url_path="give-back")
    @idempotent
    def give_back(self, request: Request, **kwargs: Any) -> Response:
        """Let the agent answer again."""
        return self.call_service(states.give_back)

    @action(detail=True, methods=["post"], request_serializer=Closing)
    @idempotent
    def close(self, request: Request, **kwargs: Any) -> Response:
        """End the conversation and say whether it is resolved.

        409 `closed`, and `fields_missing` with the keys of custom fields that need a value first (`missing`).
        """
        return self.call_service(states.close)

    @action(detail=True, methods=["post"], request_serializer=Assigning)
    @idempotent
    def assign(self, request: Request, **kwargs: Any) -> Response:
        """Let a colleague answer, even if another has it now. Needs `conversations.reply_conversation`, of
        both.

        409 `full` for a colleague of its team who has no room; a lead may give them one more with
        `even_if_full`.
        """
        return self.call_service(states.assign)

    @action(detail=True, methods=["post"], request_serializer=Moving)
    @idempotent
    def team(self, request: Request, **kwargs: Any) -> Response:
        """Put the conversation into another team, or into none. Needs `conversations.assign_conversation`, or
        to lead the team that it is in."""
        return self.call_service(assignment.move_to_team)

    @action(detail=True, methods=["post"], request_serializer=Prioritising)
    @idempotent
    def priority(self, request: Request, **kwargs: Any) -> Response:
        """Set how much sooner than others it is due. 409 `closed`."""
        return self.call_service(snoozes.set_priority)

    @action(detail=True, methods=["post"], request_serializer=Escalating)
    @idempotent
    def escalate(self, request: Request, **kwargs: Any) -> Response:
        """Ask for another person who can help."""
        return self.call_service(states.escalate)

    @action(detail=True, methods=["post"], url_path="conversation-tags", request_serializer=TaggingConversation)
    @idempotent
    def conversation_tags(self, request: Request, **kwargs: Any) -> Response:
        """Put tags on the conversation, and take others off."""
        return self.call_service(change_tags)

    @action(detail=True, methods=["post"], url_path="custom-fields", request_serializer=CustomValues)
    @idempotent
    def custom_fields(self, request: Request, **kwargs: Any) -> Response:
        """Set values of a conversation's custom fields, also of a closed one. 400 with the keys that are wrong, 409
        `erased`."""
        return self.call_service(set_conversation_fields)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists show the last message, one conversation whether a reply can be sent."""
        if self.is_list():
            return ConversationRowSerializer
        found: type[BaseSerializer[Any]] = super().get_serializer_class()
        return ConversationDetailSerializer if found is ConversationSerializer else found

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters; the selector of the list filters by itself."""
        return ConversationQuery if self.action == "list" else super().get_query_class()

    def list(self, request: Request) -> Response:
        """List conversations, newest activity first or by `ordering`.

        `q`: words, each from its beginning, that stand in one masked message. 400 `personal_data` for a phone number, a
        mail address and the like: search for those by POST.
        """
        asked = {name: value for name, value in self.query.items() if name not in ("cursor", "limit", "show_pii")}
        refuse_personal(asked["q"])
        ordering = asked.pop("ordering")
        return self._respond_with_found(lists.ConversationFilters(**asked), ordering)

    @action(detail=False, methods=["post"], many=True, request_serializer=Searching)
    @idempotent
    def search(self, request: Request) -> Response:
        """Search conversations by words of masked messages, a whole address or values of custom fields, the newest
        activity first.

        It changes nothing: what is looked for only does not belong into a web address. `next` is asked with the same
        body.
        """
        return self._respond_with_found(lists.ConversationFilters(**self.read_body()))

    @action(detail=False, methods=["post"], request_serializer=ChangingMany, serializer_class=ChangedManySerializer)
    @idempotent_outside_transaction
    def bulk(self, request: Request) -> Response:
        """Assign, move, tag, prioritise or close up to 500 conversations, each for itself; `dry_run` changes nothing.

        Needs `conversations.reply_conversation`, and for each what changing that one needs. 200 with a result for
        each: `done`, or the `code` that the endpoint for one answers with.
        """
        results = change_many(actor=self.actor, **self.read_body())
        return super().respond({"results": results})

    def _respond_with_found(self, filters: lists.ConversationFilters, ordering: str = "") -> Response:
        place = {name: self.query[name] for name in ("cursor", "limit")}
        page = lists.list_conversations(viewer=self.actor, filters=filters, ordering=ordering, **place)
        return self.respond_with_page(page.rows, page.cursor)

    def respond(self, row: Any) -> Response:
        """Return the conversation as it is now; callers who may not view it, or not any more, get its id."""
        try:
            may_view = shares.may_some(self.actor, shares.CONVERSATION, VIEW)
            found = lists.get_conversation(viewer=self.actor, **self.kwargs) if may_view else None
        except NotFound:
            # It was moved or given away, out of the caller's teams.
            found = None
        return super().respond(found) if found else Response({"id": str(self.kwargs["conversation_id"])})

    @action(detail=True, methods=["post"], request_serializer=Snoozing)
    @idempotent
    def snooze(self, request: Request, **kwargs: Any) -> Response:
        """Let a conversation rest until a moment or its customer's next message; null ends its rest.

        Needs `conversations.reply_conversation`, for a colleague's also `conversations.assign_conversation` or to lead
        its team. 409 `agent_has_it`, `closed`.
        """
        until = self.read_body()["until"]
        if until is None:
            return self.respond(snoozes.wake(actor=self.actor, **self.kwargs))
        return self.respond(snoozes.snooze(actor=self.actor, **self.kwargs, until=until))

    @action(detail=True, methods=["get"], serializer_class=DraftSerializer)
    def draft(self, request: Request, **kwargs: Any) -> Response:
        """Read your own draft of a reply; 404 without one."""
        found = drafts.own_draft(actor=self.actor, **self.kwargs)
        if found is None:
            raise NotFound("There is no draft.")
        return super().respond(found)

    @draft.mapping.put
    @extend_schema(responses={200: DraftSerializer, 204: None})
    def save_draft(self, request: Request, **kwargs: Any) -> Response:
        """Keep your own draft of a reply; 204 after an empty text, which deletes it. 409 `closed`."""
        found = drafts.save_draft(actor=self.actor, **self.kwargs, **self.read_body())
        return super().respond(found) if found else Response(status=204)

    @draft.mapping.delete
    @extend_schema(responses={204: None})
    def drop_draft(self, request: Request, **kwargs: Any) -> Response:
        """Delete your own draft."""
        drafts.drop_draft(actor=self.actor, **self.kwargs)
        return Response(status=204)

    @action(detail=True, methods=["post"], request_serializer=Tagging, serializer_class=ContactSerializer)
    @idempotent
    def tags(self, request: Request, **kwargs: Any) -> Response:
        """Put a tag on the contact, or take it off."""
        body = self.read_body()
        contact_id = seen.get_seen(seen.held_conversations(self.actor), **self.kwargs).contact_id
        change = contacts.add_tag if body["present"] else contacts.remove_tag
        change(actor=self.actor, contact_id=contact_id, name=body["name"])
        return super().respond(directory.read_contact(viewer=self.actor, contact_id=contact_id))


class ContactConversationViewSet(ApiViewSet):
    """Conversations that a colleague begins with a contact."""

    permissions: ClassVar = {"create": REPLY}
    serializer_class = BegunSerializer
    request_serializers: ClassVar = {"create": Beginning}

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Begin a conversation with a contact; the caller has it.

        Without `account_id` the only mailbox sends an email with a `subject`: 400 where there are several, 409
        `no_mailbox` without one. On another channel 409 `open` says that there is an open `conversation` to write to;
        `window_closed` that a template is needed, which `as_template` sends where `has_template` is true. 409
        `no_address`, `opted_out`, `blocked` or `unreachable` where the contact can't be written to, `merged`, `erased`;
        `id_reused` for another text under a known `client_id`; `limit_reached` where the organisation's messages of the
        day are used up.
        """
        body = self.read_body()
        template = _template_in(body)
        begun = first_messages.begin_conversation(actor=self.actor, **self.kwargs, **body, template=template)
        return self.respond(begun)


class MessageViewSet(ApiViewSet):
    """The messages of a conversation."""

    permissions: ClassVar = {"list": VIEW, "create": REPLY}
    share_kind = shares.CONVERSATION
    serializer_class = MessageSerializer
    request_serializers: ClassVar = {"create": Reply}
    revealing_actions = frozenset({"list", "create"})

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return CreatedQuery if self.action == "list" else super().get_query_class()

    def list(self, request: Request, **kwargs: Any) -> Response:
        """Read messages, masked; the newest page first, oldest first within a page.

        With `show_pii=true` in clear, under an open reveal of the conversation's `messages`, else 403 `no_grant`. The
        look is written to the audit.
        """
        page = messages.list_messages(
            viewer=self.actor,
            **self.kwargs,
            before=number_of(self.query["cursor"]),
            limit=self.query["limit"],
            clear=self.query["show_pii"],
            created_after=self.query["created_after"],
            created_before=self.query["created_before"],
        )
        states.record_view(actor=self.actor, **self.kwargs)
        return self.respond_with_page(page.rows, "" if page.before is None else cursor_at(page.before))

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Write to the customer; the agent is silent from then on.

        409 `closed` for a closed conversation, `id_reused` for another text under a known `client_id`. 409 `opted_out`,
        `blocked`, `unreachable` or `no_address` where the customer can't be written to, and `window_closed` outside of
        the reply window: with `has_template` a reply `as_template` can be sent. With `after`, 409 `answered_meanwhile`
        if an agent or a colleague answered since: `seq` is the answer's number.
        """
        body = self.read_body()
        body["text"] = canned_replies.fill_variables(actor=self.actor, **self.kwargs, text=body["text"])
        template = _template_in(body)
        draft = Draft(**body, template=template, sender=Sender(type="person"))
        message = outbound.reply(actor=self.actor, **self.kwargs, draft=draft)
        if body["text"] and message.body != body["text"]:
            # The id belongs to an earlier message: nothing was written now.
            raise Conflict("A message with this id was written before, in other words.", code="id_reused")
        return self.respond(messages.row_of(message))


class SendAgainViewSet(ApiViewSet):
    """One message, by its own id."""

    permissions: ClassVar = {"send_again": REPLY}
    serializer_class = MessageSerializer
    lookup_url_kwarg = "message_id"

    @action(detail=True, methods=["post"], url_path="send-again")
    @idempotent
    def send_again(self, request: Request, **kwargs: Any) -> Response:
        """Send a failed message again, as a new attempt.

        409 `not_failed` for any other message, `closed`, `sent_otherwise` when it went out as a template, or why the
        contact can't be messaged: `opted_out`, `unreachable`, `no_address`.
        """
        return self.respond(messages.row_of(outbound.send_again(actor=self.actor, **self.kwargs)))


class AttachmentViewSet(ApiViewSet):
    """Files of messages."""

    permissions: ClassVar = {"retrieve": VIEW, "create": REPLY}
    share_kind = shares.CONVERSATION
    request_serializers: ClassVar = {"create": SendingFiles}
    serializer_class = MessageSerializer
    parser_classes = (MultiPartParser,)
    lookup_url_kwarg = "attachment_id"
    largest_body = LARGEST + MB

    @idempotent_outside_transaction
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Send files to the customer; the agent is silent from then on.

        `multipart/form-data`, with `files` and ids of `canned_files`, together up to ten. What a file is, is decided by
        its bytes. 400 for files that the channel can't carry, and for programs, archives and markup under any name; 409
        `closed`.
        """
        body = self.read_body()
        uploads = [Upload(str(file.name or ""), file.read(LARGEST + 1)) for file in body["files"]]
        uploads += canned_replies.canned_uploads(actor=self.actor, file_ids=body["canned_files"])
        text = canned_replies.fill_variables(actor=self.actor, **self.kwargs, text=body["text"])
        key = request.headers.get(HEADER)
        # If the process dies after the message is stored, a repetition under the key finds it.
        client_id = body["client_id"] or (uuid5(self.kwargs["conversation_id"], key) if key else None)
        message = outbound.reply(
            actor=self.actor,
            **self.kwargs,
            draft=Draft(text=text, files=uploads, client_id=client_id, sender=Sender(type="person")),
        )
        return self.respond(messages.row_of(message))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Read a file, as a download. Needs `accounts.view_pii` and an open reveal of the `messages`.

        403 `no_grant` without one, 409 `not_stored` while (or when) its bytes are not here. Each reading is
        written to the audit.
        """
        return download(attachments.read_attachment(actor=self.actor, **self.kwargs))


def _template_in(body: dict[str, Any]) -> ByTemplate | None:
    """Take what says of a template out of a body, and return it; None for a text that goes as it is."""
    is_wanted, language = body.pop("as_template"), body.pop("template_language", "")
    filled = ByTemplate(language=language, variables=body.pop("template_variables", ()))
    return filled if is_wanted else None
