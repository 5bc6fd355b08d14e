"""Read facts out of what a contact wrote: fixed phrases in English, German, French and Spanish (pure).

No model takes part. A phrase counts only where a sentence or a part of one begins, so that neither questions nor what
somebody else said become facts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from agents.memory.kinds import clean_value
from core.privacy.visible_text import without_hidden

LONGEST_TEXT: Final = 2000
_START = (
    r"(?:^|(?<=[.!?;,\n()–—])|(?<=\sand)|(?<=\sbut)|(?<=\sund)|(?<=\saber)|(?<=\set)|(?<=\smais)|(?<=\sy)|"
    r"(?<=\spero))\s*"
)
_FILL = (
    r"(?i:(?:please|hi|hello|hey|hallo|bitte|bonjour|hola|por favor|well|also|actually|just|so|no|nein|non|yes|ja|oui|"
    r"s[ií]|remember|remember that|from now on|in future|you can|could you|can you|oh|ok|okay|sorry)\s+){0,3}"
)
_THEN = (
    r"(?=\s*(?:$|[.!;,\n()–—]|(?i:please|bitte|thanks|thank|danke|merci|gracias|s'il|por favor|and|but|und|aber|et|"
    r"mais|y|pero|so|since|because|weil|instead|now|from now)\b))"
)
_NUMBER_ENDS = r"(?![\w-]|\s\d)"
_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀĆČĐĘĞİŁŃŐŘŚŞŠŤŮŰŹŻŽ]"
_NAME_VALUE = rf"(?P<value>{_CAPITAL}[\w'.-]{{1,24}}(?:\s{_CAPITAL}[\w'.-]{{0,24}}){{0,2}}?)"
_COMPANY_VALUE = rf"(?P<value>(?:{_CAPITAL}|\d)[\w&.'+-]*(?:\s(?:{_CAPITAL}|\d|&)[\w&.'+-]*){{0,3}}?)"
_THING_VALUE = r"(?P<value>[^\W_][\w'+&/-]*(?:\s[\w'+&/-]+){0,5}?)"
_NUMBER_VALUE = r"(?P<value>[A-Za-z]{0,5}[-/#]?\d[\dA-Za-z/-]{1,18})"
_IS = r"\s*(?:is|was|ist|lautet|est|es|=|:|#)?\s*#?\s*"
_NO = r"(?:number|no\.?|nr\.?|id|#)"

_LANGUAGES: Final = {
    "en": "english|englisch|anglais|inglés|ingles", "de": "german|deutsch|allemand|alemán|aleman",
    "fr": "french|französisch|français|francais|francés|frances", "es": "spanish|spanisch|espagnol|español|espanol",
    "it": "italian|italienisch|italien|italiano", "pt": "portuguese|portugiesisch|portugais|portugués",
    "nl": "dutch|niederländisch|néerlandais|holandés", "da": "danish|dänisch|danois|danés",
    "no": "norwegian|norwegisch|norvégien|noruego", "sv": "swedish|schwedisch|suédois|sueco",
    "pl": "polish|polnisch|polonais|polaco", "tr": "turkish|türkisch|turc|turco",
}  # fmt: skip
_CHANNELS: Final = {
    "email": r"e-?mail|mail|courriel|correo(?: electrónico)?", "whatsapp": r"whats ?app",
    "phone": r"phone|telephone|telefon|téléphone|teléfono|telefono", "sms": r"sms|text(?: message)?s?", "chat": r"chat",
}  # fmt: skip
_PLACES: Final = {
    "pickup": r"(?:pick|collect)(?: it| them| my order)? up|pick up (?:it|my order)|"
    r"collect (?:it|my order)|in (?:the |your )?(?:store|shop)|im laden ab|selbst ab|chercher|récupérer|en magasin|"
    r"recogerlo|lo recojo|en tienda",
    "home": r"(?:to|at) (?:my )?home|nach hause|zu hause|à (?:la maison|domicile)|en casa|a domicilio",
    "work": r"(?:to|at) (?:my|the) (?:work|workplace|office)|ins büro|im büro|au bureau|en la oficina|a la oficina",
    "parcel_locker": r"(?:to|in|at) (?:a|the|my) parcel locker|an (?:die|eine|meine) packstation|en consigne",
    "parcel_shop": r"(?:to|at) (?:a|the|my) parcel shop|an (?:den|einen) paketshop|en point relais|"
    r"a un punto de recogida",
    "neighbour": r"(?:with|at|to) (?:my|the|a) neighbou?rs?|bei(?:m| den| meinen?) nachbarn?|"
    r"chez (?:le|la|mon|ma) voisine?|con (?:el|la|mi) vecin[oa]|al vecino",
    "morning": r"in the mornings?|vormittags|morgens|le matin|por la mañana",
    "afternoon": r"in the afternoons?|nachmittags|l'après-midi|por la tarde",
    "evening": r"in the evenings?|abends|le soir|por la noche",
    "weekend": r"(?:on|at) (?:the )?weekends?|on saturdays?|am wochenende|samstags|le (?:week-end|samedi)|"
    r"(?:el|los) (?:fin(?:es)? de semana|sábados?)",
}  # fmt: skip
_CURRENCIES: Final = {
    "EUR": r"€|eur|euros?", "USD": r"\$|usd|us-dollars?|dollars?|dólares", "GBP": r"£|gbp|pounds?",
    "CHF": r"chf|franken",
}  # fmt: skip
_MONEY = (
    r"(?P<most>(?i:up to|at most|max\.?|maximum|no more than|under|bis zu|höchstens|maximal|unter|jusqu'à|au maximum|"
    r"hasta|como máximo))?\s*(?i:(?:about|around|roughly|circa|ca\.?|etwa|rund|environ|unos|between|zwischen|entre|"
    r"from|von|de)\s+){0,2}"
    r"(?P<sign>[€$£])?\s?(?P<low>\d[\d.,']{0,14}(?:\s\d{3})*)"
    rf"(?:\s?(?i:{'|'.join(_CURRENCIES.values())})?\s*(?:-|–|(?i:to|and|bis|und|à|et|a|y))\s*[€$£]?\s?"
    r"(?P<high>\d[\d.,']{0,14}(?:\s\d{3})*))?"
    rf"\s?(?P<currency>(?i:{'|'.join(_CURRENCIES.values())}))?"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A fact that a contact stated."""

    kind: str
    value: str = field(repr=False)


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


