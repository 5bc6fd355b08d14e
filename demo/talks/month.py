"""The demo's last month: who wrote when, and everything that is stored of it, written at once.

Services would take half a minute for it. What they check is kept: the shape of every event, the constraints of the
tables, and an audit entry for what people and agents did.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import cycle, groupby
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User
from accounts.services import actor_for_user
from agents.answering.runs.events import events_of
from agents.models import Agent, AnswerRule, ModelRoute, Passage
from conversations.models import ChannelAccount, Contact, Conversation, Tag, Team
from conversations.services import introduce
from conversations.types import SenderIdentity
from core import catalogue, clock
from core.audit import chain
from core.bus import Event
from core.events import streams
from core.ids import uuid7
from core.models import StreamHead
from demo.cast import Organisation
from demo.figures.half_year import busy_days, how_many, moment_on
from demo.library import read_articles
from demo.people import SEEDER, identity_of
from demo.setting import widget_key
from demo.talks.morning import CARE
from demo.talks.stories import Script, Staff, Story, Told

DAYS: Final = 30
APART: Final = timedelta(days=8)
"""Between two conversations of a contact: a message within a week opens the closed one again."""
COLLEAGUES: Final = ("owner", "admin", "compliance", "viewer")
"""Who asked the agents of the marketing desk; its own colleague begins with an empty chat."""
SHARE_OF_COLLEAGUES: Final = 0.2
NUMBERS: Final = {"acme": "+4477009003{:02}", "globex": "+4477009004{:02}"}
"""Numbers that the British regulator reserves for fiction."""


@dataclass(slots=True)
class Guest:
    """Somebody who writes on one channel; their contact is made when they first do."""

    account: ChannelAccount
    sender: SenderIdentity | None = None
    contact: Contact | None = None
    wrote: list[datetime] = field(default_factory=list)

    def is_free(self, at: datetime) -> bool:
        """Return True if they wrote nothing around a moment."""
        return all(abs(at - other) > APART for other in self.wrote)

    def met(self, at: datetime) -> Contact:
        """Return their contact."""
        self.wrote.append(at)
        if self.contact is None and self.sender is not None:
            with clock.at(at):
                self.contact = Contact.objects.get(pk=introduce(actor=SEEDER, sender=self.sender))
        assert self.contact is not None  # noqa: S101  (either is given)
        return self.contact


def tell_month(organisation: Organisation, people: dict[str, User], zone: ZoneInfo, *, per_day: float) -> Told:
    """Make up the conversations that began in the last days before today; only their contacts are stored."""
    month, told = Month(organisation, people), Told()
    today = clock.now().astimezone(zone).date()
    for day, dice, wanted in busy_days(today - timedelta(days=DAYS), today - timedelta(days=1), per_day=per_day):
        for at in sorted(moment_on(day, zone, dice) for _ in range(how_many(wanted, dice))):
            told.add(month.tell(at + timedelta(seconds=dice.randrange(60))))
        told.events += month.sample(day, zone)
    month.date_contacts()
    return told


def write(told: Told) -> list[Event]:
    """Write the rows, and return the events as consumers would have got them. In the caller's transaction."""
    for model, rows in told.rows.items():
        model._default_manager.bulk_create(rows)
    for run, version, calls in told.runs:
        ended_at, run.finished_at = run.finished_at or run.created_at, None  # in memory: it has no earlier answer
        used = (run.rounds, run.input_tokens, run.output_tokens)
        with clock.at(ended_at):
            more = events_of(run, version, calls, state=run.state, code=run.error_code, used=used)
        told.events += [(ended_at, event) for event in more]
    return list(published(told.events))


def record(told: Told) -> None:
    """Write the audit entries, those of a day at its end. The last statements of the caller's transaction."""
    for _, facts in groupby(sorted(told.facts, key=itemgetter(0)), key=lambda fact: fact[0].date()):
        of_day = list(facts)
        with clock.at(of_day[-1][0]):
            chain.record_all([fact for _, fact in of_day])


