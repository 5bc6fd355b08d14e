"""Idempotent POST requests: a repetition under the same `Idempotency-Key` gets the first response."""

import functools
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.reliability import idempotency
from core.rest.authentication import actor_of, client_of

Handler = Callable[..., Response]
HEADER: Final = "Idempotency-Key"


def idempotent(handler: Handler) -> Handler:
    """Store the response in the same transaction as the work."""
    return _wrapped(handler, atomic=True)


def idempotent_outside_transaction(handler: Handler) -> Handler:
    """Store the response after work that calls others; a repetition may do it again, so it must be safe."""
    return _wrapped(handler, atomic=False)


def _wrapped(handler: Handler, *, atomic: bool) -> Handler:
    @functools.wraps(handler)
    def answered(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        scope = f"api:{client_of(request)}"[:60]
        replay = idempotency.begin(
            scope=scope,
            key=key,
            request_digest=idempotency.digest(str(request.method), request.get_full_path(), request._request.body),
            # The ids in the address, and that of the person who asks.
            about=[each for each in (*kwargs.values(), actor_of(request).user_id) if isinstance(each, UUID)],
        )
        if replay is not None:
            return Response(replay.answer, status=replay.status, headers={"Idempotency-Replayed": "true"})
        work = functools.partial(handler, view, request, *args, **kwargs)
        try:
            with transaction.atomic() if atomic else nullcontext():
                response = work()
                answer = json.loads(JSONRenderer().render(response.data))
                idempotency.finish(scope=scope, key=key, status=response.status_code, answer=answer)
                return response
        except Exception:
            # The request had no effect, so the client may try again under the same key.
            idempotency.abandon(scope=scope, key=key)
            raise

    answered.is_idempotent = True  # type: ignore[attr-defined]
    return answered
