"""What a clause is about: the tool it asks for, or something agents cannot do."""

import re

from agents.llm.built_in.phrases import book
from agents.llm.built_in.text import Clause

_DECIDE = re.compile(r"\b(?:approve|approving|sign off|countersign|reject|decline)\b|\bsign (?:it|this|that|br)\b")
_PERSON = re.compile(
    r"\b(?:talk|speak|chat|connect|transfer|hand|escalate|get|need|want|give)\b.*\b(?:human|person|"
    r"agent|colleague|someone|somebody|staff|representative|support)\b|\breal person\b"
)
_IDENTITY = re.compile(
    r"\b(?:who|what) are you\b|\bare you (?:an? )?(?:bot|robot|human|ai|real|person|machine|gpt|"
    r"language model|llm|chatgpt|claude)\b|\bwhich model\b|\bwhat model\b|\byour name\b"
)
_HELP = re.compile(
    r"\b(?:help|what can you do|what do you do|how can you help|what are you able|capabilities|"
    r"how does this work|what else can you|options)\b"
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya|moin|yo)\b[^?]{0,24}$"
    r"|\bhow are you\b"
)
_THANKS = re.compile(r"^(?:thanks|thank you|cheers|great|perfect|cool|nice|awesome)\b[^?]{0,40}$")
_ONLY_THANKS = re.compile(r"^(?:(?:many|thanks|thank you|cheers|so much|very much|a lot|again|walker)\W*)+$")
_YES = re.compile(
    r"^(?:(?:yes|yep|yeah|yup|sure|ok|okay|correct|exactly|absolutely|please|go ahead|do it|do that|"
    r"do so|right|confirmed?|sounds good|let's do it|thanks|,|!)\W*)+$"
)


def acting_topic(clause: Clause) -> str | None:
    """Return the acting tool this clause would command, or "decide" or another that agents never do."""
    if _DECIDE.search(clause.bare):
        return "decide"
    return book().acting_topic(clause)


def reading_topic(clause: Clause) -> str:
    """Return what a clause without a command asks about, or small talk."""
    bare = clause.bare
    talk = [
        (_PERSON, "person"), (_IDENTITY, "identity"), (_ONLY_THANKS, "thanks"), (_YES, "yes"), (_GREETING, "greeting"),
    ]  # fmt: skip
    for pattern, topic in talk:
        if pattern.search(bare):
            return topic
    if asked := book().reading_topic(clause):
        return asked
    if _HELP.search(bare):
        return "help"
    return "thanks" if _THANKS.search(bare) else "nothing"
