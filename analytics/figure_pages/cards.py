"""Cards of figures by key, of which dashboards are made."""

from collections.abc import Iterable
from typing import Final

from analytics.figure_pages.layout import PAGES, Chart, Group, Page, Ranking, Ratio, Tile
from analytics.figures.metrics import AGENT, CHANNEL, METRICS, TEAM

HEADLINES: Final = 4
Card = Tile | Ratio | Chart | Ranking


def _cards() -> dict[str, Card]:
    found: dict[str, Card] = {}
    for page in PAGES.values():
        for kind, cards in (("tile", page.tiles), ("chart", page.charts), ("ranking", page.rankings)):
            found |= {f"{page.key}.{kind}.{card.key}": card for card in cards}
    return found


CARDS: Final = _cards()


def title_of(card: Card) -> str:
    """Return what a card is called."""
    if isinstance(card, Tile):
        return METRICS[card.metric].name
    return card.name if isinstance(card, Ratio) else f"{card.title} ({'chart' if isinstance(card, Chart) else 'list'})"


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (page.label, [(key, title_of(card)) for key, card in CARDS.items() if key.startswith(f"{page.key}.")])
        for page in PAGES.values()
    ]


def page_of(name: str, keys: Iterable[str]) -> Page:
    """Return cards as a page of their own; keys that no longer exist are left out."""
    cards = [CARDS[key] for key in keys if key in CARDS]
    tiles = tuple(card for card in cards if isinstance(card, Tile | Ratio))
    rest = Group(
        "",
        tiles[HEADLINES:],
        tuple(card for card in cards if isinstance(card, Chart)),
        tuple(card for card in cards if isinstance(card, Ranking)),
    )
    return Page("dashboard", name, "", tiles[:HEADLINES], (rest,), (TEAM, AGENT, CHANNEL))
