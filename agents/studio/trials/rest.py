"""Endpoints of trials: an agent answers, and nothing leaves."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import shares
from agents.studio.trials import turns as trying
from agents.studio.trials.models import Trial, TrialTurn
from agents.studio.trials.speakers import TRY
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin


class TrialTurnSerializer(RowSerializer[TrialTurn]):
    """What was said in a trial, masked, with the steps that led to the answer."""

    steps = serializers.ListField(child=serializers.DictField(), read_only=True)
    sources = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = TrialTurn
        fields: ClassVar[list[str]] = (
            "id number state revision said answer stopped steps sources confidence brings_person error_code rounds "
            "milliseconds created_at"
        ).split()


class TrialSerializer(RowSerializer[Trial]):
    """A trial of one version of an agent."""

    version = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = Trial
        fields: ClassVar[list[str]] = "id agent_id version speaker created_at".split()


class TrialDetailSerializer(TrialSerializer):
    """A trial with all that was said."""

    turns = TrialTurnSerializer(many=True, read_only=True)

    class Meta(TrialSerializer.Meta):
        fields: ClassVar[list[str]] = [*TrialSerializer.Meta.fields, "turns"]


class NewTrial(serializers.Serializer[Any]):
    """What to say to which agent, and who speaks."""

    agent_id = serializers.UUIDField()
    speaker = serializers.ChoiceField(choices=Trial.Speaker.choices)
    text = serializers.CharField(max_length=trying.LONGEST)


class TrialMessage(serializers.Serializer[Any]):
    """What to say next."""

    text = serializers.CharField(max_length=trying.LONGEST)


class TrialViewSet(ReadOneMixin, ListViewSet):
    """Trials of agents; each is seen by nobody but the person who began it."""

    descriptions: ClassVar = {
        "list": "List your own trials, newest first. Needs `agents.change_agent`.",
        "retrieve": "Read one of your own trials, and how far it is. Needs `agents.change_agent`.",
    }
    permissions: ClassVar = dict.fromkeys("list retrieve create destroy say".split(), TRY)
    share_kind = shares.AGENT
    serializer_class = TrialDetailSerializer
    request_serializers: ClassVar = {"create": NewTrial}
    lookup_url_kwarg = "trial_id"
    list_rows = staticmethod(trying.query_trials)
    read_row = staticmethod(trying.get_trial)

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists leave out what was said."""
        return TrialSerializer if self.action == "list" else TrialDetailSerializer

    @idempotent
    def create(self, request: Request) -> Response:
        """Try an agent's draft, or its active version; a worker answers. Needs `agents.change_agent`.

        Read the trial until the turn's `state` is `answered`. 409 `cannot_try`, `no_version`.
        """
        return self.call_service(trying.start_trial)

    @action(detail=True, methods=["post"], request_serializer=TrialMessage)
    @idempotent
    def say(self, request: Request, **kwargs: Any) -> Response:
        """Say something in a trial. Needs `agents.change_agent`; 409 `busy` while it is answered."""
        return self.call_service(trying.say)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a trial with all that was said in it. Needs `agents.change_agent`."""
        trying.delete_trial(actor=self.actor, **self.kwargs)
        return Response(status=self.get_success_status())
