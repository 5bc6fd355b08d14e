"""Connect the organisation's Langflow server, check it, and disconnect it."""

import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from accounts.versioning import check_version
from agents.langflow.models import FlowServer, FlowSession
from agents.llm.endpoints import key_problem, url_problem, with_editor
from agents.models import AgentVersion
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import advisory_lock, locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, Unavailable, check_fields
from integrations.langflow.client import LangflowClient
from integrations.langflow.types import NOT_CONNECTED, PAUSES, SENTENCES, FlowDefinition, FlowFailed

FLOW: Final = "langflow"
"""The model, and the orchestrator, of agents whose head is a flow."""
MANAGE: Final = "agents.manage_routes"
MISSING: Final = "There is no such Langflow server."
FLOW_LIMIT: Final = 200
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def connect_server(*, actor: Actor, base_url: str, key: str = "", seen_version: int | None = None) -> FlowServer:
    """Connect the organisation's Langflow server, or change its key or address.

    An empty `key` keeps the old one, which never moves to another address. At another address agents have to be
    activated again, and the earlier server is disconnected. Needs `agents.manage_routes`; raises `Invalid` and
    `Conflict` (`stale_version`).
    """
    actor.require(MANAGE)
    base_url, key = base_url.strip().rstrip("/"), key.strip()
    problems = {"base_url": url_problem(base_url, "https://host"), "key": key_problem(key)}
    check_fields(problems)
    with transaction.atomic():
        advisory_lock("flow-server")
        old: FlowServer | None = FlowServer.objects.select_for_update().filter(is_active=True).first()
        if old is not None:
            check_version(actor, "agents.flowserver", old, seen_version)
        if old is not None and old.base_url == base_url:
            if key and key != old.key:
                old.key = key
                old.version += 1
                old.editors = with_editor(old.editors, actor)
                old.save(update_fields=["key", "version", "editors"])
                _record(actor, "FLOW_SERVER_CHANGED", old, "active", "active", fields=["key"])
            return old
        if not key:
            raise Invalid("Enter the key of this server.", fields={"key": ["Enter the key for this address."]})
        if old is not None:
            _leave(old)
            _record(actor, "FLOW_SERVER_REMOVED", old, "active", "removed")
        made: FlowServer = FlowServer.objects.create(base_url=base_url, key=key, editors=with_editor([], actor))
        _record(actor, "FLOW_SERVER_CONNECTED", made, "", "active")
    return made


def disconnect_server(*, actor: Actor, server_id: UUID, seen_version: int | None = None) -> FlowServer:
    """Disconnect the server: what it keeps of conversations is erased, then its key is deleted here.

    Needs `agents.manage_routes`; raises `NotFound`, `Conflict` (`stale_version`, or `in_use` while an agent that
    answers has a flow).
    """
    actor.require(MANAGE)
    with transaction.atomic():
        server = locked(FlowServer, server_id, MISSING, is_active=True)
        check_version(actor, "agents.flowserver", server, seen_version)
        used = AgentVersion.objects.filter(model=FLOW, agent__is_active=True, pk=F("agent__active_version_id"))
        if used.exists():
            raise Conflict("Agents answer with flows of this server. Choose another model for them first.",
                           code="in_use")  # fmt: skip
        _leave(server)
        _record(actor, "FLOW_SERVER_REMOVED", server, "active", "removed")
    return server


def check_server(*, actor: Actor, server_id: UUID) -> FlowServer:
    """Check that Langflow answers and takes the key; nothing runs. Not inside a transaction.

    Needs `agents.manage_routes`; raises `NotFound`, and `Unavailable` with what is wrong.
    """
    actor.require(MANAGE)
    server = get_server(viewer=actor, server_id=server_id)
    try:
        client_of(server).check_key()
    except FlowFailed as failure:
        raise Unavailable(SENTENCES.get(failure.code, SENTENCES["flow_failed"]), code=failure.code) from None
    return server


def query_servers(*, viewer: Actor) -> QuerySet[FlowServer]:
    """Return the connected server, if there is one. Needs `agents.manage_routes`."""
    viewer.require(MANAGE)
    rows: QuerySet[FlowServer] = FlowServer.objects.filter(is_active=True)
    return rows


def get_server(*, viewer: Actor, server_id: UUID) -> FlowServer:
    """Return the connected server. Needs `agents.manage_routes`; raises `NotFound`."""
    return get_or_missing(query_servers(viewer=viewer).filter(pk=server_id), MISSING)


def is_ready() -> bool:
    """Return True if agents can have flows: a server is connected. One query."""
    return FlowServer.objects.filter(is_active=True).exists()


def active_server() -> FlowServer:
    """Return the connected server. Raises `FlowFailed`."""
    found: FlowServer | None = FlowServer.objects.filter(is_active=True).first()
    if found is None:
        raise FlowFailed(NOT_CONNECTED)
    return found


def client_of(server: FlowServer) -> LangflowClient:
    """Return a client of a server; its host has a public address unless MODEL_HOSTS names it."""
    return LangflowClient(server.base_url, server.key or "", private_hosts=settings.MODEL_HOSTS)


def flow_id_in(text: str) -> str:
    """Return the id of a flow from what people paste: the id itself, or its address in Langflow; "" without one."""
    found = _ID.findall(text) if len(text) <= FLOW_LIMIT else []
    return str(found[0]).lower() if found else ""


def read_flow(flow: str) -> FlowDefinition:
    """Return a flow as it is now, for an activation. Not inside a transaction.

    Raises `Invalid` on the field `flow` for one that can't be an agent's head, `Unavailable` if Langflow can't say.
    """
    try:
        found = replace(client_of(active_server()).read_flow(flow), id=flow)
        if found.pauses:
            raise FlowFailed(PAUSES)
    except FlowFailed as failure:
        say = SENTENCES.get(failure.code, SENTENCES["flow_failed"])
        if failure.code in {"flow_missing", PAUSES, NOT_CONNECTED}:
            raise Invalid("Some fields are not valid.", fields={"flow": [say]}) from None
        raise Unavailable(say, code=failure.code) from None
    return found


def editors() -> set[UUID]:
    """Return everyone who entered the address or key of the connected server. One query."""
    rows = FlowServer.objects.filter(is_active=True).values_list("editors", flat=True)
    return {person for people in rows for person in people}


def _leave(server: FlowServer) -> None:
    server.is_active = False
    server.version += 1
    waits = FlowSession.objects.filter(server=server)
    waits.filter(erase_at=None).update(erase_at=now())
    server.key = server.key if waits.exists() else None
    server.save(update_fields=["is_active", "version", "key"])


def _record(actor: Actor, action: str, server: FlowServer, old: str, new: str, **facts: Any) -> None:
    facts = {"version": server.version, "host": urlsplit(server.base_url).hostname or "", **facts}
    chain.record(actor, action, "agents.flowserver", server.pk, old, new, facts)
