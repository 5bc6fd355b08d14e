"""Words of questions that say nothing about their subject, and words that mean the same (pure)."""

import math
import re
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
        "long time times thing things cause because ok okay pls plz u ur im id ive thats whats wheres hows whos "
        "dont doesnt cant wont isnt youre were hiya yes no please maybe quite roughly exactly actually currently "
        "ah hiya anyway btw guess hoping trying "
        "moment quick quickly one ones us guys folks super nice great cool perfect lovely brilliant cheers "
        "gonna wanna bit lot lots done going go goes went "
        "put see look looking keep mine yours ours without per till until much another else already yet then so "
        "well oh ah hm hmm max maximum minimum least most little policy policies rules info information details"
    ),
    "de": (
        "was wann wo wie wer warum wieso weshalb welche welcher welches welchen wieviel viel viele lange oft bitte "
        "kann kannst könnt können könnte möchte möchten will wollen brauche muss müssen soll darf gibt gibt's geht "
        "gern hallo danke frage hilfe ihr euch euer eure eurem euren bei wissen sagen machen macht mache gibts wieso "
        "habt hab hätte hätten wäre wären würde würden wenn denn mal schon eigentlich gerade grad jetzt noch nochmal "
        "ne nen ner nem mein meine meinen meinem meiner unser unsere unserem unseren einfach bitteschön ok okay ja "
        "bekomme bekommen bekommt kriege kriegen kriegt nehmt nehmen seid sein war sollte sollten dürfen dürfte müssen "
        "müssten können könnten pro je höchstens mindestens maximal ungefähr etwa circa ca genau überhaupt eben halt "
        "also dann hier da dabei super prima toll klasse top alles klar "
        "hoch ah achso beim beides sehe sehen seh finde finden mehrere sowas eigene irgendwie nämlich halt "
        "dafür dazu davon gut tun tut kommt kommen komme stehen steht liegt lang regelung regelungen richtlinie "
        "richtlinien regeln info infos information informationen"
    ),
    "fr": (
        "comment combien quand où pourquoi quel quelle quels quelles qui que quoi est-ce puis peux peut pouvez "
        "pouvons voudrais veux vouloir faire fait faites besoin dois doit faut s'il plaît bonjour merci avez avoir "
        "vous votre vos mon ma mes temps souvent savoir dire question aide "
        "politique règles infos information informations"
    ),
    "es": (
        "cómo como cuánto cuánta cuántos cuántas cuanto cuándo cuando dónde donde quién qué cuál cuáles por favor "
        "puedo puede pueden podría quiero quisiera necesito tengo tiene tienen hay hacer saber decir pregunta ayuda "
        "hola gracias buenos días buenas tardes ustedes usted tiempo algo debo "
        "política políticas normas información"
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
    "monday mon", "tuesday tue", "wednesday wed", "thursday thu", "friday fri", "saturday sat", "sunday sun",
    # German
    "rückgabe rücksendung retoure rücksenden zurückgeben zurückschicken zurücksenden rückgaberecht",
    "umtausch umtauschen tauschen",
    "versand lieferung liefern lieferzeit versenden verschicken versandkosten lieferkosten geliefert",
    "kostet kosten preis preise gebühr gebühren teuer",
    "zahlen bezahlen zahlung zahlungsarten bezahlung zahlungsart",
    "erstattung geld rückerstattung rückzahlung erstatten",
    "rate raten ratenzahlung teilzahlung",
    "uhrzeit uhrzeiten zeiten öffnungszeiten",
    "montag montags mo", "dienstag dienstags di", "mittwoch mittwochs mi", "donnerstag donnerstags do",
    "freitag freitags fr", "samstag samstags sonnabend sa", "sonntag sonntags so",
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
)  # fmt: skip


