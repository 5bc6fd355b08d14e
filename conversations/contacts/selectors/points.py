"""Find contact points by a full address, through its blind index."""

from typing import Final

from django.db.models import Q

from conversations.contacts import points
from core.errors import Invalid
from core.privacy.encryption import blind_index

_EXACT_KINDS: Final = ("phone", "email", "username", "bsuid")


def point_matches(words: str) -> Q:
    """Return the query condition for this address, by its blind index."""
    wanted = Q()
    for kind in _EXACT_KINDS:
        try:
            index = blind_index(points.index_form(kind, words), column=points.COLUMN)
        except Invalid:
            continue
        wanted |= Q(kind=kind, value_index=index)
    return wanted or Q(pk=None)
