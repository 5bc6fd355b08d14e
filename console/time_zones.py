"""Time zones as form choices: by city, grouped by region."""

from typing import Final
from zoneinfo import available_timezones

from core.clock import zones

WORLD: Final = "Everywhere"


def zone_choices(kept: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return all zones by region, including `kept`, the stored one."""
    names = list(zones())
    if kept and kept not in names and kept in available_timezones():
        names.append(kept)
    regions: dict[str, list[tuple[str, str]]] = {WORLD: []}
    for name in names:
        region, slash, place = name.partition("/")
        country, has_city, city = (place or name).replace("_", " ").partition("/")
        # `America/Argentina/Buenos_Aires` reads "Buenos Aires, Argentina".
        label = f"{city}, {country}" if has_city else country
        regions.setdefault(region if slash else WORLD, []).append((name, label))
    return [(region, sorted(rows, key=lambda row: row[1])) for region, rows in regions.items()]
