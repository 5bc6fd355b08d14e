"""Which agent answers where: an organisation that never saw the demo, its rules, and what goes wrong."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.organisation import tiers
from agents import services
from agents.answering.routing import rules
from agents.answering.routing.rules import AnswerSettings
from agents.answering.routing.selectors import active_rules
from agents.answering.runs.explanation import explain_run
from agents.knowledge import services as knowledge
from agents.models import Agent, AgentRun, AgentVersion, AnswerRule
from agents.studio.agents import gallery
from analytics.models import FigureDay
from conversations.contacts.known_people import set_contact_fields
from conversations.custom_fields.definitions import FieldSettings, create_custom_field, delete_custom_field
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.states import give_back
from conversations.inbox.teams.teams import TeamSettings, create_team, delete_team
from conversations.models import ChannelAccount, Conversation, CustomField, Message, Team
from conversations.services import receive
from conversations.types import InboundMessage, SenderIdentity
from core.actors import system
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.reliability import kept
from core.tenancy.scope import tenant_scope
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from hitl.policy.calendars import create_calendar, delete_calendar
from tests.console.conftest import Browser
from tests.world import OPERATOR, World

pytestmark = pytest.mark.slow

KEEP = import_module("agents.migrations.0005_keep_who_answers").KEEP
RETURNS = "You can return shoes within 30 days of delivery. The parcel label is free."
SETUP = replace(gallery.FRONT_DESK.setup(), name="Ada")


class Shop:
    """An organisation with its first agent, a website's chat, a mailbox and an article; nothing of the demo."""

    def __init__(self, world: World) -> None:
        self.world, self.admin = world, world.actor("admin")
        self.first = services.ensure_first_agent()
        self.chat = ChannelAccount.objects.create(kind="webchat", name="Website")
        self.mail = ChannelAccount.objects.create(
            kind="email", provider="imap", name="Support", address="help@shop.example"
        )
        shelf = knowledge.create_collection(actor=OPERATOR, name="Help", audience="public")
        knowledge.write_article(actor=OPERATOR, collection_id=shelf.pk, title="Returns", text=RETURNS)

    def agent(self, name: str, **setup: Any) -> Agent:
        """An own agent that answers."""
        made = services.create_agent(actor=self.admin, type="custom", setup=replace(SETUP, name=name, **setup))
        return services.activate_draft(actor=self.admin, agent_id=made.pk)

    def rule(self, name: str, agent: Agent | None = None, **more: Any) -> AnswerRule:
        """An active rule."""
        wanted = AnswerSettings(name, agent_id=agent.pk if agent else None, **{"is_active": True, **more})
        return rules.create_answer_rule(actor=self.admin, settings=wanted)

    def write(self, text: str, account: ChannelAccount | None = None, who: str = "", **more: Any) -> AgentRun:
        """Let a customer write, in a conversation of their own unless it is named, and work the run."""
        place = account or self.chat
        value = (who or uuid4().hex) + ("@example.com" if place.kind == "email" else "")
        sender = more.pop("sender", None) or SenderIdentity(kind=place.kind, value=value)
        inbound = InboundMessage(
            channel_account_id=place.pk, sender=sender, text=text, client_id=uuid4(), metadata=more
        )
        message = receive(actor=system("test-door"), inbound=inbound)
        run = services.take_message(message_id=message.pk)
        assert run is not None
        AgentRun.objects.filter(pk=run.pk).update(joinable_until=None)
        services.run_turn(run.pk, now=now() + timedelta(seconds=2))
        run.refresh_from_db()
        return run


def who(run: AgentRun) -> str:
    """Return who answered a run: an agent's name, or why a person was asked."""
    talk = Conversation.objects.get(pk=run.conversation_id)
    if run.agent_version is None:
        assert talk.state == "person", run.chosen_by
        return str(talk.escalation_reason)
    return run.agent_version.name


