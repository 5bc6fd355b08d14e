"""Urgency and lead score: named factors, each counted once, whose points add up to the score."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from agents.answering.interpretation.entities import MASK, PRODUCTS
from agents.answering.interpretation.intents import PRICE
from agents.answering.interpretation.words import Phrases, Text, any_has

Factors = tuple[tuple[str, int], ...]
MOST: Final = 100
BULK_FROM: Final = 10
WAITS_LONG: Final = 3
_DANGER: Final = Phrases(
    "injured|injury|injuries|allergic reaction|on fire|caught fire|smells of gas|electric shock|overheated|poisoned"
    "|verletzt|verbrannt|allergische reaktion|brennt|stromschlag|vergiftet"
    "|blesse|blessee|reaction allergique|prend feu|pris feu|choc electrique|intoxique"
    "|herido|herida|reaccion alergica|se incendio|esta ardiendo|descarga electrica|intoxicado"
)
_STANDS_STILL: Final = Phrases(
    "is down|are down|site down|shop down|went down|not working|doesn't work|doesn't load|stopped working|crashed"
    "|keeps crashing|error 500|500 error|can't check out|can't pay|cannot pay|nobody can order|customers can't"
    "|funktioniert nicht|geht nicht|ist ausgefallen|nicht erreichbar|abgesturzt|kann nicht bezahlen"
    "|niemand kann bestellen|seite ist down|steht still"
    "|en panne|ne fonctionne pas|ne marche pas|ne marche plus|ne fonctionne plus|hors service|impossible de payer"
    "|no funciona|no funcionan|esta caido|esta caida|caida del sitio|se cayo|fuera de servicio|no puedo pagar",
    deniable=False,
)
_OUTAGE: Final = Phrases("outage|offline|ausfall|absturz|panne|inaccessible|averia")
_FRAUD: Final = Phrases(
    "hacked|stolen|fraud*|unauthorised|unauthorized|data leak|leaked|data breach|didn't make this payment"
    "|account was taken over|gehackt|gestohlen|nicht autorisiert|unbefugt*|datenleck|betruger"
    "|pirate|piratee|vole|volee|fraude|non autorise|fuite de donnees"
    "|hackeado|hackeada|robado|robada|no autorizado|filtracion"
)
_CHARGED: Final = Phrases(
    "charged twice|double charged|charged me twice|charged two times|overcharged|wrong amount|zweimal abgebucht"
    "|doppelt abgebucht|falscher betrag|zu viel abgebucht|debite deux fois|preleve deux fois|montant errone"
    "|cobrado dos veces|cobraron dos veces|doble cargo|importe equivocado"
)
_RUNAWAY: Final = Phrases(
    "overspending|overspent|wrong price is live|wrong price online|stop all campaigns|stop everything|burning money"
    "|burning budget|falscher preis online|alle kampagnen stoppen|alles stoppen|arretez tout"
    "|arreter toutes les campagnes|paren todo|detener todas las campanas"
)
_LEGAL: Final = Phrases(
    "my lawyer|a lawyer|our lawyer|solicitor|attorney|legal action|sue you|take you to court"
    "|data protection authority|ombudsman|anwalt|rechtsanwalt|verklage*|vor gericht|datenschutzbehorde"
    "|verbraucherzentrale|avocat|tribunal|poursuites|cnil|abogado|abogada|demandar|denuncia|tribunales"
)
_DEADLINE: Final = Phrases(
    "today|tonight|within the hour|in an hour|in one hour|by noon|by tomorrow|before tomorrow|this morning"
    "|this afternoon|tomorrow morning|deadline|heute|in einer stunde|bis morgen|bis mittag|frist"
    "|aujourd'hui|ce soir|dans une heure|avant demain|d'ici demain|ce matin|date limite"
    "|hoy|esta noche|en una hora|antes de manana|para manana|esta manana|esta tarde|fecha limite"
)
_SPEED: Final = Phrases(
    "urgent|urgently|asap|immediately|emergency|right now|right away|as soon as possible|at once|hurry"
    "|dringend|sofort|eilig|eilt|notfall|schnellstmoglich|umgehend"
    "|urgence|d'urgence|immediatement|tout de suite|au plus vite|des que possible"
    "|urgente|urgentemente|inmediatamente|de inmediato|ahora mismo|cuanto antes|emergencia"
)
_NO_HURRY: Final = Phrases(
    "no rush|no hurry|not urgent|isn't urgent|not very urgent|whenever you can|take your time|when you have time"
    "|nicht dringend|nicht eilig|keine eile|eilt nicht|hat zeit|pas urgent|rien d'urgent|prenez votre temps|pas presse"
    "|no es urgente|sin prisa|no hay prisa|cuando puedas|cuando puedan",
    deniable=False,
)
_WAITS: Final = Phrases(
    "still waiting|third time|second time|no answer|no reply|nobody answers|no response|for weeks|for days"
    "|again and again|been waiting|warte immer noch|warte seit|seit wochen|seit tagen|keine antwort|zum dritten mal"
    "|niemand antwortet|j'attends toujours|j'attends depuis|depuis des semaines|pas de reponse|aucune reponse"
    "|troisieme fois|sigo esperando|llevo esperando|hace semanas|sin respuesta|nadie responde|nadie contesta"
    "|tercera vez",
    deniable=False,
)
_BUYS: Final = Phrases(
    "want to buy|like to buy|need to buy|ready to buy|looking to buy|want to order|like to order|place an order"
    "|purchase|send me a quote|a quote|a demo|mochte kaufen|kaufen|mochte bestellen|will bestellen|wollen bestellen"
    "|ein angebot|angebot schicken|eine demo"
    "|abschliessen|acheter|je veux commander|voudrais commander|passer commande|souscrire|un devis|une demo"
    "|comprar|quiero pedir|hacer un pedido|contratar|un presupuesto|cotizacion|una demo"
)
_COMPANY: Final = Phrases(
    "our company|our team|my company|our business|our office|for our|wholesale|bulk|reseller|b2b"
    "|unsere firma|unser unternehmen|unser team|fur unser|grosshandel|grossbestellung|wiederverkaufer"
    "|notre entreprise|notre societe|notre equipe|en gros|revendeur"
    "|nuestra empresa|nuestro equipo|nuestra oficina|al por mayor|mayorista|revendedor"
)
_COMPARES: Final = Phrases(
    "compared to|alternative to|versus|other offers|better offer|im vergleich|alternative zu|anderes angebot"
    "|par rapport a|autre offre|en comparacion|alternativa a|otra oferta"
)
_SOON: Final = Phrases(
    "this week|next week|this month|today|tomorrow|as soon as possible|diese woche|nachste woche|diesen monat|heute"
    "|morgen|cette semaine|semaine prochaine|ce mois|aujourd'hui|demain|esta semana|la proxima semana|este mes|hoy"
    "|manana"
)
_JUST_LOOKING: Final = Phrases(
    "just looking|just browsing|only looking|just curious|nur mal schauen|nur schauen|nur neugierig"
    "|je regarde juste|juste curieux|solo mirando|solo estoy mirando|solo curiosidad",
    deniable=False,
)
_SELLS: Final = Phrases(
    "we offer seo|seo services|guest post|backlinks|our agency can|job application|my cv|apply for|vacancy"
    "|internship|bewerbung|praktikum|stellenangebot|candidature|mon cv|un stage|curriculum|practicas|vacante"
    "|lead generation services"
)
_COUNTED: Final = frozenset(
    "x people persons pieces pcs pairs units users boxes employees seats licences licenses personen stuck paar "
    "benutzer mitarbeiter platze lizenzen personnes paires unites employes places personas piezas pares unidades "
    "usuarios cajas empleados plazas licencias".split()
).union(PRODUCTS)


def urgency_of(lines: Sequence[Text], intent: str, *, waits_for_answer: int) -> Factors:
    """Return why messages are urgent. Capitals, exclamation marks and repetition add nothing."""
    waits_not = any_has(lines, _NO_HURRY)
    return _bounded(
        (
            ("danger", 70, any_has(lines, _DANGER)),
            ("outage", 50, any_has(lines, _STANDS_STILL) or any_has(lines, _OUTAGE)),
            ("fraud", 50, any_has(lines, _FRAUD)),
            ("money_running_out", 50, any_has(lines, _RUNAWAY)),
            ("legal", 35, any_has(lines, _LEGAL)),
            ("money_lost", 30, any_has(lines, _CHARGED)),
            ("says_urgent", 20, not waits_not and any_has(lines, _SPEED)),
            ("time_pressure", 15, any_has(lines, _DEADLINE)),
            ("waited_before", 15, any_has(lines, _WAITS)),
            ("complaint", 15, intent == "complaint"),
            ("wants_person", 10, intent == "person_wanted"),
            ("waits_long", 10, waits_for_answer >= WAITS_LONG),
            ("no_hurry", -20, waits_not),
        )
    )


def lead_of(lines: Sequence[Text], intent: str, entities: Sequence[tuple[str, str]], *, is_proven: bool) -> Factors:
    """Return why a sale is likely: what a customer says beside it counts only if they show interest at all."""
    kinds = {kind for kind, _ in entities}
    wants = any_has(lines, _BUYS)
    asks_price = intent == "price" or any_has(lines, PRICE)
    interest = intent == "sales_interest" and not wants
    is_open = wants or asks_price or interest or intent == "booking"
    return _bounded(
        (
            ("wants_to_buy", 35, wants),
            ("interest", 20, interest),
            ("asks_price", 20, asks_price),
            ("books", 20, intent == "booking"),
            ("names_quantity", 15, is_open and _is_bulk(lines)),
            ("for_a_company", 15, is_open and any_has(lines, _COMPANY)),
            ("names_product", 10, is_open and "product" in kinds),
            ("names_amount", 10, is_open and "amount" in kinds),
            ("names_time", 10, is_open and any_has(lines, _SOON)),
            ("leaves_contact", 10, is_open and any(MASK in line.shown for line in lines)),
            ("compares", 5, is_open and any_has(lines, _COMPARES)),
            ("known_customer", 5, is_open and is_proven),
            ("just_looking", -25, any_has(lines, _JUST_LOOKING)),
            ("wants_out", -50, intent in ("complaint", "cancellation", "returns")),
            ("sells_or_applies", -60, any_has(lines, _SELLS)),
        )
    )


def _is_bulk(lines: Sequence[Text]) -> bool:
    """Return True if a number of people or pieces is said that one person doesn't buy for."""
    return any(
        word in _COUNTED and number.isdecimal() and len(number) < 7 and int(number) >= BULK_FROM
        for line in lines
        for number, word in pairwise(line.words)
    )


def _bounded(found: Iterable[tuple[str, int, bool]]) -> Factors:
    """Return the factors that hold, with one more that keeps their sum within 0 and 100; none if all speak against."""
    factors = tuple((name, points) for name, points, holds in found if holds)
    total = sum(points for _, points in factors)
    if all(points < 0 for _, points in factors):
        return ()
    over = min(max(total, 0), MOST) - total
    return (*factors, ("bounded", over)) if over else factors
