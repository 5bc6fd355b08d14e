"""The events of sign-ins."""

from typing import Final

from core.catalogue import Code, EventType, Id, Shape, register

STREAM: Final = "sign-ins"


class SignedIn(Shape):
    """Who signed in, and how strongly."""

    person: Id
    strength: Code


class SignInFailed(Shape):
    """Whose account it was, and what was wrong."""

    person: Id
    what: Code


_PERSON: Final = {"person": "user"}

register(
    EventType("signed_in", "A member signed in.", SignedIn, owner=STREAM, names=_PERSON),
    EventType("sign_in_failed", "A password or code was wrong.", SignInFailed, owner=STREAM, names=_PERSON),
)