def said(run: AgentRun) -> str:
    """Return what was answered last, "" for nothing."""
    rows = Message.objects.filter(conversation_id=run.conversation_id, direction="out").order_by("-seq")
    return rows.values_list("masked_body", flat=True).first() or ""


@pytest.fixture
def shop(acme: World) -> Shop:
    return Shop(acme)


def test_own_agent_is_given_to_the_website_and_the_mailbox_through_the_console(shop: Shop, browser: Browser) -> None:
    owner, home = browser("owner"), "/admin/agents/answerrule/"
    assert who(shop.write("hello")) == "Front desk"  # the one it began with
    template = gallery.FRONT_DESK
    form = {"name": "Ada", "type": "custom", "template": template.key, "model": "local",
            "instructions": template.instructions, "tools": ["send_file"], "memory": "verified"}  # fmt: skip
    assert owner.post("/admin/agents/agent/create/", form).status_code == 302
    ada = Agent.objects.get(name="Ada")
    activate = {"version": "1", "revision": "1", "override": "Read by two of us."}
    assert owner.post(f"/admin/agents/agent/{ada.pk}/activate/", activate).status_code == 302
    # Nobody has to choose between a single own agent and the one that came with Walker.
    assert "Ada, the only agent for customers" in page(owner, f"/admin/conversations/channelaccount/{shop.chat.pk}/")
    answer = shop.write("How long can I return shoes?")
    assert (who(answer), "30 days" in said(answer)) == ("Ada", True)

    ben = shop.agent("Ben")
    found = page(owner, f"/admin/conversations/channelaccount/{shop.chat.pk}/")
    assert "No agent is chosen" in found
    assert "Ada, Ben could answer" in found
    for place in (page(owner, home), page(owner, f"/admin/agents/agent/{ada.pk}/instructions/")):
        assert "no agent is chosen" in place.lower()
    lost = shop.write("How long can I return shoes?")
    assert (who(lost), said(lost)) == ("no_agent_chosen", "Thank you for your message. A colleague will reply here.")
    assert "none is chosen" in page(owner, f"/admin/agents/agentrun/{lost.pk}/")

    wanted = {"name": "Website", "channel_account_id": str(shop.chat.pk), "agent_id": str(ada.pk), "is_active": "on"}
    start = page(owner, f"{home}create/?channel_account_id={shop.chat.pk}")
    assert f'<option value="{shop.chat.pk}" selected' in start
    assert owner.post(f"{home}create/", wanted).status_code == 302
    wanted = {"name": "Mail", "channel_account_id": str(shop.mail.pk), "agent_id": str(ben.pk),
              "fallback_id": str(ada.pk), "is_active": "on"}  # fmt: skip
    assert owner.post(f"{home}create/", wanted).status_code == 302
    by_chat, by_mail = shop.write("How long can I return shoes?"), shop.write("Return?", shop.mail)
    assert (who(by_chat), who(by_mail)) == ("Ada", "Ben")
    assert "30 days" in said(by_chat)
    assert "The answer rule “Website” chose it." in page(owner, f"/admin/agents/agentrun/{by_chat.pk}/")
    assert "Ben, else Ada" in page(owner, f"/admin/agents/agent/{ben.pk}/instructions/")
    assert "Ada, else a person" in page(owner, f"/admin/conversations/channelaccount/{shop.chat.pk}/")
    assert explain_run(viewer=shop.admin, run_id=by_mail.pk).run.chosen_by["name"] == "Mail"

    rule = AnswerRule.objects.get(name="Mail")
    edit = {**wanted, "agent_id": "", "fallback_id": "", "version": "1"}
    assert owner.post(f"{home}{rule.pk}/edit/", edit).status_code == 302
    quiet = shop.write("Return?", shop.mail)
    assert (who(quiet), said(quiet), quiet.state) == ("rule_asks_person", "", "finished")
    assert "chose a person, not an agent" in page(owner, f"/admin/agents/agentrun/{quiet.pk}/")
    assert "A person, no agent" in page(owner, f"/admin/conversations/channelaccount/{shop.mail.pk}/")


