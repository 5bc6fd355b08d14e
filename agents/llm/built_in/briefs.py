"""What the built-in model writes above a daily brief: findings as sentences, in each language."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.llm.built_in.phrases import book
from agents.llm.ports import BRIEF_ADVICE

CALL_ID = "local-daily-brief"

_EN: Mapping[str, tuple[str, str]] = {
    "waiting": ("{count} requests need your approval; the oldest has waited {span}.", "Decide on {reference} first."),
    "waiting_one": ("One request has waited {span} for your approval.", "Decide on {reference}."),
    "overdue": (
        "{count} requests are overdue, the worst by {span}.",
        "Clear the overdue requests, starting with {reference}.",
    ),
    "overdue_one": ("One request is overdue by {span}.", "Decide on {reference}; it's past its deadline."),
    "conversations": ("{count} conversations need a person.", "Take the conversation that has waited {span}."),
    "conversations_one": ("One conversation needs a person.", "Take the conversation that has waited {span}."),
    "trouble": ("Some figures are missing today; each section says which.", ""),
    "calm": ("Nothing is waiting for you, and no figure stands out.", ""),
}
_DE: Mapping[str, tuple[str, str]] = {
    "waiting": (
        "{count} Anträge warten auf Ihre Freigabe, der älteste seit {span}.",
        "Entscheiden Sie zuerst über {reference}.",
    ),
    "waiting_one": ("Ein Antrag wartet seit {span} auf Ihre Freigabe.", "Entscheiden Sie über {reference}."),
    "overdue": (
        "{count} Anträge sind überfällig, der älteste seit {span}.",
        "Erledigen Sie Überfälliges, zuerst {reference}.",
    ),
    "overdue_one": (
        "Ein Antrag ist seit {span} überfällig.",
        "Kümmern Sie sich um {reference}; er sollte längst entschieden sein.",
    ),
    "conversations": (
        "{count} Gespräche brauchen einen Menschen.",
        "Übernehmen Sie das Gespräch, das seit {span} wartet.",
    ),
    "conversations_one": (
        "Ein Gespräch braucht einen Menschen.",
        "Übernehmen Sie das Gespräch, das seit {span} wartet.",
    ),
    "trouble": ("Einige Zahlen fehlen heute; die Abschnitte nennen sie.", ""),
    "calm": ("Nichts wartet auf Sie, und keine Zahl fällt auf.", ""),
}
_FR: Mapping[str, tuple[str, str]] = {
    "waiting": (
        "{count} demandes attendent votre validation, la plus ancienne depuis {span}.",
        "Traitez d’abord {reference}.",
    ),
    "waiting_one": ("Une demande attend votre validation depuis {span}.", "Traitez {reference}."),
    "overdue": (
        "{count} demandes sont en retard, la plus ancienne de {span}.",
        "Réglez les retards, en commençant par {reference}.",
    ),
    "overdue_one": (
        "Une demande est en retard de {span}.",
        "Traitez {reference}, dont l’échéance est passée.",
    ),
    "conversations": (
        "{count} conversations ont besoin d’une personne.",
        "Prenez la conversation qui attend depuis {span}.",
    ),
    "conversations_one": (
        "Une conversation a besoin d’une personne.",
        "Prenez la conversation qui attend depuis {span}.",
    ),
    "trouble": ("Certains chiffres manquent aujourd’hui ; les rubriques disent lesquels.", ""),
    "calm": ("Rien ne vous attend, et aucun chiffre ne sort du lot.", ""),
}
_WORDED: Mapping[str, Mapping[str, tuple[str, str]]] = {"en": _EN, "de": _DE, "fr": _FR}


def word_brief(result: Mapping[str, Any]) -> str:
    """Return a paragraph of findings and, below it, a list of what to do, most important first."""
    language = str(result["language"])
    worded = {**_WORDED[language], **book().brief.get(language, {})}
    findings: Sequence[Mapping[str, Any]] = result["findings"] or [{"code": "calm"}]
    sentences = [worded[each["code"]][0].format_map(each) for each in findings]
    summary = " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
    advice: dict[str, str] = {}  # only the most important line for each request
    for each in sorted(findings, key=lambda finding: -int(finding.get("weight", 0))):
        if line := worded[each["code"]][1].format_map(each):
            advice.setdefault(str(each.get("reference") or line), line)
    return "\n".join([summary, *(f"- {line}" for line in list(advice.values())[:BRIEF_ADVICE])])
