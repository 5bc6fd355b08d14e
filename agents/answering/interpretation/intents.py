"""What a message is about: phrases of each intent, in English, German, French and Spanish."""

from collections.abc import Mapping, Sequence
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
_CHANGE: Final = Phrases(
    "raise the budget|increase the budget|lower the budget|reduce the budget|pause the campaign|stop the campaign"
    "|pause all|stop all campaigns|set the budget|change the budget|daily budget|pause campaign|budget to|budget of"
    "|budget erhohen|budget senken|kampagne pausieren|kampagne stoppen|tagesbudget|pausiere die kampagne"
    "|augmenter le budget|augmentez le budget|baisser le budget|mettre en pause|budget journalier|budget quotidien"
    "|arreter la campagne|suspendre la campagne|aumentar el presupuesto|subir el presupuesto|sube el presupuesto"
    "|bajar el presupuesto|pausar la campana|pausa la campana|detener la campana|presupuesto diario"
)
_CHANGE_WEAK: Final = Phrases(
    "budget|pause|campaign|kampagne|campagne|campana|pausiere|pausar|raise|increase", deniable=False
)
_FIGURES: Final = Phrases(
    "which campaign|how are our campaigns|campaign performance|conversions|click rate|ctr|roas|cpa|cost per|impressions"
    "|clicks|how much did we spend|ad spend|spent on|performing|conversion rate|rankings|keywords"
    "|welche kampagne|klicks|klickrate|kampagnen laufen|werbekosten|kosten pro|konversion*"
    "|quelle campagne|taux de clic|taux de conversion|clics|depenses publicitaires"
    "|que campana|tasa de clics|conversiones|rendimiento|gasto publicitario",
    deniable=False,
)
_FIGURES_WEAK: Final = Phrases(
    "campaigns|kampagnen|campagnes|campanas|performance|performances|figures|statistics|report|zahlen|chiffres|cifras"
)
_CONTENT: Final = Phrases(
    "draft a post|write a post|write an article|article about|blog post|list our drafts|publish the|landing page"
    "|meta title|meta description|page title|our drafts|draft about|newsletter text"
    "|blogbeitrag|artikel schreiben|beitrag schreiben|beitrag uber|entwurf|entwurfe|veroffentlich*|seitentitel"
    "|article de blog|article sur|rediger un|redige un|publier|brouillon|brouillons|titre de la page"
    "|articulo de blog|articulo sobre|escribir un articulo|publicar|publica el|borrador|borradores|titulo de la pagina"
)
_CONTENT_WEAK: Final = Phrases(
    "post|article|draft|drafts|content|newsletter|artikel|beitrag|articulo|contenido|contenu|inhalt"
)
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
# Plain and weak phrases; where a message says as much of two intents, the first one wins.
_PHRASES: Final[Mapping[str, tuple[Phrases, Phrases]]] = {
    "person_wanted": (_PERSON, _PERSON_WEAK),
    "complaint": (_COMPLAINT, _COMPLAINT_WEAK),
    "cancellation": (_CANCELLATION, _CANCELLATION_WEAK),
    "returns": (_RETURNS, _RETURNS_WEAK),
    "order_status": (_ORDER, _ORDER_WEAK),
    "approval_status": (_APPROVAL, _APPROVAL_WEAK),
    "campaign_change": (_CHANGE, _CHANGE_WEAK),
    "campaign_figures": (_FIGURES, _FIGURES_WEAK),
    "content": (_CONTENT, _CONTENT_WEAK),
    "booking": (_BOOKING, _BOOKING_WEAK),
    "opening_hours": (_HOURS, _HOURS_WEAK),
    "price": (PRICE, _PRICE_WEAK),
    "sales_interest": (_SALES, _SALES_WEAK),
}
_OF_TEAM: Final = frozenset({"approval_status", "campaign_change", "campaign_figures", "content"})
_TERSE: Final = 6
_BRIEF: Final = 12


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
