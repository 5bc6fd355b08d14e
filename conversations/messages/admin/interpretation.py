"""What a customer's messages were read as, in words."""

from datetime import timedelta
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.templatetags.console_ui import chip
from conversations.channel_accounts.admin.languages import language_name
from conversations.inbox.selectors.first_answers import FirstAnswer, first_answers
from conversations.models import Conversation, Priority
from core.actors import Actor
from core.clock import now

FACTORS: Final = {
    "danger": "Names danger: an injury, a fire",
    "outage": "Names an outage",
    "fraud": "Names fraud, theft or leaked data",
    "money_running_out": "Says that money is running out",
    "legal": "Names a lawyer, a court or an authority",
    "money_lost": "Was charged wrongly",
    "says_urgent": "Says that it's urgent",
    "time_pressure": "Names a near time",
    "waited_before": "Says that they've waited or asked before",
    "complaint": "Complains",
    "wants_person": "Wants a person",
    "waits_long": "Wrote three times without an answer",
    "no_hurry": "Says that there's no hurry",
    "wants_to_buy": "Wants to buy",
    "interest": "Shows interest",
    "asks_price": "Asks for the price",
    "books": "Wants an appointment",
    "names_quantity": "Names a quantity",
    "for_a_company": "Buys for a company",
    "names_product": "Names a product",
    "names_amount": "Names an amount",
    "names_time": "Names a time",
    "leaves_contact": "Left an address or number",
    "compares": "Compares offers",
    "known_customer": "Is a proven customer",
    "just_looking": "Is just looking",
    "wants_out": "Wants to cancel, return or complain",
    "sells_or_applies": "Offers services or applies for a job",
    "bounded": "Keeps the score within 0 and 100",
    # Of the first version of the rules, in readings that were kept then.
    "harm": "Names harm: an outage, theft, an injury, a lawyer",
}
SOON: Final = timedelta(hours=1)
ENTITIES: Final = {
    "request": "Request",
    "order": "Order",
    "amount": "Amount",
    "date": "Date",
    "day": "Day",
    "product": "Product",
}
LEADS: Final = {"hot": ("Hot lead", "accent", "coin"), "warm": ("Warm lead", "neutral", "coin")}


PRIORITIES: Final = {Priority.LOW: ("Low priority", "neutral", ""), Priority.HIGH: ("High priority", "warn", "flame")}


def due_chip(conversation: Conversation) -> SafeString | str:
    """Return a chip for an answer that is due within an hour or late, or for a snoozed conversation."""
    if conversation.snoozed_until is not None:
        return chip("Snoozed", "neutral", "clock")
    if conversation.next_due_at is None or conversation.state != Conversation.State.PERSON:
        return ""
    left = conversation.next_due_at - now()
    if left <= timedelta(0):
        return chip("Late", "danger", "clock")
    return chip("Due soon", "warn", "clock") if left <= SOON else ""


def first_answers_of(viewer: Actor, conversation: Conversation) -> str:
    """Return how long the customer waited for the first answers, in words."""
    found = first_answers(viewer=viewer, conversation=conversation)
    waits = [f"{who} {_waited(wait)}" for who, wait in (("agent", found.agent), ("person", found.person)) if wait]
    return f"First answer: {'; '.join(waits)}." if waits else ""


def _waited(wait: FirstAnswer) -> str:
    said = "after" if wait.answered_at else "waiting"
    clock, working = _lasting(wait.clock_seconds), wait.working_seconds
    if working is None or _lasting(working) == clock:
        return f"{said} {clock}"
    return f"{said} {_lasting(working)} of working time ({clock} by the clock)"


def _lasting(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def priority_chips(conversation: Conversation) -> SafeString:
    """Return chips for an urgent conversation, one of another priority, and a hot lead."""
    is_urgent = conversation.is_urgent or conversation.priority == Priority.URGENT
    urgent = chip("Urgent", "danger", "flame") if is_urgent else ""
    if not urgent and conversation.priority != Priority.NORMAL:
        urgent = chip(*PRIORITIES[Priority(conversation.priority)])
    lead = chip(*LEADS["hot"]) if conversation.lead_level == "hot" else ""
    return format_html("{} {}", urgent, lead)


def reading_of(conversation: Conversation) -> dict[str, Any]:
    """Return what the page of a conversation shows of its reading; empty before the first one."""
    kept = conversation.reading
    if not kept:
        return {}
    return {
        "intent": conversation.get_intent_display(),
        "language": language_name(conversation.language) if conversation.language else "",
        "chips": priority_chips(conversation),
        "entities": [(ENTITIES.get(one["kind"], one["kind"]), one["text"]) for one in kept.get("entities", ())],
        "scores": [
            ("Urgency", conversation.urgency, _factors(kept.get("urgency", ()))),
            ("Lead", conversation.lead, _factors(kept.get("lead", ()))),
        ],
        "rules": kept.get("rules"),
    }


def _factors(rows: Any) -> list[tuple[str, int]]:
    return [(FACTORS.get(row["name"], row["name"]), row["points"]) for row in rows]
