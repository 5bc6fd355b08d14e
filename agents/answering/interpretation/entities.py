"""Order numbers, requests, dates, amounts and products that messages name; never what is masked."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from agents.answering.interpretation.words import Text, bare

MOST: Final = 12
MOST_OF_A_KIND: Final = 6
MASK: Final = "•"
_UNMASKED: Final = rf"(?![\d{MASK}-]|[ .-]{MASK})"
_REQUEST: Final = re.compile(rf"\bbr-\d{{1,9}}{_UNMASKED}\b")
_ORDER: Final = re.compile(
    r"\b(?:order|bestellung|auftrag|commande|pedido|parcel|package|paket|colis|paquete)"
    rf"(?: (?:id|no|nr|number|nummer|numero|num|n))?[ .:#°]{{0,4}}([a-z]{{0,3}}-?\d{{3,12}}){_UNMASKED}\b"
    rf"|(?<![\w&])#([a-z]{{0,3}}-?\d{{3,12}}){_UNMASKED}\b"
)
_MONTHS: Final = (
    "january february march april may june july august september october november december januar februar marz mai "
    "juni juli oktober dezember janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre "
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()
_MONTH: Final = "|".join(dict.fromkeys(_MONTHS))
_DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./] ?\d{1,2}[./] ?(?:\d{4}|\d{2})\b|\b\d{1,2}\. ?\d{1,2}\.(?!\d)"
    rf"|\b\d{{1,2}}(?:\.|st|nd|rd|th)? (?:of |de )?(?:{_MONTH})\b|\b(?:{_MONTH}) \d{{1,2}}\b"
)
_MONEY: Final = r"(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|pfund|livres?|dolares|€|\$|£)"
_AMOUNT: Final = re.compile(
    rf"(?:€|\$|£) ?\d{{1,9}}(?:[.,]\d{{1,3}}){{0,3}}|\b\d{{1,9}}(?:[.,]\d{{1,3}}){{0,3}} ?{_MONEY}(?!\w)"
)
_DAYS: Final = frozenset(
    "today tomorrow tonight yesterday monday tuesday wednesday thursday friday saturday sunday heute morgen gestern "
    "montag dienstag mittwoch donnerstag freitag samstag sonntag aujourd'hui demain lundi mardi mercredi jeudi "
    "vendredi samedi dimanche hoy manana ayer lunes martes miercoles jueves viernes sabado domingo".split()
)
PRODUCTS: Final[dict[str, str]] = {
    word: name
    for name, words in {
        "shoes": "shoe shoes sneaker sneakers trainers schuh schuhe chaussure chaussures basket baskets zapato zapatos "
        "zapatillas",
        "boots": "boot boots stiefel bottes botas",
        "sandals": "sandal sandals sandale sandalen sandales sandalia sandalias",
        "jacket": "jacket jackets coat coats jacke jacken mantel veste vestes manteau chaqueta chaquetas abrigo",
        "shirt": "shirt shirts t-shirt t-shirts hemd hemden chemise chemises camisa camisas camiseta camisetas",
        "trousers": "trousers jeans hose hosen pantalon pantalons pantalones",
        "dress": "dress dresses kleid kleider robe robes vestido vestidos",
        "bag": "bag bags backpack backpacks tasche taschen rucksack rucksacke sac sacs bolso bolsos mochila mochilas",
        "socks": "sock socks socken chaussettes calcetines",
        "gift card": "voucher vouchers giftcard gutschein gutscheine cheque-cadeau tarjeta-regalo",
        "tent": "tent tents zelt zelte tente tentes",
    }.items()
    for word in words.split()
}


def find_entities(lines: Sequence[Text]) -> tuple[tuple[str, str], ...]:
    """Return the kind and the text of what messages name, of the newest message first, each once."""
    found = dict.fromkeys(entity for line in reversed(lines) for entity in _found(line))
    counts: Counter[str] = Counter()
    kept = []
    for kind, text in found:
        counts[kind] += 1
        if counts[kind] <= MOST_OF_A_KIND:
            kept.append((kind, text))
    return tuple(kept[:MOST])


def _found(line: Text) -> Iterator[tuple[str, str]]:
    text = bare(line.shown)
    for kind, pattern in (("request", _REQUEST), ("order", _ORDER), ("amount", _AMOUNT), ("date", _DATE)):
        for number, match in enumerate(pattern.finditer(text)):
            if number == MOST_OF_A_KIND:
                break
            value = next((group for group in match.groups() if group), match[0])
            yield kind, value.upper() if kind in ("request", "order") else value
    for word in line.words:
        if word in _DAYS:
            yield "day", word
        elif word in PRODUCTS:
            yield "product", PRODUCTS[word]
