"""Endpoints of erasures: who was erased, and the progress of each erasure."""

from typing import Any, ClassVar

from django.urls import reverse
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin

from core.models import Erasure
from core.privacy.erasure import services
from core.rest.fields import RowSerializer
from core.rest.views import ListViewSet


class ErasureRequest(serializers.Serializer[Any]):
    """The reason for an erasure: a code, because free text could name the person again."""

    reason = serializers.ChoiceField(choices=Erasure.Reason.choices)


class ErasureSerializer(RowSerializer[Erasure]):
    """The progress of an erasure. `counts`: rows changed, by step; `waits_for`: what has to end first.

    `still_named`: ids of other requests that hold the name, at most 50: nobody has touched them.
    """

    url = serializers.SerializerMethodField(help_text="Where it can be followed.")

    class Meta:
        model = Erasure
        fields: ClassVar[list[str]] = (
            "id url subject_type subject_id state reason asked_by asked_at started_at finished_at counts waits_for "
            "still_named"
        ).split()

    def get_url(self, erasure: Erasure) -> str:
        return reverse("api-erasures-detail", args=[erasure.pk])


class ErasureViewSet(RetrieveModelMixin, ListViewSet):
    """Erasures of people."""

    descriptions: ClassVar = {
        "list": "List who was erased, by id, newest first.",
        "retrieve": "Read the progress of an erasure.",
    }
    permissions: ClassVar = {"list": services.VIEW, "retrieve": services.VIEW}
    serializer_class = ErasureSerializer
    lookup_url_kwarg = "erasure_id"
    list_rows = staticmethod(services.query_erasures)
    read_row = staticmethod(services.get_erasure)