def _at_start(cue: str, value: str) -> tuple[str, str]:
    """Return the pattern of a cue where a part of a sentence begins, and that of the cue with its value."""
    return f"{_START}{_FILL}(?i:{cue})", f"{_START}{_FILL}(?i:{cue}){value}{_THEN}"


_MY: Final = "my|our|meine|unsere|mon|notre|mi|nuestro"
_OF_MINE: Final = rf"(?:{_START}{_FILL}(?i:(?:{_MY})\s+)?|(?i:\b(?:{_MY})\s+))"
_LANGUAGE_VALUE = rf"(?P<value>(?i:{_any(_LANGUAGES.values())}))"
_CHANNEL_VALUE = rf"(?P<value>(?i:{_any(_CHANNELS.values())}))"
_PLACE_VALUE = rf"(?P<value>(?i:{_any(_PLACES.values())}))"
_PATTERNS: Final = (
    ("preferred_name", *_at_start(
        r"(?:call me|my name is|my name's|the name is|nennen sie mich|nenn mich|ich heiße|ich heisse|mein name ist|"
        r"je m'appelle|appelez-moi|mon nom est|me llamo|ll[áa]m[ea]me|mi nombre es)\s+", _NAME_VALUE)),
    ("language", *_at_start(
        r"(?:i (?:only |just |mostly )?(?:speak|prefer)|my language is|"
        r"(?:write|answer|reply|speak|talk|respond|continue)(?: to me| with me)?(?: back)? in|"
        r"ich spreche(?: leider)?(?: nur)?|(?:schreiben|antworten|sprechen) sie(?: mir| mit mir)?(?: bitte)?(?: auf)?|"
        r"auf|je (?:ne )?parle(?: que)?(?: le)?|(?:répondez|écrivez|parlez)(?:-moi)?(?: en)?|en|"
        r"(?:solo )?hablo(?: solo)?|(?:responda|escriba|conteste|hable)(?:me)?(?: en)?|prefiero(?: el)?)\s+",
        _LANGUAGE_VALUE)),
    ("preferred_channel", *_at_start(
        r"(?:(?:contact|reach|message|notify|update|answer|write to) me(?: only)? (?:by|via|on|through|over)|"
        r"i(?:'d| would)? (?:rather )?prefer(?: to be contacted| contact)?(?: by| via)?|"
        r"(?:kontaktieren|erreichen|benachrichtigen|schreiben|antworten) sie (?:mich|mir)(?: bitte)?"
        r"(?: nur| lieber| am besten)? (?:per|über|via)|(?:am liebsten|am besten|lieber) (?:nur )?(?:per|über|via)|"
        r"per|(?:contactez|joignez|écrivez|prévenez)-moi (?:plutôt |de préférence )?(?:par|sur|via)|"
        r"je préfère(?: être contactée? par| par| le)?|"
        r"(?:contácteme|contactadme|escríbame|avíseme) (?:mejor )?(?:por|vía)|prefiero(?: por| el)?)\s+",
        _CHANNEL_VALUE)),
    ("delivery_preference", *_at_start(
        r"(?:deliver(?: it| them| my order| the parcel)?|leave (?:it|the parcel|my parcel)|send (?:it|my parcel)|"
        r"i(?:'d| would|'ll| will)? (?:prefer delivery|rather|prefer to|want to|like to)?|"
        r"liefern sie(?: es| das paket| mir)?(?: bitte)?|lieferung(?: bitte)?|geben sie (?:es|das paket)(?: bitte)?|"
        r"ich hole (?:es|das paket|sie|die bestellung)|livrez(?:-le|-moi)?|livraison|laissez(?:-le| le colis)|"
        r"je (?:viens|passerai|préfère) le|entréguelo|entrega|déjelo|prefiero)\s+", _PLACE_VALUE)),
    ("customer_number", rf"(?i:\b(?:customer|client|member|membership) {_NO}|\bkunden-?\s?n(?:umme)?r|"
        r"\b(?:numéro|n°) (?:de )?client|\bnúmero de cliente)",
        rf"{_OF_MINE}(?i:(?:customer|client|member|membership) {_NO}|kunden-?\s?n(?:umme)?r\.?|"
        rf"(?:numéro|n°) (?:de )?client|número de cliente){_IS}{_NUMBER_VALUE}{_NUMBER_ENDS}"),
    ("order_number", rf"(?i:\border (?:{_NO}|#)|\bbestell-?n(?:umme)?r|\bbestellung nr|"
        r"\b(?:numéro|n°) de commande|\bnúmero de pedido)",
        rf"{_OF_MINE}(?i:order (?:{_NO}|(?=#))|bestell-?n(?:umme)?r\.?|bestellung nr\.?|"
        rf"(?:numéro|n°) de commande|número de pedido){_IS}{_NUMBER_VALUE}{_NUMBER_ENDS}"),
    ("company", *_at_start(
        r"(?:i work (?:for|at)|(?:my|our) company is(?: called)?|(?:my|our) company's name is|ich arbeite (?:bei|für)|"
        r"(?:meine|unsere) firma (?:ist|heißt)|unser unternehmen (?:ist|heißt)|je travaille (?:chez|pour)|"
        r"(?:mon|notre) entreprise (?:est|s'appelle)|trabajo (?:en|para)|(?:mi|nuestra) empresa (?:es|se llama))\s+",
        _COMPANY_VALUE)),
    ("product_interest", *_at_start(
        r"(?:(?:i am|i'm|we are|we're) (?:very |really |mainly |also )?interested in|"
        r"ich interessiere mich (?:sehr |vor allem |auch )?für|je (?:suis|serais) intéressée? par|"
        r"je m'intéresse (?:à|aux|au)|me interesan?|estoy interesad[oa] en)\s+", _THING_VALUE)),
    ("budget_range", *_at_start(
        r"(?:(?:my|our) budget (?:is|would be)|(?:mein|unser) budget (?:ist|liegt bei|beträgt|wäre)|"
        r"(?:mon|notre) budget (?:est|serait)|(?:mi|nuestro) presupuesto (?:es|sería)|"
        r"(?:budget|presupuesto):)\s+", _MONEY)),
)  # fmt: skip
_CUES: Final = re.compile("|".join(f"(?:{cue})" for _, cue, _ in _PATTERNS), re.MULTILINE)
_RULES: Final = tuple((kind, re.compile(whole, re.MULTILINE)) for kind, _, whole in _PATTERNS)
_CODES: Final = {"language": _LANGUAGES, "preferred_channel": _CHANNELS, "delivery_preference": _PLACES}
_QUOTED = re.compile(r"^\s*>.*$|[\"“„«][^\"”“»\n]*[\"”“»]", re.MULTILINE)
_FORWARDED = re.compile(
    r"^(?:-{2,}.*|on .{1,200} wrote:|am .{1,200} schrieb.*:|le .{1,200} a écrit\s*:|el .{1,200} escribió:|"
    r"(?:from|von|de):\s.*)$",
    re.IGNORECASE | re.MULTILINE,
)


