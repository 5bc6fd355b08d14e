"""Endpoints of conversations and their messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import selectors, services
from conversations.downloads import download
from conversations.models import Contact
from conversations.rest import serializers as shapes
from core.actors import Actor
from core.errors import Conflict
from core.rest.authentication import actor_of
from core.rest.idempotent import once
from core.rest.operations import Handler, Shape, does
from core.rest.pagination import cursor_at, unknown_cursor, value_of
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, Query, body_of

VIEW = "conversations.view_conversation"
REPLY = "conversations.reply_conversation"


class Conversations(ApiView):
    """Conversations."""

    permissions: ClassVar = {"GET": VIEW}
    query = shapes.ConversationQuery

    @extend_schema(
        operation_id="conversations_list",
        parameters=[shapes.ConversationQuery],
        responses=paged(shapes.ConversationRowSerializer),
    )
    def get(self, request: Request) -> Response:
        """List conversations, newest activity first. Needs `conversations.view_conversation`.

        `q`: words, each from its beginning, that stand in one masked message. 400 `personal_data` for a phone
        number, a mail address and the like: search for those by POST.
        """
        asked = self.asked
        selectors.refuse_personal(asked["q"])
        filters = selectors.ConversationFilters(
            state=asked["state"],
            needs_person=asked["needs_person"],
            live=asked["live"],
            assigned_to=asked["assignee"],
            contact_id=asked["contact"],
            q=asked["q"],
        )
        found = selectors.list_conversations(
            viewer=actor_of(request), filters=filters, cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, shapes.ConversationRowSerializer)


class ConversationSearch(ApiView):
    """Conversations, found by words or by an address."""

    permissions: ClassVar = {"POST": VIEW}
    query = ListQuery

    @extend_schema(
        operation_id="conversations_search",
        parameters=[ListQuery],
        request=shapes.Searching,
        responses=paged(shapes.ConversationRowSerializer),
    )
    @once
    def post(self, request: Request) -> Response:
        """Search conversations by words of masked messages or by a whole address, newest activity first.

        It changes nothing: what is looked for only does not belong into a web address. `next` is asked with the
        same body. Needs `conversations.view_conversation`.
        """
        wanted = selectors.ConversationFilters(**body_of(request, shapes.Searching))
        found = selectors.list_conversations(
            viewer=actor_of(request), filters=wanted, cursor=self.asked["cursor"], limit=self.asked["limit"]
        )
        return self.page(found.rows, found.cursor, shapes.ConversationRowSerializer)


def shown(view: ApiView, conversation_id: UUID) -> Response:
    """Return a conversation as it is now; those who may not look at it get its id."""
    viewer = actor_of(view.request)
    if not viewer.may(VIEW):
        return Response({"id": str(conversation_id)})
    found = selectors.get_conversation(viewer=viewer, conversation_id=conversation_id)
    return Response(shapes.ConversationSerializer(found).data)


def moves(name: str, body: Shape | None = None) -> Callable[[Callable[..., Any]], Handler]:
    """Make a POST of one move of a conversation; answers with the conversation as it is then."""
    return does(name, body, shapes.ConversationSerializer, show=shown)


class ConversationPage(ApiView):
    """One conversation."""

    permissions: ClassVar = {"GET": VIEW}

    @extend_schema(operation_id="conversations_retrieve", responses=shapes.ConversationSerializer)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Read a conversation; the look is written to the audit. Needs `conversations.view_conversation`."""
        services.record_view(actor=actor_of(request), conversation_id=conversation_id)
        return shown(self, conversation_id)


