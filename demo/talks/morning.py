"""The demo's morning: two teams, and their conversations in all states."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import actor_for_user
from conversations import services
from conversations.models import ChannelAccount, Priority, Survey, Team
from conversations.services import Draft, Sender, desk, ratings
from conversations.services.desk import CannedText, MacroSettings, RuleSettings, Seat, Target, TeamSettings
from conversations.types import InboundMessage, SenderIdentity
from core import clock
from core.actors import Actor
from core.events import relay
from demo.cast import MARKETER, Organisation
from demo.people import OPENED, SEEDER
from demo.setting import FRONT_DESK, widget_key

CARE: Final = "Customer care"
ORDERS: Final = "Orders and returns"
Fate = Literal["agent", "waiting", "person", "snoozed", "resolved", "unresolved"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One conversation: when it began, its lines ("<" customer, ">" agent, "=" person), and how it stands."""

    minutes_ago: int
    visitor: str
    lines: tuple[str, ...]
    fate: Fate
    team: str = CARE
    person: str = "support"
    priority: Priority = Priority.NORMAL


MORNING: Final = (
    Exchange(
        195,
        "early-one",
        ("< Is the Trail 3 back in size 44?", "= Yes, since yesterday.", "< Perfect, thanks!"),
        "resolved",
    ),
    Exchange(
        181,
        "early-two",
        ("< My parcel says delivered, but it isn't here", "= I've asked the carrier to look."),
        "person",
        ORDERS,
        "admin",
        Priority.HIGH,
    ),
    Exchange(
        164,
        "early-three",
        ("< I want to return two pairs", "= The label is on its way to you."),
        "resolved",
        ORDERS,
        "admin",
    ),
    Exchange(
        142, "early-four", ("< Your shop doesn't take my card", "= Which message do you see?", "< Error 402"), "person"
    ),
    Exchange(
        118, "early-five", ("< Can I pick up my order on Saturday?", "= I'll ask the shop and write to you."), "snoozed"
    ),
    Exchange(
        96,
        "mid-one",
        ("< The sole came off after two weeks. This is the third time I write.",),
        "waiting",
        CARE,
        priority=Priority.URGENT,
    ),
    Exchange(88, "mid-two", ("< Do you sell shoelaces?", "> We do: flat and round ones, in five lengths."), "agent"),
    Exchange(
        73, "mid-three", ("< I'd like 40 pairs for our staff", "= Gladly. Which sizes?"), "person", CARE, MARKETER
    ),
    Exchange(
        61,
        "mid-four",
        ("< Wrong colour in the box", "= Sorry! A new pair leaves today.", "< Great"),
        "resolved",
        ORDERS,
        "admin",
    ),
    Exchange(47, "late-one", ("< Where is my refund?",), "waiting", ORDERS),
    Exchange(
        33,
        "late-two",
        ("< The discount code isn't accepted", "= It ended on Sunday, I'm afraid."),
        "unresolved",
        CARE,
        MARKETER,
    ),
    Exchange(
        21,
        "late-three",
        ("< Are the boots vegan?", "= The Harbour is, the Trail isn't.", "< And the insoles?"),
        "person",
        CARE,
        MARKETER,
    ),
    Exchange(12, "late-four", ("< I want to talk to a person",), "waiting"),
    Exchange(
        4, "late-five", ("< What does delivery to Austria cost?", "> 6.90 EUR, and nothing above 80 EUR."), "agent"
    ),
)


TAGS: Final = {
    "Returns": ("warn", ("early-three", "mid-four", "late-one")),
    "Delivery": ("info", ("early-two", "early-five", "late-five")),
    "Payment": ("serious", ("early-four", "late-two")),
    "Complaint": ("danger", ("mid-one",)),
}
"""The tags by name: colour, and the visitors whose conversations have them."""
NAMES: Final = {
    "early-one": "Lena Vogt",
    "early-two": "Tomás Herrera",
    "early-three": "Priya Nair",
    "early-four": "Jonas Lund",
    "early-five": "Marta Zielińska",
    "mid-one": "Henrik Aas",
    "mid-two": "Chloé Martin",
    "mid-three": "Daniel Weiss",
    "mid-four": "Aiko Tanaka",
    "late-one": "Nora Eklund",
    "late-two": "Paul Becker",
    "late-three": "Ines Duarte",
    "late-four": "Omar Haddad",
    "late-five": "Julia Steiner",
}
"""What the visitors are called, as their accounts on the website say."""
RATINGS: Final = {
    "early-one": (5, "Very quick, thank you!"),
    "early-three": (4, ""),
    "late-two": (2, "Still nothing, and nobody says why."),
}
"""What some said when their conversation was closed, by visitor."""