def page(client: Client, url: str) -> str:
    """Return a page that opens."""
    shown = client.get(url)
    assert shown.status_code == 200, url
    return shown.content.decode()


def test_what_keeps_an_agent_from_answering_asks_its_fallback_or_a_person_in_clear_words(
    shop: Shop, browser: Browser
) -> None:
    ada, ben = shop.agent("Ada"), shop.agent("Ben")
    draft = services.create_agent(actor=shop.admin, type="custom", setup=replace(SETUP, name="Eve"))
    # Each other's fallback: no circle, as each rule looks at two agents once.
    one = shop.rule("One", ada, channel_account_id=shop.chat.pk, fallback_id=ben.pk)
    shop.rule("Two", ben, channel_account_id=shop.mail.pk, fallback_id=ada.pk)

    def retire(agent: Agent) -> Any:
        services.retire_agent(actor=shop.admin, agent_id=agent.pk)
        return lambda: services.restore_agent(actor=shop.admin, agent_id=agent.pk)

    def pause(agent: Agent) -> Any:
        switch = activate_kill_switch(actor=shop.admin, scope="agent", target=str(agent.pk), reason="Odd")
        return lambda: release_kill_switch(actor=shop.admin, switch_id=switch.pk)

    def lose_model(agent: Agent) -> Any:
        AgentVersion.objects.filter(agent=agent).update(model="routes")
        return lambda: AgentVersion.objects.filter(agent=agent).update(model="local")

    wrong = {}
    for fault, words in (
        (retire, "is switched off"),
        (pause, "is paused by an emergency stop"),
        (lose_model, "has a model that isn&#x27;t set up here any more"),
    ):
        mend = fault(ada)
        run = shop.write("hello")
        shown = page(browser("admin"), f"/admin/conversations/channelaccount/{shop.chat.pk}/")
        wrong[fault.__name__] = (who(run), f"Ada {words}. Ben answers instead." in shown, run.chosen_by["code"])
        mend_other = fault(ben)
        run = shop.write("Hallo, ich habe eine Frage zu meiner Bestellung")
        mailed = shop.write("hello", shop.mail)
        shown = page(browser("admin"), f"/admin/agents/agentrun/{run.pk}/")
        wrong[f"{fault.__name__} both"] = (
            who(run), who(mailed), said(run)[:12], f"Ada, which {words}, and no fallback" in shown, run.state,
        )  # fmt: skip
        mend()
        mend_other()
        assert who(shop.write("hello")) == "Ada", fault
    for name in ("retire", "pause", "lose_model"):
        assert wrong[name] == ("Ben", True, "fallback"), name
        assert wrong[f"{name} both"] == ("agent_cant_answer", "agent_cant_answer", "Vielen Dank ", True, "failed"), name
    AnswerRule.objects.filter(pk=one.pk).update(agent=draft, fallback=None)
    assert "Eve was never activated. A person answers instead." in page(
        browser("admin"), f"/admin/agents/answerrule/{one.pk}/"
    )
    assert who(shop.write("hello")) == "agent_cant_answer"
    AnswerRule.objects.filter(pk=one.pk).update(condition="nonsense >")  # as if a fact had gone
    assert who(shop.write("hello")) == "no_agent_chosen"
    for agent in (ada, ben, shop.first):
        services.retire_agent(actor=shop.admin, agent_id=agent.pk)
    AnswerRule.objects.all().delete()
    assert who(shop.write("hello")) == "no_agent"


