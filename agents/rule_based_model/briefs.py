"""What the local model writes above a daily brief: findings put into words by rule, in each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.ports import BRIEF_ADVICE

CALL_ID = "local-daily-brief"

_EN: Mapping[str, tuple[str, str]] = {
    "waiting": ("{count} requests wait for your signature, the oldest for {span}.", "Decide on {reference} first."),
    "waiting_one": ("One request has waited for your signature for {span}.", "Decide on {reference}."),
    "overdue": (
        "{count} requests are overdue, the worst by {span}.",
        "Clear what is overdue, beginning with {reference}.",
    ),
    "overdue_one": ("One request is overdue by {span}.", "See to {reference}, which should have been decided by now."),
    "conversations": ("{count} conversations need a person.", "Take the conversation that has waited for {span}."),
    "conversations_one": ("One conversation needs a person.", "Take the conversation that has waited for {span}."),
    "spend": ("Ads cost {spend} in seven days and brought {conversions} conversions, {per} each.", ""),
    "nothing_bought": (
        "Ads cost {spend} in seven days and brought no conversion.",
        "Check whether conversions are counted.",
    ),
    "dear": ("", "Look at “{name}”: a conversion costs {per} there, {times} times the average."),
    "fruitless": ("", "“{name}” spent {spend} without one conversion; consider pausing it."),
    "full": ("", "“{name}” uses its whole budget at {per} a conversion; it could carry more."),
    "fell": (
        "“{keyword}” fell {by} places to {position}.",
        "See what changed on {page}: “{keyword}” lost {by} places.",
    ),
    "climbed": ("“{keyword}” climbed {by} places to {position}.", ""),
    "near": ("", "“{keyword}” stands at {position}: a better title on {page} could bring it to the first page."),
    "drafts": ("{count} drafts wait to be published.", "Publish or drop the drafts; “{title}” is one of them."),
    "drafts_one": ("One draft waits to be published.", "Publish “{title}”, or drop it."),
    "stale": ("", "“{name}” ({people}) was last written to {span} ago."),
    "trouble": ("Some figures are missing today; the sections say which.", ""),
    "calm": ("Nothing waits for you, and no figure stands out.", ""),
}
_DE: Mapping[str, tuple[str, str]] = {
    "waiting": (
        "{count} Anträge warten auf Ihre Unterschrift, der älteste seit {span}.",
        "Entscheiden Sie zuerst über {reference}.",
    ),
    "waiting_one": ("Ein Antrag wartet seit {span} auf Ihre Unterschrift.", "Entscheiden Sie über {reference}."),
    "overdue": (
        "{count} Anträge sind überfällig, der älteste seit {span}.",
        "Räumen Sie Überfälliges ab, zuerst {reference}.",
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
    "spend": (
        "Anzeigen kosteten in sieben Tagen {spend} und brachten {conversions} Abschlüsse, je {per}.",
        "",
    ),
    "nothing_bought": (
        "Anzeigen kosteten in sieben Tagen {spend} und brachten keinen Abschluss.",
        "Prüfen Sie, ob Abschlüsse gezählt werden.",
    ),
    "dear": ("", "Sehen Sie sich „{name}“ an: Ein Abschluss kostet dort {per}, das {times}-Fache des Mittels."),
    "fruitless": ("", "„{name}“ gab {spend} ohne einen Abschluss aus; eine Pause wäre zu überlegen."),
    "full": ("", "„{name}“ schöpft sein Budget aus, bei {per} je Abschluss; da ginge mehr."),
    "fell": (
        "„{keyword}“ fiel um {by} Plätze auf {position}.",
        "Prüfen Sie, was sich auf {page} geändert hat: „{keyword}“ verlor {by} Plätze.",
    ),
    "climbed": ("„{keyword}“ stieg um {by} Plätze auf {position}.", ""),
    "near": ("", "„{keyword}“ steht auf {position}: Ein besserer Titel auf {page} könnte für die erste Seite reichen."),
    "drafts": (
        "{count} Entwürfe warten auf Veröffentlichung.",
        "Veröffentlichen oder verwerfen Sie die Entwürfe; einer ist „{title}“.",
    ),
    "drafts_one": ("Ein Entwurf wartet auf Veröffentlichung.", "Veröffentlichen oder verwerfen Sie „{title}“."),
    "stale": ("", "„{name}“ ({people}) wurde zuletzt vor {span} angeschrieben."),
    "trouble": ("Einige Zahlen fehlen heute; die Abschnitte nennen sie.", ""),
    "calm": ("Nichts wartet auf Sie, und keine Zahl fällt auf.", ""),
}
_FR: Mapping[str, tuple[str, str]] = {
    "waiting": (
        "{count} demandes attendent votre signature, la plus ancienne depuis {span}.",
        "Décidez d’abord de {reference}.",
    ),
    "waiting_one": ("Une demande attend votre signature depuis {span}.", "Décidez de {reference}."),
    "overdue": (
        "{count} demandes sont en retard, la plus ancienne de {span}.",
        "Réglez les retards, en commençant par {reference}.",
    ),
    "overdue_one": (
        "Une demande est en retard de {span}.",
        "Occupez-vous de {reference}, qui devrait déjà être décidée.",
    ),
    "conversations": (
        "{count} conversations demandent une personne.",
        "Prenez la conversation qui attend depuis {span}.",
    ),
    "conversations_one": ("Une conversation demande une personne.", "Prenez la conversation qui attend depuis {span}."),
    "spend": (
        "La publicité a coûté {spend} en sept jours pour {conversions} conversions, soit {per} chacune.",
        "",
    ),
    "nothing_bought": (
        "La publicité a coûté {spend} en sept jours sans aucune conversion.",
        "Vérifiez que les conversions sont comptées.",
    ),
    "dear": ("", "Regardez « {name} » : une conversion y coûte {per}, {times} fois la moyenne."),
    "fruitless": ("", "« {name} » a dépensé {spend} sans une conversion ; une pause est à envisager."),
    "full": ("", "« {name} » utilise tout son budget à {per} la conversion ; elle pourrait porter davantage."),
    "fell": (
        "« {keyword} » a perdu {by} places et se trouve à {position}.",
        "Voyez ce qui a changé sur {page} : « {keyword} » a perdu {by} places.",
    ),
    "climbed": ("« {keyword} » a gagné {by} places et se trouve à {position}.", ""),
    "near": (
        "",
        "« {keyword} » est à la position {position} : un meilleur titre sur {page} pourrait l’amener en première page.",
    ),
    "drafts": (
        "{count} brouillons attendent d’être publiés.",
        "Publiez ou écartez les brouillons ; « {title} » en est un.",
    ),
    "drafts_one": ("Un brouillon attend d’être publié.", "Publiez « {title} », ou écartez-le."),
    "stale": ("", "« {name} » ({people}) : dernier message il y a {span}."),
    "trouble": ("Certains chiffres manquent aujourd’hui ; les rubriques disent lesquels.", ""),
    "calm": ("Rien ne vous attend, et aucun chiffre ne sort du lot.", ""),
}
_WORDED: Mapping[str, Mapping[str, tuple[str, str]]] = {"en": _EN, "de": _DE, "fr": _FR}


def word_brief(result: Mapping[str, Any]) -> str:
    """Return a paragraph of what was found, and under it a list of what to do, the weightiest first."""
    worded = _WORDED[str(result["language"])]
    findings: Sequence[Mapping[str, Any]] = result["findings"] or [{"code": "calm"}]
    told = [worded[found["code"]][0].format_map(found) for found in findings]
    heavy = sorted(findings, key=lambda found: -int(found.get("weight", 0)))
    lines = [" ".join(dict.fromkeys(sentence for sentence in told if sentence))]
    return "\n".join(lines + [f"- {line}" for line in _advice(heavy, worded)])


def _advice(findings: Sequence[Mapping[str, Any]], worded: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return what to do; of one request only the weightiest word."""
    found: dict[str, str] = {}
    for each in findings:
        line = worded[each["code"]][1].format_map(each)
        if line:
            found.setdefault(str(each.get("reference") or line), line)
    return list(found.values())[:BRIEF_ADVICE]
