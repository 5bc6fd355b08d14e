"""Endpoint that erases a member."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from accounts.privacy.erasure import ERASE, erase_member
from core.actors import Actor
from core.models import Erasure
from core.rest.erasures import ErasureRequest, ErasureSerializer
from core.rest.operations import does
from core.rest.views import ApiView


class EraseMember(ApiView):
    """Erases a member for good."""

    permissions: ClassVar = {"POST": ERASE}

    @does("members_erase", ErasureRequest, ErasureSerializer, status=202)
    def post(self, actor: Actor, membership_id: UUID, reason: str) -> Erasure:
        """Erase the person on a seat; a repeat returns the same erasure. It cannot be undone.

        Needs `accounts.erase_member` and a second factor: 403 `weak_sign_in` without it, so for every
        API key; `yourself`, `role_above_yours`. 409 `last_owner`, `operator` or `in_the_way`, which
        names the requests that are being carried out.
        """
        return erase_member(actor=actor, membership_id=membership_id, reason=reason)
