"""Whether the requests of a conversation show what a sentence claims (pure).

Each telling word of the claim has to be one of the request's kind, for what was done and to what, or of its target. If
the sentence names no target, there has to be exactly one such request. So words that nobody foresaw prove nothing.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.answering.guardrails import sentences
from agents.answering.guardrails.claims import reads
from core.text.languages import FUNCTION_WORDS
from hitl.actions import registry as kinds
from hitl.actions.base import ClaimWords

_WORD: Final = re.compile(r"/?[^\W_](?:[\w.@/-]*\w)?(?:['’]\w+)?|[,;:.()“”\"]")
_REFERENCE: Final = re.compile(r"\bBR[-\s]?\d+\b", re.IGNORECASE)
_MARKS: Final = re.compile(r"[\W_]+")
_PARTS: Final = re.compile(r"[,;:]\s*|\s+(?=(?:and|und|et|y)\s)", re.IGNORECASE)
_GREETING: Final = re.compile(
    r"^\W*(?:thanks|hi|hello|hey|dear|danke|hallo|liebe|lieber|merci|bonjour|gracias|hola)(?:\s+\w+)?\s*[,!]\s*",
    re.IGNORECASE,
)
_APPROVED: Final = re.compile(
    r"\b(?:approv|authori[sz]|sign(?:ed)? off|grant|genehmig|freigegeb|approuv|aprob|aprovad|goedgekeur)", re.IGNORECASE
)
_REJECTED: Final = re.compile(r"\b(?:reject|declin|abgelehn|rejet|refus|rechaz)", re.IGNORECASE)
_REQUESTED: Final = re.compile(
    r"\b(?:requested|submitted|asked for|beantragt|eingereicht|demandé|soumis|solicitado)\b", re.IGNORECASE
)
_QUANTIFIERS: Final = frozenset(
    "all both each every alle beide jede tous toutes todos todas tutti tutte beiden".split()
)
_SMALL: Final = FUNCTION_WORDS | frozenset(
    # Determiners, pronouns and adverbs of the other languages, what any request may be called, and courtesies.
    "der die das den dem des ein eine einen einer ihr ihre ihren ihrer ihrem mein meine dein deine sie es er ich wir "
    "habe haben jetzt nun schon bereits soeben gerade wie gewünscht für auf um von im am zum zur und wurde wurden ist "
    "sind le la les l' une un des du de votre vos mon ma mes cette ce ces il elle j'ai ai bien déjà été a et "
    "el los las una unos su sus mi mis esta este ha han sido ya se lo y al del fue está están "
    "ils elles cela ça isso dit dies dieses gli i uno questa questo sua suo è sono stata stato stati state già "
    "o os as um uma seu foi foram já het een uw mijn deze zijn werd werden "
    "request requests change changes anfrage änderung demande solicitud richiesta solicitação aanvraag everything "
    "already just successfully finally fully total amount back one done too new daily everyone nothing today yesterday "
    "noon earlier after before since so because when as executed applied approved "
    "authorised authorized granted rejected declined signed "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december montag dienstag mittwoch donnerstag freitag samstag sonntag "
    "news sure thing great perfect course certainly absolutely alright problem waiting patience however update "
    "meanwhile result status note effective gute nachricht gerne natürlich klar super bonne nouvelle sûr parfait "
    "buenas noticias claro perfecto certo certamente perfetto buone notizie natuurlijk checking wunsch según "
    "colleague colleagues manager approver team rule kollege kollegin collègue compañero genehmigt "
    "freigegeben abgelehnt approuvé approuvée aprobado aprobada rechazado rechazada erledigt fait hecho effect".split()
)
EXECUTED: Final = frozenset({"executed"})
APPROVED: Final = frozenset({"approved", "executing", "unknown", "executed", "failed"})
REJECTED: Final = frozenset({"rejected"})


@dataclass(frozen=True)
class Request:
    """A request as far as it proves anything; `words` are those by which its target is called, None if unknown."""

    reference: str
    state: str
    kind: str = ""
    words: frozenset[str] | None = None
    is_own: bool = True


def target_words(*texts: str) -> frozenset[str]:
    """Return the words by which a text may call what a request is about: those of its headline and its subject."""
    return frozenset(part for text in texts for word in _words(text) for part in (word, *_MARKS.split(word)))


def telling_words(said: str) -> list[str]:
    """Return the words of a sentence that say what was done, and to what."""
    return [word for run in _runs(sentences.ASIDE.sub(" ", _GREETING.sub("", said))) for word in run]


def is_shown(said: str, named: Collection[str], requests: Iterable[Request]) -> bool:
    """Return True if requests show what a sentence claims: those that it names by reference, else the own ones."""
    wanted = REJECTED if _REJECTED.search(said) else APPROVED if _APPROVED.search(said) else EXECUTED
    known = {each.reference: each for each in requests}
    if named:
        found = [known[reference] for reference in named if reference in known]
        if len(found) < len(named) or any(each.state not in wanted for each in found):
            return False
        if any(not _words_of(each.kind).verbs for each in found):
            return wanted == EXECUTED or is_told(said, found)
        return is_told(said, found, is_named=True)
    own = [each for each in known.values() if each.is_own]
    if own and _REQUESTED.search(said) and not reads(_REQUESTED.sub(" ", sentences.ASIDE.sub(" ", said)))[0]:
        return True  # it only claims that something was requested
    return is_told(said, [each for each in own if each.state in wanted])


def is_told(said: str, requests: Sequence[Request], *, is_named: bool = False) -> bool:
    """Return True if each telling word of a sentence is one of these requests'."""
    if not requests:
        return False
    every = [_words_of(key).verbs for key in kinds.keys()]  # noqa: SIM118  (a registry, not a dict)
    plain = sentences.ASIDE.sub(" ", _GREETING.sub("", _REFERENCE.sub(" ", said)))
    parts: list[str] = []

    def has_verb_in(text: str) -> bool:
        return any(_begins(piece, each) for word in _words(text) for piece in _pieces(word) for each in every)

    for part in _PARTS.split(plain):
        has_verb = has_verb_in(part)
        if parts and has_verb and has_verb_in(parts[-1]):
            parts.append(part)
        elif has_verb or not sentences.OPEN.search(part):
            parts[-1:] = [f"{parts[-1]} , {part}" if parts else part]
    return all(_is_part_told(part, requests, every, is_named=is_named) for part in parts)


