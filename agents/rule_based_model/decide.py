"""Turn the lines of a conversation into decisions: call tools, ask back, or say something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agents.ports import SENT_BACK
from agents.rule_based_model import slots, stance
from agents.rule_based_model.amounts import find_amounts
from agents.rule_based_model.asking import asked_for
from agents.rule_based_model.choices import chosen, offered_in
from agents.rule_based_model.intents import ACTING, acting_topic, reading_topic
from agents.rule_based_model.languages import ONLY_ENGLISH
from agents.rule_based_model.questions import ask
from agents.rule_based_model.text import Clause, read
from agents.rule_based_model.types import (
    ABILITIES,
    IS_IT,
    NAMES,
    PERSON,
    PERSON_OFFER,
    REQUIRED,
    WHICH,
    Call,
    Decision,
    Memory,
    Pending,
)
from core.text.languages import foreign_language

NEVER = frozenset({"decide", "resume"})
PLAIN = frozenset({"command", "said"})
SMALL_TALK = frozenset({"greeting", "thanks", "nothing", "yes"})
FREE_TEXT = frozenset({"text", "wording"})
READING = frozenset({
    "list_campaigns", "campaign_performance", "rankings", "content_performance", "list_audiences",
})  # fmt: skip
_FACT_QUESTION = re.compile(
    r"(?:which|what|how many|how much|who|did|was|were|has|have|had|is (?!it\b)|are|why|when)\b"
)
_HOW_TO = re.compile(r"how (?:do|can|could|would|to)\b")


def _slots(tool: str, clause: Clause, memory: Memory) -> tuple[dict[str, str], str]:
    """Return the arguments that a clause gives for a tool, and what is wrong with the amount."""
    if tool == "update_page_meta":
        page = slots.page_of(clause)
        wording = slots.meta_of(clause) or slots.meta_field_of(clause)
        return ({"page": page} if page else {}) | wording, ""
    if tool == "send_audience_message":
        return slots.message_of(clause), ""
    if tool == "publish_content":
        content = slots.content_of(clause)
        return ({"content": content} if content else {}), ""
    amount, why = slots.amount_of(clause) if tool == "set_campaign_budget" else (None, "")
    campaign = slots.campaign_of(clause, amount)
    if not campaign and slots.is_pronoun(clause):
        campaign = memory.campaign
    found = {"campaign": campaign} if campaign else {}
    if amount:
        found["daily_budget"] = str(amount.value)
        found |= {"currency": amount.currency} if amount.currency else {}
    return found, why


def _lacks(tool: str, found: Mapping[str, str]) -> str:
    """Return the first required argument that is missing, or "" when the command is complete."""
    for name in REQUIRED[tool]:
        if name == "wording" and (found.get("title") or found.get("description")):
            continue
        if not found.get(name):
            return name
    return ""


def _settle(tool: str, found: Mapping[str, str], why: str, *, sure: bool) -> Decision:
    """Return a call for a complete and certain command; anything less asks back."""
    missing = _lacks(tool, found)
    if missing:
        reason = why if missing == "daily_budget" and why else "missing"
        return Decision("ask", pending=Pending(tool, dict(found), missing, reason))
    if not sure:
        return Decision("ask", pending=Pending(tool, dict(found), "yes"))
    given = {name: value for name, value in found.items() if name != "field"}
    return Decision("call", (Call(tool, given, acting=tool in ACTING),))


def _look(clause: Clause, *, about: str = "") -> Decision:
    """Answer a question with a reading tool or with small talk."""
    campaign = slots.campaign_of(clause)
    topic: str = reading_topic(clause)
    arguments: dict[str, str] = {}
    if topic == "nothing" and campaign and about in {"set_campaign_budget", "pause_campaign"}:
        topic = "campaign_performance"
    if topic == "campaign_performance" and not campaign:
        topic = "list_campaigns"
    if topic == "campaign_performance":
        arguments = {"campaign": campaign}
    elif topic == "rankings" and (keyword := slots.keyword_of(clause)):
        arguments = {"keyword": keyword}
    elif topic == "content_performance" and (content := slots.named_content_of(clause)):
        arguments = {"content": content}
    topic = {"person": PERSON, "help": ABILITIES}.get(topic, topic)
    if topic in {PERSON, ABILITIES} or topic in READING:
        return Decision("call", (Call(topic, arguments),))
    return Decision("say", topic=topic)


def _fill(clause: Clause, pending: Pending, mood: str, choices: Sequence[str]) -> Decision | None:
    """Complete an earlier question with this clause when it answers it."""
    if pending.missing in NAMES and (name := chosen(clause.text.strip(" \"'"), choices)):
        return _settle(pending.tool, {pending.missing: name, **pending.arguments}, "", sure=True)
    if pending.missing == "yes":
        said_yes = reading_topic(clause) == "yes"
        return _settle(pending.tool, pending.arguments, "", sure=True) if said_yes else None
    found = dict(pending.arguments)
    if pending.missing == "daily_budget":
        amount, why = slots.amount_of(clause)
        if not amount:
            asked_again = bool(find_amounts(clause.text)) and mood in PLAIN
            return _settle(pending.tool, found, why, sure=True) if asked_again else None
        found["daily_budget"] = str(amount.value)
        found |= {"currency": amount.currency} if amount.currency else {}
    elif mood == "question":
        return None
    else:
        value = _answer(clause, pending)
        if not value:
            return None
        found |= value
    return _settle(pending.tool, found, "", sure=mood in PLAIN)


def _answer(clause: Clause, pending: Pending) -> dict[str, str]:
    """Return the missing argument as a short answer gives it."""
    whole = clause.own_quotes[0] if clause.own_quotes else clause.text.strip(" .!\"'")
    match pending.missing:
        case "campaign":
            name = slots.campaign_of(clause)
            return {"campaign": name} if name and len(name.split()) <= 6 else {}
        case "page":
            page = slots.page_of(clause) or (whole if len(whole.split()) <= 8 else "")
            return {"page": page} if page else {}
        case "wording":
            named = slots.meta_of(clause)
            field = pending.arguments.get("field", "")
            return named or ({field: whole} if field else {})
        case "audience":
            return {"audience": slots.message_of(clause).get("audience", whole)}
        case _:
            return {pending.missing: whole}


def _step(clause: Clause, spoiled: str | None, memory: Memory) -> Decision:
    """Decide one clause in the light of the earlier ones."""
    mood: str = spoiled or stance.stance_of(clause)
    tool = acting_topic(clause)
    if mood in {"attack", "retract"}:
        return Decision("say", topic="refuse" if mood == "attack" else "left_alone")
    if tool == "decide" or tool == "resume":
        return Decision("say", topic=tool)
    free_text = memory.pending is not None and memory.pending.missing in FREE_TEXT
    is_free = memory.pending is None or memory.pending.tool == PERSON
    if mood not in {"negated", "later"} and is_free and (calls := asked_for(clause)):
        return Decision("call", calls)
    if memory.pending and (tool is None or free_text) and mood != "negated":
        filled = _fill(clause, memory.pending, mood, memory.choices)
        if filled:
            return filled
    if tool in ACTING and tool is not None:
        return _command(tool, clause, mood, memory)
    if mood == "negated" and memory.pending and not clause.bare.endswith("?"):
        return Decision("say", topic="left_alone")
    return _look(clause)


def _command(tool: str, clause: Clause, mood: str, memory: Memory) -> Decision:
    """Decide a clause that names an acting tool.

    Only a plain command may become a call.
    """
    found, why = _slots(tool, clause, memory)
    if mood == "negated":
        return Decision("say", topic="left_alone")
    if mood == "command":
        return _settle(tool, found, why, sure=True)
    if mood == "question" and _FACT_QUESTION.match(clause.bare):
        return _look(clause, about=tool)
    if _HOW_TO.match(clause.bare):
        return Decision("call", (Call(ABILITIES),))
    # A question or doubt about a command: complete ones ask for a clear yes, others say how.
    if mood == "later" or not _lacks(tool, found):
        decision = _settle(tool, found, why, sure=False)
        return replace(decision, topic=mood)
    campaign = found.get("campaign", "")
    if campaign and mood == "question":
        return Decision("call", (Call("campaign_performance", {"campaign": campaign}),), "advice")
    return Decision("say", topic="advice")


def decide_message(text: str, memory: Memory) -> tuple[list[Decision], Memory]:
    """Decide every clause of one message.

    One doubtful clause blocks the commands of all.
    """
    if stance.is_attack(text):
        return [Decision("say", topic="refuse")], Memory(None, memory.campaign)
    clauses = read(text)
    writes_freely = memory.pending is not None and memory.pending.missing in FREE_TEXT
    language = "" if writes_freely else foreign_language(" ".join(clause.text for clause in clauses))
    if language:
        if memory.unspoken:  # the person goes on in it: bring in a colleague
            decision = Decision("call", (Call(PERSON, {"reason": "language"}),), f"handing:{language}")
        else:
            decision = Decision("say", topic=f"foreign:{language}")
        return [decision], Memory(None, memory.campaign)
    spoiled = next((found for c in clauses if (found := stance.hazard(c))), None)
    if any(acting_topic(clause) in NEVER for clause in clauses):
        spoiled = spoiled or "doubt"
    decisions = []
    for clause in clauses:
        decision = _step(clause, spoiled, memory)
        # What the next message may refer to.
        campaign = memory.campaign
        for call in decision.calls:
            campaign = call.arguments.get("campaign", campaign)
        if decision.pending:
            campaign = decision.pending.arguments.get("campaign", campaign)
        keeps = decision.kind == "call" and not any(call.acting for call in decision.calls)
        pending = decision.pending or (memory.pending if keeps else None)
        memory = Memory(pending, campaign, memory.choices)
        decisions.append(decision)
    return decisions, memory


def _after_reply(memory: Memory, text: str, block: Sequence[Decision]) -> Memory:
    """Keep an earlier question open only if it was the last thing we said."""
    memory = replace(memory, choices=(), unspoken=ONLY_ENGLISH in text)
    if WHICH in text or IS_IT in text:
        # Our answer asked about the name of one of these calls: the next message completes it.
        calls = [call for decision in block for call in decision.calls]
        named = [(call, REQUIRED[call.tool][0]) for call in calls if REQUIRED.get(call.tool)]
        quoted = [(call, name) for call, name in named if f"“{call.arguments.get(name)}”".casefold() in text.casefold()]
        for call, name in quoted or (named if len(named) == 1 else []):
            rest = {key: value for key, value in call.arguments.items() if key != name}
            return replace(memory, pending=Pending(call.tool, rest, name), choices=offered_in(text))
    if PERSON_OFFER in text:
        return replace(memory, pending=Pending(PERSON, {}, "yes"))
    campaign, folded = memory.campaign.casefold(), text.casefold()
    if SENT_BACK in text and campaign and campaign in folded and "daily budget" in folded:
        # The daily budget of this campaign was sent back: an amount is the new one.
        return replace(memory, pending=Pending("set_campaign_budget", {"campaign": memory.campaign}, "daily_budget"))
    wording = ask(memory.pending) if memory.pending else ""
    return memory if wording and wording in text else replace(memory, pending=None)


def decide(lines: Sequence[tuple[str, str]]) -> list[Decision]:
    """Decide the person's lines since our last answer.

    `lines` are (role, text) in order, role "user" or "assistant".
    """
    memory = Memory()
    block: list[Decision] = []
    fresh = True
    for role, text in lines:
        if role != "user":
            memory = _after_reply(memory, text, block)
            fresh = True
            continue
        block = [] if fresh else block
        fresh = False
        decisions, memory = decide_message(text, memory)
        if any(d.topic == "left_alone" for d in decisions):
            block = []
        block += decisions
    # Drop questions that the same burst answered, repeated calls, and small talk beside substance.
    # A message may hold thousands of sentences, so no sentence is compared with all the others.
    topics = {decision.topic for decision in block}
    last = max((index for index, d in enumerate(block) if d.calls or d.pending), default=-1)
    kept: dict[str, Decision] = {}
    for index, decision in enumerate(block):
        if decision.kind == "ask" and index < last:
            continue
        small = decision.kind == "say" and decision.topic in SMALL_TALK
        if not (small and topics - {decision.topic}):
            kept.setdefault(repr(decision), decision)
    return list(kept.values()) or list(block[:1])
