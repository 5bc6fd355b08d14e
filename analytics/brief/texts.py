"""The texts of a brief in each language. Pure."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Language(Enum):
    """The languages of a brief."""

    EN = "en"
    DE = "de"
    FR = "fr"

    @property
    def label(self) -> str:
        return {"en": "English", "de": "Deutsch", "fr": "Français"}[self.value]


_TEXTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "subject": ("Your brief for {day}", "Ihr Überblick für {day}", "Votre point du {day}"),
    "subject_waiting": (
        "{count} waiting for you · your brief for {day}",
        "{count} warten auf Sie · Ihr Überblick für {day}",
        "{count} en attente · votre point du {day}",
    ),
    "preheader": (
        "What needs your attention at {tenant}, and how things are going.",
        "Was bei {tenant} auf Sie wartet und wie es läuft.",
        "Ce qui vous attend chez {tenant}, et l’essentiel des chiffres.",
    ),
    "hello": ("Hello {name}", "Hallo {name}", "Bonjour {name}"),
    "hello_nobody": ("Hello", "Hallo", "Bonjour"),
    "brief_of": ("Daily brief", "Tagesüberblick", "Point du jour"),
    "summary": ("In short", "Kurz gefasst", "En bref"),
    "advice": ("What I'd do", "Was ich tun würde", "Ce que je ferais"),
    "no_advice": ("Nothing urgent today.", "Heute ist nichts dringend.", "Rien ne presse aujourd’hui."),
    "by_rules": (
        "Summary by Walker's built-in rules, not by a language model.",
        "Nach Walkers eingebauten Regeln zusammengefasst, nicht von einem Sprachmodell.",
        "Résumé par les règles intégrées de Walker, pas par un modèle de langage.",
    ),
    "by_model": (
        "Summary by {model}. The figures below come straight from your systems.",
        "Zusammengefasst vom Modell {model}; die Zahlen darunter stammen direkt aus Ihren Systemen.",
        "Résumé par le modèle {model} ; les chiffres ci-dessous proviennent directement de vos systèmes.",
    ),
    "approvals": ("Waiting for your approval", "Wartet auf Ihre Freigabe", "En attente de votre approbation"),
    "approvals_none": (
        "No requests need your approval.",
        "Kein Antrag wartet auf Ihre Freigabe.",
        "Aucune demande n’attend votre approbation.",
    ),
    "approvals_open": ("Open approvals", "Freigaben öffnen", "Ouvrir les demandes"),
    "decide": ("Approve or reject", "Freigeben oder ablehnen", "Approuver ou refuser"),
    "acts": (
        "These buttons are for you only and work once, so don't forward this email. Nothing is decided until "
        "you send your decision on the page they open.",
        "Die Knöpfe gelten nur für Sie und nur einmal; leiten Sie diese E-Mail nicht weiter. Entschieden "
        "wird erst auf der Seite, die sich öffnet.",
        "Ces boutons sont réservés à vous et ne servent qu’une fois ; ne transférez pas ce message. La "
        "décision se prend sur la page qui s’ouvre.",
    ),
    "overdue": ("Overdue", "Überfällig", "En retard"),
    "overdue_none": ("Nothing is overdue.", "Nichts ist überfällig.", "Rien n’est en retard."),
    "overdue_open": ("View overdue requests", "Überfälliges ansehen", "Voir les retards"),
    "conversations": (
        "Conversations that need a person",
        "Gespräche, die einen Menschen brauchen",
        "Conversations à reprendre",
    ),
    "conversations_none": (
        "No conversation is waiting for a person.",
        "Kein Gespräch wartet auf einen Menschen.",
        "Aucune conversation n’attend d’être reprise.",
    ),
    "conversations_open": ("Open conversations", "Gespräche öffnen", "Ouvrir les conversations"),
    "not_allowed": (
        "Your role can't view this.",
        "Ihre Rolle erlaubt den Zugriff nicht.",
        "Votre rôle n’y donne pas accès.",
    ),
    "slow": (
        "No answer within {seconds} seconds. Today's figures are missing.",
        "Keine Antwort innerhalb von {seconds} Sekunden; die Zahlen fehlen heute.",
        "Pas de réponse en {seconds} secondes ; les chiffres manquent aujourd’hui.",
    ),
    "failed": (
        "Couldn't be loaded. Today's figures are missing.",
        "Konnte nicht geladen werden; die Zahlen fehlen heute.",
        "Données indisponibles ; les chiffres manquent aujourd’hui.",
    ),
    "off": (
        "The agent for this section is turned off.",
        "Der Agent dafür ist ausgeschaltet.",
        "L’agent correspondant est désactivé.",
    ),
    "more": ("and {count} more", "und {count} weitere", "et {count} de plus"),
    "risk": ("Risk {level}", "Risiko {level}", "Risque {level}"),
    "low": ("low", "gering", "faible"),
    "medium": ("medium", "mittel", "moyen"),
    "high": ("high", "hoch", "élevé"),
    "critical": ("critical", "kritisch", "critique"),
    "due_in": ("due in {span}", "fällig in {span}", "à traiter d’ici {span}"),
    "over_by": ("overdue by {span}", "seit {span} überfällig", "en retard de {span}"),
    "waits_for": ("waiting for {span}", "wartet seit {span}", "en attente depuis {span}"),
    "minutes": ("{n} min", "{n} Min.", "{n} min"),
    "hours": ("{n} h", "{n} Std.", "{n} h"),
    "days": ("{n} days", "{n} Tagen", "{n} jours"),
    "one_day": ("1 day", "1 Tag", "1 jour"),
    "visitor": ("A visitor", "Ein Besucher", "Un visiteur"),
    "settings": (
        "Change time, language or sections",
        "Zeit, Sprache oder Abschnitte ändern",
        "Changer l’heure, la langue ou les rubriques",
    ),
    "unsubscribe": ("Unsubscribe with one click", "Mit einem Klick abbestellen", "Se désabonner en un clic"),
    "why": (
        "You're getting this because you turned on the daily brief at {tenant}.",
        "Sie erhalten diese E-Mail, weil Sie den Tagesüberblick bei {tenant} eingeschaltet haben.",
        "Vous recevez ce message parce que vous avez activé le point du jour chez {tenant}.",
    ),
    "open": ("Open", "Öffnen", "Ouvrir"),
    "open_console": ("Open the console", "Konsole öffnen", "Ouvrir la console"),
    "subject_waiting_one": (
        "{count} waiting for you · your brief for {day}",
        "{count} wartet auf Sie · Ihr Überblick für {day}",
        "{count} en attente · votre point du {day}",
    ),
    "leave_title": ("Daily brief", "Tagesüberblick", "Point du jour"),
    "leave_ask": (
        "Stop receiving the daily brief from {tenant}?",
        "Möchten Sie von {tenant} keinen Tagesüberblick mehr erhalten?",
        "Ne plus recevoir le point du jour de {tenant} ?",
    ),
    "leave_button": ("Turn off the daily brief", "Tagesüberblick ausschalten", "Désactiver le point du jour"),
    "leave_done": (
        "The daily brief from {tenant} is turned off.",
        "Der Tagesüberblick von {tenant} ist ausgeschaltet.",
        "Le point du jour de {tenant} est désactivé.",
    ),
    "leave_back": (
        "You can turn it on again in the console, under “My brief”.",
        "In der Konsole können Sie ihn unter „My brief“ wieder einschalten.",
        "Vous pouvez le réactiver dans la console, sous « My brief ».",
    ),
}
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    language.value: {key: texts[place] for key, texts in _TEXTS.items()} for place, language in enumerate(Language)
}
