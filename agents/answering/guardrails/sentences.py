"""Our own sentences of an agent in doubt, by language; "" is English."""

from collections.abc import Mapping
from typing import Final

QUESTION: Final[Mapping[str, str]] = {
    "": "I'm not sure I have the right answer to that. Could you put it another way, or tell me a bit more?",
    "de": "Ich bin nicht sicher, ob ich die richtige Antwort habe. Können Sie die Frage anders stellen oder etwas mehr "
    "dazu sagen?",
    "es": "No estoy seguro de tener la respuesta correcta. ¿Puede preguntarlo de otra forma o contarme algo más?",
    "fr": "Je ne suis pas sûr d'avoir la bonne réponse. Pouvez-vous le demander autrement, ou m'en dire un peu plus ?",
    "it": "Non sono sicuro di avere la risposta giusta. Può chiederlo in un altro modo o dirmi qualcosa in più?",
    "nl": "Ik weet niet zeker of ik het juiste antwoord heb. Kunt u het anders vragen, of iets meer vertellen?",
    "pt": "Não tenho a certeza de ter a resposta certa. Pode perguntar de outra forma, ou contar um pouco mais?",
}
UNSURE: Final[Mapping[str, str]] = {
    "": "I'm not sure about this one, so I've asked a colleague. They'll reply here.",
    "de": "Da bin ich nicht sicher, deshalb habe ich jemanden aus dem Team gefragt. Die Antwort kommt hier.",
    "es": "No estoy seguro, así que he preguntado a un colega. Le responderá aquí.",
    "fr": "Je n'en suis pas sûr : j'ai demandé à un collègue, qui vous répondra ici.",
    "it": "Non ne sono sicuro, quindi ho chiesto a un collega. Le risponderà qui.",
    "nl": "Dit weet ik niet zeker, dus ik heb een collega gevraagd. Die antwoordt u hier.",
    "pt": "Não tenho a certeza, por isso perguntei a um colega, que responderá aqui.",
}
COLLEAGUE: Final[Mapping[str, str]] = {
    "": "Thank you for your message. A colleague will reply here.",
    "de": "Vielen Dank für Ihre Nachricht. Jemand aus dem Team antwortet Ihnen hier.",
    "es": "Gracias por su mensaje. Un colega le responderá aquí.",
    "fr": "Merci pour votre message. Un collègue vous répondra ici.",
    "it": "Grazie per il messaggio. Un collega le risponderà qui.",
    "nl": "Bedankt voor uw bericht. Een collega antwoordt u hier.",
    "pt": "Obrigado pela sua mensagem. Um colega responderá aqui.",
}
