"""The texts of the demo's content items."""

from typing import Final

TEXTS: Final[dict[str, str]] = {
    "Summer running guide": """Run early, drink more than you want to, and leave the cotton at home.

Start where it is cool: a path under trees is six degrees cooler than asphalt at noon. Ten minutes of walking \
before you run cost nothing and save a calf.

Which shoe?
- On asphalt: a light one with a thin sole. Heat makes every gram count.
- On gravel: one size wider, feet swell.
- On sand: none at all, for the first kilometre.

If you feel dizzy, stop. Nobody has ever regretted a run that was cut short.""",
    "Ten ways to lace your boots": """A boot that pinches is often only laced the wrong way.

1. Straight across, for a high instep.
2. With a gap over the sore spot.
3. With a surgeon's knot at the ankle, so that the heel stays down.
4. Loose below, tight above, for the way up.
5. Tight below, loose above, for the way down.

The other five are for looks. We show them all the same.""",
    "Boot care 101": """Leather is skin: it wants to be clean, fed and dry, in this order.

Brush off the mud when it is dry. Wipe with lukewarm water, never with soap. Rub in as much wax as fits on a coin and \
let it sink in over night, far from the stove.

Once a season is enough. Twice is love.""",
    "Winter boots": "Boots for snow, slush and salt: lined, high, and resoled for life.",
    "Running shoes: our test": "Twelve pairs, two hundred kilometres each. Three fell apart, one surprised us.",
    "How a boot is made": "Spoken text: From the last to the lace, in seventy-one seconds.",
    "Ten quiet islands": "No ferry after six, no music on the beach: ten islands where one hears the sea.",
    "New routes for the winter": """From November on we fly to Tromsø, Agadir and Funchal, twice a week each.

Fares begin at 89 dollars one way, hand luggage included. Bookings open on Monday at nine.""",
    "A day in Lisbon": "Spoken text: Tram 28 before eight, custard tarts at ten, and the river at sunset.",
}
