"""The erasure of people from core, and the tables of other packages."""

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar, Final

from django.db.models import QuerySet

from core.clock import now
from core.errors import Conflict
from core.models import DeadLetter, IdempotencyRecord, WebhookAttempt, WebhookDelivery
from core.privacy.erasure.disclosure import DIGEST, owned
from core.privacy.erasure.person import ERASED, GONE, MEANT, Person
from core.privacy.erasure.registry import (
    HANDLERS,
    Batch,
    ErasureHandler,
    Partner,
    Reading,
    Step,
    Table,
    every,
    window,
)
from core.privacy.retention.holds import lock_holds

State = IdempotencyRecord.State
SPOKEN_OF: Final = (*MEANT, "users")
LATE: Final = timedelta(minutes=5)
"""For how long before the erasure a request may have begun that answers during it."""


def _forget_answers(person: Person, after: str, limit: int) -> Batch:
    rows, last = window(_answers(), after, limit)
    found = [row.pk for row in rows if _is_about(person, row)]
    changed = IdempotencyRecord.objects.filter(pk__in=found).update(answer=GONE) if found else 0
    return Batch(changed, last)


def _answers() -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(state=State.FINISHED)


def _list_answers(person: Person, after: str, limit: int) -> Batch:
    """Count other answers with the name: names are not unique, and a repeat is owed what was answered first."""
    if not person.names:
        return Batch()
    rows, last = window(_answers(), after, limit)
    return Batch(last=last, kept=sum(row.answer != GONE and person.is_named_in(row.answer) for row in rows))


def _is_about(person: Person, row: IdempotencyRecord) -> bool:
    """Return True if an answer was about the person or given to them, or speaks of them."""
    if row.answer == GONE:
        return False
    return person.is_meant_in(row.about, SPOKEN_OF) or person.is_meant_in(row.answer, SPOKEN_OF)


def _forget_failures(person: Person, after: str, limit: int) -> Batch:
    rows, last = window(DeadLetter.objects.exclude(error__in=("", ERASED)), after, limit)
    own = {key for keys in person.targets.values() for key in keys}
    found = [row.pk for row in rows if str(row.ref) in own or person.is_addressed_in(row.error)]
    return Batch(DeadLetter.objects.filter(pk__in=found).update(error=ERASED) if found else 0, last)


def _forget_webhooks(person: Person, after: str, limit: int) -> Batch:
    """Empty the webhooks about the person's conversations; one that is still waiting is given up."""
    lines = [str(key) for key in person.ids("conversations")]
    rows = WebhookDelivery.objects.filter(line__in=lines, body__isnull=False)
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    waiting = WebhookDelivery.objects.filter(pk__in=keys, state=WebhookDelivery.State.WAITING)
    waiting.update(state=WebhookDelivery.State.FAILED, done_at=now(), error="erased")
    emptied = WebhookDelivery.objects.filter(pk__in=keys).update(body=None) if keys else 0
    return Batch(emptied, str(keys[-1]) if len(keys) == limit else "")


def _forget_webhook_answers(person: Person, after: str, limit: int) -> Batch:
    """Drop the kept beginnings of receivers' answers that name the person."""
    rows, last = window(WebhookAttempt.objects.filter(answer__isnull=False), after, limit)
    found = [row.pk for row in rows if person.is_meant_in(row.answer) or person.is_named_in(row.answer)]
    return Batch(WebhookAttempt.objects.filter(pk__in=found).update(answer=None) if found else 0, last)


def _sent_out(person: Person) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(line__in=[str(key) for key in person.ids("conversations")])


READINGS: Final = (
    Reading(
        model="core.WebhookDelivery", title="What the organisation's own servers were sent about your conversations",
        shown="event_type state created_at done_at", rows=lambda person: every(_sent_out(person)),
        unread={"body": "The messages that are exported here, and what you alone can answer them with."},
    ),
    Reading(
        model="core.WebhookAttempt", title="What these servers answered", shown="started_at status error",
        masked="answer", rows=lambda person: every(WebhookAttempt.objects.filter(delivery__in=_sent_out(person))),
    ),
    Reading(
        model="core.DeadLetter", title="Work about you that failed", shown="kind state parked_at closed_at",
        masked="error", rows=owned(DeadLetter, ref="contacts conversations approvals"),
    ),
    Reading(
        model="core.IdempotencyRecord",
        unread={"answer": "An answer of the API, kept for a day to repeat it; it shows what is exported here."},
    ),
    Reading(
        model="core.StreamEvent",
        unread={"payload": "What pages showed live: the messages and states that are exported here."},
    ),
    Reading(model="core.ReplyWindow", unread={"address_index": DIGEST}),
    Reading(model="core.SendCount", unread={"address_index": DIGEST}),
    Reading(model="core.Erasure", unread={"traces": "Only there while a person is erased, who can't be exported."}),
)  # fmt: skip