def ensure_morning(organisation: Organisation, people: dict[str, User]) -> None:
    """Make the teams and play the morning, once. Runs in the organisation's scope, before any worker starts."""
    if Team.objects.filter(name=CARE).exists():
        return
    account = ChannelAccount.objects.get(public_key=widget_key(organisation, "visitor"))
    admin = actor_for_user(people["admin"])
    with transaction.atomic():
        with clock.at(clock.now() - OPENED):
            teams = _make_teams(people)
            tags = {
                name: desk.create_tag(actor=admin, name=name, colour=colour).pk for name, (colour, _) in TAGS.items()
            }
            _make_rules(admin, teams)
            _make_macros(admin, tags)
            _make_canned_replies(admin)
        talks = {one.visitor: _play(organisation, account.pk, one, teams, people) for one in MORNING}
        for name, (_, visitors) in TAGS.items():
            for visitor in visitors:
                desk.change_tags(actor=admin, conversation_id=talks[visitor], add=[tags[name]])
        _chat(teams[CARE], people)
    relay.forget_announcements()


def _make_teams(people: dict[str, User]) -> dict[str, UUID]:
    admin = actor_for_user(people["admin"])
    targets: dict[int, Target] = {
        Priority.NORMAL: Target(first_answer_minutes=60, resolution_minutes=480),
        Priority.HIGH: Target(first_answer_minutes=30, resolution_minutes=240),
        Priority.URGENT: Target(first_answer_minutes=15, resolution_minutes=120),
    }
    places = {
        CARE: [Seat(people["support"].pk, 6, is_lead=True), Seat(people[MARKETER].pk, 4)],
        ORDERS: [Seat(people["admin"].pk, 5, is_lead=True), Seat(people["support"].pk, 3)],
    }
    return {
        name: desk.create_team(
            actor=admin,
            settings=TeamSettings(name=name, survey=Team.Asks.ALWAYS, is_default=name == CARE),
            seats=seats,
            targets=targets,
        ).pk
        for name, seats in places.items()
    }


def _make_rules(admin: Actor, teams: dict[str, UUID]) -> None:
    """Sort what will need a person: money and parcels to their team, complaints first."""
    rules = (
        RuleSettings(
            "Complaints first", 'intent == "complaint" or urgency >= 40', priority=3, goes_on=True, is_active=True
        ),
        RuleSettings(
            "Orders and returns",
            '"refund" in words or "return" in words or "parcel" in words or intent in ("returns", "order_status")',
            team_id=teams[ORDERS],
            is_active=True,
        ),
        RuleSettings("At night", "hour >= 22 or hour < 6", team_id=teams[CARE]),
    )
    for rule in rules:
        desk.create_triage_rule(actor=admin, settings=rule)


