"""What the page of a connection with a CRM shows of contacts, and what is sent and read."""

from typing import Final

from django.db.models import Exists, OuterRef

from console.base.actions import register_action
from console.base.crud import calls
from core.actors import Actor
from hub.crm import cursors, switches
from hub.crm.field_map import save_field_map
from hub.crm.fields import Direction, Owner, find_rules
from hub.crm.map_form import FieldMapForm, make_initial
from hub.crm.models import CrmSwitch
from hub.crm.poller import STREAM
from hub.crm.switches import MANAGE
from hub.crm.words import describe
from integrations.connections.registry import Panel, register_exchange, register_panel
from integrations.crm.selectors import field_map
from integrations.crm.types import FIELDS
from integrations.models import ProviderAccount, SyncCursor
from integrations.sync.services import EVERY


def _why_not_start(connection: ProviderAccount) -> str:
    if field_map(connection) is None:
        return "This system takes no contacts."
    if connection.state != connection.State.ACTIVE:
        return f"This connection is {str(connection.state.label).lower()}."
    return "Contacts are sent already." if switches.is_sending(connection.pk) else ""


def _why_not_stop(connection: ProviderAccount) -> str:
    return "" if switches.is_sending(connection.pk) else "No contacts are sent now."


def _why_not_retry(connection: ProviderAccount) -> str:
    if not switches.is_sending(connection.pk):
        return "No contacts are sent now."
    return "" if switches.has_refused(connection.pk) else "Nothing was refused."


def _why_not_any(connection: ProviderAccount) -> str:
    return "This system takes no contacts." if field_map(connection) is None else ""


def _why_not_pause(connection: ProviderAccount) -> str:
    cursor = cursors.find_cursor(connection.pk)
    return "" if cursor and cursor.paused_at is None else "No contacts are read now."


def _why_not_resume(connection: ProviderAccount) -> str:
    cursor = cursors.find_cursor(connection.pk)
    return "" if cursor and cursor.paused_at else "Reading isn't paused."


ACTIONS: Final = (
    calls(
        save_field_map,
        "connection_id",
        title="Edit field map",
        path="map-contacts",
        why_not=_why_not_any,
        permission=MANAGE,
        form=FieldMapForm,
        initial=make_initial,
        submit="Save",
        values=lambda form: {"fields": form.fields_said()},
        explain="Walker asks the CRM whether each property is there and fits. A field without a property isn't "
        "exchanged. After a change all contacts are sent and read again.",
        done="The field map was saved.",
    ),
    calls(
        switches.start_sending,
        "connection_id",
        title="Send contacts to this CRM",
        path="send-contacts",
        why_not=_why_not_start,
        permission=MANAGE,
        submit="Send contacts",
        explain="From now on, contacts who agreed to marketing are written there when they change, with a note for "
        "each closed conversation. Look at the preview under Edit field map first. Walker checks with a few reading "
        "calls that the properties are there.",
        done="Contacts are sent from now on.",
    ),
    calls(
        switches.stop_sending,
        "connection_id",
        title="Stop sending contacts",
        path="stop-contacts",
        why_not=_why_not_stop,
        permission=MANAGE,
        submit="Stop",
        tone="danger",
        explain="Contacts already in the CRM stay there. People who are erased here are still erased there.",
        done="No contacts are sent any more.",
    ),
    calls(
        switches.retry_parked,
        "connection_id",
        title="Send refused contacts again",
        path="retry-contacts",
        why_not=_why_not_retry,
        permission=MANAGE,
        submit="Send again",
        explain="First fix what the CRM refuses; the reasons are below.",
        done="Contacts to be sent again: {}.",
    ),
    calls(
        cursors.start_reading,
        "connection_id",
        title="Read all contacts of this CRM",
        path="read-contacts",
        why_not=_why_not_any,
        permission=MANAGE,
        submit="Read contacts",
        explain="Walker reads the contacts there that have its id, and from then on what changes. The field map says "
        "what is taken from there. No contacts are created.",
        done="Contacts are read from now on.",
    ),
    calls(
        cursors.pause_reading,
        "connection_id",
        title="Pause reading",
        path="pause-contacts",
        why_not=_why_not_pause,
        permission=MANAGE,
        submit="Pause",
        explain="Walker reads no contacts there until you resume it. It then goes on at the same place.",
        done="Reading is paused.",
    ),
    calls(
        cursors.resume_reading,
        "connection_id",
        title="Resume reading",
        path="resume-contacts",
        why_not=_why_not_resume,
        permission=MANAGE,
        submit="Resume",
        done="Contacts are read again.",
    ),
)


def register() -> None:
    """Add the switch and the panel to the page of connections."""
    for action in ACTIONS:
        register_action(ProviderAccount, action)
    register_panel(make_panel)
    register_exchange("crm_sends", "Contacts and closed conversations sent there", sends_contacts)
    register_exchange("crm_reads", "Contacts read back", reads_contacts)


def sends_contacts() -> Exists:
    """Return the condition of connections over which contacts are sent."""
    return Exists(CrmSwitch.objects.filter(connection=OuterRef("pk"), sends_contacts=True))


def reads_contacts() -> Exists:
    """Return the condition of connections over which contacts are read back."""
    return Exists(SyncCursor.objects.filter(connection=OuterRef("pk"), stream=STREAM, paused_at=None))


def make_panel(viewer: Actor, connection: ProviderAccount) -> Panel | None:
    """Return what became of contacts at a CRM, and the field map; without an outside call."""
    theirs = field_map(connection)
    if theirs is None:
        return None
    cursor = cursors.find_cursor(connection.pk)
    rules, standing = find_rules(connection), switches.standing_of(connection.pk)
    is_sending = switches.is_sending(connection.pk)
    context = {
        "is_sending": is_sending,
        "is_used": is_sending or any(standing.contacts.values()),
        "key": (FIELDS["key"], theirs["key"]),
        "fields": [
            (
                FIELDS[name],
                rule.property,
                Direction(rule.direction).label,
                Owner(rule.owner).label if rule.direction == Direction.BOTH else "",
            )
            for name, rule in rules.items()
        ],
        "standing": standing,
        "failures": switches.failures_of(viewer=viewer, connection_id=connection.pk),
        "reading": cursor,
        "trouble": describe(cursor.last_error) if cursor else "",
        "minutes": EVERY.total_seconds() // 60,
    }
    return Panel("console/connection_crm.html", context)
