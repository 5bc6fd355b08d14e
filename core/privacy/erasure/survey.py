"""The table of all text columns for the docs: what is erased, what is kept, and why."""

from core.privacy.erasure.registry import tables


def lines() -> list[str]:
    """Return one line for each table, in the order of their names."""
    ordered = sorted(tables(), key=lambda table: table.model)
    return [f"| `{t.model}` | {_names(t.erased)} | {_names(t.kept)} | {t.why or '–'} |" for t in ordered]


def _names(words: str) -> str:
    return ", ".join(f"`{name}`" for name in words.split()) or "–"
