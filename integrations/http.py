"""The HTTP client of outgoing calls, which lives in `core.http` because webhooks need it too."""

from core.http import (
    Deadline,
    EgressRefused,
    GuardedTransport,
    NoAnswer,
    NotSent,
    OutgoingHttp,
    Patience,
    Reply,
    host_of,
    resolve,
)

__all__ = [
    "Deadline",
    "EgressRefused",
    "GuardedTransport",
    "NoAnswer",
    "NotSent",
    "OutgoingHttp",
    "Patience",
    "Reply",
    "host_of",
    "resolve",
]
