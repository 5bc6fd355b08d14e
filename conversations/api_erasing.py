"""Endpoint that erases a contact."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from conversations import services
from core.actors import Actor
from core.erasure_api import ErasureRequest, ErasureSerializer
from core.models import Erasure
from core.rest.operations import does
from core.rest.views import ApiView


class EraseContact(ApiView):
    """Erases a contact for good."""

    permissions: ClassVar = {"POST": "conversations.erase_contact"}

    @does("contacts_erase", ErasureRequest, ErasureSerializer, status=202)
    def post(self, actor: Actor, contact_id: UUID, reason: str) -> Erasure:
        """Erase the person behind a contact; a repeat returns the same erasure. It cannot be undone.

        Needs `conversations.erase_contact` and a second factor: 403 `weak_sign_in` without it, so for
        every API key. 409 `in_the_way` names the requests that are being carried out.
        """
        return services.erase_contact(actor=actor, contact_id=contact_id, reason=reason)
