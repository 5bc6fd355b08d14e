"""Reading contacts back from a CRM: who starts and pauses it, and how it goes."""

from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Greatest

from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.rows import get_row
from core.errors import Conflict
from hub.crm.models import CrmSwitch
from hub.crm.poller import STREAM
from hub.crm.switches import MANAGE, MISSING, OBJECT
from integrations.crm.selectors import field_map
from integrations.models import ProviderAccount, SyncCursor
from integrations.sync import services as sync


def start_reading(*, actor: Actor, connection_id: UUID) -> None:
    """Read all contacts of a CRM that have our id, and from then on what changes there; from the beginning if again.

    Needs `MANAGE`. Raises `NotFound`, `Conflict` ("no_crm"). Writes `CRM_READING_STARTED`.
    """
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    if field_map(account) is None:
        raise Conflict("This system takes no contacts.", code="no_crm")
    with transaction.atomic():
        CrmSwitch.objects.get_or_create(connection=account, defaults={"changed_at": now()})
        sync.restart(account, STREAM)
        sync.set_paused(account, STREAM, pauses=False)
        chain.record(actor, "CRM_READING_STARTED", OBJECT, account.pk, facts={"provider": account.provider})


def pause_reading(*, actor: Actor, connection_id: UUID) -> None:
    """Read nothing more from a CRM until somebody resumes it, which goes on at the same place.

    Needs `MANAGE`. Raises `NotFound`, `Conflict` ("nothing_to_do"). Writes `CRM_READING_PAUSED`.
    """
    _pause(actor, connection_id, pauses=True)


def resume_reading(*, actor: Actor, connection_id: UUID) -> None:
    """Go on reading from a CRM. Needs and raises as `pause_reading`. Writes `CRM_READING_RESUMED`."""
    _pause(actor, connection_id, pauses=False)


def _pause(actor: Actor, connection_id: UUID, *, pauses: bool) -> None:
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    with transaction.atomic():
        if not sync.set_paused(account, STREAM, pauses=pauses):
            raise Conflict("Nothing is read now." if pauses else "Reading isn't paused.", code="nothing_to_do")
        action = "CRM_READING_PAUSED" if pauses else "CRM_READING_RESUMED"
        chain.record(actor, action, OBJECT, account.pk, facts={"provider": account.provider})


def find_cursor(connection_id: UUID) -> SyncCursor | None:
    """Return how far the contacts of a connection were read; None if nobody started it. One query."""
    return SyncCursor.objects.filter(connection_id=connection_id, stream=STREAM).first()


def read_lag() -> float:
    """Return how many seconds ago the contacts of a CRM were read to the end, of the latest one, 0 without any.

    While all contacts are read, which may take hours, since the last page of them; paused readings don't count. For
    alerts. One query.
    """
    moved = Cast(KT("position__moved"), DateTimeField())
    return sync.lag(STREAM, read_at=Greatest(sync.READ_AT, moved))
