"""Words by which messages are read: without accents, in English, German, French and Spanish."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final


def _any(words: str) -> re.Pattern[str]:
    """Return a pattern for any of these words or phrases, which are divided by commas; `*` leaves the end open."""
    parts = sorted(
        (part.strip() for part in words.replace("\n", " ").split(",") if part.strip()), key=len, reverse=True
    )
    each = (
        re.escape(part.removesuffix("*")).replace(r"\ ", r"\s+") + ("" if part.endswith("*") else r"\b")
        for part in parts
    )
    return re.compile(rf"\b(?:{'|'.join(each)})")


INTENTS: Final[Mapping[str, re.Pattern[str]]] = {
    # In the order in which they win if as many of their words are in a message.
    "person_wanted": _any(
        "real person, human, talk to someone, speak to someone, talk to a person, speak to a person, a "
        "colleague, customer service agent, live agent, representative, call me back, mensch*, echte person, "
        "mitarbeiter*, jemanden sprechen, mit jemandem sprechen, ruckruf*, zuruckrufen, un humain, une "
        "personne, conseiller*, rappelez, parler a quelqu*, una persona, un humano, hablar con alguien, un "
        "agente, llamame"
    ),
    "complaint": _any(
        "complain*, complaint*, unacceptable, terrible, worst, disappointed, disgrace*, scandal*, furious, "
        "angry, never again, rip off, ripped off, beschwer*, unverschamt*, frechheit, enttausch*, "
        "inakzeptabel, argerlich, reklamation*, reclamation*, inacceptable, scandaleux, decu*, furieux, "
        "plainte, queja*, quejar*, inaceptable, decepcion*, verguenza, pesimo, horrible, broken, damaged, "
        "defective, faulty, kaputt, defekt, beschadigt, casse, cassee, abime*, defectueu*, roto, rota, "
        "danado, defectuos*, wrong item, falscher artikel"
    ),
    "cancellation": _any(
        "cancel*, terminate, unsubscribe, end my contract, stop my subscription, kundig*, storn*, abbestell*, "
        "widerruf*, annul*, resili*, desabonn*, cancelar, anular, anulacion, dar de baja, darme de baja"
    ),
    "returns": _any(
        "return, returns, returning, returned, refund*, send back, sending back, send it back, money back, "
        "exchange, retour*, ruckgabe*, zuruckgeben, zuruckschick*, zurucksend*, umtausch*, erstatt*, geld "
        "zuruck, renvoy*, rembours*, rendre, echang*, devol*, reembols*, cambiar por"
    ),
    "order_status": _any(
        "my order, my parcel, my package, my delivery, my shipment, where is my, tracking, track my, track "
        "an, delivered, shipped, arrive, arrives, arrived, not arrived, meine bestellung, mein paket, meine "
        "lieferung, sendung*, geliefert, angekommen, wo ist mein*, wo bleibt, ma commande, mon colis, ma "
        "livraison, livre, arrive, suivi, mi pedido, mi paquete, mi envio, seguimiento, entregado, ha "
        "llegado, llega, donde esta mi"
    ),
    "booking": _any(
        "book, booking*, appointment*, reserve, reservation*, reschedule*, table for, termin, termine, "
        "buchen, buchung*, reservier*, verschieben, rendez-vous, rendez vous, reserver, cita, reservar, "
        "reserva"
    ),
    "opening_hours": _any(
        "opening hours, open today, open on, open tomorrow, are you open, when do you open, when do you "
        "close, closing time, business hours, offnungszeit*, geoffnet, wann offnet, wann schliess*, heute "
        "offen, horaires, ouvert, ouverts, ouvrez, fermez, horario*, abierto, abren, cierran, abris"
    ),
    "price": _any(
        "price*, cost, costs, how much, fee, fees, discount*, quote, quotation, preis*, kostet, kosten, wie "
        "viel, wieviel, rabatt*, angebot, prix, combien, coute, coutent, tarif*, remise, devis, precio*, "
        "cuanto, cuesta*, descuento*, presupuesto de, tarifa*"
    ),
    "sales_interest": _any(
        "buy, buying, purchase, want to order, like to order, place an order, interested in, demo, trial "
        "account, licence*, license*, seats, upgrade, wholesale, in bulk, reseller, kaufen, bestellen, "
        "interessiere mich, interesse an, lizenz*, grosshandel, acheter, commander, interesse par, interessee "
        "par, licence, en gros, comprar, pedir, interesado en, interesada en, al por mayor, licencia*"
    ),
    "campaign_figures": _any(
        "campaign performance, conversions, roas, cpa, cost per, impressions, clicks, ctr, spend, spent, "
        "which campaign, ranking*, rankings, kampagnenleistung, konversion*, klicks, ausgaben, welche "
        "kampagne, quelle campagne, depens*, que campana, gasto*, clics"
    ),
    "campaign_change": _any(
        "raise the budget, daily budget, increase the budget, lower the budget, pause the campaign, pause "
        "campaign, stop the campaign, tagesbudget, budget erhohen, kampagne pausieren, augmenter le budget, "
        "budget quotidien, mettre en pause, subir el presupuesto, presupuesto diario, pausar la campana, "
        "pausa la campana"
    ),
    "content": _any(
        "blog post, article about, draft a post, publish the, newsletter, meta title, meta description, "
        "blogbeitrag, beitrag uber, veroffentlich*, article sur, publier, articulo sobre, publicar, boletin"
    ),
    "approval_status": _any(
        "br-*, my request, approved yet, approval, waiting for approval, meine anfrage, genehmigt, freigabe, "
        "ma demande, approuve, mi solicitud, aprobado, aprobada"
    ),
    "greeting": _any(
        "hi, hello, hey, good morning, good evening, good afternoon, thanks, thank you, hallo, guten tag, "
        "guten morgen, danke, bonjour, bonsoir, salut, merci, hola, buenos dias, buenas, gracias"
    ),
}
URGENT_WORDS: Final = _any(
    "urgent*, asap, immediately, right now, right away, emergency, as soon as possible, dringend*, sofort, "
    "eilig, eilt, notfall, schnellstmoglich, immediatement, tout de suite, au plus vite, urgence, urgente*, "
    "inmediatamente, ahora mismo, cuanto antes, de inmediato, emergencia"
)
TIME_PRESSURE: Final = _any(
    "today, tonight, by tomorrow, within the hour, in an hour, deadline, this morning, this afternoon, heute, "
    "bis morgen, in einer stunde, frist, aujourd'hui, ce soir, d'ici demain, dans une heure, date limite, "
    "hoy, esta noche, para manana, en una hora, fecha limite"
)
HARM: Final = _any(
    "outage, is down, are down, site down, stopped working, hacked, fraud*, stolen, unauthorised, "
    "unauthorized, data leak, leaked, breach, injur*, on fire, lawyer, sue you, legal action, ausgefallen, "
    "ausfall, gehackt, betrug*, gestohlen, unbefugt*, datenleck, verletzt, brennt, anwalt, verklag*, en "
    "panne, pirate, piratee, fraude, vole, volee, fuite de donnees, blesse*, avocat, caido, caida, no "
    "funciona nada, hackeado, hackeada, estafa*, robado, robada, filtracion, herido, herida, abogado, "
    "demandar"
)
MONEY_LOST: Final = _any(
    "charged twice, double charged, charged two times, overcharged, wrong amount, charged me, overspen*, "
    "burning budget, wasted budget, doppelt abgebucht, zweimal abgebucht, falscher betrag, zu viel abgebucht, "
    "uberzogen, debite deux fois, preleve deux fois, montant errone, cobrado dos veces, doble cargo, importe "
    "equivocado, cobraron dos veces"
)
BUYS: Final = _any(
    "i want to buy, like to buy, want to order, like to order, want to book, ready to buy, sign up, "
    "subscribe, purchase, place an order, buy, kaufen, bestellen, abschliessen, mochte buchen, acheter, "
    "commander, souscrire, comprar, hacer un pedido, contratar"
)
QUANTITY: Final = re.compile(
    r"\b(?:[1-9]\d{1,5})\s*(?:x\b|pieces|pcs|units|people|persons|users|seats|licen[cs]es|boxes|stuck|personen|benutzer|"
    r"lizenzen|pieces|personnes|unites|licences|unidades|personas|licencias|usuarios|cajas)"
)
COMPARES: Final = _any(
    "compared to, alternative to, instead of, versus, other offers, better offer, im vergleich, alternative "
    "zu, anderes angebot, par rapport a, alternative a, en comparacion, alternativa a, otra oferta"
)
SOON: Final = _any(
    "this week, next week, tomorrow, today, soon, diese woche, nachste woche, morgen, heute, bald, cette "
    "semaine, la semaine prochaine, demain, bientot, esta semana, la proxima semana, manana, hoy, pronto"
)
SMALL: Final[Mapping[str, re.Pattern[str]]] = {
    "en": _any(
        "the, you, your, is, are, my, i, can, what, how, when, where, please, do, have, has, want, for, and, "
        "it, not, been, am, in, an, which, like, would, next, was, of, this, that, with, to, a"
    ),
    "de": _any(
        "der, die, das, ich, wir, wo, wann, wie, was, ist, mein, meine, meinen, bitte, und, nicht, ein, eine, fur"
    ),
    "fr": _any("le, la, les, je, nous, vous, ou, quand, comment, est, mon, ma, mes, et, pas, un, une, pour, des"),
    "es": _any("el, la, los, las, yo, donde, cuando, como, es, mi, mis, y, no, un, una, para, por favor, que"),
}