def _is_part_told(
    part: str, requests: Sequence[Request], every: Sequence[Mapping[str, Sequence[str]]], *, is_named: bool
) -> bool:
    runs = _runs(part)
    pieces = {piece for run in runs for word in run for piece in _pieces(word)}
    verbs = [piece for piece in pieces if any(_begins(piece, each) for each in every)]
    for verb in verbs or [""]:
        fitting = [each for each in requests if not verb or _begins(verb, _words_of(each.kind).verbs)]
        fitting = [each for each in fitting if _words_of(each.kind).verbs]
        names = [[word for word in run if not {*_pieces(word)} <= {*verbs}] for run in runs]
        told = [_told_by(run, fitting) for run in names]
        if not fitting or not all(told):
            return False
        is_target = any("target" in each for each in told)
        if not (is_named or is_target or len(fitting) == 1) or (
            not _QUANTIFIERS.isdisjoint(_words(part)) and any(names)
        ):
            return False
    return True


def _told_by(run: Sequence[str], requests: Sequence[Request]) -> str:
    """Return by what a run of words is told: "thing" of the kinds, "target" of one request; "" if by nothing."""
    things = [_words_of(each.kind).things for each in requests]
    left = [word for word in run if not any(_begins(word, each) for each in things)]
    if not left:
        return "thing"
    is_of_one = any(each.words is not None and {*left} <= each.words for each in requests)
    return "target" if is_of_one else ""


def _runs(part: str) -> list[list[str]]:
    """Return the telling words of a part; those that stand side by side are one name."""
    tokens = [match[0] for match in _WORD.finditer(part)]
    runs: list[list[str]] = [[]]
    for place, token in enumerate(tokens):
        word = _plain(token)
        if _tells(tokens, place, part):
            runs[-1].append(word)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _tells(tokens: Sequence[str], place: int, part: str) -> bool:
    token = tokens[place]
    word = _plain(token)
    if not any(sign.isalnum() for sign in word) or word in _SMALL or word in _QUANTIFIERS:
        return False
    beside = [tokens[at] for at in (place - 1, place + 1) if 0 <= at < len(tokens)]
    if re.fullmatch(r"\d[\d.,]*", word):  # "the order 1042", but not "the budget 900 EUR" or "to 900"
        is_amount = any(len(each) == 3 and each.isupper() for each in beside)
        before = _plain(tokens[place - 1]) if place else ""
        return f"#{token}" in part or not (is_amount or before in _SMALL)
    return not (len(token) == 3 and token.isupper() and any(each[0].isdigit() for each in beside))


def _words_of(key: str) -> ClaimWords:
    return (kinds.get(key).claim_words or ClaimWords()) if kinds.is_known(key) else ClaimWords()


def _begins(word: str, by_language: Mapping[str, Sequence[str]]) -> bool:
    """Return True if a word begins like one of these; a short one has to be the same."""
    return any(
        word == start or (len(start) > 3 and word.startswith(start))
        for starts in by_language.values()
        for start in starts
    )


def _words(text: str) -> list[str]:
    return [word for word in map(_plain, _WORD.findall(text)) if any(sign.isalnum() for sign in word)]


def _pieces(word: str) -> list[str]:
    return [piece for piece in _MARKS.split(word) if piece]


def _plain(word: str) -> str:
    return re.sub(r"['’](?:s|ve)?$", "", word.casefold()).strip("/")
