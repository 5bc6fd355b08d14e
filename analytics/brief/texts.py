"""The texts of a brief in each language. Pure."""

from __future__ import annotations

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
        """Return the language's own name."""
        return {"en": "English", "de": "Deutsch", "fr": "Français"}[self.value]


_EN: Final[Mapping[str, str]] = {
    "subject": "Your brief for {day}",
    "subject_waiting": "{count} waiting for you · your brief for {day}",
    "preheader": "What needs your attention at {tenant}, and how things are going.",
    "hello": "Hello {name}",
    "hello_nobody": "Hello",
    "brief_of": "Daily brief",
    "summary": "In short",
    "advice": "What I'd do",
    "no_advice": "Nothing urgent today.",
    "by_rules": "Summary by Walker's built-in rules, not by a language model.",
    "by_model": "Summary by {model}. The figures below come straight from your systems.",
    "approvals": "Waiting for your approval",
    "approvals_none": "No requests need your approval.",
    "approvals_open": "Open approvals",
    "decide": "Approve or reject",
    "acts": (
        "These buttons are for you only and work once, so don't forward this email. Nothing is "
        "decided until you send your decision on the page they open."
    ),
    "overdue": "Overdue",
    "overdue_none": "Nothing is overdue.",
    "overdue_open": "View overdue requests",
    "conversations": "Conversations that need a person",
    "conversations_none": "No conversation is waiting for a person.",
    "conversations_open": "Open conversations",
    "not_allowed": "Your role can't view this.",
    "slow": "No answer within {seconds} seconds. Today's figures are missing.",
    "failed": "Couldn't be loaded. Today's figures are missing.",
    "off": "The agent for this section is turned off.",
    "more": "and {count} more",
    "risk": "Risk {level}",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
    "due_in": "due in {span}",
    "over_by": "overdue by {span}",
    "waits_for": "waiting for {span}",
    "minutes": "{n} min",
    "hours": "{n} h",
    "days": "{n} days",
    "one_day": "1 day",
    "visitor": "A visitor",
    "settings": "Change time, language or sections",
    "unsubscribe": "Unsubscribe with one click",
    "why": "You're getting this because you turned on the daily brief at {tenant}.",
    "open": "Open",
    "open_console": "Open the console",
    "subject_waiting_one": "{count} waiting for you · your brief for {day}",
    "leave_title": "Daily brief",
    "leave_ask": "Stop receiving the daily brief from {tenant}?",
    "leave_button": "Turn off the daily brief",
    "leave_done": "The daily brief from {tenant} is turned off.",
    "leave_back": "You can turn it on again in the console, under “My brief”.",
}
_DE: Final[Mapping[str, str]] = {
    "subject": "Ihr Überblick für {day}",
    "subject_waiting": "{count} warten auf Sie · Ihr Überblick für {day}",
    "preheader": "Was bei {tenant} auf Sie wartet und wie es läuft.",
    "hello": "Hallo {name}",
    "hello_nobody": "Hallo",
    "brief_of": "Tagesüberblick",
    "summary": "Kurz gefasst",
    "advice": "Was ich tun würde",
    "no_advice": "Heute ist nichts dringend.",
    "by_rules": "Nach Walkers eingebauten Regeln zusammengefasst, nicht von einem Sprachmodell.",
    "by_model": "Zusammengefasst vom Modell {model}; die Zahlen darunter stammen direkt aus Ihren Systemen.",
    "approvals": "Wartet auf Ihre Freigabe",
    "approvals_none": "Kein Antrag wartet auf Ihre Freigabe.",
    "approvals_open": "Freigaben öffnen",
    "decide": "Freigeben oder ablehnen",
    "acts": (
        "Die Knöpfe gelten nur für Sie und nur einmal; leiten Sie diese E-Mail nicht weiter. "
        "Entschieden wird erst auf der Seite, die sich öffnet."
    ),
    "overdue": "Überfällig",
    "overdue_none": "Nichts ist überfällig.",
    "overdue_open": "Überfälliges ansehen",
    "conversations": "Gespräche, die einen Menschen brauchen",
    "conversations_none": "Kein Gespräch wartet auf einen Menschen.",
    "conversations_open": "Gespräche öffnen",
    "not_allowed": "Ihre Rolle erlaubt den Zugriff nicht.",
    "slow": "Keine Antwort innerhalb von {seconds} Sekunden; die Zahlen fehlen heute.",
    "failed": "Konnte nicht geladen werden; die Zahlen fehlen heute.",
    "off": "Der Agent dafür ist ausgeschaltet.",
    "more": "und {count} weitere",
    "risk": "Risiko {level}",
    "low": "gering",
    "medium": "mittel",
    "high": "hoch",
    "critical": "kritisch",
    "due_in": "fällig in {span}",
    "over_by": "seit {span} überfällig",
    "waits_for": "wartet seit {span}",
    "minutes": "{n} Min.",
    "hours": "{n} Std.",
    "days": "{n} Tagen",
    "one_day": "1 Tag",
    "visitor": "Ein Besucher",
    "settings": "Zeit, Sprache oder Abschnitte ändern",
    "unsubscribe": "Mit einem Klick abbestellen",
    "why": "Sie erhalten diese E-Mail, weil Sie den Tagesüberblick bei {tenant} eingeschaltet haben.",
    "open": "Öffnen",
    "open_console": "Konsole öffnen",
    "subject_waiting_one": "{count} wartet auf Sie · Ihr Überblick für {day}",
    "leave_title": "Tagesüberblick",
    "leave_ask": "Möchten Sie von {tenant} keinen Tagesüberblick mehr erhalten?",
    "leave_button": "Tagesüberblick ausschalten",
    "leave_done": "Der Tagesüberblick von {tenant} ist ausgeschaltet.",
    "leave_back": "In der Konsole können Sie ihn unter „My brief“ wieder einschalten.",
}
_FR: Final[Mapping[str, str]] = {
    "subject": "Votre point du {day}",
    "subject_waiting": "{count} en attente · votre point du {day}",
    "preheader": "Ce qui vous attend chez {tenant}, et l’essentiel des chiffres.",
    "hello": "Bonjour {name}",
    "hello_nobody": "Bonjour",
    "brief_of": "Point du jour",
    "summary": "En bref",
    "advice": "Ce que je ferais",
    "no_advice": "Rien ne presse aujourd’hui.",
    "by_rules": "Résumé par les règles intégrées de Walker, pas par un modèle de langage.",
    "by_model": "Résumé par le modèle {model} ; les chiffres ci-dessous proviennent directement de vos systèmes.",
    "approvals": "En attente de votre approbation",
    "approvals_none": "Aucune demande n’attend votre approbation.",
    "approvals_open": "Ouvrir les demandes",
    "decide": "Approuver ou refuser",
    "acts": (
        "Ces boutons sont réservés à vous et ne servent qu’une fois ; ne transférez pas ce "
        "message. La décision se prend sur la page qui s’ouvre."
    ),
    "overdue": "En retard",
    "overdue_none": "Rien n’est en retard.",
    "overdue_open": "Voir les retards",
    "conversations": "Conversations à reprendre",
    "conversations_none": "Aucune conversation n’attend d’être reprise.",
    "conversations_open": "Ouvrir les conversations",
    "not_allowed": "Votre rôle n’y donne pas accès.",
    "slow": "Pas de réponse en {seconds} secondes ; les chiffres manquent aujourd’hui.",
    "failed": "Données indisponibles ; les chiffres manquent aujourd’hui.",
    "off": "L’agent correspondant est désactivé.",
    "more": "et {count} de plus",
    "risk": "Risque {level}",
    "low": "faible",
    "medium": "moyen",
    "high": "élevé",
    "critical": "critique",
    "due_in": "à traiter d’ici {span}",
    "over_by": "en retard de {span}",
    "waits_for": "en attente depuis {span}",
    "minutes": "{n} min",
    "hours": "{n} h",
    "days": "{n} jours",
    "one_day": "1 jour",
    "visitor": "Un visiteur",
    "settings": "Changer l’heure, la langue ou les rubriques",
    "unsubscribe": "Se désabonner en un clic",
    "why": "Vous recevez ce message parce que vous avez activé le point du jour chez {tenant}.",
    "open": "Ouvrir",
    "open_console": "Ouvrir la console",
    "subject_waiting_one": "{count} en attente · votre point du {day}",
    "leave_title": "Point du jour",
    "leave_ask": "Ne plus recevoir le point du jour de {tenant} ?",
    "leave_button": "Désactiver le point du jour",
    "leave_done": "Le point du jour de {tenant} est désactivé.",
    "leave_back": "Vous pouvez le réactiver dans la console, sous « My brief ».",
}
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {"en": _EN, "de": _DE, "fr": _FR}
