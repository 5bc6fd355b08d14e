"""Cut a message into quoted pieces, clauses and tokens, and a letter down to what it asks."""

import re
from dataclasses import dataclass

from agents.llm.built_in.words import mend

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|(?<![\w])[‘']([^\n]+?)[’'](?!\w)")
_TOKEN = re.compile(r"⟦\d+⟧|https?://[^\s,]+|(?<![\w])/[\w\-./]*|->|→|[^\W_][\w&'’+-]*(?:[.,]\d+)*|[?!:;,€$£%/]")
_CLAUSE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_NEXT_COMMAND = re.compile(
    r",?\s+(?:and then|and also|and|then)\s+(?:please\s+)?"
    r"(?=(?:raise|increase|lower|reduce|cut|pause|stop|publish|send|message|set|change|turn|"
    r"update|switch|suspend|halt|decrease)\b)",
    re.IGNORECASE,
)
_MESSAGE_HEAD = re.compile(
    r"(?<!/)\b(?:send|message|text|tell|notify|inform|broadcast|e-?mail|mail|"
    r"write to|announce|drop|let|ping|contact|reach out)\b",
    re.IGNORECASE,
)
_META_HEAD = re.compile(r"\b(?:title|description|descripton|meta\w*)\b", re.IGNORECASE)
_SPOKEN = re.compile(
    r"(?:\b(?:saying|with the text|(?<!like )(?<!want )(?<!send )(?<!do )(?<!of )that)\s+|:\s+)"
    r"(?=[^\s⟦])",
    re.IGNORECASE,
)
_NOT_AUDIENCE = re.compile(r"\b(?:tell|let|send|show|text|message) (?:me|us)\b", re.IGNORECASE)

_GREETING = re.compile(
    r"(?:\A|\n\n)\s*(?:(?:hi|hello|hey)(?: there| all| everyone| team)?|good (?:morning|afternoon|evening)|"
    r"guten (?:tag|morgen|abend)|hallo(?: zusammen| liebes team| team)?|moin|servus|gr(?:ü|ue)(?:ß|ss) gott|"
    r"gr(?:ü|ue)ezi|bonjour|bonsoir|madame, monsieur|hola|buen(?:os|as) (?:d[ií]as|tardes|noches)|"
    r"(?:dear|sehr geehrte[rs]?|liebe[rs]?|ch[eè]re?s?|estimad[oa]s?) [^\n,!.?]{1,80})\s*[,!.:\n–-]+\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"--\s*\Z|(?:(?:(?:best|kind|kindest|warm) )?regards|best wishes|(?:with )?(?:many )?thanks|thank you|thx|cheers|"
    r"sincerely|yours (?:sincerely|faithfully|truly)|mfg|lg|vg|"
    r"(?:mit )?(?:(?:freundliche|viele|liebe|beste|sch(?:ö|oe)ne|herzliche)[nm]? )?gr(?:ü|ue|u)(?:ß|ss)(?:en?)?|"
    r"(?:vielen |besten |herzlichen )?dank|danke|merci|(?:bien )?cordialement|(?:sinc[eè]res )?salutations|"
    r"bien [aà] vous|(?:un )?saludos?|atentamente|(?:muchas )?gracias)\b",
    re.IGNORECASE,
)
"""How the last lines of a letter begin, before the name of who wrote it."""
_MOST_OF_A_SUBJECT = 12
"""Words of the line with which an email's first message begins."""
_MOST_OF_A_CLOSING = 8
"""Lines of a closing, and words of its first, with a name: more of them say something."""


@dataclass(frozen=True)
class Token:
    """One word as written, and as understood."""

    raw: str
    word: str
    start: int


@dataclass(frozen=True)
class Clause:
    """One command or question: its text with quotes cut out, and the quotes."""

    text: str
    tokens: tuple[Token, ...]
    quotes: tuple[str, ...]
    tail: str = ""

    @property
    def bare(self) -> str:
        """Understood words in lower case, for pattern search."""
        return " ".join(token.word for token in self.tokens)

    def quote_of(self, token: Token) -> str | None:
        match = re.fullmatch(r"⟦(\d+)⟧", token.raw)
        return self.quotes[int(match.group(1))] if match else None

    @property
    def own_quotes(self) -> list[str]:
        """The quoted pieces of this clause, in order."""
        return [quote for token in self.tokens if (quote := self.quote_of(token)) is not None]


def read(text: str) -> list[Clause]:
    """Cut a message into clauses; quotes are numbered over the whole message."""
    quotes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        quotes.append(next(group for group in match.groups() if group).strip())
        return f" ⟦{len(quotes) - 1}⟧ "

    cut = _QUOTED.sub(keep, text[:4000].replace("⟦", "[").replace("⟧", "]"))
    head, tail = cut, ""
    for match in _SPOKEN.finditer(cut):
        # Split off unquoted words that are text to send and not a command.
        before, rest = cut[: match.start()], cut[match.end() :].strip()
        speaks = _MESSAGE_HEAD.search(before) and not _NOT_AUDIENCE.search(before)
        is_meta = match.group().startswith(":") and "⟦" not in rest and _META_HEAD.search(before)
        if speaks or is_meta:
            head, tail = before, rest
            break
    parts = [
        part.strip() for sentence in _CLAUSE_END.split(head) for part in _NEXT_COMMAND.split(sentence) if part.strip()
    ]
    tail = re.sub(r"\s*⟦(\d+)⟧\s*", lambda m: f' "{quotes[int(m.group(1))]}" ', tail).strip()
    last = len(parts) - 1
    clauses = []
    for index, part in enumerate(parts):
        found = [(match.group(), match.start()) for match in _TOKEN.finditer(part)]
        tokens = tuple(Token(raw, mend(raw.lower().replace("’", "'")), start) for raw, start in found)
        clauses.append(Clause(part, tokens, tuple(quotes), tail if index == last else ""))
    return clauses


def subject_apart(text: str) -> tuple[str, str]:
    """Return the subject that stands above a letter, and the letter; "" and all where its text alone asks nothing."""
    first, _, rest = text.partition("\n\n")
    is_line = "\n" not in first and len(first.split()) <= _MOST_OF_A_SUBJECT and first[-1:] not in tuple(".?!,:;")
    is_subject = is_line and "?" in rest and not _GREETING.fullmatch(f"{first}\n")
    return (first, rest.strip()) if is_subject else ("", text)


def without_courtesies(text: str) -> str:
    """Return what a message says; a letter's greeting, closing and name say nothing that could be looked up."""
    lines = _GREETING.sub("\n", text).strip().splitlines()
    for number, line in enumerate(lines):
        rest = lines[number:]
        is_short = len(rest) <= _MOST_OF_A_CLOSING and len(line.split()) <= _MOST_OF_A_CLOSING
        if number and is_short and _CLOSING.match(line.strip()) and not any("?" in each for each in rest):
            del lines[number:]
            break
    return "\n".join(lines).strip() or text
