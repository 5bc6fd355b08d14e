"""Endpoint that erases a member."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.privacy.erasure import ERASE, erase_member
from core.rest.erasures import ErasureRequest, ErasureSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet


class MemberViewSet(ApiViewSet):
    """Members of the organisation."""

    permissions: ClassVar = {"erase": ERASE}
    serializer_class = ErasureSerializer
    lookup_url_kwarg = "membership_id"

    @action(detail=True, methods=["post"], request_serializer=ErasureRequest, success_status=202)
    @idempotent
    def erase(self, request: Request, **kwargs: Any) -> Response:
        """Erase the person of a membership; a repeat returns the same erasure. It cannot be undone.

        Needs `accounts.erase_member` and a second factor: 403 `weak_sign_in` without it, so for every
        API key; `yourself`, `role_above_yours`. 409 `last_owner`, `operator` or `in_the_way`, which
        names the requests that are being executed.
        """
        return self.call_service(erase_member)