_ACROSS: Final = (
    "price prices cost costs fee fees charge|preis preise kosten kostet gebühr gebühren",
    "free|kostenlos gratis kostenfrei frei",
    "pay paid payment|zahlen bezahlen bezahlt zahlung",
    "invoice invoices bill bills|rechnung rechnungen abrechnung",
    "refund|erstattung rückerstattung erstatten",
    "discount|rabatt ermäßigung nachlass",
    "deposit|kaution anzahlung",
    "insurance|versicherung versichert",
    "contract|vertrag verträge",
    "cancel cancelled cancellation|kündigen kündigung stornieren stornierung absagen abgesagt",
    "deadline period|frist fristen",
    "valid|gültig gilt",
    "appointment appointments|termin termine",
    "booking book reservation|buchung buchen reservierung reservieren",
    "open opening hours|geöffnet öffnungszeiten öffnet offen",
    "closed|geschlossen",
    "phone telephone call number|telefon anrufen telefonnummer nummer",
    "mail email|email mail e-mail",
    "letter post|brief post",
    "address|adresse anschrift",
    "name|name namen",
    "password|passwort kennwort",
    "account|konto",
    "form|formular antrag",
    "apply application|antrag bewerbung bewerben beantragen",
    "delete deleted deletion|löschen gelöscht löschung",
    "change|ändern änderung wechseln",
    "lose lost|verloren verlust",
    "new|neu neue neues neuer",
    "child children kid kids|kind kinder kindern",
    "adult adults|erwachsene erwachsener",
    "parents|eltern",
    "customer customers client clients|kunde kunden",
    "employee employees staff|mitarbeiter personal",
    "person persons people|person personen",
    "student students|student studierende studenten",
    "room rooms|zimmer raum räume",
    "house building|haus gebäude",
    "lift elevator|aufzug fahrstuhl lift",
    "entrance|eingang",
    "parking park|parken parkplatz parkplätze",
    "car|auto pkw",
    "bicycle bike|fahrrad rad",
    "train station|bahn bahnhof zug",
    "key keys|schlüssel",
    "card|karte",
    "cash|bar bargeld",
    "accident|unfall",
    "damage|schaden schäden",
    "water|wasser",
    "language|sprache sprachen",
    "file files|datei dateien",
    "support help|support hilfe",
    "version|version",
    "first|erste erster erstes ersten",
    "late|spät später verspätet",
    "early|früh früher",
    "size|größe",
    "width wide|breite breit",
    "weight|gewicht",
    "waiting wait|warten wartezeit",
    "monday|montag montags", "tuesday|dienstag dienstags", "wednesday|mittwoch mittwochs",
    "thursday|donnerstag donnerstags", "friday|freitag freitags", "saturday|samstag samstags sonnabend",
    "sunday|sonntag sonntags",
    "hour hours|stunde stunden", "minute minutes|minute minuten", "week weeks|woche wochen",
    "month months monthly|monat monate monatlich", "year years yearly annual|jahr jahre jährlich jährliche",
    "days|tage tagen tag", "night nights|nacht nächte", "evening|abend abends", "morning|morgen morgens vormittag",
    "user users|nutzer benutzer anwender", "plan plans package|paket tarif tarife",
    "storage space|speicher speicherplatz",
    "limit limits|grenze limit höchstgrenze", "backup backups|sicherung sicherungen",
    "member members|mitglied mitglieder",
    "guest guests|gast gäste", "owner|inhaber eigentümer", "error errors|fehler", "settings|einstellungen",
    "project projects|projekt projekte", "bring|mitbringen", "send|schicken senden verschicken",
    "allowed|erlaubt gestattet",
    "included include|enthalten inklusive inbegriffen", "age|alter", "visit visits|besuch besuche", "proof|nachweis",
    "copy copies|kopie kopien", "sign signature|unterschrift unterschreiben",
    "certificate|bescheinigung nachweis zertifikat",
    "extend extension|verlängern verlängerung", "fine penalty|strafe strafgebühr", "group groups|gruppe gruppen",
    "complaint complaints|beschwerde beschwerden", "data|daten", "transfer|überweisung überweisen übertragen",
    "website|webseite internetseite", "message|nachricht", "answer reply|antwort", "stay|aufenthalt",
    "trip travel|reise reisen",
    "family|familie", "exam test|prüfung test", "course courses|kurs kurse", "place|platz ort", "table|tisch tabelle",
    "food meal|essen mahlzeit", "door|tür", "power electricity|strom", "heating|heizung", "loss|verlust",
    "theft|diebstahl",
    "repair|reparatur reparieren", "report|melden meldung", "replace replacement|ersetzen ersatz",
    "christmas|weihnachten", "holiday holidays|feiertag feiertage ferien urlaub",
)  # fmt: skip
_NUMBER: Final = re.compile(r"(\d+(?:[.,:]\d+)+)")
_ASKS_VALUE: Final = re.compile(
    r"\b(?:how (?:many|much|long|often|far|late|early|high|big|large|old|soon)|what (?:time|age|price)|when|prices?|"
    r"costs?|fees?|hours|number of|wie ?(?:viele?|lange?|oft|weit|spät|früh|hoch|groß|alt|teuer|breit|schwer|schnell)|"
    r"(?:bis |ab |seit )?wann|uhrzeit|preise?|kostet|kosten|gebühr\w*|combien|quand|prix|cuánt\w+|cuándo|precio)\b"
)
_VALUE: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|once|twice|free|no charge|always|never|unlimited|"
    r"every|daily|weekly|monthly|yearly|\w+day|immediately|at once|ein|eine[nmr]?|zwei|drei|vier|fünf|sechs|sieben|"
    r"acht|neun|zehn|zwölf|zweimal|einmal|dreimal|kostenlos\w*|kostenfrei|gratis|frei|jederzeit|immer|nie|sofort|"
    r"unbegrenzt|\w+tags?|täglich|jede[nrsm]?|january|february|march|april|may|june|july|august|september|"
    r"october|november|"
    r"december|"
    r"januar|februar|märz|mai|juni|juli|oktober|dezember|gratuit\w*|siempre|un|une|deux|trois|uno|dos|tres)\b"
)

