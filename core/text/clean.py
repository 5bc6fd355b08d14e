"""Clean free text for the database (pure)."""


def clean_text(value: str, limit: int) -> str:
    """Return a text without NUL, stripped and cut at `limit` characters."""
    return value.replace("\x00", "").strip()[:limit]