def _play(
    organisation: Organisation, account_id: UUID, one: Exchange, teams: dict[str, UUID], people: dict[str, User]
) -> UUID:
    moment = clock.now() - timedelta(minutes=one.minutes_ago)
    person, lead = actor_for_user(people[one.person]), actor_for_user(people["admin"])
    sender = SenderIdentity(kind="webchat", value=f"{organisation.slug}-{one.visitor}", display_name=NAMES[one.visitor])
    inbound = InboundMessage(channel_account_id=account_id, sender=sender, text=one.lines[0][2:])
    with clock.at(moment):
        talk_id = services.receive(actor=SEEDER, inbound=inbound).conversation_id
    moment += timedelta(minutes=min(9, one.minutes_ago // 4))
    for line in one.lines[1:]:
        with clock.at(moment):
            _say(account_id, sender, talk_id, line, one, teams, people)
        moment += timedelta(minutes=min(9, one.minutes_ago // 4))
    with clock.at(moment):
        if one.fate == "waiting":
            services.hand_off(actor=SEEDER, conversation_id=talk_id, reason="asked_for_person")
            services.move_to_team(actor=lead, conversation_id=talk_id, team_id=teams[one.team])
            services.set_priority(actor=lead, conversation_id=talk_id, priority=one.priority)
        if one.fate in ("resolved", "unresolved"):
            services.close(actor=person, conversation_id=talk_id, resolved=one.fate == "resolved")
            _rate(talk_id, one.visitor)
    if one.fate == "snoozed":
        services.snooze(actor=person, conversation_id=talk_id, until=clock.now() + timedelta(days=1))
    return talk_id


def _rate(talk_id: UUID, visitor: str) -> None:
    """Ask how it was; some answer."""
    survey = Survey.objects.get(conversation_id=talk_id)
    ratings.ask_survey(actor=SEEDER, survey_id=survey.pk)
    if visitor in RATINGS:
        rating, comment = RATINGS[visitor]
        customer = Actor(kind="contact", id=survey.conversation.contact_id, name="customer", auth_strength="none")
        ratings.rate_conversation(actor=customer, survey_id=survey.pk, rating=rating, comment=comment, way="widget")


def _chat(team_id: UUID, people: dict[str, User]) -> None:
    """Let a team talk about its morning."""
    lines = (
        ("support", 50, "Morning! The carrier is late in the north again, please say two more days there."),
        (MARKETER, 41, "Thanks. The discount code from Sunday is off for good, marketing won't renew it."),
        ("admin", 18, "Somebody has been waiting since nine with a sole that came off. Who takes it?"),
    )
    for person, minutes_ago, text in lines:
        with clock.at(clock.now() - timedelta(minutes=minutes_ago)):
            desk.write_to_team(actor=actor_for_user(people[person]), team_id=team_id, text=text)


def _make_macros(admin: Actor, tag_ids: dict[str, UUID]) -> None:
    """Make what is done every day in the same way."""
    thanks = {"text": "You're welcome, {{ first_name }}. We're here if anything else comes up."}
    desk.create_macro(
        actor=admin, wanted=MacroSettings("Thanks and close", {"reply": thanks, "close": {"resolved": True}})
    )
    late: dict[str, dict[str, Any]] = {
        "reply": {"text": "I've asked the carrier and write to you by tomorrow noon."},
        "note": {"text": "Asked the carrier."},
        "tags": {"add": [str(tag_ids["Delivery"])], "remove": []},
        "assign": {"user_id": None},
        "snooze": {"hours": 20},
    }
    desk.create_macro(actor=admin, wanted=MacroSettings("Parcel is late", late))


def _make_canned_replies(admin: Actor) -> None:
    """Write what is said every day, also in German."""
    texts = (
        (
            "label",
            "Return label",
            "Hello {{ first_name }}, your return label is on its way to you. You have 30 days to send the shoes back.",
            "Hallo {{ first_name }}, dein Rücksendeetikett ist unterwegs. Du hast 30 Tage, um die Schuhe zu schicken.",
        ),
        (
            "carrier",
            "Asked the carrier",
            "I've asked the carrier where your parcel is, and write to you by tomorrow noon.",
            "Ich habe beim Zustelldienst nach deinem Paket gefragt und melde mich bis morgen Mittag.",
        ),
    )
    for shortcut, title, text, german in texts:
        desk.create_canned_reply(actor=admin, wanted=CannedText(shortcut, title, text, translations={"de": german}))


def _say(
    account_id: UUID,
    sender: SenderIdentity,
    talk_id: UUID,
    line: str,
    one: Exchange,
    teams: dict[str, UUID],
    people: dict[str, User],
) -> None:
    """Store one line; before a person's first one the conversation is handed to their team."""
    mark, text = line[0], line[2:]
    if mark == "<":
        services.receive(actor=SEEDER, inbound=InboundMessage(channel_account_id=account_id, sender=sender, text=text))
        return
    if mark == ">":
        services.reply(actor=SEEDER, conversation_id=talk_id, draft=Draft(text=text, sender=Sender(name=FRONT_DESK)))
        return
    person = actor_for_user(people[one.person])
    services.hand_off(actor=SEEDER, conversation_id=talk_id, reason="asked_for_person")
    lead = actor_for_user(people["admin"])
    services.move_to_team(actor=lead, conversation_id=talk_id, team_id=teams[one.team])
    services.set_priority(actor=lead, conversation_id=talk_id, priority=one.priority)
    services.reply(actor=person, conversation_id=talk_id, draft=Draft(text=text, sender=Sender(type="person")))
