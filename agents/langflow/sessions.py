"""Sessions at Langflow: one for each conversation and version, erased with the person until Langflow confirms."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from agents.langflow.connection import client_of
from agents.langflow.models import FlowServer, FlowSession
from conversations.models import Conversation
from core.clock import now as clock_now
from core.tenancy.scope import platform_scope
from integrations.langflow.types import FlowFailed

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=6)
MOST_AT_ONCE: Final = 100
TRIAL_KEPT: Final = timedelta(minutes=5)
"""Behind the time of an answer that was cut: Langflow may still be writing."""


def open_session(server: FlowServer, conversation_id: UUID, version_id: UUID) -> tuple[FlowSession, bool]:
    """Return the session of a conversation with a version, and whether it is new.

    It is recorded before Langflow hears of it, so that nothing is kept there that nobody would erase.
    """
    name = f"{conversation_id}:{version_id}"
    session, is_new = FlowSession.objects.get_or_create(
        server=server, name=name, defaults={"conversation_id": conversation_id}
    )
    return session, is_new


def open_trial_session(server: FlowServer, room: UUID, version_id: UUID) -> FlowSession:
    """Return the session of one answer of a trial, which is erased some minutes later even without an answer."""
    session: FlowSession = FlowSession.objects.create(
        server=server, conversation_id=room, name=f"{room}:{version_id}", erase_at=clock_now() + TRIAL_KEPT
    )
    return session


def erase_soon(session: FlowSession) -> None:
    """Let the next sweep erase a session whose answer is whole."""
    FlowSession.objects.filter(pk=session.pk).update(erase_at=clock_now())


def ask_to_erase(sessions: QuerySet[FlowSession]) -> int:
    """Let sessions be erased from now on; return how many weren't asked for before."""
    return int(sessions.filter(erase_at=None).update(erase_at=clock_now()))


def erase_session(*, session_id: UUID, now: datetime | None = None) -> bool:
    """Erase one session at Langflow if it is due; try again later unless Langflow confirms it.

    Not inside a transaction. The last session of a disconnected server takes its key with it.
    """
    moment = now or clock_now()
    session = FlowSession.objects.filter(pk=session_id, erase_at__lte=moment).select_related("server").first()
    if session is None:
        return False
    try:
        client_of(session.server).erase(session.name)
    except FlowFailed as failure:
        wait = min(FIRST_WAIT * 2 ** min(session.attempts, 16), LONGEST_WAIT)
        FlowSession.objects.filter(pk=session.pk).update(
            attempts=F("attempts") + 1, code=failure.code, erase_at=moment + wait
        )
        return False
    with transaction.atomic():
        server = FlowServer.objects.select_for_update().get(pk=session.server_id)
        session.delete()
        if not server.is_active and server.key and not server.sessions.exists():
            server.key = None
            server.save(update_fields=["key"])
    return True


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, session) of sessions that are due, those of deleted conversations among them.

    Enters the platform scope itself.
    """
    moment = now or clock_now()
    with platform_scope():
        lives = Conversation.objects.filter(pk=OuterRef("conversation_id"))
        FlowSession.objects.filter(~Exists(lives), erase_at=None).update(erase_at=moment)
        rows = FlowSession.objects.filter(erase_at__lte=moment).order_by("erase_at")
        return list(rows.values_list("tenant_id", "pk")[:MOST_AT_ONCE])