class Messages(ApiView):
    """The messages of a conversation: read, and answer."""

    permissions: ClassVar = {"GET": VIEW, "POST": REPLY}
    query = ListQuery
    can_reveal = True

    @extend_schema(
        operation_id="conversations_messages_list", parameters=[ListQuery], responses=paged(shapes.MessageSerializer)
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Read messages, masked; the newest page first, oldest first within a page.

        With `show_pii=true` in clear, under an open reveal of the conversation's `messages`, else 403
        `no_grant`. The look is written to the audit. Needs `conversations.view_conversation`.
        """
        viewer, asked = actor_of(request), self.asked
        found = selectors.list_messages(
            viewer=viewer,
            conversation_id=conversation_id,
            before=_number(asked["cursor"]),
            limit=asked["limit"],
            clear=asked["show_pii"],
        )
        services.record_view(actor=viewer, conversation_id=conversation_id)
        cursor = "" if found.before is None else cursor_at(found.before)
        return self.page(found.rows, cursor, shapes.MessageSerializer)

    @extend_schema(
        operation_id="conversations_messages_create",
        parameters=[Query],
        request=shapes.Reply,
        responses={201: shapes.MessageSerializer},
    )
    @once
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Write to the customer; the agent is silent from then on. Needs `conversations.reply_conversation`.

        409 `closed` for a closed conversation, `id_reused` for another text under a known `client_id`.
        """
        said = body_of(request, shapes.Reply)
        message = services.reply(actor=actor_of(request), conversation_id=conversation_id, sender_type="person", **said)
        if message.body != said["text"]:
            # The id is the one of an earlier message: nothing was written now.
            raise Conflict("A message with this id was written before, in other words.", code="id_reused")
        return Response(shapes.MessageSerializer(selectors.row_of(message)).data, status=201)


def _number(cursor: str) -> int | None:
    if not cursor:
        return None
    text = value_of(cursor)
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise unknown_cursor()
    return int(text)


class AttachmentContent(ApiView):
    """The bytes of a file that came with a message."""

    permissions: ClassVar = {"GET": VIEW}

    @extend_schema(
        operation_id="conversations_attachments_retrieve",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, conversation_id: UUID, attachment_id: UUID) -> HttpResponse:
        """Read a file, as a download. Needs `accounts.view_pii` and an open reveal of the `messages`.

        403 `no_grant` without one, 409 `not_stored` while (or when) its bytes are not here. Each reading is
        written to the audit.
        """
        return download(
            services.read_attachment(
                actor=actor_of(request), conversation_id=conversation_id, attachment_id=attachment_id
            )
        )


class TakeOver(ApiView):
    """Takes a conversation."""

    permissions: ClassVar = {"POST": REPLY}

    @moves("conversations_take_over")
    def post(self, **said: Any) -> None:
        """Answer from now on; 409 `taken` when a colleague has it. Needs `conversations.reply_conversation`."""
        services.take_over(**said)


class GiveBack(ApiView):
    """Gives a conversation back."""

    permissions: ClassVar = {"POST": REPLY}

    @moves("conversations_give_back")
    def post(self, **said: Any) -> None:
        """Let the agent answer again. Needs `conversations.reply_conversation`."""
        services.give_back(**said)


class Close(ApiView):
    """Closes a conversation."""

    permissions: ClassVar = {"POST": REPLY}

    @moves("conversations_close", shapes.Closing)
    def post(self, **said: Any) -> None:
        """End the conversation and say whether it is resolved. Needs `conversations.reply_conversation`."""
        services.close(**said)


class Assign(ApiView):
    """Gives a conversation to a colleague."""

    permissions: ClassVar = {"POST": REPLY}

    @moves("conversations_assign", shapes.Assigning)
    def post(self, **said: Any) -> None:
        """Let a colleague answer, whoever has it now. Needs `conversations.reply_conversation`, of both."""
        services.assign(**said)


class Escalate(ApiView):
    """Asks for another person."""

    permissions: ClassVar = {"POST": REPLY}

    @moves("conversations_escalate", shapes.Escalating)
    def post(self, **said: Any) -> None:
        """Pass it to whoever can help. Needs `conversations.reply_conversation`."""
        services.escalate(**said)


class Tags(ApiView):
    """Tags of the contact of a conversation."""

    permissions: ClassVar = {"POST": REPLY}

    @does("conversations_tag", shapes.Tagging, shapes.ContactSerializer)
    def post(self, actor: Actor, conversation_id: UUID, name: str, present: bool) -> Contact:
        """Put a tag on the contact, or take it off. Needs `conversations.reply_conversation`."""
        contact_id = selectors.get_conversation(viewer=actor, conversation_id=conversation_id).contact_id
        change = services.add_tag if present else services.remove_tag
        change(actor=actor, contact_id=contact_id, name=name)
        return selectors.read_contact(viewer=actor, contact_id=contact_id)
