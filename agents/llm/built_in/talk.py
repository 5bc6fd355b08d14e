"""What a message does with the talk before it: correct, take back, ask where something is, ask for "a bit more"."""

import re
from typing import Final

from core.text.words import placed_words

_DROPS: Final = re.compile(
    r"\b(?:leave (?:it|that|them|everything)\b.*|(?:keep|let) (?:it|that|them) (?:as|like|there|be|stand|stay)\b.*|"
    r"never ?mind|forget (?:it|that|about)|scratch that|changed? my mind|on second thoughts?|don t bother|"
    r"no need any ?more|"
    r"stays? (?:where|as|like) (?:it|they)|cancel (?:that|this)|hold off|drop it|rather not|scrap (?:that|it)|"
    r"ignore (?:that|it|my last)|strike that|(?:we|i)(?: will|ll)? (?:keep|leave|stick with|stay with) (?:it|"
    r"the|that|what|them|our|my)\b.*|"
    r"(?:no|oh|wait|stop|actually) (?:don t|do not)(?: (?:do|send|book|change|cancel|move|touch)(?: (?:it|"
    r"that|anything))?)?$|"
    r"don t (?:do|send|book|change|cancel|move|touch) (?:it|that|anything)\b.*|all stays|alles beim alten|"
    r"(?:wir|ich) (?:behalten?|bleiben?|lassen?) (?:es|das|den|die|dabei|bei|alles|doch)\b.*|streich\w* (?:das|es|wir)|"
    r"(?:stopp?|halt|nein|nee|ne) (?:doch )?nicht\b.*|nicht (?:absenden|abschicken|stornieren|andern|"
    r"losschicken)|quatsch|"
    r"on garde|on laisse|ne changez rien|no cambi\w+ nada|dejad?lo asi|"
    r"lass(?:t|en)? (?:es|das|sie|sie ihn|ihn|mal|gut|ihr)\b.*|(?:ne|nee|nein|ach|doch)\b.{0,12}\blass\w*|"
    r"doch nicht(?: mehr)?$|"
    r"bleibt? (?:\w+ )?(?:wo|wie|so|dabei|alles)\b|so lassen|stehen lassen|hat sich erledigt|vergiss|vergessen sie|"
    r"lieber (?:doch )?nicht|nicht mehr notig|brauch\w* (?:ich )?(?:es |das )?nicht mehr|"
    r"laissez (?:tomber|comme)|laisse tomber|finalement non|dejalo|dejelo|olvid[ae]lo|mejor no)\b"
)
_DENIED: Final = re.compile(r"\b(?:don t|do not|never|nicht|bitte nicht) (?:forget|drop|cancel|vergiss\w*|vergess\w*)")
_VALUE: Final = r"(?:€|\$|£)?\s?(\d{1,12}(?:[.,:]\d{1,6})?(?![\w:])|[^\W\d_]{2,20})"
_CORRECTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), new, old)
    for pattern, new, old in (
        (rf"\b(?:i meant|meant|make (?:it|that)|it'?s|sorry,?)\s+{_VALUE},?\s+not\s+{_VALUE}", 1, 2),
        (rf"\bnot\s+{_VALUE},?\s+(?:but|it'?s|i meant)\s+{_VALUE}", 2, 1),
        (rf"{_VALUE}\s+instead of\s+{_VALUE}", 1, 2),
        (rf"\b(?:ich )?(?:meinte|meine)\s+{_VALUE},?\s+(?:und )?nicht\s+{_VALUE}", 1, 2),
        (rf"\bnicht\s+{_VALUE},?\s+sondern\s+{_VALUE}", 2, 1),
        (rf"{_VALUE}\s+(?:statt|anstatt)\s+{_VALUE}", 1, 2),
        (r"(\d{1,12}(?:[.,:]\d{1,6})?),?\s+(?:not|nicht|pas|no)\s+(\d{1,12}(?:[.,:]\d{1,6})?)(?![\w:])", 1, 2),
    )
)
_CORRECTS_AT_ALL: Final = re.compile(
    r"\b(?:i meant|meant to say|wait no|no wait|oops|whoops|typo|my mistake|my bad|fat fingers|correction|"
    r"(?:wrong|other) (?:date|day|number|name|one|way round|box|button)|should (?:be|have been|read|say)|"
    r"supposed to be|"
    r"misread|mixed (?:it|them|that) up|got (?:it|that) wrong|"
    r"(?:ich )?meinte|gemeint|vertippt|vertan|verguckt|verlesen|verwechselt|verschrieben|tippfehler|korrektur|"
    r"sorry nein|"
    r"falsche[nrs]? (?:tag|datum|nummer|name|taste|zeile)|sollte (?:\w+ ){0,3}(?:heissen|sein)|"
    r"muss (?:\w+ ){0,3}heissen|"
    r"je voulais dire|queria decir|me equivoque)\b"
)
_A_BIT: Final = re.compile(
    r"\b(?:a (?:bit|little|touch|notch)|slightly|somewhat|(?:ein )?(?:bisschen|bissl|wenig)|bissel|"
    r"etwas|un peu|un poco)\b"
)
_MOVES: Final = re.compile(
    r"\b(?:up|down|higher|lower|raise|lower|increase|reduce|more|less|later|earlier|back|forward|move|push|bigger|"
    r"smaller|change|extend|hoher|niedriger|rauf|runter|hoch|erhoh\w*|senk\w*|mehr|weniger|spater|fruher|hinten|vorne|"
    r"schieb\w*|verschieb\w*|grosser|kleiner|ander[se]\w*|verlanger\w*|plus|moins|mas|menos)\b"
)
_OF_MINE: Final = re.compile(r"\b(?:my|our|mein\w*|unser\w*|mon|ma|mes|notre|mi|mis|nuestr\w)\b")
_WHERE: Final = re.compile(
    r"\b(?:where(?:\W?s| is| are)|status|track\w*|arriv\w*|when will|has (?:it|my)|wo (?:ist|bleibt|sind|steckt)|stand|"
    r"wann (?:kommt|ist)|angekommen|ou est|ou en est|donde esta)\b"
)
_NUMBER: Final = re.compile(r"(?<![\w•])#?[A-Z]{0,4}-?\d{4,}(?![\w•])")
TOLD: Final = 8
"""Words from which a message without a question tells something."""
_FIRST_PERSON: Final = re.compile(
    r"\b(?:i|im|ive|id|my|me|we|our|us|ich|mein\w*|mir|mich|wir|uns|unser\w*|je|j|mon|ma|mes|moi|nous|notre|"
    r"yo|mi|mis|me|"
    r"nosotros|nuestr\w+)\b"
)
_ASKS: Final = re.compile(
    r"(?:^|\. |\b(?:and|but|so|or|also|und|aber|oder|et|y) )(?:(?:hi|hello|hallo|hey|please|bitte) )*"
    r"(?:how|what\w*|when|where|which|who|why|is|are|do|does|did|can|could|will|would|should|may|am|has|have you|any|"
    r"wie\w*|was|wann|wo\w*|welche\w*|wer|warum|ob|kann\w*|konn\w*|gibt|gibts|habt|haben sie|ist|sind|darf|durf\w*|"
    r"muss\w*|brauch\w*|soll\w*|macht ihr|nehmt ihr|bietet|comment|combien|quand|ou|quel\w*|est ce|puis je|peut on|"
    r"como|cuant\w+|cuando|donde|cual\w*|puedo|hay|tienen)\b"
    r"|\b(?:know|wonder\w*|tell me|wissen|frage mich|sagen sie mir|savoir|saber|interested in|interessier\w*|"
    r"looking for|"
    r"suche\w*|i need|ich brauche|we need|wir brauchen|i want|i d like|we d like|we would like|i would like|"
    r"(?:ich|wir) (?:mochte\w*|wurde\w*|will|wollen))\b"
)
_PAUSE: Final = re.compile(r"[.!?,;:\n]+")
SHORT: Final = 12
"""Words of a message that may be too short to say what it is about."""


