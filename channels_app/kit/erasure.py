"""Erase what channels keep about people: raw webhooks, the queue keys of their senders, and own addresses."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl
from uuid import UUID

from django.db.models import Q, QuerySet

from channels_app.kit.channel import channels, source_of, sources_of
from channels_app.models import ColleagueAddress, InboundDelivery
from channels_app.webhooks import deliveries
from conversations.models import Message
from core.clock import now
from core.privacy.erasure.disclosure import DIGEST, owned
from core.privacy.erasure.person import Person, Words
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Reading, Step, Table, every

SENDERS: Final = ("From", "WaId", "ExternalUserId")
LINES: Final = "lines"
"""Queue keys of the person's webhooks, kept with the targets until the erasure is done."""
State = InboundDelivery.State
UNPROCESSED: Final = (State.RECEIVED, State.HELD)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _emails(person: Person, after: str, limit: int) -> Batch:
    """Empty the emails behind the person's messages, also those from an address that is not proven."""
    wrote = Message.objects.filter(conversation_id__in=person.ids("conversations"), direction=Message.Direction.IN)
    rows = InboundDelivery.objects.filter(
        provider__in=deliveries.large(), event_key__in=wrote.values("channel_message_id")
    ).exclude(queue_key="erased")
    found = dict(rows.order_by("pk").values_list("pk", "queue_key")[:limit])
    person.note(LINES, set(found.values()))
    emptied = InboundDelivery.objects.filter(pk__in=found).update(
        body=None, headers={}, state=State.DONE, done_at=now(), error="", queue_key="erased"
    )
    return Batch(emptied, "more" if len(found) == limit else "")


def _bodies(person: Person, after: str, limit: int) -> Batch:
    """Empty processed webhooks with an address of the person, and their own unprocessed ones.

    Webhooks of other senders are processed first, and only those from before the request are changed.
    """
    keys, last = _arrived(person, after, limit * 2)
    own, settled, lines = set(), [], set()
    for row in _with_bodies(InboundDelivery.objects.filter(pk__in=keys, body__isnull=False)):
        fields = _values(row)
        if not person.is_addressed_in(fields):
            continue
        # The sender, signed or named by an email, is one of the person's addresses.
        if isinstance(fields, dict) and person.is_addressed_in([fields.get(name, "") for name in SENDERS]):
            own.add(row.pk)
            lines.add(row.queue_key)
        if row.state not in UNPROCESSED or row.pk in own:
            settled.append(row.pk)
    emptied = InboundDelivery.objects.filter(pk__in=settled).update(
        body=None, headers={}, state=State.DONE, done_at=now(), error="", queue_key="erased"
    )
    person.note(LINES, lines)
    return Batch(emptied, last)


def _lines(person: Person, after: str, limit: int) -> Batch:
    """Remove the person's queue key from older webhooks whose bodies were dropped before."""
    lines = set(person.targets.get(LINES, ()))
    if not lines:
        return Batch()
    keys, last = _arrived(person, after, limit * 10)
    found = InboundDelivery.objects.filter(pk__in=keys, body__isnull=True, queue_key__in=lines)
    return Batch(found.update(queue_key="erased", headers={}), last)


def _arrived(person: Person, after: str, limit: int) -> tuple[list[UUID], str]:
    """Return the ids of the next webhooks from before the request, in order, and where to continue."""
    rows = InboundDelivery.objects.filter(received_at__lte=person.erasure.asked_at)
    if "/" in after:
        stamp, _, key = after.partition("/")
        moment = _EPOCH + timedelta(microseconds=int(stamp))
        rows = rows.filter(Q(received_at__gt=moment) | Q(pk__gt=UUID(key)), received_at__gte=moment)
    found = list(rows.order_by("received_at", "pk").values_list("received_at", "pk")[:limit])
    last = f"{(found[-1][0] - _EPOCH) // timedelta(microseconds=1)}/{found[-1][1].hex}" if len(found) == limit else ""
    return [key for _, key in found], last


def _with_bodies(rows: QuerySet[InboundDelivery]) -> Iterator[InboundDelivery]:
    """Yield the rows; bodies of megabytes are read one at a time and not kept."""
    yield from rows.exclude(provider__in=deliveries.large())
    for row in list(rows.filter(provider__in=deliveries.large()).defer("body")):
        yield row
        row.__dict__.pop("body", None)


def _values(row: InboundDelivery) -> Any:
    """Return the delivered JSON document or form, or an email's words; anything else as one text."""
    source = source_of(row.provider)
    if source is not None and source.words is not None:
        return source.words(row)
    raw = row.body.encode("latin-1")
    text = raw.decode("utf-8", errors="replace")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    fields = dict(parse_qsl(text, keep_blank_values=True))
    return fields or text


OWN_TABLES: Final = (
    Table("channels_app.InboundDelivery", "A random id or a digest, to recognise repeats; a code.",
          "body headers queue_key", "provider event_key error"),
    Table("channels_app.ColleagueAddress", "Rows of a member are removed.", "address",
          "address_digest code_digest"),
    Table("channels_app.ProviderCall", "What was called and how it ended, without contents.", kept="what code"),
)  # fmt: skip
OWN_STEPS: Final = (
    Step("emails", "Emails", _emails),
    Step("webhooks", "Raw webhooks", _bodies),
    Step("lines", "Older webhooks of the person", _lines),
)


READINGS: Final = (
    Reading(
        model="channels_app.ColleagueAddress", title="Addresses you are reached at as a colleague",
        shown="address created_at proven_at", rows=owned(ColleagueAddress, person="users"),
        unread={"address_digest code_digest": DIGEST},
    ),
    Reading(
        model="channels_app.InboundDelivery",
        unread={
            "body headers": "What a provider sent, for some days; its messages are exported, and it has others' data.",
            "queue_key": DIGEST,
        },
    ),
)  # fmt: skip


class ChannelsErasure(ErasureHandler):
    """Erases raw webhooks and own addresses."""

    order: ClassVar[int] = 60
    purpose: ClassVar[str] = "To reach colleagues where they are."
    readings: ClassVar[tuple[Reading, ...]] = READINGS

    @classmethod
    def words(cls, person: Person) -> Words:
        """Return the person's own proven addresses, such as their Slack user."""
        rows = ColleagueAddress.objects.filter(person_id__in=person.ids("users"), proven_at__isnull=False)
        return Words(addresses=tuple(str(row.address) for row in rows))

    @classmethod
    def detach(cls, person: Person) -> None:
        """Unlink the person's own addresses: nothing that comes from them counts any more."""
        ColleagueAddress.objects.filter(person_id__in=person.ids("users")).delete()

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return why erasure has to wait: a batch of mail events is not processed yet."""
        shared = [source.name for channel in channels() for source in sources_of(channel) if source.is_shared]
        rows = InboundDelivery.objects.filter(provider__in=shared, state=State.RECEIVED, body__isnull=False)
        early = rows.filter(received_at__lte=person.erasure.asked_at)
        return ["mail_events_not_worked"] if any(person.is_addressed_in(_values(row)) for row in every(early)) else []


def register() -> None:
    """Register the erasure, with the tables and steps of every channel; safe to repeat, once channels are there."""
    ChannelsErasure.tables = (*OWN_TABLES, *(table for channel in channels() for table in channel.tables))
    ChannelsErasure.steps = (*OWN_STEPS, *(step for channel in channels() for step in channel.erase))
    HANDLERS.register("channels_app", ChannelsErasure)