class Month:
    """Who may write, about what, and who answers."""

    def __init__(self, organisation: Organisation, people: dict[str, User]) -> None:
        self.dice = Random(f"month of {organisation.slug}")  # noqa: S311  (nothing secret)
        script: dict[str, Any] = tomllib.loads(Path(__file__).with_name("month.toml").read_text())
        self.comments = script["comments"]
        # Each in its turn: by chance alone, a month may lack one.
        self.customers, self.colleagues = (
            cycle(self.dice.sample([Script(**{**each, "lines": tuple(each["lines"])}) for each in parts], len(parts)))
            for parts in (script[organisation.slug], script["colleagues"])
        )
        self.agents = {row.name: row for row in Agent.objects.select_related("active_version__agent")}
        self.front = AnswerRule.objects.select_related("agent").get(name="Customers").agent.name
        self.tags = {tag.name: tag for tag in Tag.objects.all()}
        self.teams = {
            team.name: (team, [member.user for member in team.members.select_related("user").order_by("id")])
            for team in Team.objects.order_by("id")
        }
        self.actors = {one.pk: actor_for_user(one) for _, members in self.teams.values() for one in members}
        route = ModelRoute.objects.filter(tier="light").first()
        self.routes = {"routes": route} if route else {}
        names = {facts["title"]: name for name, (facts, _) in read_articles().items()}
        parts = Passage.objects.select_related("document").filter(document__title__in=names)
        self.passages = {(names[part.document.title], part.number): part for part in parts}
        self.order_prefix = organisation.order_prefix
        self.guests = list(guests_of(organisation, script["names"][organisation.slug]))
        chat = ChannelAccount.objects.filter(public_key=widget_key(organisation, "chat")).first()
        staff = [people[key] for key in COLLEAGUES if key in people]
        self.own = [Guest(chat, identity_of(person)) for person in staff] if chat else []

    def tell(self, at: datetime) -> Told:
        """Tell a conversation that began at a moment; nothing where everybody wrote lately, or it would still go on."""
        is_own = bool(self.own) and self.dice.random() < SHARE_OF_COLLEAGUES
        free = [guest for guest in (self.own if is_own else self.guests) if guest.is_free(at)]
        script = next(self.colleagues if is_own else self.customers)
        agent = self.agents.get(script.agent or self.front)
        if not free or agent is None or agent.active_version is None:
            return Told()
        guest = self.dice.choice(free)
        team, members = self.teams.get(script.team or CARE) or next(iter(self.teams.values()))
        person = self.dice.choice(members)
        staff = Staff(
            version=agent.active_version, person=person, actor=self.actors[person.pk],
            team_id=None if is_own else team.pk, passage=self.passages.get((script.article, script.passage)),
            tag=self.tags.get(script.tag), route=self.routes.get(agent.active_version.model), comments=self.comments,
            order_prefix=self.order_prefix,
        )  # fmt: skip
        known = guest.contact
        with transaction.atomic():
            story = Story(script, staff, guest.met(at), guest.account, at, self.dice)
            told = story.tell()
            if story.now < clock.now():
                return told
            transaction.set_rollback(True)
        guest.contact = known
        guest.wrote.pop()
        return Told()

    def sample(self, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, streams.NewEvent]]:
        """Yield what waited and how busy people were, once in each hour of a working day."""
        for hour in range(9, 18) if day.weekday() < 5 else ():
            at = datetime(day.year, day.month, day.day, hour, 5 * self.dice.randrange(12), tzinfo=zone)
            waiting = {str(team.pk): self.dice.randrange(3) for team, _ in self.teams.values()}
            loads = [
                {"team": str(team.pk), "person": str(person.pk), "open": self.dice.randrange(1, 5), "capacity": 5}
                for team, members in self.teams.values()
                for person in members
            ]
            said = {"slot": int(at.timestamp()) // 300, "waiting": sum(waiting.values()), "people": loads,
                    "teams": [{"team": team, "waiting": number} for team, number in waiting.items()]}  # fmt: skip
            yield at, streams.NewEvent("figures", "figures.sampled", said)

    def date_contacts(self) -> None:
        """Let everybody who wrote earlier than the demo knew them be known since then."""
        known: dict[UUID, Contact] = {}
        for guest in (*self.guests, *self.own):
            if guest.contact is not None:
                contact = known.setdefault(guest.contact.pk, guest.contact)
                contact.created_at = min([contact.created_at, *guest.wrote])
        Contact.objects.bulk_update(known.values(), ["created_at"])


def guests_of(organisation: Organisation, names: Iterable[str]) -> Iterator[Guest]:
    """Yield customers: those that the demo knows by now, and as many new ones as it has names for."""
    kinds = (ChannelAccount.Kind.WEBCHAT, ChannelAccount.Kind.WHATSAPP)
    lines = ChannelAccount.objects.filter(kind__in=kinds, is_active=True).order_by("id")
    accounts = list(lines.exclude(public_key=widget_key(organisation, "chat")))
    known: dict[tuple[Any, Any], Guest] = {}
    talks = Conversation.objects.filter(channel_account__in=accounts).select_related("contact", "channel_account")
    for talk in talks.order_by("created_at"):
        place = (talk.channel_account_id, talk.contact_id)
        guest = known.setdefault(place, Guest(talk.channel_account, contact=talk.contact))
        guest.wrote.append(talk.created_at)
    yield from known.values()
    for number, (name, account) in enumerate(zip(names, cycle(accounts)), start=1):
        is_phone = account.kind == ChannelAccount.Kind.WHATSAPP
        value = NUMBERS[organisation.slug].format(number) if is_phone else f"{organisation.slug}-month-{number}"
        sender = SenderIdentity("phone" if is_phone else "webchat", value, verified=is_phone, display_name=name)
        yield Guest(account, sender)


def published(told: list[tuple[datetime, streams.NewEvent]]) -> Iterator[Event]:
    """Yield what consumers would have got of it, numbered by stream, and keep the numbers.

    It is not on the bus: webhooks tell nobody of a month that was made up. Raises ValueError for unknown shapes.
    """
    seqs = Counter(streams.heads(["inbox", "figures"]))
    for at, (stream, name, payload, about) in sorted(told, key=itemgetter(0)):
        version, known = catalogue.check(stream, name, payload), catalogue.find(name)
        if version is not None and known is not None:
            seqs[stream] += 1
            yield Event(uuid7(), name, version, stream, seqs[stream], known.publish(stream, payload), at, about)
    heads = [StreamHead(stream=stream, seq=seq) for stream, seq in seqs.items()]
    StreamHead.objects.bulk_create(
        heads, update_conflicts=True, unique_fields=["tenant_id", "stream"], update_fields=["seq"]
    )
