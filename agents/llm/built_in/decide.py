"""Turn the lines of a conversation into decisions: call tools, ask back, or say something."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agents.llm.built_in import stance
from agents.llm.built_in.amounts import find_amounts
from agents.llm.built_in.intents import acting_topic, reading_topic, wants_person
from agents.llm.built_in.phrases import book
from agents.llm.built_in.questions import ask
from agents.llm.built_in.talk import corrected
from agents.llm.built_in.text import Clause, read
from agents.llm.built_in.types import (
    ABILITIES,
    FOREIGN,
    HAPPENED,
    IS_IT,
    PERSON,
    PERSON_OFFER,
    WAITING,
    WHICH,
    Call,
    Decision,
    Memory,
    Pending,
)
from agents.llm.ports import SENT_BACK
from core.text.languages import foreign_language
from core.text.speech import says

PLAIN = frozenset({"command", "said"})
SHORT_TALK = 6
"""Words up to which a message with a greeting or thanks is nothing else."""
SMALL_TALK = frozenset({"greeting", "thanks", "nothing", "yes"})
_PLACES = ("first", "second", "third", "fourth", "fifth")
_PLACE = (
    r"^(?:(?:the|number|no\.?|option|please|#)\s*)*(?P<place>first|second|third|fourth|fifth|[1-5](?:st|nd|rd|th)?)"
)
_YES = re.compile(r"^(?:yes|yep|yeah|sure|exactly|right|correct|that one|that's it|ok|okay)\b[\s\w,.!]{0,12}$")
_FACT_QUESTION = re.compile(
    r"(?:which|what|how many|how much|who|did|was|were|has|have|had|is (?!it\b)|are|why|when)\b"
)
_WAITING = re.compile(
    r"\b(?:what|anything|something|is there anything)\b.*\b(?:waiting|waits|pending|open)\b.*\b(?:me|my|mine)\b"
    r"|\bwhat (?:do i|must i|should i|needs my|need i)\b.*\b(?:approve|decide|approval|decision)\b"
    r"|\bmy (?:open|pending) (?:requests?|approvals?)\b|\bwhat'?s waiting\b"
)
_REFERENCE = re.compile(r"\bbr[- ]?(\d{1,18})\b", re.IGNORECASE)
_HAPPENED = re.compile(r"\b(?:happen\w*|became|status|state|history|going on|where is|how is|what about|news)\b")
_HOW_TO = re.compile(r"how (?:do|can|could|would|to)\b")


def offered_in(text: str) -> tuple[str, ...]:
    """Return the names listed in our answer. They stand one a line after a hyphen, without text after a long dash."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(line[2:].partition(" — ")[0].strip(" “”") for line in lines if line.startswith("- "))


def chosen(text: str, choices: Sequence[str]) -> str:
    """Return the offered name that the answer picks, or "" when it picks none or could mean several."""
    answer = " ".join(text.split()).casefold()
    things = "|".join(("one", *book().things, "please"))
    if place := re.match(rf"{_PLACE}(?:\s+(?:{things}))*[\s.!)]*$", answer):
        word = place["place"]
        number = int(word[0]) - 1 if word[0].isdigit() else _PLACES.index(word)
        return choices[number] if number < len(choices) else ""
    if len(choices) == 1 and _YES.match(answer):
        return choices[0]
    named = [choice for choice in choices if re.search(rf"(?<!\w){re.escape(choice.casefold())}(?!\w)", answer)]
    longest = max(named, key=len, default="")
    return longest if all(name.casefold() in longest.casefold() for name in named) else ""


def _settle(tool: str, found: Mapping[str, str], why: str, *, sure: bool) -> Decision:
    """Return a call for a complete and certain command; anything less asks back."""
    missing = _lacks(tool, found)
    if missing:
        reason = why if missing == book().amount and why else "missing"
        return Decision("ask", pending=Pending(tool, dict(found), missing, reason))
    if not sure:
        return Decision("ask", pending=Pending(tool, dict(found), "yes"))
    given = {name: value for name, value in found.items() if name not in book().asides}
    return Decision("call", (Call(tool, given, acting=tool in book().acting),))


