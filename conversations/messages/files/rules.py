"""What a channel can carry (pure): kinds, sizes and numbers of files, and the refusal in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from conversations.messages.files.names import runs_by_name, safe_name
from conversations.types import ContentType, Medium
from core.errors import Invalid
from core.files.kinds import KINDS, PREVIEWED, WHY, BadFile, Found, kind_of

MB: Final = 1024 * 1024
LARGEST: Final = 16 * MB
"""No file is larger, on any channel."""
MOST: Final = 10


@dataclass(frozen=True, slots=True)
class FileRules:
    """What a channel can carry; `sizes` is the largest number of bytes for each content type it accepts.

    `most` files and `total` bytes go with one message. `why_none` is the sentence for a channel without files.
    """

    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    most: int = MOST
    total: int = LARGEST
    why_none: str = "Files can't be sent on this channel. Send a link or use another channel."

    @property
    def endings(self) -> tuple[str, ...]:
        """Return the endings of the accepted kinds, for a file chooser."""
        return tuple(f".{ending}" for name in self.sizes for ending in KINDS[name].endings)

    @property
    def summary(self) -> str:
        """Return what is accepted in a few words."""
        if not self.sizes:
            return self.why_none
        labels = sorted({_FAMILIES[KINDS[name].family] for name in self.sizes})
        words = ", ".join(labels).capitalize()
        return f"{words}. Up to {self.most} files, {spoken_size(self.total)} together."


_FAMILIES: Final = {"image": "pictures", "video": "videos", "audio": "recordings", "document": "documents"}
NO_FILES: Final = FileRules()


def rules_of(medium: type[Medium]) -> FileRules:
    """Return what a medium can carry in one reply; what is beyond one of the provider's messages follows in more."""
    if not medium.media_count:
        return FileRules(why_none=medium.no_media or NO_FILES.why_none)
    limits = {name: min(medium.media_limit(name), LARGEST) for name in KINDS if medium.media_limit(name)}
    return FileRules(limits, total=min(medium.media_total or LARGEST, LARGEST))


EVERY_KIND: Final = FileRules(MappingProxyType(dict.fromkeys(KINDS, LARGEST)))
FROM_VISITORS: Final = FileRules(MappingProxyType(dict.fromkeys((*PREVIEWED, "application/pdf"), 10 * MB)), most=5)
"""What is taken of a visitor of a web chat or a customer of an app, who can't be asked to pay for our space."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody wants to send, as they gave it."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that may be sent: its kind by its bytes, and a safe name."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)
    found: Found


def checked_files(uploads: Sequence[Upload], rules: FileRules) -> list[CheckedFile]:
    """Return the files as they will be sent. Raises `Invalid` with one sentence for each that can't be."""
    if not uploads:
        return []
    if not rules.sizes:
        raise _refused([rules.why_none], "no_files")
    if len(uploads) > rules.most:
        raise _refused([f"Send at most {rules.most} files with one message."], "too_many_files")
    if sum(len(upload.content) for upload in uploads) > rules.total:
        raise _refused([f"The files are larger than {spoken_size(rules.total)} together."], "too_large")
    done: list[CheckedFile] = []
    problems: list[str] = []
    codes: list[str] = []
    for number, upload in enumerate(uploads, start=1):
        try:
            done.append(_checked(upload, rules))
        except BadFile as bad:
            codes.append(bad.reason)
            problems.append(f"{_called(upload, number)} {WHY[bad.reason]}.")
        except Invalid as bad:
            codes.append(bad.code)
            problems.append(f"{_called(upload, number)} {bad.detail}")
    if problems:
        raise _refused(problems, codes[0])
    return done


def content_type_of(files: Sequence[CheckedFile]) -> ContentType:
    """Return what a message with these files is: a document for files of several families, a text for none."""
    families = {KINDS[file.found.content_type].family for file in files}
    return (families.pop() if len(families) == 1 else "document") if families else "text"


def _checked(upload: Upload, rules: FileRules) -> CheckedFile:
    if runs_by_name(upload.name) and upload.content:
        raise BadFile("executable")
    found = kind_of(upload.content)
    kind = KINDS[found.content_type]
    if found.content_type == "text/plain" and upload.name.lower().endswith(".csv"):
        found, kind = Found("text/csv"), KINDS["text/csv"]
    if kind.family == "image" and not (found.width and found.height):
        raise BadFile("damaged")
    limit = rules.sizes.get(found.content_type, 0)
    if not limit:
        raise Invalid(f"is a {kind.label}, which this channel can't carry.", code="kind_refused")
    if len(upload.content) > limit:
        raise Invalid(f"is too large: at most {spoken_size(limit)} for this kind here.", code="too_large")
    return CheckedFile(safe_name(upload.name, found.content_type), upload.content, found)


def _called(upload: Upload, number: int) -> str:
    """Name a file by its number: its own name may be personal data or 10,000 characters."""
    return f"File {number}" + (f" ({short})" if (short := safe_name(upload.name, "")[:40]) else "")


def _refused(problems: list[str], code: str) -> Invalid:
    return Invalid(" ".join(problems), code=code, fields={"files": problems})


def spoken_size(size: int) -> str:
    """Return a limit in words."""
    return f"{size // MB} MB" if size >= MB else f"{size // 1024} KB"
