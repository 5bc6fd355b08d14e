"""Pause and resume the reading of a connection's ad campaigns."""

from typing import Final
from uuid import UUID

from django.db import transaction

from core.actors import Actor
from core.audit import chain
from core.db.rows import get_row
from core.errors import Conflict
from integrations import platforms
from integrations.calls.rights import MANAGE, MISSING, OBJECT
from integrations.models import ProviderAccount, SyncCursor
from integrations.sync.services import set_paused

AD_CAMPAIGNS: Final = "ad_campaigns"
"""The stream of the mirrors."""


def pause_updates(*, actor: Actor, connection_id: UUID) -> ProviderAccount:
    """Stop reading a connection's ad campaigns until somebody resumes it; what was read stays. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("no_mirror", "nothing_to_do"). Writes `CONNECTION_UPDATES_PAUSED`.
    """
    return _switch(actor, connection_id, pauses=True)


def resume_updates(*, actor: Actor, connection_id: UUID) -> ProviderAccount:
    """Read a connection's ad campaigns again. Needs and raises as `pause_updates`.

    Writes `CONNECTION_UPDATES_RESUMED`.
    """
    return _switch(actor, connection_id, pauses=False)


def _switch(actor: Actor, connection_id: UUID, *, pauses: bool) -> ProviderAccount:
    actor.require(MANAGE)
    with transaction.atomic():
        account = get_row(ProviderAccount, connection_id, MISSING)
        if account.provider not in platforms.mirrored():
            raise Conflict("Walker doesn't keep ad campaigns of this system.", code="no_mirror")
        SyncCursor.objects.get_or_create(connection=account, stream=AD_CAMPAIGNS)
        if not set_paused(account, AD_CAMPAIGNS, pauses=pauses):
            raise Conflict("Updates are paused already." if pauses else "Updates aren't paused.", code="nothing_to_do")
        action = "CONNECTION_UPDATES_PAUSED" if pauses else "CONNECTION_UPDATES_RESUMED"
        state = "paused" if pauses else "active"
        chain.record(actor, action, OBJECT, account.pk, new_state=state, facts={"provider": account.provider})
    return account
