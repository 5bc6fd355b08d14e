"""What the robots.txt of a site lets a program read (RFC 9309, pure)."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

LARGEST: Final = 500 * 1024
MOST_LINES: Final = 5000
LONGEST_DELAY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Rules:
    """Paths that are allowed or forbidden, and the seconds to wait between two pages."""

    paths: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0

    def allow(self, path: str) -> bool:
        """Return True if a path with its query may be read: the longest rule that fits decides."""
        wanted = unquote(path)
        fitting = ((len(pattern), allowed) for pattern, allowed in self.paths if _fits(pattern, wanted))
        return max(fitting, default=(0, True))[1]


def read_rules(content: bytes, agent: str) -> Rules:
    """Return the rules for a program: those under its own name, or else those for everyone."""
    groups: dict[str, tuple[list[tuple[str, bool]], list[float]]] = {}
    names: list[str] = []
    is_naming = False
    for line in content[:LARGEST].decode("utf-8-sig", "replace").splitlines()[:MOST_LINES]:
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            names = [*(names if is_naming else []), value.lower()]
            is_naming = True
            groups.setdefault(value.lower(), ([], []))
        elif key in ("allow", "disallow", "crawl-delay"):
            is_naming = False
            for name in names:
                _add(groups[name], key, value)
    paths, delays = groups.get(agent.lower()) or groups.get("*") or ([], [])
    return Rules(tuple(paths), min(max(delays, default=0.0), LONGEST_DELAY))


def _add(group: tuple[list[tuple[str, bool]], list[float]], key: str, value: str) -> None:
    paths, delays = group
    if key == "crawl-delay":
        with suppress(ValueError):
            delays.append(float(value))
    elif value:  # an empty path forbids nothing
        paths.append((unquote(value), key == "allow"))


def _fits(pattern: str, path: str) -> bool:
    """Return True if a path begins as the pattern says; "*" stands for any signs, "$" for the end."""
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for place, part in enumerate(others):
        if pattern.endswith("$") and place == len(others) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not pattern.endswith("$") or at == len(path)
