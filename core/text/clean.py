"""Free text as the database can keep it (pure)."""


def clean_text(value: str, limit: int) -> str:
    """Return a text without NUL and without blanks at its ends, cut at `limit` characters."""
    return value.replace("\x00", "").strip()[:limit]