_COUNT: Final = re.compile(
    r"\d|\b(?:once|twice|two|three|four|five|six|seven|eight|nine|ten|twelve|(?:ein|zwei|drei|vier)mal|zwei|"
    r"drei|vier|fünf|"
    r"sechs|sieben|acht|neun|zehn|zwölf|deux|trois|quatre|cinq|une fois|dos|tres|cuatro|cinco|una vez)\b"
)
ANY: Final = "any"
_UNIT: Final = (
    r"(?:min(?:ute|uten|utes?|utos?)?|hours?|stunden?|heures?|horas?|days?|tage?n?|werktage?n?|arbeitstage?n?|jours?|"
    r"d[ií]as?|weeks?|wochen?|semaines?|semanas?|months?|monate?n?|mois|mes(?:es)?|years?|jahre?n?|ans?|años?)"
)
_KINDS: Final = tuple(
    (kind, re.compile(asks), re.compile(shows))
    for kind, asks, shows in (
        (
            "mail",
            r"\be-?mail[- ]?(?:address|adresse)|\bmails? (?:schick|send)\w*|"
            r"\b(?:which|what|welche|quelle|qué) e?-?mail\b",
            r"@",
        ),
        (
            "phone",
            r"\b(?:tele)?phone numbers?\b|\b(?:telefon|ruf|handy)-?nummer\w*|\bhotline\b|\bdurchwahl\b|"
            r"\bnumber (?:do|can|should|must) i (?:call|ring|dial)\b|\bnum[ée]ros? de t[ée]l[ée]\w+",
            r"\d[\d ()/–-]{4,}\d",
        ),
        (
            "often",
            r"\bhow (?:often|many times)\b|\bwie (?:oft|häufig)\b|\bcombien de fois\b|\bcuántas veces\b",
            r"\b(?:once|twice|\d+\s?x|(?:\d+|two|three|four|five|several) times|every|each|daily|weekly|monthly|yearly|"
            r"annually|per|(?:ein|zwei|drei|vier|fünf|mehr)mals?|alle|jede[nrsm]?|jährlich|monatlich|wöchentlich|"
            r"täglich|"
            r"pro|une fois|deux fois|chaque|par|una vez|dos veces|cada|\d+\s?mal|never|nie|unlimited|unbegrenzt)\b",
        ),
        (
            "money",
            r"\bwhat(?: .{0,40})? (?:cost|charge)\b|\bhow much (?:is|are|for|does|do)\b|, how much\b|"
            r"\b(?:prices?|costs?|fees?|charges?)\b|"
            r"\b(?:preise?|kostet|kosten|gebühr\w*|teuer|prix|coûte\w*|precios?|cuesta\w*)\b",
            r"[€$£]|\b(?:euros?|eur|cents?|chf|usd|gbp|dollars?|pounds?|franken|free|no charge|"
            r"(?:kosten|gebühren)(?:los|frei)\w*|gratis|umsonst|frei|prices?|preis\w*|fees?|\w*gebühr\w*|charged?|"
            r"costs?|"
            r"kostet|kosten|gratuit\w*|prix|precio)\b",
        ),
        (
            "clock",
            r"\bwhat time\b|\buhrzeit\b|\bwie (?:spät|früh)\b|\bum wie ?viel uhr\b|\bà quelle heure\b|\ba qué hora\b",
            r"\d[:.]\d\d\b|\b\d{1,2}\s?(?:a\.?m|p\.?m|uhr|h)\b|"
            r"\b(?:noon|midnight|mittags?|mitternacht|midi|24 hours|24 stunden)\b|\d{1,2}\s?[–-]\s?\d{1,2}\b",
        ),
        (
            "duration",
            r"\bhow long\b|\bhow many (?:min|hours|days|weeks|months|years)|\bwie lange\b|"
            r"\bwie ?viele? (?:min|stunden|tage|wochen|monate|jahre)|\bcombien de temps\b|\bcuánto tiempo\b",
            rf"\b{_UNIT}\b|\b(?:immediately|at once|sofort|until|till|bis|unlimited|unbegrenzt)\b",
        ),
    )
)
"""Kinds of values: how a question asks for one, and how a line shows it. The first that fits counts."""
_NAMES_OF: Final = {
    kind: frozenset(names.split())
    for kind, names in {
        "mail": "mail email e-mail mailadresse emailadresse address adresse send schicken schicke",
        "phone": "phone telephone telefon number nummer telefonnummer rufnummer hotline call anrufen",
        "often": "often times oft häufig",
        "money": "price prices cost costs fee fees charge charges pay kostet kosten preis preise gebühr gebühren "
        "zahlen "
        "zahle bezahlen prix coûte tarif precio precios cuesta",
        "clock": "time open opens close closes closed start starts end ends geöffnet offen öffnet schließt zu "
        "auf uhrzeit",
        "duration": "long take takes last lasts duration dauert dauern dauer lange dure dura",
    }.items()
}
"""Words of a question that a line answers by showing a value of the kind."""


