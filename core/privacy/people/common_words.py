"""Words that are names as well: alone they count as a name only where they are written as one (pure)."""

from typing import Final

COMMON: Final = frozenset(
    # English
    "an and any april are art august autumn baker bank banks bell best bill bird bishop black blue bond book boss "
    "bow brook brown bush can carol cash chance chase christian church clay cliff coast cook cooper crystal daisy "
    "dale dawn day dean destiny dick don drew duke earl east eve ever faith farmer field fields fisher flora ford "
    "forest fox frank free gene general ginger glen gold good grace grant gray green guy hall harmony harvest "
    "hazel heather heaven hill holly holmes home hope house hunt hunter in iris is it ivy jack jade jasmine jay "
    "jean jet job josh joy judge june just justice key king knight lake lamb lane law lee light lily little long "
    "love lucky major marina mark marks mason may mercy miles miller mine misty moon more moss north noble not "
    "olive page park parks pat patience pearl penny pepper pierce piper pope power price prince queen rain ray "
    "red reed rich river rivers rob robin rock rocky rod rose ruby rusty sage sailor sandy savannah scarlet sea "
    "set shepherd short silver sky small smart snow south spring star sterling stone storm strong sue summer "
    "summers sunny swan swift taylor teal the tiger tom turner van victor victory violet walker wall ward warren "
    "water waters way west white will winter wise wolf wood woods young "
    # Spanish, Portuguese, Italian
    "alba al ama amor angel bello blanca blanco bueno cabello cabeza calle campo campos casa casas cielo consuelo "
    "costa cruz da das de del dei della di do dos dolores el esperanza estrella fe flor flores fuente gallo "
    "gracia guerra iglesias la las leal leon ley libertad linda los luna luz mar marina mercedes milagros montes "
    "mora moreno nieves olivo paloma paz pilar prado primo puente rey reyes rios rojo rosa rosario rubio salas "
    "san santa santo santos serena sol soledad sole torre torres valle vega verde victoria vida y "
    # German, Dutch
    "abend alt am bach bauer berg blume braun busch das dem den der die ernst feld frei freund frey fuchs gross "
    "gut hahn haus heiss herbst herr herz hof jung kaiser klein koch kohl konig kraft krieg kurz lang maler mann "
    "morgen mit neu ost pfeffer platz reich richter roth ritter sanft schmidt schneider schwarz sommer sonne "
    "stark stein stern sturm vogel voll von vom wald weber weiss winkler wirt wolf zimmer zu zum zur "
    # French
    "aime beau belle blanc bois bon boucher claire des du fleur fontaine grand jardin jour le les martin marin "
    "mer michel moulin noir ne petit pierre pont roi roux rousse royer sage saint vert".split()
)
CUES: Final = frozenset(
    "im mr mrs ms miss mx dr dear hi hello sir madam named called sr sra srta senor senora senorita don dona soy "
    "herr frau hallo liebe lieber heisse monsieur madame mme mlle bonjour signor signora".split()
)
"""Words before a name."""
CUE_PAIRS: Final = frozenset(
    {
        ("i", "am"), ("i", "m"), ("name", "is"), ("name", "s"), ("this", "is"), ("me", "llamo"), ("nombre", "es"),
        ("ich", "bin"), ("name", "ist"), ("je", "suis"), ("m", "appelle"), ("nom", "est"),
        ("mi", "chiamo"), ("me", "chamo"), ("signed", "by"),
    }
)  # fmt: skip