def test_first_rule_that_is_met_counts_by_place_hours_language_and_intent(shop: Shop) -> None:
    ada, ben, eve = shop.agent("Ada"), shop.agent("Ben"), shop.agent("Eve")
    every = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    always = create_calendar(actor=shop.admin, name="Always", zone="UTC", week=every)
    team = create_team(actor=shop.admin, settings=TeamSettings(name="Care"))
    shop.rule("Complaints", None, condition='intent == "complaint"')
    shop.rule("German", ben, condition='language == "de"')
    shop.rule("Returns", eve, condition='intent == "returns"', channel_account_id=shop.chat.pk)
    shop.rule("Night", None, calendar_id=always.pk, within_hours=False)
    shop.rule("Care", eve, team_id=team.pk)
    day = shop.rule("Day", ada, calendar_id=always.pk)
    shop.rule("Staff", ben, condition='colleague == "yes"', is_active=False)
    found = {
        "plain": who(shop.write("hello there")),
        "german": who(shop.write("Guten Tag, ich habe eine Frage zu meiner Bestellung")),
        "complaint": who(shop.write("I want to complain, this is unacceptable and I am very disappointed")),
        "returns": who(shop.write("I want to return my shoes", who="kim")),
        "by mail": who(shop.write("I want to return my shoes", shop.mail)),
        # An order number is no new topic; naming one is refused unless a rule of the place gives it.
        "goes on": who(shop.write("12345", who="kim")),
        "named": who(shop.write("hello", agent="Eve")),
        "not given": who(shop.write("hello", agent="front desk")),
    }
    assert found == {
        "plain": "Ada", "german": "Ben", "complaint": "rule_asks_person", "returns": "Eve", "by mail": "Ada",
        "goes on": "Eve", "named": "Eve", "not given": "Ada",
    }  # fmt: skip
    given = shop.write("hello", who="lee")
    Conversation.objects.filter(pk=given.conversation_id).update(team=team, state="person")
    give_back(actor=shop.world.actor("support"), conversation_id=given.conversation_id)
    assert who(shop.write("hello", who="lee")) == "Eve"
    rules.revise_answer_rule(
        actor=shop.admin,
        answer_rule_id=day.pk,
        settings=AnswerSettings("Day", calendar_id=always.pk, within_hours=False, agent_id=ada.pk, is_active=True),
    )
    assert who(shop.write("hello there")) == "no_agent_chosen"
    colleague = shop.world.people["support"]
    sender = SenderIdentity(kind="member", value=str(colleague.pk), verified=True, user_id=colleague.pk)
    assert shop.write("hello there", sender=sender).agent_version is not None  # a colleague is not left waiting


