"""By which words a text claims that a ticket was opened, or a comment added."""

from typing import Final

from hitl.actions.base import ClaimWords

_TICKETS: Final = {
    "en": ("ticket", "case"), "de": ("ticket", "fall", "vorgang"), "fr": ("ticket", "dossier"),
    "es": ("ticket", "caso", "incidencia"), "it": ("ticket", "segnalazion"), "pt": ("ticket", "chamado", "caso"),
    "nl": ("ticket", "melding"),
}  # fmt: skip
_COMMENTS: Final = {
    "en": ("comment", "note"), "de": ("kommentar", "notiz", "anmerkung"), "fr": ("commentaire", "note"),
    "es": ("comentario", "nota"), "it": ("commento", "nota"), "pt": ("comentário", "nota"),
    "nl": ("opmerking", "notitie", "reactie"),
}  # fmt: skip

NEW_TICKET: Final = ClaimWords(
    verbs={
        "en": ("created", "opened", "raised", "filed", "logged", "submitted"),
        "de": ("erstellt", "eröffnet", "angelegt", "geöffnet"), "fr": ("créé", "ouvert"),
        "es": ("cread", "abiert"), "it": ("creat", "apert"), "pt": ("criad", "abert"),
        "nl": ("aangemaakt", "geopend"),
    },
    things=_TICKETS,
)  # fmt: skip
COMMENT: Final = ClaimWords(
    verbs={
        "en": ("added", "posted", "left", "written", "updated"),
        "de": ("hinzugefügt", "ergänzt", "geschrieben", "aktualisiert"), "fr": ("ajouté", "écrit"),
        "es": ("añadid", "agregad", "escrit"), "it": ("aggiunt", "scritt"), "pt": ("adicionad", "escrit"),
        "nl": ("toegevoegd", "geschreven"),
    },
    things={language: (*words, *_TICKETS[language]) for language, words in _COMMENTS.items()},
)  # fmt: skip
