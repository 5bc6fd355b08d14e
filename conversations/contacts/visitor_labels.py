"""Labels that tell contacts without a name apart."""

from typing import Final
from uuid import UUID

_COLOURS: Final = (
    "Amber Apricot Aqua Ash Azure Beige Blue Bronze Brown Carmine Cedar Cherry Cobalt Copper Coral Cream Crimson Cyan "
    "Denim Ebony Fawn Fern Ginger Gold Green Grey Hazel Honey Indigo Ivory Jade Khaki Lavender Lemon Lilac Lime Linen "
    "Mauve Mint Moss Mustard Navy Ochre Olive Orange Peach Pearl Pine Pink Plum Purple Red Rose Ruby Rust Sand "
    "Scarlet Silver Sky Slate Teal Umber Violet White"
).split()
_ANIMALS: Final = (
    "Badger Bat Bear Beaver Bison Camel Cat Crane Crow Deer Dolphin Dove Duck Eagle Elk Falcon Ferret Finch Fox Frog "
    "Gecko Goose Gull Hare Hawk Heron Horse Ibex Ibis Jay Kestrel Kite Koala Lark Lemur Lion Llama Lynx Magpie Marten "
    "Mole Moose Newt Otter Owl Panda Parrot Pony Puffin Quail Rabbit Raven Robin Salmon Seal Stork Swan Swift Tiger "
    "Trout Turtle Whale Wolf Wren"
).split()


def visitor_label(contact_id: UUID) -> str:
    """Return what a contact without a name is called, such as "Visitor Blue Heron": always the same."""
    place = contact_id.int % (len(_COLOURS) * len(_ANIMALS))
    return f"Visitor {_COLOURS[place % len(_COLOURS)]} {_ANIMALS[place // len(_COLOURS)]}"
