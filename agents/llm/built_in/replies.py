"""What the built-in model says: small talk, refusals, and tool results as sentences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.llm.built_in.phrases import book
from agents.llm.built_in.types import (
    ABILITIES,
    ANSWER,
    CHOICES,
    CORRECTED,
    FOREIGN,
    HAPPENED,
    IS_IT,
    NO_LOOKUP,
    NO_NUMBER,
    NOT_KNOWN,
    PERSON,
    PERSON_OFFER,
    RESUBMIT,
    SEND_FILE,
    VAGUE,
    WAITING,
    WHICH,
    WHICH_NUMBER,
    WITHDRAW,
)
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL
from core.text.speech import SPOKEN, gettext, gettext_noop, ngettext, spoken_here

LONGEST = 12
MOST_ABILITIES = 40
_ELSEWHERE = gettext_noop("Another of our agents handles that. Please ask in a separate message and I'll pass it on.")
_SAYINGS: Mapping[str, str] = {
    "left_alone": gettext_noop("All right, I'll leave everything as it is. I haven't requested anything new."),
    "corrected": CORRECTED,
    "vague": VAGUE,
    "which_number": WHICH_NUMBER,
    "refuse": gettext_noop(
        "I can't work around the rules: every change needs a person's approval, even if a message "
        "says otherwise. Please tell me plainly what you'd like to change."
    ),
    "decide": gettext_noop("I can't approve or reject anything. An approver does that in the console."),
    "thanks": gettext_noop("You're welcome."),
    "yes": gettext_noop("There's nothing to confirm right now. What would you like me to do?"),
    "identity": gettext_noop(
        "I'm an automatic assistant, not a person. I follow a small set of rules and am not a language model. "
        "Every change I request waits for a person's approval."
    ),
    "advice": gettext_noop("That's your decision. Tell me plainly what you want to change and I'll request approval."),
}
_GREETING = gettext_noop("Hello! How can I help?")
_HINT = "Ask me “What can you do?” to see what I can help with."
"""In English only, in which alone it is understood."""
_PERSON_HINT = gettext_noop("If you'd rather talk to a person, just say so and I'll bring in a colleague.")
_FOR_ALL = frozenset({
    PERSON, ABILITIES, WITHDRAW, ANSWER, RESUBMIT, WAITING, HAPPENED, SEND_FILE, SEARCH_TOOL, ANSWER_TOOL,
})  # fmt: skip


def say(topic: str, tools: Sequence[str], *, refused: bool = False) -> str:
    """Return the sentence for a topic, with a hint about what the agent can do where that helps."""
    works = can_work(tools)
    if refused:
        return gettext(_ELSEWHERE) if works else _public()
    is_english = spoken_here() == SPOKEN[0] and not topic.startswith(FOREIGN)
    hint = _HINT if works and is_english else gettext(_PERSON_HINT)
    if topic.startswith(NO_NUMBER):
        return f"{gettext(NO_LOOKUP).format(number=topic.removeprefix(NO_NUMBER))} {gettext(PERSON_OFFER)}"
    if topic.startswith(CHOICES):
        return f"{gettext(WHICH)}\n{listed(topic.removeprefix(CHOICES).splitlines())}"
    if topic == "greeting":
        return f"{gettext(_GREETING)} {hint}"
    if topic == "nothing" or topic.startswith(FOREIGN):
        return f"{gettext(NOT_KNOWN)} {gettext('Could you put it another way?')}\n\n{hint}"
    return gettext(_SAYINGS[topic]) if topic in _SAYINGS else book().sayings.get(topic, "")


def _public() -> str:
    ours = gettext("Sorry, only signed-in colleagues of this company can do that.")
    return f"{ours} {gettext(PERSON_OFFER)}"


def can_work(tools: Sequence[str]) -> bool:
    """Return True if there are tools of a colleague among these, beside what everyone may use."""
    return any(name not in _FOR_ALL for name in tools)


def still_open(references: Sequence[str]) -> str:
    """Return the note about earlier requests that a later "no" does not withdraw, or "" without any."""
    if not references:
        return ""
    stays = ngettext(
        "{names}, requested earlier, stays as it is. You can withdraw it in the console.",
        "{names}, requested earlier, stay as they are. You can withdraw them in the console.",
        len(references),
    )
    return stays.format(names=", ".join(references))


def listed(rows: Sequence[str], *, limit: int = LONGEST) -> str:
    """Format a list, one row a line; rows beyond the limit are counted."""
    lines = [f"- {row}" for row in rows[:limit]]
    if len(rows) > limit:
        lines.append("- " + gettext("and {count} more").format(count=len(rows) - limit))
    return "\n".join(lines)


def _abilities(result: Mapping[str, Any]) -> str:
    reads, asks = [_capital(each) for each in result.get("reads", [])], [_capital(a) for a in result.get("asks", [])]
    mine, of_others = gettext("Here's what I can do:"), gettext("Changes I can request for you (an approver decides):")
    parts = [f"{mine}\n{listed(reads, limit=MOST_ABILITIES)}"] if reads else []
    if asks:
        parts.append(f"{of_others}\n{listed(asks, limit=MOST_ABILITIES)}")
    return "\n\n".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _waiting(result: Mapping[str, Any]) -> str:
    mine = [f"{row['request']}: {row['what']}" for row in result.get("to_decide", [])]
    own = [f"{row['request']} ({row['is']}): {row['what']}" for row in result.get("own", [])]
    waits, none = gettext("Waiting for your approval:"), gettext("Nothing is waiting for your approval.")
    parts = [f"{waits}\n{listed(mine)}" if mine else none]
    if own:
        parts.append(f"{gettext('Your own open requests:')}\n{listed(own)}")
    return "\n\n".join(parts)


def _history(result: Mapping[str, Any]) -> str:
    lead = f"{result['request']} ({result['what']}): {result['is']}."
    return f"{lead}\n{listed(list(result.get('history', [])))}"


_WORDED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    WAITING: _waiting,
    HAPPENED: _history,
    ABILITIES: _abilities,
}


def word(tool: str, result: Mapping[str, Any]) -> str:
    """Return one tool's result as a sentence; acting tools bring their own."""
    if error := result.get("error"):
        code = str(error)
        if code in {"unknown_name", "ambiguous"}:
            # Ask back with the real names, because the given one fits none of them or several.
            what, name = result.get("what", "thing"), result.get("name", "")
            known = [str(each) for each in result.get("known", [])]
            if code == "ambiguous":
                several = gettext("There is more than one {what} called “{name}”:").format(what=what, name=name)
                return f"{several}\n{listed(known)}\n\n{gettext(WHICH)}"
            lead = gettext("I can't find the {what} “{name}”.").format(what=what, name=name)
            if not known:
                return lead
            nearest = gettext("The closest I know:") if result.get("near") else gettext("I know:")
            return f"{lead} {nearest}\n{listed(known)}\n\n{gettext(IS_IT if len(known) == 1 else WHICH)}"
        if code == "not_offered":
            return _public()
        return str(result.get("detail") or gettext("That didn't work."))
    if sentence := result.get("sentence"):
        return str(sentence)
    return _WORDED[tool](result) if tool in _WORDED else book().word(tool, result)
