"""Given and family names, by which a name is suspected where nothing else says that it is one (pure data).

Folded to lower case without accents. From the lists of Faker 37.1 and 40.54 (MIT licence, Daniele Faraglia and
contributors) for the languages of Europe and frequent ones of other origins, with nicknames added by hand; left out is
what is a word of English, German, French or Spanish, and what is as often a word, a place or a brand is in a list of
its own.
"""

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
GIVEN: Final = frozenset((_HERE / "given.txt").read_text("ascii").split())
GIVEN_OR_WORD: Final = frozenset((_HERE / "given_or_word.txt").read_text("ascii").split())
"""A name only before another name, or where a cue introduces it."""
FAMILY: Final = frozenset((_HERE / "family.txt").read_text("ascii").split())
"""Frequent family names: they make a name of a given one that is a word as well."""
