"""The tables of all text columns for the docs: what is erased or kept, and what an export of a person shows."""

from core.privacy.erasure.registry import readings, tables


def lines() -> list[str]:
    """Return one line for each table, in the order of their names."""
    ordered = sorted(tables(), key=lambda table: table.model)
    return [f"| `{t.model}` | {_names(t.erased)} | {_names(t.kept)} | {t.why or '–'} |" for t in ordered]


def _names(words: str) -> str:
    return ", ".join(f"`{name}`" for name in words.split()) or "–"


def reading_lines() -> list[str]:
    """Return one line for each reading, by the names of the tables: what an export of a person shows, and what not."""
    found: list[str] = []
    for reading in sorted(readings(), key=lambda reading: reading.model):
        why = "; ".join(f"{_names(names)}: {reason.removesuffix('.')}" for names, reason in reading.unread.items())
        shown = _names(f"{reading.shown} {reading.masked}")
        found.append(f"| `{reading.model}` | {reading.title or '–'} | {shown} | {why or '–'} |")
    return found


def unread() -> list[str]:
    """Return columns with something of people that an export neither shows nor has a reason to leave out."""
    known = {
        f"{reading.model}.{name}"
        for reading in readings()
        for names in (reading.shown, reading.masked, *(names for names, why in reading.unread.items() if why))
        for name in names.split()
    }
    places = [f"{table.model}.{name}" for table in tables() for name in table.erased.split()]
    return [place for place in places if place not in known]
