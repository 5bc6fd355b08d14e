"""The language that somebody writes: by its small words, or by its script."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from agents.answering.interpretation.words import Text, bare
from core.text.languages import FUNCTION_WORDS, STRONG

_MORE: Final[Mapping[str, str]] = {
    "en": "order my return refund open price cost help delivery parcel broken speak someone person book appointment "
    "cancel complaint buy interested quote campaign haven't hasn't isn't arrived received draft list",
    "de": "was die kosten kostet wurde mir mich zweimal doppelt wo wann warum mein meine meinen meiner ist sind ich "
    "habe hat bestellung lieferung paket zurück rückgabe rücksendung geld preis geöffnet öffnungszeiten termin "
    "stornieren kündigen beschwerde kaputt kaufen angebot sofort dringend jemand jemandem sprechen der das den dem ein "
    "eine einen sie von zu nach wird noch immer schon aber euch uns dass heute morgen schuhe brauche hätte gerne "
    "interesse anfrage habt",
    "fr": "où quand est mon ma mes commande livraison colis retour retourner remboursement prix coûte ouvert horaires "
    "rendez-vous annuler résilier plainte cassé acheter devis parler quelqu'un je j'ai n'ai n'est ne pas une un le les "
    "des du aujourd'hui demain toujours reçu suis sont ça cela ce cette avez votre nous intéressé il elle",
    "es": "dónde cuándo está mi mis pedido entrega paquete devolver devolución reembolso precio cuesta abierto abren "
    "horario cita cancelar queja roto comprar presupuesto urgente hablar alguien una un el los las del con para quiero "
    "necesito llegado llega todavía aún hoy mañana tengo ha he han ustedes gracias no es muy esto interesado persona",
}
_NOT_TELLING: Final = frozenset("no ok okay hi hey hello me a an he am so as on in was do has die hat".split())
_WEAK: Final = frozenset("la le de un es en no que se me te ja die der hat was on a so".split())
_SCRIPTS: Final = (
    ("ja", 0x3040, 0x30FF), ("ko", 0xAC00, 0xD7AF), ("zh", 0x4E00, 0x9FFF), ("ru", 0x0400, 0x04FF),
    ("el", 0x0370, 0x03FF), ("ar", 0x0600, 0x06FF), ("he", 0x0590, 0x05FF), ("th", 0x0E00, 0x0E7F),
    ("hi", 0x0900, 0x097F),
)  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SCORED: Final = 200
LEAST: Final = 2
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset({*(FUNCTION_WORDS - _NOT_TELLING), *_MORE["en"].split()}),
    **{
        code: frozenset(bare(word) for word in {*strong, *_MORE.get(code, "").split()})
        for code, strong in STRONG.items()
    },
}


def language_of(lines: Sequence[Text]) -> str:
    """Return the ISO code of the language of the newest message that tells one, "" if none does."""
    return next((code for line in reversed(lines) if (code := _language(line.shown))), "")


def _language(text: str) -> str:
    if script := _script(text):
        return script
    words = [bare(word) for word in _WORD.findall(text)[:_SCORED]]
    scores = {code: sum(1 if word in _WEAK else 2 for word in words if word in own) for code, own in _WORDS.items()}
    second, best = sorted(scores, key=lambda code: scores[code])[-2:]
    return best if scores[best] >= LEAST and scores[best] > scores[second] else ""


def _script(text: str) -> str:
    if text.isascii():
        return ""
    letters = [ord(sign) for sign in text if sign.isalpha()]
    foreign = [letter for letter in letters if letter >= 0x370 and not 0x1E00 <= letter <= 0x1EFF]
    if not letters or len(foreign) * 2 <= len(letters):
        return ""
    counts = {code: sum(low <= letter <= high for letter in foreign) for code, low, high in _SCRIPTS}
    best = "ja" if counts["ja"] else max(counts, key=lambda code: counts[code])
    return best if counts[best] else ""