class CoreErasure(ErasureHandler):
    """The erasure of people from core."""

    order: ClassVar[int] = 90
    purpose: ClassVar[str] = "To tell the organisation's own servers what happens, and to repeat work that failed."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("core.IdempotencyRecord", "Keys and requests are digests.", "answer",
              "scope key_digest request_digest about"),
        Table("core.DeadLetter", "The kind of work is a code.", "error", "kind"),
        Table("core.StreamEvent", "Events of a conversation are removed with it; others hold ids and states.",
              "payload", "stream type about xid"),
        Table("core.Consent", "A keyed digest of an address, and what its owner agreed or objected to: an objection "
              "outlives the erasure, so that nobody writes to them again. Where a consent was given and is proven is "
              "taken without personal data.", kept="address_index channel place evidence"),
        Table("core.ConsentWording", "The organisation's own words.", kept="text"),
        Table("core.ReplyWindow", "Rows are removed.", "address_index", "line"),
        Table("core.SendCount", "Rows are removed.", "address_index", "day"),
        Table("core.ReachPolicy", "The organisation's own rules.", kept="zone quiet_from quiet_until"),
        Table("core.StreamHead", "A stream is named by an id.", kept="stream"),
        Table("core.BusCursor", "Positions of a consumer.", kept="consumer xid event_id"),
        Table("core.ParkedEvent", "Ids and codes.", kept="consumer type event_id"),
        Table("core.BusConsumer", "Positions of a consumer over all organisations.",
              kept="name start_xid xid event_id"),
        Table("core.KeyRotation", "Numbers of rows over all organisations.", kept="key_id model"),
        Table("core.Backfill", "A row's key, and numbers over all organisations.", kept="name position last_error"),
        Table("core.Upgrade", "Versions of the installation.", kept="version came_from"),
        Table("core.Outbox", "Ids, states and times; removed after a week.", kept="event payload"),
        Table("core.AuditEntry", "Ids, states and numbers under the chain; the address is that of a network.",
              kept="actor_kind actor_name role auth_strength address action object_type old_state new_state facts "
              "key_id previous_hash hash"),
        Table("core.AuditHead", "A hash.", kept="hash"),
        Table("core.RetentionChoice", "The organisation's own rules.", kept="kind"),
        Table("core.LegalHold", "A case's number.", kept="reference"),
        Table("core.RefusalCount", "An id, moments and a number.", kept="subject_id recent"),
        Table("core.AuditAnchor", "Hashes and a key's proof.", kept="head root previous key_id public_key signature"),
        Table("core.AnchorDelivery", "A place and an error.", kept="place problem"),
        Table("core.Erasure", "Ids, codes and counts stay; name and addresses go when it is done.",
              "traces", "targets step after counts waits_for still_named"),
        Table("core.WebhookEndpoint", "The organisation's own address and keys; a code.",
              kept="purpose ref url secrets last_error"),
        Table("core.WebhookDelivery", "Random ids and codes.", "body", "event_type key ref line error"),
        Table("core.WebhookAttempt", "A code.", "answer", "error"),
        Table("admin.LogEntry", "Names of objects are ids; nothing writes here.",
              kept="object_id object_repr change_message"),
        Table("guardian.UserObjectPermission", "Rights are given to roles, by ids.", kept="object_pk"),
        Table("guardian.GroupObjectPermission", "Rights are given to roles, by ids.", kept="object_pk"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("answers", "Answers of the API", _forget_answers),
        Step("answers_still_naming", "Other answers of the API that hold the name", _list_answers, only_looks=True),
        Step("failures", "Notes of failures", _forget_failures),
        Step("outgoing_webhooks", "Webhooks about the conversations", _forget_webhooks, of_conversations=True),
        Step("webhook_answers", "Answers to webhooks", _forget_webhook_answers),
    )

    @classmethod
    def refuse(cls, person: Person) -> None:
        """Raise Conflict for somebody under a legal hold; none is placed before the commit."""
        if lock_holds().keeps(contacts=person.ids("contacts"), conversations=person.ids("conversations")):
            say = "This person's data is on legal hold and can't be erased. Lift the hold first, or wait until it is."
            raise Conflict(say, code="on_hold")

    @classmethod
    def partners(cls, person: Person) -> Iterable[Partner]:
        """Return how many servers of the organisation itself were sent something of the person's conversations."""
        servers = _sent_out(person).order_by().values("endpoint").distinct().count()
        return [Partner(f"{servers} of the organisation's own servers", "Webhooks", got=True)] if servers else []

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return whether a request begun before this round may still answer with what it has read."""
        since = person.erasure.round_at or now()
        running = IdempotencyRecord.objects.filter(state=State.RUNNING, lease_until__gt=now(), created_at__lt=since)
        return ["request_under_way"] if running.exists() else []

    @classmethod
    def came_late(cls, person: Person) -> bool:
        """Check answers given meanwhile: their requests may have read before, and answered after the step."""
        late = _answers().filter(created_at__gte=person.erasure.asked_at - LATE)
        return any(_is_about(person, row) for row in every(late))


HANDLERS.register("core", CoreErasure)