def _lacks(tool: str, found: Mapping[str, str]) -> str:
    """Return the first required argument that is missing, or "" when the command is complete."""
    return book().lacks(tool, found) if tool in book().required else ""


def _look(clause: Clause, *, about: str = "") -> Decision:
    """Answer a question with a reading tool or with small talk."""
    topic, arguments = book().look(reading_topic(clause), clause, about=about)
    topic = {"person": PERSON, "help": ABILITIES}.get(topic, topic)
    if topic in {PERSON, ABILITIES} or topic in book().reading:
        return Decision("call", (Call(topic, arguments),))
    return Decision("say", topic=topic)


def _fill(clause: Clause, pending: Pending, mood: str, choices: Sequence[str]) -> Decision | None:
    """Complete an earlier question with this clause when it answers it."""
    if pending.missing in book().names and (name := chosen(clause.text.strip(" \"'"), choices)):
        return _settle(pending.tool, {pending.missing: name, **pending.arguments}, "", sure=True)
    if pending.missing == "yes":
        said_yes = reading_topic(clause) == "yes"
        return _settle(pending.tool, pending.arguments, "", sure=True) if said_yes else None
    found = dict(pending.arguments)
    if pending.missing == book().amount:
        given, why = book().amount_in(clause)
        if not given:
            asked_again = bool(find_amounts(clause.text)) and mood in PLAIN
            return _settle(pending.tool, found, why, sure=True) if asked_again else None
        found |= given
    elif mood == "question":
        return None
    else:
        whole = clause.own_quotes[0] if clause.own_quotes else clause.text.strip(" .!\"'")
        value = book().answer(clause, pending, whole)
        if not value:
            return None
        found |= value
    return _settle(pending.tool, found, "", sure=mood in PLAIN)


def _never(tool: str | None) -> bool:
    return tool == "decide" or tool in book().never


def _step(clause: Clause, spoiled: str | None, memory: Memory) -> Decision:
    """Decide one clause in the light of the earlier ones."""
    mood: str = spoiled or stance.stance_of(clause)
    tool = acting_topic(clause)
    if mood in {"attack", "retract"}:
        return Decision("say", topic="refuse" if mood == "attack" else "left_alone")
    if tool is not None and _never(tool):
        return Decision("say", topic=tool)
    free_text = memory.pending is not None and memory.pending.missing in book().free_text
    is_free = memory.pending is None or memory.pending.tool == PERSON
    if mood not in {"negated", "later"} and is_free and (calls := asked_for(clause)):
        return Decision("call", calls)
    if memory.pending and (tool is None or free_text) and mood != "negated":
        filled = _fill(clause, memory.pending, mood, memory.choices)
        if filled:
            return filled
    if tool is not None and tool in book().acting:
        return _command(tool, clause, mood, memory)
    if mood == "negated" and memory.pending and not clause.bare.endswith("?"):
        return Decision("say", topic="left_alone")
    return _look(clause)


def _command(tool: str, clause: Clause, mood: str, memory: Memory) -> Decision:
    """Decide a clause that names an acting tool. Only a plain command may become a call."""
    found, why = book().arguments(tool, clause, memory)
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
    if mood == "question" and (helpful := book().advice(found)):
        return Decision("call", (helpful,), "advice")
    return Decision("say", topic="advice")


def decide_message(text: str, memory: Memory) -> tuple[list[Decision], Memory]:
    """Decide every clause of one message. One doubtful clause blocks the commands of all."""
    if stance.is_attack(text):
        return [Decision("say", topic="refuse")], Memory(None, memory.subject)
    clauses = read(text)
    writes_freely = memory.pending is not None and memory.pending.missing in book().free_text
    if not writes_freely and wants_person(text):
        return [Decision("call", (Call(PERSON),))], Memory(None, memory.subject)
    if language := "" if writes_freely else foreign_language(" ".join(clause.text for clause in clauses)):
        # The rules are English: nothing in another language is a command.
        return [Decision("say", topic=f"{FOREIGN}{language}")], Memory(None, memory.subject)
    spoiled = next((found for c in clauses if (found := stance.hazard(c))), None)
    if any(_never(acting_topic(clause)) for clause in clauses):
        spoiled = spoiled or "doubt"
    decisions = []
    for clause in clauses:
        decision = _step(clause, spoiled, memory)
        # What the next message may refer to.
        subject = memory.subject
        for call in decision.calls:
            subject = call.arguments.get(book().subject, subject)
        if decision.pending:
            subject = decision.pending.arguments.get(book().subject, subject)
        keeps = decision.kind == "call" and not any(call.acting for call in decision.calls)
        pending = decision.pending or (memory.pending if keeps else None)
        memory = Memory(pending, subject, memory.choices)
        decisions.append(decision)
    return decisions, memory


