"""Time zones as people look for them: by city, under their region."""

from typing import Final
from zoneinfo import available_timezones

from core.clock import zones

WORLD: Final = "Everywhere"


def zone_choices(kept: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return all zones by region, for a select in which typing a city finds it; also one that was kept from before."""
    names = list(zones())
    if kept and kept not in names and kept in available_timezones():
        names.append(kept)
    found: dict[str, list[tuple[str, str]]] = {WORLD: []}
    for name in names:
        region, slash, city = name.partition("/")
        found.setdefault(region if slash else WORLD, []).append((name, _city(city or name)))
    return [(region, sorted(rows, key=lambda row: row[1])) for region, rows in found.items()]


def _city(name: str) -> str:
    """Turn `Argentina/Buenos_Aires` into "Buenos Aires, Argentina"."""
    country, slash, city = name.replace("_", " ").partition("/")
    return f"{city}, {country}" if slash else country
