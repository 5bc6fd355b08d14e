"""Names of people that nobody knows, suspected by what introduces them and by given names (pure)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from core.privacy.people.common_words import COMMON
from core.privacy.people.cues import BRANDS, CUES, LABELS, NOT_A_NAME, ORGANISATION, PARTICLES, SAINTS, THINGS, Cue
from core.privacy.people.given_names import FAMILY, GIVEN, GIVEN_OR_WORD
from core.text.words import Word, placed_words

MASK: Final = "•"
_MARKS: Final = frozenset((MASK, "@"))
_MOST_WORDS: Final = 5
_CUE_GAP: Final = re.compile(r"[ \t\u00a0.:,;!'’\-–—_*\"„“(/]*(?:\r?\n[ \t\u00a0\-–—_*]*){0,3}")
"""What may stand between a cue and the name."""
_NAME_GAP: Final = re.compile(r"[ \u00a0]{1,2}|[-‐'’]|\. ?|, ")
_ENDS: Final = re.compile(r"[ \t.!,)\U0001f300-\U0001faff☀-➿❤️️:;\-–]*(?:\r?\n|$)")
_LISTED: Final = re.compile(r",? (?:and|und|et|y|e|&|sowie) |, ")
_CLAUSE: Final = re.compile(r"[ ]?(?:[,!.:;?)\n–-]|$)")
_BEGINS: Final = re.compile(r"(?:^|\n)[ \t]*$")
_TEXT_ENDS: Final = re.compile(r"[\s.!]*\Z")
_SIGNS: Final = re.compile(r"(?:[.!?,)]\s*\n|\n[ \t]*\n)[ \t]*$")
_STOPS: Final = frozenset(".!?;:\n")
Span = tuple[int, int]


def find_names(text: str, words: Sequence[Word] | None = None) -> Iterator[Span]:
    """Yield where a text seems to name people, in order and apart. Linear in the text's length."""
    words = placed_words(text) if words is None else words
    reader = _Reader(text, words)
    covered, before, named = -1, "", -1
    is_plain = bool(words) and text[words[0].start].islower()
    for index, word in enumerate(words):
        may_begin = index > covered and (
            text[word.start].isupper() or before in CUES or (is_plain and word.text in _PLAIN_GIVEN)
        )
        before = word.text
        if not may_begin:
            continue
        read = reader.read(index, word, named)
        if read is not None:
            covered, is_name = read
            if is_name:
                named = covered
                yield word.start, words[covered].end


