"""Split what somebody wrote from what their mail program quoted below it."""

import re
from typing import Final

# Longer lines are no heading of a quote, and a quote that starts later isn't looked for.
LINE_LIMIT: Final = 300
LINES_LIMIT: Final = 3_000
_WHEN: Final = re.compile(r"(on|am|le|el|il|op|em|den|dne|w dniu)\s", re.IGNORECASE)
_WROTE: Final = re.compile(
    r"\b(wrote|schrieb|a écrit|a ecrit|escribi[oó]|ha scritto|schreef|escreveu|skrev|napisał\w?|napsal\w?)\b.{0,80}:$",
    re.IGNORECASE,
)
_DIVIDER: Final = re.compile(
    r"[-_*\s]{2,}(original message|original appointment|ursprüngliche nachricht|message d'origine|mensaje original"
    r"|messaggio originale|oorspronkelijk bericht|mensagem original|reply above this line)[-_*\s:]*",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"\*?(from|von|de|da|van|från)\s?:\*?\s.{1,250}", re.IGNORECASE)
_NEXT: Final = re.compile(
    r"\*?(sent|date|to|gesendet|datum|an|envoyé|à|enviado|para|inviato|data|verzonden|aan|skickat|till)\s?:\*?\s.*",
    re.IGNORECASE,
)
_FORWARD: Final = re.compile(
    r"[-\s>]*(begin forwarded message|forwarded message|weitergeleitete nachricht|message transféré)[-\s:]*",
    re.IGNORECASE,
)


def split(text: str) -> tuple[str, str]:
    """Return the new words and the quoted ones; a mail that only quotes, or answers between quotes, is all new."""
    lines = text.split("\n")
    at = _quote_starts(lines[:LINES_LIMIT])
    if at is None:
        return text.strip(), ""
    above, below = "\n".join(lines[:at]).strip(), lines[at:]
    answer = _answer_below(below)
    if answer is None:
        return text.strip(), ""
    quoted = "\n".join(below[: len(below) - len(answer)] if answer else below).strip()
    new = "\n".join(filter(None, (above, "\n".join(answer).strip())))
    return (new, quoted) if new else (text.strip(), "")


def _quote_starts(lines: list[str]) -> int | None:
    """Return the number of the line where the quote begins, with its heading."""
    for number, full in enumerate(lines):
        line = full.strip()
        if not line or len(line) > LINE_LIMIT:
            continue
        following = [one.strip()[:LINE_LIMIT] for one in lines[number + 1 : number + 3]]
        if _FORWARD.fullmatch(line):
            return None
        if line.startswith(">") or _DIVIDER.fullmatch(line) or _is_heading(line, following):
            return number
        if _FROM.fullmatch(line) and any(_NEXT.fullmatch(one) for one in following):
            is_ruled = number > 0 and lines[number - 1].strip() and not lines[number - 1].strip(" _-*")
            return number - 1 if is_ruled else number
    return None


def _is_heading(line: str, following: list[str]) -> bool:
    """Return True for "On Monday Ana wrote:", in many languages and wrapped over up to three lines."""
    if line.endswith(":") and next(filter(None, following), "").startswith(">"):
        return True
    if not _WHEN.match(line):
        return False
    wrapped = (line, *(" ".join((line, *following[:count])) for count in (1, 2)))
    return any(one.endswith(":") and _WROTE.search(one[-LINE_LIMIT:]) for one in wrapped)


def _answer_below(quote: list[str]) -> list[str] | None:
    """Return the lines written below a quote marked with ">"; None if they stand between its lines."""
    marked = [number for number, line in enumerate(quote) if line.lstrip().startswith(">")]
    if not marked:
        # A quote without marks goes to the end.
        return []
    between = quote[marked[0] : marked[-1]]
    if any(line.strip() and not line.lstrip().startswith(">") for line in between):
        return None
    return quote[marked[-1] + 1 :] if any(line.strip() for line in quote[marked[-1] + 1 :]) else []
