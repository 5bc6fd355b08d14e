"""Gives a demo organisation its help articles."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from accounts.models import Tenant
from agents.knowledge.services import create_collection, write_article
from agents.models import Collection
from agents.services import help_centres
from conversations.models import ChannelAccount
from core import clock
from demo.people import SEEDER

ARTICLES: Final = Path(__file__).parent / "articles"
COLLECTIONS: Final = {
    "public": ("Help centre", "What everyone may know: orders, deliveries, returns, care"),
    "verified": ("Orders", "For customers who have proven who they are"),
    "members": ("Team", "For colleagues only"),
}


def read_articles() -> dict[str, tuple[dict[str, str], str]]:
    """Return the articles by name: what stands above each, and its text."""
    found = {}
    for path in sorted(ARTICLES.glob("*.md")):
        _, head, body = path.read_text().split("---\n", 2)
        found[path.stem] = (dict(line.split(": ", 1) for line in head.strip().splitlines()), body.strip())
    return found


def ensure_library() -> dict[str, str]:
    """Write the articles unless the organisation has collections, and publish them; return their names by their ids."""
    if Collection.objects.exists():
        return {}
    shelves = {
        audience: create_collection(actor=SEEDER, name=name, audience=audience, description=about)
        for audience, (name, about) in COLLECTIONS.items()
    }
    written, today = {}, clock.now()
    for number, (name, (facts, text)) in enumerate(read_articles().items()):
        # A few a week, at different hours, the last ones not long ago.
        with clock.at(today - timedelta(hours=61 * (number * 7 % 31) + 30, minutes=11 * number % 60)):
            row = write_article(
                actor=SEEDER,
                collection_id=shelves[facts["audience"]].pk,
                title=facts["title"],
                text=text,
                language=facts["language"],
                address=facts["address"],
            )
        written[str(row.pk)] = name
    for chat in ChannelAccount.objects.filter(kind=ChannelAccount.Kind.WEBCHAT):
        help_centres.save_help_centre(
            actor=SEEDER,
            account_id=chat.pk,
            title=f"{Tenant.objects.get(pk=chat.tenant_id).name} help",
            language="en",
            introduction=COLLECTIONS["public"][1],
            is_public=True,
        )
    return written