def may_hold_facts(text: str) -> bool:
    """Return True if a text, masked or not, has a phrase that a fact begins with."""
    return _CUES.search(_own_words(text)) is not None


def read_facts(text: str) -> list[Said]:
    """Return the facts that a contact states in their own words: at most one of each kind, the last one."""
    words = _own_words(text)
    found: list[Said] = []
    for kind, rule in _RULES:
        values = [value for match in rule.finditer(words) if (value := clean_value(kind, _value(kind, match)))]
        if values:
            found.append(Said(kind, values[-1]))
    return found


def _own_words(text: str) -> str:
    """Return what a contact wrote themselves, without quotes of others and hidden characters."""
    lines = (line.strip() for line in without_hidden(text[:LONGEST_TEXT]).replace("’", "'").split("\n"))
    words = "\n".join(line for line in lines if line)  # a page of empty lines would take seconds
    forwarded = _FORWARDED.search(words)
    words = words[: forwarded.start()] if forwarded else words
    return re.sub(r"[^\S\n]+", " ", _QUOTED.sub(" … ", words))


def _value(kind: str, match: re.Match[str]) -> str:
    if kind == "budget_range":
        return _amount(match)
    value = match["value"]
    codes = _CODES.get(kind)
    if codes is None:
        return value
    return next((code for code, words in codes.items() if re.fullmatch(words, value, re.IGNORECASE)), "")


def _amount(match: re.Match[str]) -> str:
    named = match["currency"] or match["sign"] or ""
    codes = (code for code, words in _CURRENCIES.items() if re.fullmatch(words, named, re.IGNORECASE))
    currency = next(codes, "")
    numbers = "–".join(number.strip(" .,'") for number in (match["low"], match["high"]) if number)
    most = "up to " if match["most"] else ""
    return f"{most}{numbers} {currency}".strip()
