"""Whether the executed requests of a conversation show that something was done, as a sentence claims it.

Only a request of a kind whose words the claim uses proves it, and only about the target that the sentence names. If it
names none, there has to be exactly one such request.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.text.languages import FUNCTION_WORDS
from hitl.actions import registry as kinds
from hitl.actions.base import ClaimWords

_WORD: Final = re.compile(r"/?[^\W_](?:[\w.@/-]*\w)?(?:['’]\w+)?")
_MARKS: Final = re.compile(r"[\W_]+")
_QUOTED: Final = re.compile(r"[“”„«»\"‘]([^“”„«»\"‘’]{1,200})[“”«»\"’]")
_AUXILIARY: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|been|got|wurden?|ist|sind|ont|ha|han|fue|fueron|foi|foram|sono|werd|werden|zijn)\b"
    r"|['’]s\b|\ba\s+été\b|\bestán?\b|\bè\b|\bé\b",
    re.IGNORECASE,
)
_ACTIVE: Final = re.compile(r"\b(?:i|we|ich|wir)\b|\bj['’]ai\b", re.IGNORECASE)
_PARTS: Final = re.compile(r"\s+(?:and|und|et|y)\s+", re.IGNORECASE)
_ENDS_OBJECT: Final = frozenset(
    "to from by because so when after before as since until with now today yesterday on at in per auf um von wie nach "
    "pour comme de a por como per come para".split()
)
_OWN_CLAUSE: Final = re.compile(
    r"\b(?:i|we|you|it|they|this|that|there|will|can|would|could|should|let|please|ich|wir|sie|es|wird|werden|kann|"
    r"j['’]|je|nous|vous|il|elle|on|le|usted|yo|io|lei|eu|você|ik|wij|u|zal|has|have|is|are|was|were)\b",
    re.IGNORECASE,
)
"""What stands in a clause of its own, and not in one more object of the verb before."""
_TAIL: Final = re.compile(r"(?<=\w)\s+(?:that|which|who|you|we|i)\b", re.IGNORECASE)
"""Where a clause about a word begins: "Winter Boots that you wanted"."""
ASIDE: Final = re.compile(
    r",?\s{0,3}\b(?:just\s+)?(?:as|like|per|wie|comme|como|come|conforme|según|zoals)\s+"
    r"(?:(?:you|we|your|per|i|lo|du|sie|wir|vous|il|u|je)\s+){0,3}(?:asked|requested|wanted|agreed|discussed|promised|"
    r"request|wish|gewünscht|besprochen|gebeten|vereinbart|demandé|convenu|souhaité|pedido|solicitado|acordado|"
    r"richiesto|concordato|combinado|gevraagd|afgesproken)\b,?",
    re.IGNORECASE,
)
"""What says nothing of a target: "as you asked"."""
_GREETINGS: Final = frozenset("thanks hi hello hey dear danke hallo liebe lieber merci bonjour gracias hola".split())
_COURTESY: Final = frozenset(
    "news sure thing great perfect course certainly absolutely alright problem waiting patience earlier however update "
    "meanwhile result status note effective gute nachricht gerne natürlich klar super bonne nouvelle bien sûr parfait "
    "buenas noticias claro perfecto certo certamente perfetto buone notizie natuurlijk".split()
)
"""With the small words, what a clause is made of that says nothing of a target: "Good news", "Of course"."""
_MOST: Final = 12
"""So many clauses are looked at before and after a claim: a long sentence takes no more time than its words."""
_GENERIC: Final = frozenset(("executed", "applied", "done"))
"""Words for what was done that say nothing of what it was."""
_QUANTIFIERS: Final = frozenset(
    "all both each every alle beide jede tous toutes todos todas tutti tutte alles beiden".split()
)
_SMALL: Final = FUNCTION_WORDS | frozenset(
    # Determiners, pronouns and adverbs of the other languages, and what any request may be called.
    "der die das den dem des ein eine einen einer ihr ihre ihren ihrer ihrem mein meine dein deine sie es er ich wir "
    "habe haben jetzt nun schon bereits soeben gerade wie gewünscht für auf um von im am zum zur und wurde wurden ist "
    "sind le la les l' un une des du de votre vos mon ma mes cette ce ces il elle j'ai ai bien déjà été a et "
    "el los las una unos su sus mi mis esta este ha han sido ya se lo y al del fue está están "
    "ils elles cela ça isso dit dies dieses il lo gli i uno questa questo sua suo è sono stata stato stati state già "
    "o os as um uma seu foi foram já het een uw mijn deze zijn al werd werden "
    "request requests change changes anfrage änderung demande solicitud richiesta solicitação aanvraag everything all "
    "already just successfully finally fully total amount back each every one done too new daily everyone nothing "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december montag dienstag mittwoch donnerstag freitag samstag sonntag".split()
)
_THINGS: Final = frozenset(
    "order orders booking bookings refund refunds payment payments subscription subscriptions appointment appointments "
    "discount discounts newsletter newsletters message messages invoice invoices account accounts contract contracts "
    "bestellung buchung zahlung termin rechnung konto vertrag commande réservation paiement facture compte contrat "
    "pedido reserva pago factura cuenta ordine prenotazione pagamento fattura conto reserva pagamento fatura conta "
    "bestelling boeking betaling factuur rekening".split()
)
"""What is no target of a kind unless the kind says so."""
_NO_WORDS: Final = ClaimWords()
Executed = Sequence[tuple[str, frozenset[str] | None]]
"""The kind of each executed request, and the words by which its target is called; None if they are not known."""


def target_words(*texts: str) -> frozenset[str]:
    """Return the words by which a text may call what a request is about: those of its headline and its subject."""
    return frozenset(part for text in texts for word in _words(text) for part in (word, *_MARKS.split(word)))


def in_sentence(clauses: Sequence[str], place: int) -> str:
    """Return a claim with the clauses around it that may name its target; "" if there are too many of them.

    These are the ones without a verb; before a claim without a subject, or with a pronoun, all back to a subject.
    """
    said, first, end = clauses[place].strip(), max(place - _MOST, 0), place + 1 + _MOST
    verb = _AUXILIARY.search(said)
    needs_subject = verb is not None and not _ACTIVE.search(said[: verb.end()]) and not _subject(said)
    for clause in reversed(clauses[first:place]):
        if not needs_subject and _has_verb(clause):
            break
        said = said if _is_courtesy(clause) else f"{clause.strip()}, {said}"
        if needs_subject and _subject(clause):
            break
    else:
        said = "" if first else said
    for clause in clauses[place + 1 : end]:
        if _has_verb(clause):
            return said
        said = said if not said or _is_courtesy(clause) else f"{said} and {clause.strip()}"
    return said if end >= len(clauses) else ""


def _has_verb(clause: str) -> bool:
    """Return True if a clause stands for itself, apart from what is said in it about a word."""
    said = _TAIL.split(clause, maxsplit=1)[0]
    return (_OWN_CLAUSE.search(said) or _AUXILIARY.search(said)) is not None


def _is_courtesy(clause: str) -> bool:
    words = _words(clause)
    return all(word in _SMALL or word in _COURTESY for word in words) or (len(words) < 3 and words[0] in _GREETINGS)


def is_done(clause: str, executed: Executed, *, general: Iterable[str]) -> bool:
    """Return True if executed requests show what a clause claims to be done.

    `general` are the words in it by which it claims that; what none of the kinds calls so is shown by nothing.
    """
    if not executed:
        return False
    parts = _parts_with_verbs(clause, frozenset(general))
    return all(_is_shown(part, verb, executed) for part, verbs in parts for verb in (set(verbs) or [""]))


def is_of_kind(clause: str, found: Iterable[str], *, general: Iterable[str]) -> bool:
    """Return True if a clause claims nothing that a named request of these kinds is not about.

    A kind without words proves what its reference is named with.
    """
    worded = [words for key in found if (words := _words_of(key)).verbs]
    if not worded:
        return True
    verbs = _verbs(clause, frozenset(general))
    return all(any(_begins(verb, words.verbs) for words in worded) for verb in verbs)


def _is_shown(part: str, verb: str, executed: Executed) -> bool:
    """Return True if exactly one executed request is claimed, or one of the named target."""
    fitting = [(key, words) for key, words in executed if _fits(key, part, verb)]
    if not fitting:
        return False
    open_names = [_names(part, verb, _words_of(key)) for key, _ in fitting]
    if not any(open_names):
        return len(fitting) == 1
    return any(words is not None and names <= words for (_, words), names in zip(fitting, open_names, strict=True))


def _fits(key: str, part: str, verb: str) -> bool:
    """Return True if a kind is done by this verb, and to all the things that the part of the sentence names."""
    words = _words_of(key)
    if not words.verbs or (verb and not _begins(verb, words.verbs)):
        return False
    things = [word for word in _words(part) if _is_thing(word)]
    return all(_begins(word, words.things) for word in things)


def _parts_with_verbs(clause: str, general: frozenset[str]) -> list[tuple[str, list[str]]]:
    """Return the parts of a clause that are joined by "and", each with its verbs; one without goes with the next.

    After the last verb it is one more object of that verb: "paused Summer Sale and Winter Boots" are two parts.
    """
    found: list[tuple[str, list[str]]] = []
    waiting: list[str] = []
    for part in _PARTS.split(clause):
        waiting.append(part)
        if verbs := _verbs(part, general):
            found.append((" ".join(waiting).strip(), verbs))
            waiting = []
    if not found:
        return [(clause, [])]
    part, verbs = found[-1]
    verbs_end = part.casefold().rfind(verbs[-1]) + len(verbs[-1])
    objects = [more for more in waiting if not _has_verb(more)]
    return [*found, *((f"{part[:verbs_end]} {more}", verbs) for more in objects)]


def _verbs(part: str, general: frozenset[str]) -> list[str]:
    """Return the words by which a part claims that something was done, without those that fit anything."""
    every = [_words_of(key).verbs for key in kinds.keys()]  # noqa: SIM118  (a registry, not a dict)
    pieces = [piece for word in _words(part) for piece in _MARKS.split(word)]
    said = [word for word in pieces if word in general or any(_begins(word, each) for each in every)]
    return [word for word in said if word not in _GENERIC]


def _names(part: str, verb: str, words: ClaimWords) -> frozenset[str]:
    """Return the words of a part that name a target, without those for things of the kind."""
    quoted = {word for match in _QUOTED.finditer(part) for word in _words(match[1])}
    is_german = re.search(r"\b(?:wurden?|ist|sind|habe|haben)\b", part, re.IGNORECASE) is not None
    tokens = [(match[0], match.start()) for match in _WORD.finditer(part)]
    capital = [
        place
        for place, (token, _) in enumerate(tokens)
        if token[0].isupper() and place and _plain(token) not in _SMALL and not _is_currency(tokens, place)
    ]
    if is_german:  # where every noun is capitalised, only names of several words stand out
        capital = [place for place in capital if place - 1 in capital or place + 1 in capital]
    marked = {_plain(tokens[place][0]) for place in capital}
    coded = {_plain(token) for token, _ in tokens if re.search(r"[/_@]|\d-|-\d|[^\W\d]\d", token)}
    slots = {*_subject(part), *(_plain(token) for token in _object(part, verb))}
    numbers = {  # "the order 1042", but not "the budget 900 EUR"
        _plain(token)
        for place, (token, start) in enumerate(tokens)
        if token.isdigit() and (part[:start].endswith("#") or (place and _is_thing(_plain(tokens[place - 1][0]))))
        if not (place + 1 < len(tokens) and _is_currency(tokens, place + 1))
    }
    found = {name for name in quoted | marked | slots if name not in _SMALL and not name[0].isdigit()} | coded | numbers
    many = {word for word in _words(part) if word in _QUANTIFIERS and any(map(_is_thing, _words(part)))}
    said = frozenset((verb,))
    known = {word for word in found if _begins(word, words.things) or {*_MARKS.split(word)} <= {*_verbs(word, said)}}
    return frozenset((found - known) | many)


def _subject(part: str) -> list[str]:
    """Return what stands before the first auxiliary verb: what was changed, in a sentence in the passive."""
    found = _AUXILIARY.search(part)
    subject: list[str] = []
    for clause in part[: found.start()].split(",") if found else ():
        words = _words(_TAIL.split(clause, maxsplit=1)[0])
        if words and words[0] not in _ENDS_OBJECT and not _ACTIVE.search(clause):
            subject += [word for word in words if word not in _SMALL]
    return subject


def _object(part: str, verb: str) -> list[str]:
    """Return what stands after the verb in a sentence about what "I" have done, up to the next preposition."""
    active = _ACTIVE.search(part)
    place = part.casefold().find(verb, active.end()) if active and verb else -1
    if place < 0:
        return []
    words = _WORD.findall(part[place + len(verb) :])
    end = next((at for at, word in enumerate(words) if word.casefold() in _ENDS_OBJECT), len(words))
    return words[:end]


def _is_currency(tokens: Sequence[tuple[str, int]], place: int) -> bool:
    token = tokens[place][0]
    beside = [tokens[at][0] for at in (place - 1, place + 1) if 0 <= at < len(tokens)]
    return len(token) == 3 and token.isupper() and any(word[0].isdigit() for word in beside)


def _is_thing(word: str) -> bool:
    """Return True if any kind, or any sentence about a change, calls what it changes by this word."""
    every = (_words_of(key).things for key in kinds.keys())  # noqa: SIM118  (a registry, not a dict)
    return word in _THINGS or any(_begins(word, each) for each in every)


def _words_of(key: str) -> ClaimWords:
    return (kinds.get(key).claim_words or _NO_WORDS) if kinds.is_known(key) else _NO_WORDS


def _begins(word: str, by_language: Mapping[str, Sequence[str]]) -> bool:
    """Return True if a word begins like one of these; a short one has to be the same."""
    return any(
        word == start or (len(start) > 3 and word.startswith(start))
        for starts in by_language.values()
        for start in starts
    )


def _words(text: str) -> list[str]:
    return [_plain(word) for word in _WORD.findall(text)]


def _plain(word: str) -> str:
    return re.sub(r"['’]s$", "", word.casefold()).strip("/")
