"""Endpoints of erasures: who was erased, and how far each is."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import serializers

from core.actors import Actor
from core.models import Erasure
from core.privacy.erasure import services
from core.rest.fields import RowSerializer
from core.rest.operations import lists, reads
from core.rest.views import ApiView


class ErasureRequest(serializers.Serializer[Any]):
    """Why somebody is erased: one of the reasons and no words, which would name the person again."""

    reason = serializers.ChoiceField(choices=Erasure.Reason.choices)


class ErasureSerializer(RowSerializer[Erasure]):
    """How far an erasure is. `counts`: rows changed, by step; `waits_for`: what has to end first.

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
        """Return the path of its own endpoint."""
        return reverse("api_erasure", args=[erasure.pk])


class Erasures(ApiView):
    """Erasures."""

    permissions: ClassVar = {"GET": services.VIEW}

    @lists("erasures_list", ErasureSerializer)
    def get(self, viewer: Actor) -> QuerySet[Erasure]:
        """List who was erased, by id, newest first. Needs `core.view_erasures`."""
        return services.query_erasures(viewer=viewer)


class ErasurePage(ApiView):
    """One erasure."""

    permissions: ClassVar = {"GET": services.VIEW}

    @reads("erasures_retrieve", ErasureSerializer)
    def get(self, viewer: Actor, erasure_id: UUID) -> Erasure:
        """Read how far an erasure is. Needs `core.view_erasures`."""
        return services.get_erasure(viewer=viewer, erasure_id=erasure_id)
