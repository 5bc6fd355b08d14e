"""Run all rules on a text, and resolve overlaps."""

import re
from collections.abc import Iterator

from core.privacy.pii.addresses import Span, find_emails, find_ips, find_url_parts
from core.privacy.pii.folds import fold
from core.privacy.pii.kinds import Finding
from core.privacy.pii.national import find_national_ids
from core.privacy.pii.payment import find_cards, find_ibans
from core.privacy.pii.phones import find_phones
from core.privacy.pii.runs import find_runs

_DIGITS = re.compile(r"[0-9]")
_FIVE_DIGITS = re.compile(r"(?:[0-9][^0-9]{0,4}+){5}")


def find(text: str) -> list[Finding]:
    """Return the personal data in ``text`` in order of place, without overlaps.

    Deterministic, in linear time even for hostile text. Positions are those of the given text; full-width and other
    Unicode digits, invisible characters and odd spaces and dashes don't hide a value.
    """
    folded = fold(text)
    taken = bytearray(len(folded.text))
    findings = []
    for start, end, kind in _spans(folded.text):
        if taken.find(1, start, end) == -1:
            taken[start:end] = b"\x01" * (end - start)
            first, last = folded.original_span(start, end)
            findings.append(Finding(kind, first, last, text[first:last]))
    findings.sort(key=lambda finding: finding.start)
    return findings


def _spans(text: str) -> Iterator[Span]:
    """Yield the spans of all rules, the rule that wins an overlap first."""
    yield from find_url_parts(text)
    yield from find_emails(text)
    if _FIVE_DIGITS.search(text):
        yield from find_ibans(text)
        runs = find_runs(text)
        yield from find_cards(text, runs)
        yield from find_national_ids(text)
        yield from find_ips(text)
        yield from find_phones(text, runs)
    elif _DIGITS.search(text):
        yield from find_ips(text)
