"""The door for the company's directory: its token, how much it may ask, and what it sends."""

import json
from functools import partial
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils.http import parse_etags
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts.company.directory import tokens
from accounts.company.directory.replies import refusal, refusal_of
from accounts.models import Directory
from accounts.secret_pages import refuse_guessing
from accounts.services import client_address
from core.errors import Invalid, Refused, TooLarge, WalkerError
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import tenant_scope
from core.text.clean import can_be_stored

PER_MINUTE: Final = 3000
"""Requests of one directory: its first push of 5,000 people takes some minutes, and slows nobody else."""
MAKER_LEFT: Final = (
    "The person who made this token can no longer connect a directory. Ask an owner to make a new token in Walker."
)


@csrf_exempt  # carries no cookie and trusts none: the token is the proof
@never_cache
def serve(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer a directory, in the scope of its organisation, under the permissions of the owner who made its token."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    found = tokens.find_directory(given.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        return refuse_guessing(request, "scim") or _unknown(tokens.NO_TOKEN)
    tenant_id, directory_id = found
    if count_or_let_pass(f"scim:{directory_id.hex}", seconds=60) > PER_MINUTE:
        return refusal(429, "Too many requests. Try again in a minute.", headers={"Retry-After": "60"})
    with tenant_scope(tenant_id):
        row = Directory.objects.select_related("provider", "made_by").filter(pk=directory_id).first()
        if row is None:
            return _unknown(tokens.NO_TOKEN)
        try:
            agent = str(request.META.get("HTTP_USER_AGENT", ""))
            actor = tokens.actor_of(row, sent_from=client_address(request), user_agent=agent)
        except Refused:
            return _unknown(MAKER_LEFT)
        tokens.note_use(row)
        # Only here, where it is needed: the library costs a second and some memory.
        from accounts.company.directory.endpoints import Call, answer  # noqa: PLC0415

        try:
            call = Call(
                actor=actor,
                directory=row,
                method=str(request.method),
                read=partial(read_body, request),
                query={name: str(value) for name, value in request.GET.items()},
                seen=_tags(request.headers.get("If-Match", "")),
                known=_tags(request.headers.get("If-None-Match", "")),
            )
            return answer(call, [part for part in rest.split("/") if part])
        except WalkerError as problem:
            return refusal_of(problem)


def _unknown(detail: str) -> HttpResponse:
    return refusal(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _tags(header: str) -> tuple[str, ...]:
    """Return the versions that a header names, none for all of them; what can't be read is the version of nothing."""
    found = (parse_etags(header) or [header]) if header else []
    return () if "*" in found else tuple(tag.removeprefix("W/").strip('"') for tag in found)


def read_body(request: HttpRequest) -> Any:
    """Return the JSON document that was sent. Raises `TooLarge` and `Invalid`."""
    try:
        said = json.loads(request.body)
    except RequestDataTooBig:
        raise TooLarge("Send less at once.") from None
    except (ValueError, RecursionError, UnreadablePostError):
        raise Invalid("Send one JSON document.") from None
    if not isinstance(said, dict) or not can_be_stored(said):
        raise Invalid("Send one JSON document, without characters that can't be stored.")
    return said
