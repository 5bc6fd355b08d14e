"""Recorded traffic between vendors' own clients and servers that nobody here wrote: where it lies, how it is read."""

import json
import os
from pathlib import Path
from typing import Any

# The same files in another folder may be named from outside.
FOLDER = Path(os.environ.get("WALKER_SAMPLES") or Path(__file__).with_name("recorded"))


def load(name: str) -> Any:
    """Read one file, by its path in the folder."""
    return json.loads((FOLDER / name).read_text())


def names(folder: str) -> list[str]:
    """Return the paths of all files of a folder, in order."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / folder).rglob("*.json"))


def json_of(half: dict[str, Any]) -> Any:
    """Return the JSON of a request's or an answer's body; None where there is none."""
    return (half["body"] or {}).get("json")


def form_of(request: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of a form."""
    return dict(request["body"]["form"])
