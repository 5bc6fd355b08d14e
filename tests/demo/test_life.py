"""The seeded demo: its figures have rows, its chains hold, and its people are one person each."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Count, Model, Sum
from django.test import Client

from accounts.models import User
from accounts.services import actor_for_user
from agents.models import AgentRun, Citation, Document, EvalResult, ModelCall, Passage, ToolCall
from analytics.event_store import store
from analytics.figure_pages.behind import read_behind
from analytics.figure_pages.layout import PAGES
from analytics.figures import consumer
from analytics.figures.metrics import METRICS
from analytics.figures.spans import Span, bounds_of, last_days
from analytics.models import FigureDay
from conversations.models import Contact, Conversation, DeliveryAttempt, Message, Survey
from conversations.types import SenderIdentity
from core import catalogue, clock
from core.audit import chain
from core.bus import Event
from core.models import Outbox, StreamEvent
from core.tenancy.scope import tenant_scope
from demo.cast import ACME, ORGANISATIONS, Organisation
from demo.people import tenant_id_of
from demo.seed import seed_demo
from demo.setting import FRONT_DESK
from demo.talks.month import Guest, Month
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, Simulation
from tests.edge.platform_fixture import Platform

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HEADINGS = {"Is the return label free?": "How to return", "Do you deliver to Switzerland?": "Abroad"}
NUMBER = re.compile(r'<a href="([^"]*figures/rows/[^"]*)"')


def told() -> Iterator[Event]:
    """Yield the events of the tenant in scope that are on the bus."""
    for row in StreamEvent.objects.filter(version__isnull=False).order_by("id"):
        known = catalogue.find(row.type)
        assert known is not None
        said = known.publish(row.stream, row.payload)
        yield Event(row.pk, row.type, row.version, row.stream, row.seq, said, row.created_at, row.about)


def owner_of(organisation: Organisation) -> User:
    return User.objects.get(email=organisation.email("owner"))


def span_of(organisation: Organisation) -> Span:
    return last_days(clock.now().astimezone(ZoneInfo(organisation.timezone)).date(), 30)


def unlike_lists(organisation: Organisation) -> Iterator[tuple[object, ...]]:
    """Yield the numbers on the pages of figures that open more or fewer rows than they say."""
    owner, browser, opened = owner_of(organisation), Client(), Counter[str]()
    browser.force_login(owner, backend="accounts.backends.RoleBackend")
    viewer, span = actor_for_user(owner), span_of(organisation)
    pages = [browser.get(f"/admin/figures/{key}/?span=30").content.decode() for key in PAGES]
    links = {html.unescape(link) for page in pages for link in NUMBER.findall(page)}
    for link in sorted(links):
        asked = {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}
        dimension, _, value = asked.get("by", "total:").partition(":")
        place = {"metric": asked["figure"], "dimension": dimension, "value": value}
        found = read_behind(viewer=viewer, span=span, **place)
        number = len(found.rows)
        while found.following:
            found = read_behind(viewer=viewer, span=span, after=found.following, **place)
            number += len(found.rows)
        counted = FigureDay.objects.filter(day__range=(span.first, span.last), **place).aggregate(Sum("n"))["n__sum"]
        if number != (counted or 0) or found.missing:
            yield link, counted, number
        opened[asked["figure"]] += number
    shown = browser.get(next(iter(sorted(links)))).content.decode()
    if "no longer stored" in shown:
        yield ("the page of rows says that some are missing",)
    if organisation == ACME and (empty := set(METRICS) - {figure for figure, number in opened.items() if number}):
        never = {"overrides", "decisions_automatic", "rejected_after_edit", "requests_in_conversations"}
        by_chance = {figure for figure in METRICS if figure.endswith("_failures")}
        on_no_page = {"surveys_asked", "resolution_working", "tool_time"}
        if without := empty - never - by_chance - on_no_page:
            yield "no rows", sorted(without)


def unlike_tables(organisation: Organisation) -> Iterator[tuple[object, ...]]:
    """Yield the figures that are not the number of rows of what they count."""
    begin, end = bounds_of(span := span_of(organisation), ZoneInfo(organisation.timezone))

    def count(model: type[Model], at: str = "created_at", **those: Any) -> int:
        return model._default_manager.filter(**{f"{at}__gte": begin, f"{at}__lt": end}, **those).count()

    stored = {
        "conversations_opened": count(Conversation),
        "messages_in": count(Message, direction="in"),
        "messages_out": count(Message, sender_type__in=("agent", "person")),
        "surveys_asked": count(Survey, "asked_at"),
        "marks": count(Survey, "answered_at"),
        "runs": count(AgentRun, "finished_at"),
        "tool_calls": count(ToolCall, "finished_at"),
        "model_calls": count(ModelCall, run__isnull=False),
        "delivery_failures": count(Message, status="failed"),
        "requests": count(Approval),
    }
    days = FigureDay.objects.filter(day__range=(span.first, span.last), dimension="total")
    counted = dict(days.order_by().values_list("metric").annotate(Sum("n")))
    for figure, number in stored.items():
        if counted.get(figure, 0) != number or not (number or figure == "delivery_failures"):
            yield figure, counted.get(figure, 0), number


def cited_elsewhere(organisation: Organisation) -> Iterator[tuple[object, ...]]:
    """Yield the questions whose answer cites another passage than the one that says it."""
    asked = {row.conversation_id: row.body for row in Message.objects.filter(seq=1) if row.body in HEADINGS}
    cited = Citation.objects.filter(message__conversation__in=asked).select_related("message")
    headings = {(each.document_id, each.number): each.heading for each in Passage.objects.all()}
    for row in cited:
        question = asked[row.message.conversation_id]
        if HEADINGS[question] not in headings.get((row.document_id, row.passage_number), ""):
            yield "cites another passage", question, row.passage_number
    if organisation == ACME and set(asked.values()) != set(HEADINGS):
        yield "nobody asked", sorted(set(HEADINGS) - set(asked.values()))


def unsound(organisation: Organisation) -> Iterator[tuple[object, ...]]:
    """Yield what breaks a chain, who is two people, and what happened at one moment."""
    contacts = list(Contact.objects.select_related("user"))
    names = Counter(each.display_name for each in contacts)
    staff = {f"{person.first_name} {person.last_name}" for person in organisation.people}
    runs = AgentRun.objects.filter(conversation__contact__user=None)
    begun = Counter(Conversation.objects.values_list("created_at", flat=True))
    late = Conversation.objects.filter(created_at__gt=clock.now())
    yield from (("request", *each) for each in problems())
    yield from (("audit", verdict) for verdict in [chain.verify()] if not verdict.ok)
    yield from (("a worker would answer what is past", row.event) for row in Outbox.objects.filter(done_at=None))
    yield from (("two people", name) for name, number in names.items() if number > 1)
    yield from (("not a colleague", each.pk) for each in contacts if each.user is None and each.display_name in staff)
    yield from (("nameless", each.pk) for each in contacts if each.user and each.display_name not in staff)
    yield from (("answers customers", name) for name in set(runs.values_list("agent_version__agent__name", flat=True))
                if name != FRONT_DESK)  # fmt: skip
    yield from (("at one moment", at) for at, number in begun.items() if number > 1)
    yield from (("in the future", talk.pk) for talk in late)


def stays_of_a_story_that_is_not_over() -> list[Contact]:
    """Return the contacts that are left of a conversation that began just now."""
    people = {person.key: User.objects.get(email=ACME.email(person.key)) for person in ACME.people}
    story, sender = Month(ACME, people), SenderIdentity("webchat", "just-arrived", display_name="Pia Just")
    story.guests, story.own = [Guest(story.guests[0].account, sender)], []
    assert (story.tell(clock.now()).rows, story.guests[0].contact, story.guests[0].wrote) == ({}, None, [])
    return [contact for contact in Contact.objects.all() if contact.display_name == "Pia Just"]


def test_figures_of_the_last_month_have_their_rows_and_the_demo_is_sound(sandbox: Platform, settings: Any) -> None:
    settings.SANDBOX_PHONE_TOKEN = settings.SANDBOX_META_TOKEN = settings.SANDBOX_MODEL_TOKEN = "token of a test"
    settings.SANDBOX_MODEL_URL, settings.MODEL_HOSTS = "http://127.0.0.1:1", ["127.0.0.1"]
    seed_demo(say=str)
    wrong: list[object] = []
    for organisation in ORGANISATIONS:
        with tenant_scope(tenant_id_of(organisation)):
            events = list(told())  # counted as workers do it
            store.keep(events)
            consumer.receive(events)
            for look in (unlike_lists, unlike_tables, unsound, cited_elsewhere):
                wrong += [(organisation.slug, *each) for each in look(organisation)]
    assert wrong == []
    with tenant_scope(tenant_id_of(ACME)):
        assert stays_of_a_story_that_is_not_over() == []
        assert Citation.objects.count() > 20
        assert DeliveryAttempt.objects.count() > 20
        assert len(set(Document.objects.values_list("created_at", flat=True))) > 30
        assert Conversation.objects.filter(state="closed", taggings__isnull=False).count() > 20
        assert Contact.objects.annotate(talks=Count("conversations")).filter(talks__gt=2).count() > 10
        assert Contact.objects.filter(user__isnull=False).count() > 3
        assert list(EvalResult.objects.values_list("passed", flat=True)) == [True] * 8
        tried = Simulation.objects.get()
        assert (tried.state, tried.evaluated > 10) == ("done", True)
