"""A POST with an `Idempotency-Key` is done once; its repetition gets the first answer."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.reliability import idempotency
from core.rest.authentication import client_of

P = ParamSpec("P")
Handler = Callable[Concatenate[Any, Request, P], Response]
HEADER: Final = "Idempotency-Key"


def once(handler: Handler[P]) -> Handler[P]:
    """Remember the answer in the transaction of the work: both are kept, or neither."""
    return _wrapped(handler, atomic=True)


def once_outside(handler: Handler[P]) -> Handler[P]:
    """The same for work that speaks to the outside or opens its own transactions: the answer is kept after it.

    When the process dies in between, the repetition works again, so such work must bear that.
    """
    return _wrapped(handler, atomic=False)


def _wrapped(handler: Handler[P], *, atomic: bool) -> Handler[P]:
    @functools.wraps(handler)
    def answered(view: Any, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        scope = f"api:{client_of(request)}"[:60]
        replay = idempotency.begin(scope=scope, key=key, request_digest=_digest(request))
        if replay is not None:
            return Response(replay.answer, status=replay.status, headers={"Idempotency-Replayed": "true"})
        work = functools.partial(handler, view, request, *args, **kwargs)
        try:
            return _kept_with_work(work, scope, key) if atomic else _kept(work(), scope, key)
        except Exception:
            # It had no effect: the client may try again under the same key.
            idempotency.abandon(scope=scope, key=key)
            raise

    answered.is_idempotent = True  # type: ignore[attr-defined]
    found: Handler[P] = answered  # type: ignore[assignment]  # only the names of the first two differ
    return found


def _kept_with_work(work: Callable[[], Response], scope: str, key: str) -> Response:
    with transaction.atomic():
        return _kept(work(), scope, key)


def _kept(response: Response, scope: str, key: str) -> Response:
    answer = json.loads(JSONRenderer().render(response.data))
    idempotency.finish(scope=scope, key=key, status=response.status_code, answer=answer)
    return response


def _digest(request: Request) -> str:
    return idempotency.digest(str(request.method), request.get_full_path(), request._request.body)