def test_rule_over_a_custom_field_counts_for_who_has_the_value_and_asks_a_person_once_the_field_is_gone(
    shop: Shop, browser: Browser, kept_settings: None
) -> None:
    ada, ben = shop.agent("Ada"), shop.agent("Ben")
    support = shop.world.actor("support")
    fields = {
        key: create_custom_field(
            actor=shop.admin, subject=of, key=key, kind=kind, settings=FieldSettings(key.title(), options), **more
        )
        for key, of, kind, options, more in (
            ("tier", "contact", "list", ("Gold", "Silver"), {}),
            ("seats", "conversation", "number", (), {}),
            ("passport", "contact", "text", (), {"is_personal": True}),
        )
    }
    for condition in ('field_passport == "X"', 'field_tier == "Lead"', 'field_seats == "12"', 'field_other == "x"'):
        with pytest.raises(Invalid):
            shop.rule("Wrong", ben, condition=condition)
    gold = shop.rule("Gold", ben, condition='field_tier == "Gold" or field_seats > 10')
    every = shop.rule("Every", ada)
    plain, rich, large = (shop.write("hello", who=name) for name in ("plain", "rich", "large"))
    assert [who(run) for run in (plain, rich, large)] == ["Ada"] * 3
    owner = Conversation.objects.get(pk=rich.conversation_id).contact_id
    set_contact_fields(actor=support, contact_id=owner, values={"tier": "Gold"})
    set_conversation_fields(actor=support, conversation_id=large.conversation_id, values={"seats": 11})
    answered = {name: who(shop.write("hello again", who=name, agent="Ben")) for name in ("plain", "rich", "large")}
    # Who has no value gets no agent of the rule by naming it.
    assert answered == {"plain": "Ada", "rich": "Ben", "large": "Ben"}
    with CaptureQueriesContext(connection) as sent:
        assert who(shop.write("hello again", who="rich", agent="Ben")) == "Ben"
    read = [one["sql"] for one in sent if '"conversations_customvalue"."field_id" IN' in one["sql"]]
    assert len(read) == 1  # also where the choice looks twice at the facts
    found = rules.try_answer_rule(actor=shop.admin, answer_rule_id=gold.pk)
    assert (found.looked_at, found.meets, found.differs) == (3, 2, 0)
    with pytest.raises(Conflict, match="answer rule “Gold” looks at this field"):
        delete_custom_field(actor=shop.admin, field_id=fields["tier"].pk)

    CustomField.objects.filter(pk=fields["tier"].pk).update(kind="number")  # as if it had gone and come as another
    kept.forget()
    lost = shop.write("hello once more", who="rich")
    assert (who(lost), lost.chosen_by["code"]) == ("agent_cant_answer", "unread")
    assert "looks at a custom field that isn&#x27;t there" in page(
        browser("admin"), f"/admin/agents/agentrun/{lost.pk}/"
    )
    shown = page(browser("admin"), f"/admin/agents/answerrule/{gold.pk}/")
    assert "It looks at a custom field that isn&#x27;t there. A person answers instead." in shown
    rules.move_answer_rule(actor=shop.admin, answer_rule_id=every.pk, up=True)
    kept.forget()
    assert who(shop.write("hello once more", who="large")) == "Ada"


def test_stranger_gets_no_agent_by_naming_it_or_by_going_on_where_rules_keep_it_for_others(shop: Shop) -> None:
    ada, ben, eve = shop.agent("Ada"), shop.agent("Ben"), shop.agent("Eve")
    proven = 'verified == "yes"'
    shop.rule("Known returns", eve, condition=f'{proven} and intent == "returns"')
    shop.rule("Staff", shop.first, condition='colleague == "yes"')
    shop.rule("Accounts", ben, condition=proven)
    shop.rule("Public", ada)

    def write(text: str, who_writes: str, *, is_proven: bool = False, **more: Any) -> str:
        sender = SenderIdentity(kind="webchat", value=who_writes, verified=is_proven)
        return who(shop.write(text, sender=sender, **more))

    found = {
        "guest": write("hello", "a", agent="Ben"),
        "guest for returns": write("hello", "b", agent="Eve"),
        "guest for staff": write("hello", "c", agent="Front desk"),
        "known": write("hello", "d", is_proven=True, agent="Ben"),
        "known for returns": write("hello", "e", is_proven=True, agent="Eve"),
        "known for the public": write("hello", "f", is_proven=True, agent="Ada"),
        "returns": write("I want to return my shoes", "kim", is_proven=True),
        "goes on": write("12345", "kim", is_proven=True),
        "goes on unproven": write("12345", "kim"),
    }
    assert found == {
        "guest": "Ada", "guest for returns": "Ada", "guest for staff": "Ada", "known": "Ben",
        "known for returns": "Eve", "known for the public": "Ben", "returns": "Eve", "goes on": "Eve",
        "goes on unproven": "Ada",
    }  # fmt: skip
    AnswerRule.objects.exclude(name="Staff").delete()  # from here on no rule applies to a customer
    assert write("hello", "g", agent="Eve") == "Eve"
    assert write("hello", "h", agent="Front desk") == "no_agent_chosen"
    shop.rule("Known", shop.first, condition=proven)
    assert write("hello", "i", agent="Front desk") == "no_agent_chosen"


