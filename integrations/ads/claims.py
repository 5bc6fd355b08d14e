"""By which words a text claims that a change on an advertising platform was made."""

from typing import Final

from hitl.actions.base import ClaimWords

AD_CAMPAIGNS: Final = {
    "en": ("campaign", "ad", "ads"), "de": ("kampagne", "werbekampagne", "anzeige", "werbung"),
    "fr": ("campagne", "annonce", "publicité"), "es": ("campaña", "anuncio"),
    "it": ("campagna", "campagne", "annunci", "inserzion"), "pt": ("campanha", "anúncio"),
    "nl": ("campagne", "advertentie"),
}  # fmt: skip
BUDGETS: Final = {
    "en": ("budget", "amount", "spend"), "de": ("budget", "tagesbudget", "betrag"), "fr": ("budget", "montant"),
    "es": ("presupuesto", "importe"), "it": ("budget", "importo"), "pt": ("orçamento", "valor"),
    "nl": ("budget", "dagbudget", "bedrag"),
}  # fmt: skip

BUDGET: Final = ClaimWords(
    verbs={
        "en": ("raised", "increased", "lowered", "reduced", "decreased", "doubled", "halved", "changed", "updated",
               "set", "cut"),
        "de": ("erhöht", "gesenkt", "geändert", "verdoppelt", "halbiert"), "fr": ("augment", "rédui", "modifié"),
        "es": ("aumentad", "reducid", "modificad"), "it": ("aumentat", "ridott", "modificat"),
        "pt": ("aumentad", "reduzid", "modificad"), "nl": ("verhoogd", "verlaagd", "gewijzigd"),
    },
    things={language: (*words, *AD_CAMPAIGNS[language]) for language, words in BUDGETS.items()},
)  # fmt: skip
PAUSE: Final = ClaimWords(
    verbs={
        "en": ("paused", "stopped"), "de": ("pausiert", "gestoppt", "angehalten"), "fr": ("suspend", "arrêté"),
        "es": ("pausad", "detenid"), "it": ("sospes", "pausat"), "pt": ("pausad",), "nl": ("gepauzeerd", "gestopt"),
    },
    things=AD_CAMPAIGNS,
)  # fmt: skip
RESUMPTION: Final = ClaimWords(
    verbs={
        "en": ("resumed", "reactivated", "restarted", "unpaused", "activated"),
        "de": ("fortgesetzt", "reaktiviert", "aktiviert"), "fr": ("repris", "réactivé", "relancé"),
        "es": ("reanudad", "reactivad"), "it": ("ripres", "riattivat"), "pt": ("retomad", "reativad"),
        "nl": ("hervat", "geheractiveerd"),
    },
    things=AD_CAMPAIGNS,
)  # fmt: skip
