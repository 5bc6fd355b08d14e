"""Words of questions that say nothing about their subject, and words that mean the same (pure)."""

from collections.abc import Iterable
from typing import Final

from core.text.words import Cut, Elide, Fold, words

CONFIGURATIONS: Final = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish", "xx": "simple",
}  # fmt: skip
"""PostgreSQL's text search configuration for each language of documents: all that it has. Another language is searched
by its whole words."""
MOST_WORDS: Final = 16

_FILLERS: Final = {
    "en": (
        "how what when where which who why whose many much long often soon far please want need know tell would "
        "could should may might possible like get got getting give take use make made say ask help question "
        "hello hi hey thanks thank there anything something somebody someone any some also still ever just really "
        "let's i'm i'd it's what's where's who's don't doesn't can't won't way able "
        "long time times day thing things cause because"
    ),
    "de": (
        "was wann wo wie wer warum wieso weshalb welche welcher welches welchen wieviel viel viele lange oft bitte "
        "kann kannst könnt können könnte möchte möchten will wollen brauche muss müssen soll darf gibt gibt's geht "
        "gern hallo danke frage hilfe ihr euch euer eure eurem euren bei wissen sagen machen"
    ),
    "fr": (
        "comment combien quand où pourquoi quel quelle quels quelles qui que quoi est-ce puis peux peut pouvez "
        "pouvons voudrais veux vouloir faire fait faites besoin dois doit faut s'il plaît bonjour merci avez avoir "
        "vous votre vos mon ma mes temps souvent savoir dire question aide"
    ),
    "es": (
        "cómo como cuánto cuánta cuántos cuántas cuanto cuándo cuando dónde donde quién qué cuál cuáles por favor "
        "puedo puede pueden podría quiero quisiera necesito tengo tiene tienen hay hacer saber decir pregunta ayuda "
        "hola gracias buenos días buenas tardes ustedes usted tiempo algo debo"
    ),
}
_ALIKE: Final = (
    # English
    "refund refunded refunds reimburse reimbursement moneyback",
    "return returned returning returns",
    "exchange swap switch replace",
    "ship shipping shipment shipped deliver delivery delivered delivers dispatch send sent",
    "arrive arrives arrival come",
    "cost costs price prices charge charges fee fees expensive",
    "warranty guarantee guaranteed",
    "parcel package packet",
    "voucher coupon code promo",
    "discount reduction rebate off percent",
    "job jobs career careers vacancy vacancies position positions work working hiring employment",
    "shop shops store stores branch",
    "open opening opens hours",
    "phone telephone call",
    "mail email e-mail",
    "pay payment paying paid payments",
    "instalment instalments installment installments parts",
    "repair repaired repairs mend fix resole",
    "broken damaged defect defective faulty torn",
    "buy purchase bought",
    "cancel cancellation cancelled",
    "student students pupil pupils",
    "big bigger large larger",
    "small smaller narrow",
    "size sizes fit fits fitting sizing",
    "clean cleaning wash washing washed",
    "stain stains mark marks spot spots",
    "unsubscribe cancel stop",
    "company companies business businesses firm corporate",
    "delete erase remove",
    "account login log-in sign-in",
    "invoice bill",
    "customer customers buyer buyers client clients shopper shoppers",
    "service support team",
    "wet rain waterproof dry",
    "valid expire expires expiry",
    "sale sales reduced",
    "abroad international overseas country countries",
    "track tracking tracked",
    # German
    "rückgabe rücksendung retoure rücksenden zurückgeben zurückschicken zurücksenden rückgaberecht",
    "umtausch umtauschen tauschen",
    "versand lieferung liefern lieferzeit versenden verschicken versandkosten lieferkosten geliefert",
    "kostet kosten preis preise gebühr gebühren teuer",
    "zahlen bezahlen zahlung zahlungsarten bezahlung zahlungsart",
    "erstattung geld rückerstattung rückzahlung erstatten",
    "rate raten ratenzahlung teilzahlung",
    "klein schmal eng",
    "größe größen schuhgröße",
    "breit breite weit weite",
    "kostenlos gratis umsonst versandkostenfrei frei",
    # French
    "retour retours renvoyer retourner rendre",
    "échange échanger échanges",
    "livraison livrer envoi expédition livrez livrons",
    "coûte coût prix tarif frais coûtent",
    "remboursement rembourser remboursé remboursée argent",
    "délai délais durée",
    "entretien entretenir nettoyer nettoie soin",
    "suivi suivre colis",
    # Spanish
    "devolver devolución devoluciones devuelvo devolverlo devolverlos",
    "cambio cambiar cambios cambiarlo",
    "envío envíos enviar entrega entregar entregan reparto",
    "cuesta cuestan coste costo precio precios tarifa gastos",
    "reembolso reembolsar reembolsan dinero",
    "abrir abren abierto horario horarios cierran",
    "plazo plazos",
)


def words_of(text: str) -> list[str]:
    """Return the words of a question in order, folded, each once; only the first of a long text."""
    found = words(text[:1000], cut=Cut.APOSTROPHE, fold=Fold.CASE, elide=Elide.DROP)
    return list(dict.fromkeys(word.removesuffix("'s") for word in found))[: MOST_WORDS * 3]


def is_filler(word: str, languages: Iterable[str]) -> bool:
    """Return True for a word of questions that says nothing about their subject."""
    return any(word in FILLERS.get(language, ()) for language in languages)


def alike(word: str) -> list[str]:
    """Return other words that mean the same."""
    return list(dict.fromkeys(other for group in GROUPS_OF.get(word, ()) for other in group if other != word))


FILLERS: Final = {language: frozenset(line.split()) for language, line in _FILLERS.items()}
GROUPS_OF: Final[dict[str, list[list[str]]]] = {}
for _group in _ALIKE:
    _words = _group.split()
    for _one in _words:
        GROUPS_OF.setdefault(_one, []).append(_words)