def test_customers_message_beyond_the_messages_of_a_day_waits_for_a_person(shop: Shop) -> None:
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"messages": 10})
    tiers.give_tier(actor=OPERATOR, slug=shop.world.acme.slug, tier_id=tier.pk)
    day = {"dimension": "total", "day": now().date(), "n": 1}
    for metric, total in (("messages_in", 6), ("messages_out", 3), ("marks", 500)):
        FigureDay.objects.create(metric=metric, total=total, **day)
    assert who(shop.write("hello")) == "Front desk"
    FigureDay.objects.filter(metric="messages_in").update(total=7)
    waits = shop.write("How do I return my shoes?")
    assert (who(waits), said(waits)) == ("limit_reached", "Thank you for your message. A colleague will reply here.")
    assert waits.chosen_by == {"code": "limit"}
    FigureDay.objects.update(day=now().date() - timedelta(days=1))
    assert who(shop.write("hello")) == "Front desk"


def test_choosing_costs_one_statement_at_most(shop: Shop, kept_settings: None) -> None:
    ada = shop.agent("Ada")
    shop.agent("Ben")
    shop.rule("Website", ada, channel_account_id=shop.chat.pk)
    kept.forget()
    first = shop.write("hello")
    with CaptureQueriesContext(connection) as sent:
        again = shop.write("hello again")
    told = [one["sql"] for one in sent if "agents_answerrule" in one["sql"]]
    assert (who(first), who(again), told) == ("Ada", "Ada", [])
    kept.forget()
    with CaptureQueriesContext(connection) as sent:
        active_rules()
    assert len(sent) == 1


def test_trial_says_who_would_have_answered_and_changes_nothing(shop: Shop, browser: Browser) -> None:
    ada, ben = shop.agent("Ada"), shop.agent("Ben")
    shop.rule("All", ada)
    for text in ("I want to return my shoes", "I would like to return these", "hello there"):
        shop.write(text)
    tried = shop.rule("Returns", ben, condition='intent == "returns"', is_active=False)
    assert (
        rules.try_answer_rule(actor=shop.admin, answer_rule_id=tried.pk).meets == 0
    )  # the rule before it leaves nothing
    rules.move_answer_rule(actor=shop.admin, answer_rule_id=tried.pk, up=True)
    before = AuditEntry.objects.count()
    with CaptureQueriesContext(connection) as sent:
        found = rules.try_answer_rule(actor=shop.admin, answer_rule_id=tried.pk)
    assert (found.looked_at, found.meets, found.differs) == (3, 2, 2)
    assert {(one.old_agent, one.new_agent) for one in found.differences} == {("Ada", "Ben")}
    assert len(sent) <= 8
    assert not [one["sql"] for one in sent if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert AuditEntry.objects.count() == before
    client, url = browser("admin"), f"/admin/agents/answerrule/{tried.pk}/try/"
    shown = client.post(url, {"days": "7"}).content.decode()
    assert "2 of 3 conversations would have been treated differently" in shown
    assert "Ada → Ben" in shown
    assert client.post(url, {"days": "91"}).status_code == 400


def test_rules_are_kept_by_who_lets_agents_answer_and_wrong_ones_are_refused(shop: Shop) -> None:
    ada, ben = shop.agent("Ada"), shop.agent("Ben")
    draft = services.create_agent(actor=shop.admin, type="custom", setup=replace(SETUP, name="Eve"))
    support, rule = shop.world.actor("support"), shop.rule("Website", ada, channel_account_id=shop.chat.pk)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "name"),
        ({"condition": "cost > 5"}, "condition"),
        ({"condition": 'channel == "fax"'}, "condition"),
        ({"condition": 'topic == "nothing"'}, "condition"),
        ({"condition": 'team == "Nobody"'}, "condition"),
        ({"channel_account_id": uuid4()}, "channel_account_id"),
        ({"team_id": uuid4()}, "team_id"),
        ({"calendar_id": uuid4()}, "calendar_id"),
        ({"agent_id": uuid4()}, "agent_id"),
        ({"agent_id": draft.pk, "is_active": True}, "agent_id"),
        ({"agent_id": ada.pk, "fallback_id": ada.pk}, "fallback_id"),
        ({"agent_id": None, "fallback_id": ada.pk}, "fallback_id"),
    ]
    refused = []
    for values, field in wrong:
        with pytest.raises(Invalid) as problem:
            rules.create_answer_rule(
                actor=shop.admin, settings=replace(AnswerSettings("New", agent_id=ben.pk), **values)
            )
        refused.append((list(problem.value.facts["fields"]), [field]))
    assert [pair for pair in refused if pair[0] != pair[1]] == []
    with pytest.raises(Conflict):
        shop.rule("webSite")
    for act in (
        lambda actor: rules.create_answer_rule(actor=actor, settings=AnswerSettings("X")),
        lambda actor: rules.move_answer_rule(actor=actor, answer_rule_id=rule.pk, up=True),
        lambda actor: rules.try_answer_rule(actor=actor, answer_rule_id=rule.pk),
        lambda actor: rules.delete_answer_rule(actor=actor, answer_rule_id=rule.pk),
        lambda actor: rules.revise_answer_rule(actor=actor, answer_rule_id=rule.pk, settings=AnswerSettings("X")),
    ):
        with pytest.raises(Refused):
            act(support)
    with tenant_scope(shop.world.globex.pk):
        assert not AnswerRule.objects.exists()
        with pytest.raises(NotFound):
            rules.delete_answer_rule(actor=shop.world.outsider(), answer_rule_id=rule.pk)
        with pytest.raises(Invalid):
            rules.create_answer_rule(actor=shop.world.outsider(), settings=AnswerSettings("X", agent_id=ada.pk))
    with pytest.raises(Conflict):
        rules.revise_answer_rule(
            actor=shop.admin, answer_rule_id=rule.pk, settings=AnswerSettings("Website"), seen_version=9
        )


