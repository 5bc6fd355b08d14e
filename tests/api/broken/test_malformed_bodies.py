"""Each body an endpoint takes, broken in every way: a clear error or a cut value, and the next one is read."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction

from tests.api.office import V1, Caller, Office
from tests.api.test_who_may import DOORS, Door

pytestmark = pytest.mark.django_db
NO_BODY = {"no JSON": b"{", "10,000 brackets": b"[" * 10_000, "no text": b"\xff\xfe"}
ODD: Mapping[str, Any] = {"NUL": "a\0b", "half a character": "a\ud83db", "10,000 characters": "N" * 10_000}
NESTED: Any = json.loads("[" * 400 + "]" * 400)
# They write in a transaction of their own, which the one around the test does not let them.
DURABLE = ("kill-switches/", "kill-switches/{switch}/release/")
WRITING = [door for door in DOORS if door.method in ("post", "put", "patch")]


class _Undone(Exception):
    """What was accepted is as before."""


def _places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each text of a body, however deep."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in pairs:
        if isinstance(value, str):
            yield (*way, name)
        yield from _places(value, (*way, name))


def _with(body: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made: Any = deepcopy(body)
    inner = made
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = value
    return dict(made)


def _broken(body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield what is wrong with a body, and the body."""
    yield from NO_BODY.items()
    for way in _places(body):
        for what, value in {**ODD, "nested": NESTED}.items():
            yield f"{what} at {way}", json.dumps(_with(body, way, value)).encode()


def _wrong(caller: Caller, door: Door, path: str, body: bytes) -> str:
    """Return what is wrong with the answer to a broken body; what was written is undone if it was accepted."""
    with suppress(_Undone), transaction.atomic():
        answer: Any = caller.client.generic(
            door.method.upper(), V1 + path, body, "application/json", headers=caller.headers
        )
        if 400 <= answer.status_code < 500 and answer.json()["detail"] and answer.json()["code"]:
            return ""
        said = "" if answer.status_code < 300 else f"{answer.status_code} {answer.content[:200]!r}"
        raise _Undone
    return said


@pytest.mark.slow
def test_broken_body_is_refused_or_cut_and_the_next_is_read(office: Office, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = settings.TENANT_REQUESTS_PER_MINUTE = 10**9
    callers = {role: office.caller(role) for role in {door.insider for door in WRITING}}
    wrong, tried = {}, 0
    for door in WRITING:
        path, given, caller = door.path.format(**office.ids), door.given(office), callers[door.insider]
        with suppress(_Undone), transaction.atomic():
            for what, body in _broken(given):
                tried += 1
                if said := _wrong(caller, door, path, body):
                    wrong[f"{door}: {what}"] = said
            if door.path not in DURABLE and (status := door.ask(caller, office).status_code) != door.status:
                wrong[f"{door}: the next"] = str(status)
            raise _Undone
    assert wrong == {}
    assert tried > 700