class _Reader:
    """Reads names in one text."""

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self._text, self._words = text, words

    def read(self, index: int, word: Word, named: int) -> tuple[int, bool] | None:
        """Return the last word of what begins here, and whether it is a name; None if nothing begins.

        `named` is the last word of the name before it: what is listed with a name is one, too.
        """
        is_capital = self._text[word.start].isupper()
        if is_capital and word.text in _NO_BEGIN and not self._is_elided(index):
            return None
        if not word.text.isalpha() or self._is_masked(word):
            return None
        cue = self._cue_before(index)
        if cue is None and named >= 0 and _LISTED.fullmatch(self._text, self._words[named].end, word.start):
            cue = Cue.SELF
        if not is_capital:
            last = self._read_plain(index, cue)
            return None if last is None else (last, True)
        if self._is_owner(word.text):
            return index, True
        last = self._read_run(index)
        if self._is_a_thing(index, last, cue):
            return last, False
        # A name may begin with the next word: "Mein Sohn Leon".
        return (last, True) if self._is_name(index, last, cue) else (index, False)

    def _is_name(self, first: int, last: int, cue: Cue | None) -> bool:
        parts = [word.text for word in self._words[first : last + 1]]
        if cue is Cue.SURE or cue is Cue.CAPITAL:
            return not (self._is_loud(first - 1) and self._is_loud(first)) or parts[0] in GIVEN
        if parts[0] in GIVEN and (len(parts) > 1 or parts[0] not in COMMON):
            return True
        if parts[0] in GIVEN_OR_WORD or parts[0] in GIVEN:
            is_whole = len(parts) > 1 and (parts[-1] in FAMILY or parts[-1] in GIVEN)
            return is_whole or (cue is not None and self._ends_clause(last))
        if len(parts) > 1 and parts[-1] in GIVEN and (parts[0] in FAMILY or self._is_loud(first)):
            return True
        if (
            self._text[self._words[first].end - 1] == "ª"
            or self._has_initials(first, last)
            or self._is_signature(first, last)
        ):
            return True
        before = self._words[first - 1].text if first else ""
        if parts[0] in FAMILY and parts[0] not in COMMON and before in _NEAR:
            return True
        if cue is Cue.SELF:
            following = self._words[last + 1].text if last + 1 < len(self._words) else ""
            # In German "im" is no "I'm".
            return (len(parts) > 1 and before != "im") or (following in _FROM and before != "bin")
        if cue is Cue.GREETING:
            return self._ends_clause(last)
        if cue is Cue.END:
            return _ENDS.match(self._text, self._words[last].end) is not None and len(parts) <= 3
        return self._says_who_speaks(first, last)

    def _ends_clause(self, last: int) -> bool:
        return _CLAUSE.match(self._text, self._words[last].end) is not None

    def _is_loud(self, index: int) -> bool:
        """Return True for a word in capitals only."""
        word = self._words[index]
        return len(word.text) > 3 and self._text[word.start : word.end].isupper()

    def _cue_before(self, index: int) -> Cue | None:
        """Return what the words before a word ask of it."""
        if not index:
            return None
        before = self._words[index - 1]
        phrases = CUES.get(before.text)
        if phrases is None or not _CUE_GAP.fullmatch(self._text, before.end, self._words[index].start):
            return None
        gap = self._text[before.end : self._words[index].start]
        for length, cues in phrases.items():
            cue = cues.get(tuple(word.text for word in self._words[max(0, index - 1 - length) : index - 1]))
            if cue is not None:
                return cue if self._suits(cue, before, gap, length) else None
        return None

    def _suits(self, cue: Cue, before: Word, gap: str, length: int) -> bool:
        """Return True if what stands between a cue and a word leaves it a cue."""
        if cue is Cue.END:
            return "," in gap or "\n" in gap or "!" in gap or "-" in gap or "–" in gap
        if cue in (Cue.SELF, Cue.GREETING):
            return not _STOPS.intersection(gap) and "," not in gap
        if before.text in _SHORT_TITLES:
            return gap.startswith(". ") and self._text[before.start].isupper()
        if not length and before.text in LABELS:
            return ":" in gap or ("\n" in gap and before.text in _SIGNED)
        if before.text in _SURE_LABELS:
            return ":" in gap
        if before.text in _CLOSINGS:
            return True
        # A title with a full stop is one word; another full stop ends the sentence.
        return not ({"!", "?", ";", "\n"} & set(gap)) and (
            gap.strip() in ("", ",", ":", "-", "–", "'", '"') or len(before.text) <= 4
        )

    def _read_run(self, index: int) -> int:
        """Return the last word of a run of words with capitals, with particles within."""
        words, last, place, count = self._words, index, index + 1, 1
        while place < len(words) and count < _MOST_WORDS:
            gap = self._text[words[place - 1].end : words[place].start]
            if not _NAME_GAP.fullmatch(gap):
                break
            word = words[place]
            if gap[:1] == "." and len(words[place - 1].text) > 1 and words[place - 1].text not in _TITLES:
                break
            if gap[:1] == ",":
                break
            if word.text in PARTICLES and not (place - last > 2):
                place += 1
                continue
            if not self._continues(place, word):
                break
            last, place, count = place, place + 1, count + 1
        return last

    def _continues(self, index: int, word: Word) -> bool:
        is_capital = self._text[word.start].isupper()
        is_word = word.text in NOT_A_NAME and word.text not in _SHORT_NAMES and not self._is_elided(index)
        return (
            is_capital
            and word.text.isalpha()
            and not is_word
            and (word.text not in ORGANISATION or self._text[word.start - 1] == "-")
            and not self._is_masked(word)
        )

    def _read_plain(self, index: int, cue: Cue | None) -> int | None:
        """Return the last word of a name in lower case: after a sure cue, or a given name after another."""
        words, text = self._words, self._words[index].text
        if text in _FIRST_PARTICLES and (cue is Cue.SURE or cue is Cue.CAPITAL):
            begin = next((place for place in range(index + 1, len(words)) if words[place].text not in PARTICLES), index)
            is_capital = begin - index <= 3 and self._text[words[begin].start].isupper()
            return self._read_run(begin) if is_capital and words[begin].text not in NOT_A_NAME else None
        if cue is None and text in _PLAIN_GIVEN:
            cue = Cue.SELF
        if cue is None or text in NOT_A_NAME or text in _NOT_PLAIN or len(text) < 2:
            return None
        is_given = text in GIVEN and text not in COMMON and len(text) > 3
        is_titled = words[index - 1].text in _TITLES and (text in FAMILY or words[index - 1].text in _SURE_TITLES)
        if cue is not Cue.SURE and not is_given and not (cue is Cue.CAPITAL and is_titled):
            return None
        following = words[index + 1] if index + 1 < len(words) else None
        if following is None or self._text[words[index].end : following.start] not in (" ", "-"):
            return index
        if following.text in FAMILY and following.text not in COMMON:
            return index + 1
        plain = following.text.isalpha() and following.text not in NOT_A_NAME and following.text not in _NOT_PLAIN
        if cue is not Cue.SURE:
            ends = index + 2 >= len(words) or words[index + 2].text in NOT_A_NAME or self._ends_clause(index + 1)
            plain = plain and cue is Cue.SELF and ends
        return index + 1 if plain and not self._is_masked(following) else index

    def _is_a_thing(self, first: int, last: int, cue: Cue | None) -> bool:
        """Return True for the name of an organisation, a place or a product."""
        words = self._words
        before = words[first - 1].text if first and words[first].start - words[first - 1].end < 3 else ""
        start = (words[first].text, words[first + 1].text if last > first else "")
        if start in BRANDS or (before, start[0]) in BRANDS or before in SAINTS or start[0] in SAINTS:
            return True
        if (cue is None and before in THINGS) or (last > first and words[last].text in ORGANISATION):
            return True
        following = words[last + 1] if last + 1 < len(words) else None
        if following is None:
            return False
        gap = self._text[words[last].end : following.start]
        if before == "the" and first == last:
            return True
        if (gap == " & " and following.text not in GIVEN) or (
            gap in ("-", " ", "'", "’") and following.text in ORGANISATION
        ):
            return True
        return gap == " " and following.text[0].isdigit() and len(following.text) <= 4 and words[last].text not in GIVEN

    def _says_who_speaks(self, first: int, last: int) -> bool:
        """Return True for "Okafor here" and "Okafor speaking" where a text or line begins."""
        following = self._words[last + 1].text if last + 1 < len(self._words) else ""
        begins = _BEGINS.search(self._text[max(0, self._words[first].start - 40) : self._words[first].start])
        return following in _HERE and bool(begins)

    def _is_owner(self, word: str) -> bool:
        """Return True for the genitive of a given name, as in "Annas Bestellung"."""
        is_given = word[-1] == "s" and len(word) > 4 and word[:-1] in GIVEN and word[:-1] not in COMMON
        return is_given and word not in GIVEN and word not in COMMON

    def _has_initials(self, first: int, last: int) -> bool:
        """Return True for "J. P. Hartnell"."""
        words = self._words[first : last + 1]
        return len(words) > 2 and len(words[0].text) == len(words[1].text) == 1 and len(words[-1].text) > 2

    def _is_signature(self, first: int, last: int) -> bool:
        """Return True for two or three words that are the last line of a text, under a line that is complete."""
        if not 1 <= last - first <= 2 or not _TEXT_ENDS.match(self._text, self._words[last].end):
            return False
        start = self._words[first].start
        return _SIGNS.search(self._text, max(0, start - 20), start) is not None

    def _is_elided(self, index: int) -> bool:
        """Return True for the beginning of "O'Brien", "J. Brown" and "Mª Soto"."""
        words = self._words
        if self._text[words[index].end - 1] == "ª":
            return True
        joined = index + 1 < len(words) and self._text[words[index].end : words[index + 1].start] in ("'", "’", ". ")
        return joined and len(words[index].text) == 1 and self._text[words[index + 1].start].isupper()

    def _is_masked(self, word: Word) -> bool:
        # By its sign a note says which colleague it is for.
        return self._text[word.end : word.end + 1] == MASK or self._text[max(0, word.start - 1) : word.start] in _MARKS


