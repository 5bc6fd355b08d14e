"""What a message is about: phrases of each intent, in English, German, French and Spanish."""

from collections.abc import Sequence
from typing import Final

from agents.answering.interpretation.words import Phrases, Text

_PERSON: Final = Phrases(
    "real person|speak to someone|talk to someone|speak to a person|talk to a person|talk to a human|speak to a human"
    "|human agent|live agent|speak with someone|speak with a person|talk to your manager|speak to a manager"
    "|call me back|a human|representative|customer service agent"
    "|mit einem menschen|mit jemandem sprechen|echten menschen|echte person|einen mitarbeiter|einem mitarbeiter"
    "|ruft mich|rufen sie mich|ruckruf|zuruckrufen|mit einer person"
    "|parler a quelqu'un|parler a un humain|un conseiller|une vraie personne|une personne reelle|rappelez-moi"
    "|hablar con alguien|hablar con una persona|persona real|un agente humano|llamenme|llamame|hablar con un humano"
)
_PERSON_WEAK: Final = Phrases("human|mitarbeiter|conseiller|humano|humain|un agente")
_COMPLAINT: Final = Phrases(
    "complaint*|complain|complaining|unacceptable|disgusting|terrible service|terrible|worst service|awful"
    "|disappointed|disgrace*|ridiculous|furious|never again|rip-off|rip off|ripped off|scam"
    "|beschwer*|reklamation*|unverschamt*|inakzeptabel|frechheit|enttausch*|argerlich|katastrophe|betrug"
    "|plainte|reclamation*|inadmissible|inacceptable|scandaleu*|decu|decue|furieux|honteux|arnaque"
    "|queja|quejarme|quejar|reclamacion|inaceptable|vergonzoso|verguenza|decepcion*|estafa|pesimo"
    "|charged twice|charged me twice|double charged|overcharged|zweimal abgebucht|doppelt abgebucht|debite deux fois"
    "|preleve deux fois|cobrado dos veces|cobraron dos veces"
)
_COMPLAINT_WEAK: Final = Phrases(
    "broken|damaged|defective|faulty|wrong item|third time|still waiting|unmoglich|kaputt|defekt|beschadigt|falsche"
    "|falscher artikel|casse|cassee|abime|defectueux|roto|rota|danado|defectuoso"
)
_CANCELLATION: Final = Phrases(
    "cancel*|terminate my|unsubscribe|end my subscription|stop my subscription|end my contract"
    "|storn*|kundig*|abbestell*|absagen|widerruf*|annul*|resili*|desabonn*|darme de baja|dar de baja"
)
_CANCELLATION_WEAK: Final = Phrases("subscription|abo|abonnement|suscripcion")
_RETURNS: Final = Phrases(
    "return policy|send it back|send them back|send back|sending back|refund*|money back|return it|return them"
    "|return my|return the|return these|return this|return a|how do i return|can i return|exchange|returns|returning"
    "|return label|returned"
    "|zuruckgeben|zuruckschick*|zurucksend*|rucksendung*|ruckgabe*|retour*|umtausch*|geld zuruck|erstatt*"
    "|ruckerstattung|renvoyer|rembours*|echang*|devolver|devolu*|reembols*|cambiarlo|cambiarlos|cambio de talla"
)
_RETURNS_WEAK: Final = Phrases(
    "return|too small|too big|zu klein|zu gross|trop petit|trop grand|demasiado pequeno|demasiado grande"
)
_ORDER: Final = Phrases(
    "where is my order|where's my order|my order|my parcel|my package|my delivery|my shipment|order status|track my"
    "|tracking number|when will it arrive|when does it arrive|hasn't arrived|has not arrived|not arrived"
    "|still not here|shipped yet|been delivered"
    "|meine bestellung|meiner bestellung|mein paket|meine lieferung|sendungsnummer|wann kommt|nicht angekommen"
    "|wo bleibt|ma commande|mon colis|ma livraison|numero de suivi|pas arrive|pas arrivee|pas recu|quand arrive"
    "|mi pedido|mi paquete|mi envio|mi entrega|numero de seguimiento|no ha llegado|cuando llega|no llega",
    deniable=False,
)
_ORDER_WEAK: Final = Phrases(
    "order|parcel|package|delivery|delivered|shipped|shipping|tracking|bestellung|paket|lieferung|geliefert|versand"
    "|lieferzeit|commande|colis|livraison|expedie|pedido|paquete|entrega|entregado|envio|enviado"
)
_APPROVAL: Final = Phrases(
    "waiting for me|waiting for approval|pending approval|been approved|is it approved|approved yet|approval status"
    "|pending requests|my request|open requests|has been rejected"
    "|genehmigt|freigegeben|freigabe|genehmigung|meine anfrage|mein antrag"
    "|approuve|approuvee|approbation|ma demande|en attente de validation"
    "|aprobado|aprobada|aprobacion|mi solicitud|pendiente de aprobacion",
    deniable=False,
)
_APPROVAL_WEAK: Final = Phrases("approval|approved|request|approve|antrag|demande|solicitud")
_BOOKING: Final = Phrases(
    "appointment*|reservation|reserve a|book a table|book a room|book a|book an|table for|reschedule|free slot"
    "|available slot|termin|termine|reservier*|tisch fur|buchen|buchung*"
    "|rendez-vous|rendez vous|reserver|une table pour|cita|reservar|reserva|una mesa para|agendar"
)
_BOOKING_WEAK: Final = Phrases("book|booking|slot|schedule|demo|buche|creneau|hora libre")
_HOURS: Final = Phrases(
    "opening hours|opening times|open on|are you open|when do you open|when do you close|what time do you"
    "|business hours|closing time|are you closed|open today|open tomorrow|how long are you open"
    "|offnungszeit*|geoffnet|habt ihr auf|haben sie auf|wann offnet|wann schliesst|haben sie offen|habt ihr offen"
    "|heute offen|horaires|heures d'ouverture|etes-vous ouvert|etes-vous ouverts|vous etes ouvert|ouvert le|ouverts le"
    "|fermez-vous|ouvrez-vous|a quelle heure ouvrez|horario*|a que hora abren|a que hora cierran|estan abiertos"
    "|abren los|abren el|cierran",
    deniable=False,
)
_HOURS_WEAK: Final = Phrases("open|hours|closed|close|ouvert|ferme|abierto|abren|cerrado|geschlossen|offen")
PRICE: Final = Phrases(
    "how much is|how much are|how much does|how much do|how much would|what does it cost|price|prices|pricing"
    "|quotation|costs|price list|wie viel kostet|wieviel kostet|was kostet|was kosten|wie teuer|preis|preise"
    "|preisliste|combien coute|combien ca coute|combien coutent|prix|tarif|tarifs|c'est combien"
    "|cuanto cuesta|cuanto cuestan|cuanto vale|precio|precios|tarifa|tarifas"
)
_PRICE_WEAK: Final = Phrases(
    "cost|expensive|discount|fee|fees|kosten|teuer|rabatt|cher|remise|caro|descuento|how much|combien|cuanto"
)
_SALES: Final = Phrases(
    "interested in|want to buy|like to buy|need to buy|want to order|like to order|a quote|request a quote|an offer"
    "|a demo|free trial|bulk order|wholesale|in bulk|reseller|looking to buy|place an order|sign up for|ready to buy"
    "|send me a quote|purchase|in stock|do you sell|do you have"
    "|interessiere mich|interesse an|mochte kaufen|kaufen|angebot|mochte bestellen|will bestellen|grosshandel"
    "|eine demo|auf lager|vorratig|interesse par|interessee par|acheter|un devis|voudrais commander|veux commander"
    "|en gros|une demo|en stock|vendez-vous|une offre"
    "|interesado en|interesada en|me interesa|comprar|presupuesto para|cotizacion|al por mayor|una demo|venden"
)
_SALES_WEAK: Final = Phrases("buy|quote|offer|stock|kauf|devis|trial|demo|licences|licenses|seats|lizenzen|licencias")
_GREETING: Final = Phrases(
    "hi|hello|hey|good morning|good afternoon|good evening|hallo|guten tag|guten abend|moin|servus"
    "|bonjour|bonsoir|salut|hola|buenos dias|buenas tardes|buenas|thanks|thank you|danke|merci|gracias"
)
_OF_PLATFORMS: Final = (Phrases(), Phrases())
# Plain and weak phrases; where a message says as much of two intents, the first one wins. What people say about the
# work of a platform is added where that platform is installed.
_PHRASES: Final[dict[str, tuple[Phrases, Phrases]]] = {
    "person_wanted": (_PERSON, _PERSON_WEAK),
    "complaint": (_COMPLAINT, _COMPLAINT_WEAK),
    "cancellation": (_CANCELLATION, _CANCELLATION_WEAK),
    "returns": (_RETURNS, _RETURNS_WEAK),
    "order_status": (_ORDER, _ORDER_WEAK),
    "approval_status": (_APPROVAL, _APPROVAL_WEAK),
    "campaign_change": _OF_PLATFORMS,
    "campaign_figures": _OF_PLATFORMS,
    "content": _OF_PLATFORMS,
    "booking": (_BOOKING, _BOOKING_WEAK),
    "opening_hours": (_HOURS, _HOURS_WEAK),
    "price": (PRICE, _PRICE_WEAK),
    "sales_interest": (_SALES, _SALES_WEAK),
}
_OF_TEAM: Final = frozenset({"approval_status", "campaign_change", "campaign_figures", "content"})
_TERSE: Final = 6
_BRIEF: Final = 12


def add_phrases(intent: str, plain: Phrases, weak: Phrases) -> None:
    """Let messages that say these be of an intent that has no words of the product's own."""
    _PHRASES[intent] = (plain, weak)


def intent_of(lines: Sequence[Text]) -> str:
    """Return the intent of the newest message that has one; a greeting or thanks after it changes nothing."""
    small = "other"
    for line in reversed(lines):
        found = _intent(line)
        if found not in ("greeting", "other"):
            return found
        if small == "other":
            small = found
    return small


def _intent(line: Text) -> str:
    points = {
        intent: 3 * min(line.count(plain), 3) + min(line.count(weak), 2) for intent, (plain, weak) in _PHRASES.items()
    }
    if any(word.startswith("br-") and word[3:].isdigit() for word in line.words):
        points["approval_status"] += 3
    best = max(points, key=lambda intent: points[intent])
    # A weak word alone tells nothing: "open" and "post" are said of many things.
    least = 3 if best in _OF_TEAM else 2
    if points[best] >= least or (points[best] and len(line.words) <= _TERSE and best not in _OF_TEAM):
        return best
    return "greeting" if line.has(_GREETING) and len(line.words) <= _BRIEF else "other"
