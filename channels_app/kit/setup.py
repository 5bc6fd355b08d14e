"""Guided set-up of a channel account: its steps, and which of them are done."""

from dataclasses import dataclass

from django.utils.text import slugify

from conversations.models import ChannelAccount


@dataclass(frozen=True, slots=True)
class Copy:
    """A value to paste elsewhere, and where."""

    where: str
    value: str

    @property
    def key(self) -> str:
        """Return the id of the value on the page."""
        return f"copy-{slugify(self.where)}"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step: what to do, whether it is done, and what to copy."""

    title: str
    text: str
    is_done: bool
    copies: tuple[Copy, ...] = ()


def write_to_it(noun: str, log: str, *, is_heard: bool) -> SetupStep:
    """Return the step that a first message completes."""
    return SetupStep(
        f"Write to the {noun} from your phone",
        f"This page notices the first message by itself. If nothing comes, paste the request from {log} into “Check a "
        "sample”: it says what is wrong.",
        is_done=is_heard,
    )


def send_a_test(text: str, account: ChannelAccount, *, noun: str = "message") -> SetupStep:
    """Return the step that a test completes."""
    return SetupStep(f"Send a test {noun}", text, is_done=account.tested_at is not None)