def _plain(text: str) -> str:
    return " ".join(word.text for word in placed_words(text[:600]))


def drops(text: str) -> bool:
    """Return True if a message takes back what is open: "leave it as it is"."""
    plain = _plain(text)
    if "?" in text or _DENIED.search(plain):
        return False
    return len(plain.split()) <= 2 * SHORT and _DROPS.search(plain) is not None


def correction_in(text: str) -> tuple[str, str]:
    """Return what is meant, and what was said instead; ("", "") for no correction of this form."""
    if "?" in text or len(text) > 200:
        return "", ""
    for pattern, new, old in _CORRECTS:
        if found := pattern.search(text):
            return found[new].rstrip(".,:"), found[old].rstrip(".,:")
    return "", ""


def corrected(before: str, text: str) -> str:
    """Return what somebody wrote before with what they correct in it now; "" where that corrects nothing of it."""
    new, old = correction_in(text)
    # Once, so that no message grows by being corrected again and again.
    found = re.sub(rf"(?<![\w.,:]){re.escape(old)}(?![\w.,:]?\w)", lambda _: new, before, count=1) if old else before
    return found if found != before else ""


def corrects(text: str) -> bool:
    """Return True if a message says that something before was meant otherwise."""
    return any(correction_in(text)) or ("?" not in text and _CORRECTS_AT_ALL.search(_plain(text)) is not None)


def is_vague(text: str) -> bool:
    """Return True if a message asks to move something by "a bit", and says neither what nor how far."""
    plain = _plain(text)
    words = plain.split()
    bit, moves = _A_BIT.search(plain), _MOVES.search(plain)
    return len(words) <= SHORT and bit is not None and moves is not None and not any(word.isdigit() for word in words)


def tells(text: str) -> bool:
    """Return True if a message tells what happened to somebody and asks nothing that could be looked up."""
    plain = _plain(text)
    sentences = ". ".join(filter(None, map(_plain, _PAUSE.split(text[:600]))))
    is_about_us = _FIRST_PERSON.search(plain) is not None
    return len(plain.split()) >= TOLD and is_about_us and "?" not in text and not _ASKS.search(sentences)


def number_in(text: str) -> str:
    """Return the number of an order, a booking or a contract that a message names, "" for none."""
    found = _NUMBER.search(text)
    return found[0] if found else ""


def asks_where(text: str) -> bool:
    """Return True if somebody asks where something of their own is."""
    plain = _plain(text)
    return _OF_MINE.search(plain) is not None and _WHERE.search(plain) is not None and len(plain.split()) <= SHORT
