"""Sentences of a daily brief about figures and drafts, in each language."""

from collections.abc import Mapping

_EN: Mapping[str, tuple[str, str]] = {
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
}
_DE: Mapping[str, tuple[str, str]] = {
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
}
_FR: Mapping[str, tuple[str, str]] = {
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
}
WORDED: Mapping[str, Mapping[str, tuple[str, str]]] = {"en": _EN, "de": _DE, "fr": _FR}