def test_team_that_goes_takes_its_rules_along_and_a_calendar_in_use_stays(shop: Shop) -> None:
    ada, team = shop.agent("Ada"), create_team(actor=shop.admin, settings=TeamSettings(name="Care"))
    hours = create_calendar(actor=shop.admin, name="Office", zone="UTC", week={"mon": [["09:00", "17:00"]]})
    shop.rule("Care", ada, team_id=team.pk)
    timed = shop.rule("Timed", ada, calendar_id=hours.pk, condition='"private" in words')
    delete_team(actor=shop.admin, team_id=team.pk)
    assert not Team.objects.exists()
    with pytest.raises(Conflict, match="Timed"):
        delete_calendar(actor=shop.admin, calendar_id=hours.pk)
    rules.delete_answer_rule(actor=shop.admin, answer_rule_id=timed.pk, seen_version=1)
    told = AuditEntry.objects.filter(action__startswith="ANSWER_RULE").order_by("seq")
    assert [entry.action for entry in told] == ["ANSWER_RULE_CREATED"] * 2 + ["ANSWER_RULE_DELETED"] * 2
    assert [entry.facts["has_condition"] for entry in told] == [False, True] * 2
    assert '"private"' not in str([entry.facts for entry in told])  # the log is kept for ever


def test_organisation_with_several_agents_keeps_the_one_that_answers_when_rules_come(shop: Shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute(KEEP)
        assert not AnswerRule.objects.exists()  # a single agent: nothing to choose
        shop.agent("Ada")  # the one that came with Walker answered before rules, also beside a single own one
        cursor.execute(KEEP)
    assert list(AnswerRule.objects.values_list("agent", flat=True)) == [shop.first.pk]
    assert who(shop.write("hello")) == "Front desk"
    shop.agent("Ben")
    assert who(shop.write("hello")) == "Front desk"