def _after_reply(memory: Memory, text: str, block: Sequence[Decision]) -> Memory:
    """Keep an earlier question open only if it was the last thing we said."""
    memory = replace(memory, choices=())
    if says(text, WHICH) or says(text, IS_IT):
        # Our answer asked about the name of one of these calls: the next message completes it.
        calls = [call for decision in block for call in decision.calls]
        required = book().required
        named = [(call, required[call.tool][0]) for call in calls if required.get(call.tool)]
        quoted = [(call, name) for call, name in named if f"“{call.arguments.get(name)}”".casefold() in text.casefold()]
        for call, name in quoted or (named if len(named) == 1 else []):
            rest = {key: value for key, value in call.arguments.items() if key != name}
            return replace(memory, pending=Pending(call.tool, rest, name), choices=offered_in(text))
    if says(text, PERSON_OFFER):
        return replace(memory, pending=Pending(PERSON, {}, "yes"))
    if says(text, SENT_BACK) and (again := book().returned(text, memory)):
        return replace(memory, pending=again)
    wording = ask(memory.pending) if memory.pending else ""
    return memory if wording and wording in text else replace(memory, pending=None)


def decide(lines: Sequence[tuple[str, str]]) -> list[Decision]:
    """Decide the person's lines since our last answer.

    `lines` are (role, text) in order, role "user" or "assistant".
    """
    memory = Memory()
    block: list[Decision] = []
    fresh, last = True, ""
    for role, said in lines:
        if role != "user":
            memory = _after_reply(memory, said, block)
            fresh = True
            continue
        text = corrected(last, said) or said
        is_corrected, last = text != said, text
        block = [] if fresh else block
        fresh = False
        decisions, memory = decide_message(text, memory)
        if is_corrected and any(call.acting for decision in decisions for call in decision.calls):
            decisions = [Decision("say", topic="corrected"), *decisions]
        if any(d.topic == "left_alone" for d in decisions):
            block = []
        block += decisions
    # Drop questions that the same burst answered, repeated calls, and small talk beside substance.
    # A message may hold thousands of sentences, so no sentence is compared with all the others.
    topics = {decision.topic for decision in block}
    deed = max((index for index, d in enumerate(block) if d.calls or d.pending), default=-1)
    kept: dict[str, Decision] = {}
    for index, decision in enumerate(block):
        if decision.kind == "ask" and index < deed:
            continue
        small = decision.kind == "say" and decision.topic in SMALL_TALK
        if not (small and topics - {decision.topic}):
            kept.setdefault(repr(decision), decision)
    # More than a greeting or thanks was said beside them, although no rule reads it.
    is_more = len(last.split()) > (SHORT_TALK if "?" not in last else SHORT_TALK // 2)
    unread = [decision for decision in block if decision.topic == "nothing"] if is_more else []
    return list(kept.values()) or unread[:1] or list(block[:1])


def asked_for(clause: Clause) -> tuple[Call, ...]:
    """Return the calls that answer a question about figures or requests; none for anything else."""
    if calls := book().writing(clause):
        return calls
    reference = _REFERENCE.search(clause.text)
    if reference and _HAPPENED.search(clause.bare):
        return (Call(HAPPENED, {"reference": f"BR-{reference[1]}"}),)
    if _WAITING.search(clause.bare):
        return (Call(WAITING),)
    return book().questions(clause)