def words_of(text: str) -> list[str]:
    """Return the words of a question in order, folded, each once; only the first of a long text.

    A number such as "8.6" or "5,000" is one.
    """
    found: list[str] = []
    for place, part in enumerate(_NUMBER.split(text[:1000])):
        found += [part] if place % 2 else words(part, cut=Cut.APOSTROPHE, fold=Fold.CASE, elide=Elide.DROP)
    return list(dict.fromkeys(word.removesuffix("'s") for word in found))[: MOST_WORDS * 3]


def value_asked(question: str) -> str:
    """Return what kind of value a question asks for, ANY for how many or when, "" where it asks for none."""
    text = question.casefold()
    kind = next((kind for kind, asks, _ in _KINDS if asks.search(text)), "")
    return kind or (ANY if _ASKS_VALUE.search(text) else "")


def has_value(text: str, kind: str = ANY) -> bool:
    """Return True if a text says how many, how much or when, or that there is none; as much as a kind asks for."""
    folded = text.casefold()
    if kind == ANY:
        return _VALUE.search(folded) is not None
    return next(shows for name, _, shows in _KINDS if name == kind).search(folded) is not None


def names_kind(word: str, kind: str) -> bool:
    """Return True if a word of a question names the kind of value that it asks for: "cost", where a price is shown."""
    return word in _NAMES_OF.get(kind, ())


def has_count(text: str) -> bool:
    """Return True if a text names a number, in digits or in words."""
    return _COUNT.search(text.casefold()) is not None


def relatives_of(word: str) -> list[str]:
    """Return beginnings that a word shares with its relatives, in two spellings; none for a short word."""
    if len(word) < 7 or not word.isalpha():
        return []
    begins = word[: max(6, math.ceil(len(word) * 0.65))]
    spellings = {begins, begins.replace("ae", "ä").replace("oe", "ö").replace("ue", "ü")}
    spellings.add(begins.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue"))
    return sorted(spellings | {other + begins[1:] for one, other in ("ck", "kc") if begins[0] == one})


def parts_of(word: str) -> list[str]:
    """Return what a compound may begin and end with; none for a short word."""
    if len(word) < 9 or not word.isalpha():
        return []
    return [word[:end] for end in range(5, len(word) - 2)] + [word[begin:] for begin in range(3, len(word) - 4)]


def across(word: str) -> list[str]:
    """Return words of another language that mean the same: of what any organisation writes about."""
    return list(dict.fromkeys(other for group in _GROUPS_ACROSS.get(word, ()) for other in group if other != word))


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
_GROUPS_ACROSS: Final[dict[str, list[list[str]]]] = {}
for _pair in _ACROSS:
    _sides = [side.split() for side in _pair.split("|")]
    for _side, _others in (_sides, reversed(_sides)):
        for _one in _side:
            _GROUPS_ACROSS.setdefault(_one, []).append(_others)
