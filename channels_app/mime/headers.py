"""Read the headers of an email: unfolded, decoded, cut to length and free of control characters."""

import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from typing import Final

from channels_app.mime.charsets import decode

BLOCK_LIMIT: Final = 256 * 1024
VALUE_LIMIT: Final = 4_000
COUNT_LIMIT: Final = 1_000
# The standard library reads parameters in the square of their number.
PARAMETER_LIMIT: Final = 40
ADDRESS_LIMIT: Final = 254
# A chain of references is cut in the middle, as RFC 5322 advises: the first and the newest say the most.
REFERENCES_LIMIT: Final = 20
# What the standard library raises on hostile words and parameters.
FAULTS: Final = (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_NAME: Final = re.compile(rb"[!-9;-~]{1,100}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address with the name beside it."""

    address: str = field(repr=False)
    name: str = field(default="", repr=False)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


class Headers:
    """The headers of an email or one of its parts, in their order."""

    def __init__(self, block: bytes) -> None:
        self._fields: list[tuple[str, str]] = []
        name, value = b"", b""
        for line in block[:BLOCK_LIMIT].splitlines():
            if line[:1] in b" \t" and name:
                # Folded; a value that never ends is cut.
                value = value + b" " + line.strip() if len(value) < VALUE_LIMIT else value
                continue
            self._add(name, value)
            name, _, value = line.partition(b":")
        self._add(name, value)

    def _add(self, name: bytes, value: bytes) -> None:
        if _NAME.fullmatch(name.strip()) and len(self._fields) < COUNT_LIMIT:
            text = decode(value[:VALUE_LIMIT].strip(), "")
            self._fields.append((name.strip().decode("ascii").lower(), text))

    def raw(self, name: str) -> str:
        """Return the first value of a header as it was sent, or ""."""
        return next((value for one, value in self._fields if one == name), "")

    def all(self, name: str) -> list[str]:
        """Return all values of a header as they were sent, the topmost first."""
        return [value for one, value in self._fields if one == name]

    def has(self, *names: str) -> bool:
        """Return True if one of these headers is there."""
        return any(one in names for one, _ in self._fields)

    def text(self, name: str) -> str:
        """Return the first value of a header in words, on one line."""
        return in_words(self.raw(name))

    def addresses(self, name: str) -> list[Address]:
        """Return the mail addresses in a header, without those that are none."""
        return parse_addresses(self.raw(name))

    def message_ids(self, *names: str) -> list[str]:
        """Return the message ids in these headers, without repeats."""
        found = [one for name in names for value in self.all(name) for one in _MESSAGE_ID.findall(value)]
        unique = list(dict.fromkeys(found))
        return unique if len(unique) <= REFERENCES_LIMIT else [unique[0], *unique[1 - REFERENCES_LIMIT :]]

    def as_message(self, *names: str) -> Message:
        """Return some headers as the standard library's message, which knows their parameters."""
        message = Message()
        for name in names:
            given = ";".join(self.raw(name).split(";", PARAMETER_LIMIT)[:PARAMETER_LIMIT])
            value = _CONTROL.sub(" ", given)
            if value:
                message[name] = value
        return message


def in_words(value: str) -> str:
    """Decode a header's encoded words; what can't be decoded stays as it is."""
    try:
        pieces = decode_header(value[:VALUE_LIMIT])
    except FAULTS:
        pieces = [(value, None)]
    text = "".join(one if isinstance(one, str) else decode(one, charset or "ascii") for one, charset in pieces)
    return _CONTROL.sub(" ", text).strip()


def parse_addresses(value: str) -> list[Address]:
    """Return the mail addresses of a header's value, in their order."""
    try:
        pairs = getaddresses([value[:VALUE_LIMIT]])
    except FAULTS:
        pairs = [("", one) for one in _ADDRESS.findall(value[:VALUE_LIMIT])]
    found = [Address(address.strip(), in_words(name)) for name, address in pairs if is_address(address.strip())]
    return list({one.address.lower(): one for one in found}.values())


def is_address(text: str) -> bool:
    """Return True for something that may be a mail address."""
    return len(text) <= ADDRESS_LIMIT and _ADDRESS.fullmatch(text) is not None and text.isprintable()
