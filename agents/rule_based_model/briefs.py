"""What the rule-based model writes above a daily brief: findings as sentences, in each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.ports import BRIEF_ADVICE

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
    "spend": ("Ads cost {spend} over seven days and brought {conversions} conversions at {per} each.", ""),
    "nothing_bought": (
        "Ads cost {spend} over seven days and brought no conversions.",
        "Check that conversions are tracked.",
    ),
    "dear": ("", "Look at “{name}”: a conversion there costs {per}, {times} times the average."),
    "fruitless": ("", "“{name}” spent {spend} without a single conversion; consider pausing it."),
    "full": ("", "“{name}” uses its whole budget at {per} per conversion; it could take a higher one."),
    "fell": (
        "“{keyword}” dropped {by} places to {position}.",
        "See what changed on {page}: “{keyword}” lost {by} places.",
    ),
    "climbed": ("“{keyword}” rose {by} places to {position}.", ""),
    "near": ("", "“{keyword}” is at {position}: a better title on {page} could move it to the first page."),
    "drafts": ("{count} drafts are ready to publish.", "Publish or discard the drafts; one is “{title}”."),
    "drafts_one": ("One draft is ready to publish.", "Publish “{title}” or discard it."),
    "stale": ("", "“{name}” ({people}) was last messaged {span} ago."),
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
    "spend": (
        "Anzeigen kosteten in sieben Tagen {spend} und brachten {conversions} Abschlüsse zu je {per}.",
        "",
    ),
    "nothing_bought": (
        "Anzeigen kosteten in sieben Tagen {spend} und brachten keinen Abschluss.",
        "Prüfen Sie, ob Abschlüsse erfasst werden.",
    ),
    "dear": ("", "Sehen Sie sich „{name}“ an: Ein Abschluss kostet dort {per}, das {times}-Fache des Durchschnitts."),
    "fruitless": ("", "„{name}“ gab {spend} ohne einen einzigen Abschluss aus; erwägen Sie eine Pause."),
    "full": ("", "„{name}“ schöpft das Budget bei {per} je Abschluss aus; ein höheres Budget könnte sich lohnen."),
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
    "spend": (
        "La publicité a coûté {spend} en sept jours pour {conversions} conversions, soit {per} chacune.",
        "",
    ),
    "nothing_bought": (
        "La publicité a coûté {spend} en sept jours sans aucune conversion.",
        "Vérifiez que les conversions sont bien suivies.",
    ),
    "dear": ("", "Regardez « {name} » : une conversion y coûte {per}, {times} fois la moyenne."),
    "fruitless": ("", "« {name} » a dépensé {spend} sans une conversion ; une pause est à envisager."),
    "full": (
        "",
        "« {name} » utilise tout son budget à {per} par conversion ; il peut valoir la peine de l’augmenter.",
    ),
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
    """Return a paragraph of findings and, below it, a list of what to do, most important first."""
    worded = _WORDED[str(result["language"])]
    findings: Sequence[Mapping[str, Any]] = result["findings"] or [{"code": "calm"}]
    sentences = [worded[each["code"]][0].format_map(each) for each in findings]
    summary = " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
    advice: dict[str, str] = {}  # only the most important line for each request
    for each in sorted(findings, key=lambda finding: -int(finding.get("weight", 0))):
        if line := worded[each["code"]][1].format_map(each):
            advice.setdefault(str(each.get("reference") or line), line)
    return "\n".join([summary, *(f"- {line}" for line in list(advice.values())[:BRIEF_ADVICE])])
