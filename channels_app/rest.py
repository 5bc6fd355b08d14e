"""Endpoint of the event streams, for programs that poll instead of holding a socket open."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from channels_app.sockets.console_topics import PERMISSIONS, Topic, frame_of, note_unknown, parse_topic
from conversations.selectors import get_conversation
from conversations.services import record_view
from core.actors import Actor
from core.errors import NotFound
from core.events import streams
from core.rest.pagination import LARGEST_PAGE
from core.rest.views import ApiViewSet, Query
from hitl.selectors import get_approval

LAST: Final = 2**63 - 1


class StreamQuery(Query):
    """The stream, and where to start."""

    stream = serializers.CharField(
        default="queue", max_length=80, help_text="`queue`, `inbox`, `approval:<id>` or `conversation:<id>`."
    )
    after = serializers.IntegerField(default=0, min_value=0, max_value=LAST, help_text="The last number you have.")
    limit = serializers.IntegerField(default=LARGEST_PAGE, min_value=1, max_value=LARGEST_PAGE)


class EventSerializer(serializers.Serializer[Any]):
    """One event; texts in it are masked."""

    seq = serializers.IntegerField()
    event = serializers.CharField()
    at = serializers.DateTimeField()
    payload = serializers.JSONField()


class StreamSerializer(serializers.Serializer[Any]):
    """Events above a number, in order; `last` is what to ask with next time.

    None is left out. Numbers have no gaps, but in `approval:<id>`, which is what the queue tells about
    one approval, under the queue's numbers.
    """

    stream = serializers.CharField()
    last = serializers.IntegerField()
    next = serializers.URLField(allow_null=True, help_text="Null when there is nothing more for now.")
    results = EventSerializer(many=True)


class StreamViewSet(ApiViewSet):
    """Event streams."""

    permissions: ClassVar = {"retrieve": ""}
    serializer_class = StreamSerializer

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return StreamQuery

    def retrieve(self, request: Request) -> Response:
        """Read the events of a stream above a number. Needs the right to view what it is about.

        Reading events of a conversation is a look at it, and is written to the audit.
        """
        topic, after, limit = parse_topic(self.query["stream"]), self.query["after"], self.query["limit"]
        _require(self.actor, topic)
        found = streams.read(topic.name, after, limit + 1)
        page = found[:limit]
        if topic.kind == "conversation" and topic.ref is not None and page:
            record_view(actor=self.actor, conversation_id=topic.ref)
        last = page[-1].seq if page else after
        more = len(found) > len(page)
        return self.respond(
            {
                "stream": topic.name,
                "last": last,
                "next": replace_query_param(request.build_absolute_uri(), "after", last) if more else None,
                "results": [frame_of(topic, event) for event in page],
            }
        )


def _require(viewer: Actor, topic: Topic) -> None:
    """Raise `Refused` or `NotFound` unless the viewer may see what the stream is about."""
    viewer.require(PERMISSIONS[topic.kind])
    if topic.kind == "conversation" and topic.ref is not None:
        get_conversation(viewer=viewer, conversation_id=topic.ref)
    elif topic.kind == "approval" and topic.ref is not None:
        try:
            get_approval(viewer=viewer, approval_id=topic.ref)
        except NotFound:
            note_unknown(viewer, topic)
            raise
