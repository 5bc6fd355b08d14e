"""Health gauge: how long the oldest delivery has been due; and facts of an organisation, for alerts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, DateTimeField, Func, OuterRef, Subquery, UUIDField, Value
from django.db.models.functions import Coalesce

from conversations.models import WAITS_FOR_PERSON, Availability, Contact, Conversation, Message
from conversations.transitions import UNDELIVERED
from core.clock import now
from core.models import AuditEntry
from core.observability import facts, health
from core.observability.facts import Fact, Sample
from core.tenancy.scope import platform_scope


def oldest_due_delivery() -> float:
    """Return for how many seconds the oldest delivery of all tenants has been due, 0 without one."""
    moment = now()
    with platform_scope():  # one age over all tenants: a number, nobody's data
        due = Message.objects.filter(
            status__in=UNDELIVERED, next_attempt_at__lte=moment, channel_account__paused_at=None
        )
        oldest = due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    return (moment - oldest).total_seconds() if oldest else 0.0


health.register_gauge(
    "walker_deliveries_oldest_seconds",
    oldest_due_delivery,
    help="Age of the oldest outgoing message that is due and was not handed over.",
    late_above=60,
)


def people_online() -> float:
    """Return how many members of all organisations are available."""
    with platform_scope():  # one number over all tenants
        return float(Availability.objects.filter(until=None, state=Availability.State.ONLINE).count())


health.register_gauge("walker_people_online", people_online, help="Members who are available, over all organisations.")

MINUTES: Final = timedelta(minutes=10)
HOUR: Final = timedelta(hours=1)
LOOKS: Final = ("CONTACT_VIEWED", "CONVERSATION_VIEWED")


def missed_answers() -> int:
    """Return how many conversations of the tenant in scope wait longer than their team's target."""
    due = Conversation.objects.filter(state=Conversation.State.PERSON, next_due_at__lt=now(), snoozed_until=None)
    return int(due.count())


def oldest_unsent() -> float:
    """Return for how many seconds the oldest message of the tenant in scope has been due."""
    due = Message.objects.filter(status__in=UNDELIVERED, next_attempt_at__lte=now(), channel_account__paused_at=None)
    oldest = due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    return (now() - oldest).total_seconds() if oldest else 0.0


def new_contacts() -> int:
    """Return how many contacts wrote for the first time in the last ten minutes."""
    return int(Contact.objects.filter(created_at__gt=now() - MINUTES).count())


def _contacts_since(moment: datetime) -> Sequence[Sample]:
    """Return the new contacts of each ten minutes."""
    binned = Func(Value(MINUTES), "created_at", Value(moment), function="date_bin", output_field=DateTimeField())
    rows = Contact.objects.filter(created_at__gte=moment).order_by().values(at=binned).annotate(count=Count("pk"))
    return sorted((row["at"], row["count"]) for row in rows)


def most_contacts_viewed() -> int:
    """Return of how many contacts one person opened the page or a conversation in the last hour: the most of anybody.

    API keys, by which systems read all contacts, don't count.
    """
    talked = Conversation.objects.filter(pk=OuterRef("object_id")).values("contact_id")
    looks = AuditEntry.objects.filter(at__gt=now() - HOUR, action__in=LOOKS, actor_kind="user")
    contact = Coalesce(Subquery(talked), "object_id", output_field=UUIDField())
    seen = looks.order_by().values("actor_user_id").annotate(count=Count(contact, distinct=True))
    return int(max(seen.values_list("count", flat=True), default=0))


facts.register(Fact("answers_missed", "Conversations past their team's target", missed_answers))
facts.register(Fact("sending_oldest", "Seconds that the oldest unsent message has been due", oldest_unsent))
facts.register(Fact("new_contacts", "New contacts in the last 10 minutes", new_contacts, _contacts_since))
facts.register(Fact("contacts_viewed", "Contacts that one person looked at in the last hour", most_contacts_viewed))
facts.register(
    Fact(
        "waiting",
        "Conversations that wait for a person",
        lambda: int(Conversation.objects.filter(WAITS_FOR_PERSON).count()),
    )
)
