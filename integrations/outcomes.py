"""How sending a message through a provider ended: it has it, it certainly does not, or nobody knows."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has the message, under its own id."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider certainly does not have it; `text` and `status` are its own words and HTTP status."""

    code: str
    permanent: bool
    retry_after: int | None = None
    text: str = field(default="", repr=False, compare=False)
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider may have it: ask, or wait for its report, before it is sent again."""

    code: str
    status: int | None = field(default=None, compare=False)
