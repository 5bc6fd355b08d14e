"""Greetings, thanks, yes and no, as people write them in a chat in the product's languages (pure)."""

import re
from typing import Final

_SAID: Final = {
    "en": {
        "greeting": "hi, hello, hey, hi there, hello there, good morning, good afternoon, good evening",
        "thanks": "thanks, thank you, thx, many thanks, thanks a lot, thank you so much, thank you very much",
        "yes": "yes, yes please, yep, yeah, sure",
        "no": "no, no thanks, no thank you, nope",
    },
    "de": {
        "greeting": "hallo, guten tag, guten morgen, guten abend, moin, servus, grüß gott, hallo zusammen",
        "thanks": "danke, vielen dank, danke schön, dankeschön, danke sehr, besten dank, herzlichen dank, "
        "vielen lieben dank, tausend dank, danke ihnen",
        "yes": "ja, ja bitte, ja gerne, ja gern, gerne, gern, jawohl, genau",
        "no": "nein, nein danke, nee, nö, nicht nötig, lieber nicht",
    },
    "fr": {
        "greeting": "bonjour, bonsoir, salut, coucou, bonjour à tous",
        "thanks": "merci, merci beaucoup, merci bien, un grand merci, mille mercis, merci à vous",
        "yes": "oui, oui merci, oui s'il vous plaît, oui s'il vous plait, oui svp, volontiers, d'accord, bien sûr",
        "no": "non, non merci, pas besoin",
    },
    "es": {
        "greeting": "hola, buenos días, buenas tardes, buenas noches, buenas, muy buenas",
        "thanks": "gracias, muchas gracias, mil gracias, muchísimas gracias",
        "yes": "sí, si por favor, sí por favor, sí gracias, claro, claro que sí, vale, de acuerdo",
        "no": "no gracias, no hace falta, mejor no",
    },
}
_OF: Final = {
    phrase: (kind, language)
    for language, kinds in _SAID.items()
    for kind, line in kinds.items()
    for phrase in line.split(", ")
}
_PART: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*(?:[ \t]+[^\W_]+(?:['’-][^\W_]+)*)*")
_LONGEST: Final = 60


def courtesy_in(text: str) -> tuple[str, str]:
    """Return what a text is that is nothing else: "greeting", "thanks", "yes" or "no", and its language.

    ("", "") for every other text. Of several the last counts: "Hallo, danke".
    """
    if len(text) > _LONGEST:
        return "", ""
    parts = [" ".join(part.lower().replace("’", "'").split()) for part in _PART.findall(text)]
    found = [_OF.get(part, ("", "")) for part in parts]
    return found[-1] if found and all(kind for kind, _ in found) else ("", "")
