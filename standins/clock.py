"""The platform's own clock: it is another company's machine and shares nothing with ours."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - imports nothing of the product
