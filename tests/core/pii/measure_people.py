"""What masking finds of names and postal addresses in marked texts: `python -m tests.core.pii.measure_people`."""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from core.privacy.people.finder import find_people
from core.privacy.pii import mask_text
from core.text.words import placed_words

HERE = Path(__file__).parent
TUNED, REPORTED = HERE / "people.json", HERE / "people_reported.json"
TITLES = frozenset(
    "mr mrs ms miss mx dr prof herr herrn frau familie monsieur madame m mme mlle sr sra srta senor senora don "
    "dona".split()
)
"""They say nothing of who it is, and stay."""
Counts = Counter[tuple[str, str, str]]


def read(path: Path) -> list[dict[str, Any]]:
    """Return the texts of a set."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())
    return rows


def count(rows: list[dict[str, Any]], *, missed: list[str] | None = None) -> Counts:
    """Count spans and findings by kind and language: "there", "found", "findings" and "false".

    A span is found if each word of it is hidden; a finding is false if it hides nothing that is marked.
    """
    counts: Counts = Counter()
    for row in rows:
        text, language = row["text"], row["language"]
        places = find_people(text, row["known"])
        hidden = {place for start, end, _ in places for place in range(start, end)}
        marked: dict[int, str] = {}
        begin = 0
        for span in row["spans"]:
            start = text.find(span["text"], begin)
            start = text.find(span["text"]) if start < 0 else start
            begin = start + len(span["text"])
            marked |= dict.fromkeys(range(start, begin), span["kind"])
            counts[span["kind"], language, "there"] += 1
            telling = [word for word in placed_words(span["text"]) if word.text not in TITLES]
            if all(place in hidden for word in telling for place in range(start + word.start, start + word.end)):
                counts[span["kind"], language, "found"] += 1
            elif missed is not None:
                missed.append(f"{span['kind']} missed: {span['text']!r} in {text!r}")
        for start, end, kind in places:
            counts[kind, language, "findings"] += 1
            if not any(place in marked for place in range(start, end)):
                counts[kind, language, "false"] += 1
                if missed is not None:
                    missed.append(f"{kind} false: {text[start:end]!r} in {text!r}")
        counts["text", language, "there"] += not row["spans"]
        counts["text", language, "false"] += not row["spans"] and bool(places)
    return counts


def total(counts: Counts, kind: str, what: str) -> int:
    """Return a count over all languages."""
    return sum(number for (each, _, said), number in counts.items() if (each, said) == (kind, what))


def speed(rows: list[dict[str, Any]]) -> float:
    """Return how many of the texts a second of CPU masks."""
    start, done = time.process_time(), 0
    while time.process_time() - start < 2:
        for row in rows:
            mask_text(row["text"], row["known"])
        done += len(rows)
    return done / (time.process_time() - start)


def main() -> None:
    """Print the figures of each set, and what was wrong with `--wrong`."""
    for path in (each for each in (TUNED, REPORTED) if each.exists()):
        rows, missed = read(path), []
        counts = count(rows, missed=missed)
        print(f"{path.name}: {len(rows)} texts, {speed(rows):,.0f} masked a CPU second")  # noqa: T201
        for kind in ("name", "address"):
            for language in ("", *sorted({row["language"] for row in rows})):
                said = {
                    what: counts[kind, language, what] if language else total(counts, kind, what)
                    for what in ("there", "found", "findings", "false")
                }
                share = said["found"] / max(1, said["there"])
                false = said["false"] / max(1, said["findings"])
                print(  # noqa: T201
                    f"  {kind:8}{language or 'all':4} found {said['found']:3} of {said['there']:3} ({share:.1%}), "
                    f"false {said['false']:3} of {said['findings']:3} ({false:.1%})"
                )
        print(f"  harmless texts changed: {total(counts, 'text', 'false')} of {total(counts, 'text', 'there')}")  # noqa: T201
        if "--wrong" in sys.argv and path == TUNED:
            print("\n".join(missed))  # noqa: T201


if __name__ == "__main__":
    main()
