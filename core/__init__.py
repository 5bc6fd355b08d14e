"""The base of all other apps; imports none of them."""

from typing import Final

VERSION: Final = "0.2.0"
"""The version of this code, which processes note with their heartbeats; that of pyproject.toml."""
