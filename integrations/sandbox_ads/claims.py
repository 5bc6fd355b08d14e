"""By which words a text claims that a change of the sandbox platform was made."""

from typing import Final

from hitl.actions.base import ClaimWords

_CAMPAIGNS: Final = {
    "en": ("campaign", "ad", "ads"), "de": ("kampagne", "anzeige", "werbung"), "fr": ("campagne", "annonce"),
    "es": ("campaña", "anuncio"), "it": ("campagna", "campagne", "annunci"), "pt": ("campanha", "anúncio"),
    "nl": ("campagne", "advertentie"),
}  # fmt: skip
_BUDGETS: Final = {
    "en": ("budget", "amount", "spend"), "de": ("budget", "tagesbudget", "betrag"), "fr": ("budget", "montant"),
    "es": ("presupuesto", "importe"), "it": ("budget", "importo"), "pt": ("orçamento", "valor"),
    "nl": ("budget", "dagbudget", "bedrag"),
}  # fmt: skip

BUDGET: Final = ClaimWords(
    verbs={
        "en": ("raised", "increased", "lowered", "reduced", "decreased", "doubled", "halved", "changed", "updated",
               "set", "cut"),
        "de": ("erhöht", "gesenkt", "geändert"), "fr": ("augment", "rédui", "modifié"),
        "es": ("aumentad", "reducid", "modificad"), "it": ("aumentat", "ridott", "modificat"),
        "pt": ("aumentad", "reduzid", "modificad"), "nl": ("verhoogd", "verlaagd", "gewijzigd"),
    },
    things={language: (*words, *_CAMPAIGNS[language]) for language, words in _BUDGETS.items()},
)  # fmt: skip
PAUSE: Final = ClaimWords(
    verbs={
        "en": ("paused", "stopped"), "de": ("pausiert", "gestoppt"), "fr": ("suspend", "arrêté"), "es": ("pausad",),
        "it": ("sospes", "pausat"), "pt": ("pausad",), "nl": ("gepauzeerd",),
    },
    things=_CAMPAIGNS,
)  # fmt: skip
META: Final = ClaimWords(
    verbs={
        "en": ("changed", "updated", "set"), "de": ("geändert",), "fr": ("modifié",), "es": ("modificad",),
        "it": ("modificat",), "pt": ("modificad",), "nl": ("gewijzigd",),
    },
    things={
        "en": ("title", "description", "meta", "page"), "de": ("titel", "beschreibung", "meta", "seite"),
        "fr": ("titre", "description", "méta", "page"), "es": ("título", "descripción", "meta", "página"),
        "it": ("titolo", "descrizione", "meta", "pagina"), "pt": ("título", "descrição", "meta", "página"),
        "nl": ("titel", "beschrijving", "meta", "pagina"),
    },
)  # fmt: skip
PUBLICATION: Final = ClaimWords(
    verbs={
        "en": ("published",), "de": ("veröffentlicht",), "fr": ("publié",), "es": ("publicad",), "it": ("pubblicat",),
        "pt": ("publicad",), "nl": ("gepubliceerd",),
    },
    things={
        "en": ("article", "post", "draft", "page", "video", "content"),
        "de": ("artikel", "beitrag", "entwurf", "seite", "video", "inhalt"),
        "fr": ("article", "brouillon", "page", "vidéo", "contenu"),
        "es": ("artículo", "borrador", "página", "vídeo", "contenido"),
        "it": ("articolo", "bozza", "pagina", "video", "contenut"),
        "pt": ("artigo", "rascunho", "página", "vídeo", "conteúdo"),
        "nl": ("artikel", "concept", "pagina", "video", "inhoud"),
    },
)  # fmt: skip
