"""Endpoints of macros."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import Macro, Priority
from conversations.replies import macros
from conversations.replies.macros import MacroSettings
from conversations.replies.rest.canned_replies import SCOPES
from core.rest.fields import RowSerializer, SeenVersion
from core.rest.idempotency import idempotent, idempotent_outside_transaction
from core.rest.views import ListViewSet

REPLY = "conversations.reply_conversation"


class TextStep(serializers.Serializer[Any]):
    """What is written; a reply may have `{{ first_name }}`, `{{ my_name }}` and `{{ team }}`."""

    text = serializers.CharField()


class TagsStep(serializers.Serializer[Any]):
    """Tags to put on and to take off."""

    add = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=20)
    remove = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=20)


class PriorityStep(serializers.Serializer[Any]):
    """The priority from then on."""

    priority = serializers.ChoiceField(choices=Priority.choices)


class TeamStep(serializers.Serializer[Any]):
    """The team that it goes to."""

    team_id = serializers.UUIDField()


class AssignStep(serializers.Serializer[Any]):
    """The person who gets it; null is the person who runs it."""

    user_id = serializers.UUIDField(allow_null=True)


class SnoozeStep(serializers.Serializer[Any]):
    """How long it rests."""

    hours = serializers.IntegerField(min_value=1)


class CloseStep(serializers.Serializer[Any]):
    """Whether the question was answered."""

    resolved = serializers.BooleanField()


class RequestStep(serializers.Serializer[Any]):
    """What is asked for; people approve it as any other request."""

    kind = serializers.CharField(max_length=60)
    params = serializers.DictField(default=dict)


class StepsSerializer(serializers.Serializer[Any]):
    """The steps, each at most once; they are done in this order."""

    reply = TextStep(required=False)
    note = TextStep(required=False)
    tags = TagsStep(required=False)
    priority = PriorityStep(required=False)
    team = TeamStep(required=False)
    assign = AssignStep(required=False)
    snooze = SnoozeStep(required=False)
    close = CloseStep(required=False)
    request = RequestStep(required=False)


class MacroSerializer(RowSerializer[Macro]):
    """Steps that are done with a conversation at once."""

    scope = serializers.ChoiceField(choices=SCOPES, read_only=True)
    steps = StepsSerializer(read_only=True)

    class Meta:
        model = Macro
        fields: ClassVar[list[str]] = "id name steps scope team_id version created_at".split()


class MacroRequest(serializers.Serializer[Any]):
    """A macro; for a team, oneself, or without either for everybody."""

    name = serializers.CharField(max_length=60)
    steps = StepsSerializer()
    team_id = serializers.UUIDField(default=None, allow_null=True)
    is_personal = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"wanted": MacroSettings(**{name: attrs[name] for name in attrs if name != "seen_version"}), **seen}


class MacroChange(MacroRequest, SeenVersion):
    """The whole macro after the change."""


class MacroRunRequest(serializers.Serializer[Any]):
    """The conversation that it is done with."""

    conversation_id = serializers.UUIDField()
    run_id = serializers.UUIDField(
        required=False, help_text="Made by you: with the same one the steps are done and a request is made once."
    )
    after = serializers.IntegerField(
        required=False, min_value=0, help_text="The number of the newest message that you had seen."
    )


class MacroRunSerializer(serializers.Serializer[Any]):
    """What was done."""

    done = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="The steps.")
    approval_id = serializers.UUIDField(source="approval.pk", read_only=True, default=None, allow_null=True)
    code = serializers.CharField(
        source="problem.code", read_only=True, default="", help_text="Why the request wasn't made, if it has one."
    )
    detail = serializers.CharField(source="problem.detail", read_only=True, default="")


class MacroViewSet(RetrieveModelMixin, ListViewSet):
    """Macros."""

    descriptions: ClassVar = {
        "list": "List the macros you may use, newest first.",
        "retrieve": "Read a macro.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "create", "update", "destroy", "run"), REPLY)
    serializer_class = MacroSerializer
    request_serializers: ClassVar = {"create": MacroRequest, "update": MacroChange}
    lookup_url_kwarg = "macro_id"

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a macro. Needs `conversations.reply_conversation`; a team's needs to lead it, everybody's
        `conversations.manage_desk`. 409 `exists`."""
        return self.call_service(macros.create_macro)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a macro, by who may create it. 409 `exists`, `stale_version`."""
        return self.call_service(macros.revise_macro)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a macro, by who may create it. 409 `stale_version`."""
        return self.call_service(macros.delete_macro)

    @action(detail=True, methods=["post"], request_serializer=MacroRunRequest, serializer_class=MacroRunSerializer)
    @idempotent_outside_transaction
    def run(self, request: Request, **kwargs: Any) -> Response:
        """Do its steps with a conversation, all or none. Needs `conversations.reply_conversation` and what each
        step needs. A request is made afterwards, and waits for approval as any other. 409 as the steps
        answer."""
        return self.call_service(macros.run_macro)

    def get_queryset(self) -> QuerySet[Macro]:
        return macros.usable_macros(actor=self.actor).order_by()