_NO_BEGIN: Final = NOT_A_NAME - GIVEN
_PLAIN_GIVEN: Final = frozenset(
    name for name in GIVEN - COMMON - NOT_A_NAME - frozenset(CUES) if len(name) > 3
) - frozenset(
    "albino alla allen amada anil armando axel baptiste beata benigno berat bertha bibi bill bobby bonnie brad "
    "brandi brit candida candido capucine carmen cesar chuck clara claude clive consuela cora dana dante darin "
    "dave derrick dimas dora emperatriz engin estela ester feline fidel fleur florentin florin fritz gema gemma "
    "grit hagen hank harry hector hermine iban inga jack jean jenny jess jill jimmy joey john josh kirk leila "
    "liberto lisa liza lois lulu lutz maja malte marc margarita marten martirio mato matt maya merce milo "
    "modesto molly mona monja nelson nick nieves norman oscar palmira pancho patty pepe pete poppy ralph randy "
    "ravi regulo reiner rick rita riza roger rosemary rosita roza sally santi serge sherry silvestre spencer "
    "stan tara terry timo tina tino tito tomas tommy toni vale vera wanda wolle".split()
)
"""Names that no language has as words: they count in lower case, too, in a text that begins so."""
_TITLES: Final = frozenset("dr prof mr mrs ms st sr jr mme mlle sra srta".split())
_SURE_TITLES: Final = frozenset("mr mrs ms mme mlle sra srta".split())
_FROM: Final = frozenset("from calling vom de del".split())
"""After who speaks."""
_SHORT_TITLES: Final = frozenset("m mm hr fr".split())
_NEAR: Final = frozenset("bei von mit an fur from with by to chez de con und and et y kollege kollegin".split())
"""Before a family name that is no other word."""
_FIRST_PARTICLES: Final = frozenset("van von vom de di da della el al la le ten ter zu zum zur".split())
_SHORT_NAMES: Final = frozenset("may mai august jan april june noel mars martes".split())
_HERE: Final = frozenset("here speaking hier".split())
_SIGNED: Final = frozenset("ihre ihr deine dein yours signed signe firmado gez warmly".split())
"""Labels that may stand in a line of their own above a name."""
_SURE_LABELS: Final = frozenset(
    "surname vorname nachname familienname geburtsname madchenname prenom apellido apellidos complet completo".split()
)
_CLOSINGS: Final = frozenset(
    "regards wishes thanks sincerely truly faithfully respectfully grussen gruss grusse herzlichst hochachtungsvoll "
    "mfg lg vg cordialement salutations distinguees vous respectueusement amicalement bises cdlt saludos saludo "
    "cordiales atentamente cordialmente abrazo abrazos atte fdo".split()
)
"""The last words of closings: a name may follow on another line."""
_NOT_PLAIN: Final = frozenset(
    "called spelled spelt written wrong not on in from the and but also correct missing known und aber falsch nicht "
    "richtig geschrieben auch et mais pas mal est ist es is y pero mal con s right misspelled different there here "
    "new old neu alt changed geandert anders gestern heute seit since long wie was wer que quien qui comment".split()
)
"""Words that follow a sure cue where no name does."""
