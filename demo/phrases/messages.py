"""What members write about the work of the marketing desk, in English, German, French and Spanish."""

from agents.answering.interpretation.intents import add_phrases
from agents.answering.interpretation.words import Phrases

_CHANGE = Phrases(
    "raise the budget|increase the budget|lower the budget|reduce the budget|pause the campaign|stop the campaign"
    "|pause all|stop all campaigns|set the budget|change the budget|daily budget|pause campaign|budget to|budget of"
    "|budget erhohen|budget senken|kampagne pausieren|kampagne stoppen|tagesbudget|pausiere die kampagne"
    "|augmenter le budget|augmentez le budget|baisser le budget|mettre en pause|budget journalier|budget quotidien"
    "|arreter la campagne|suspendre la campagne|aumentar el presupuesto|subir el presupuesto|sube el presupuesto"
    "|bajar el presupuesto|pausar la campana|pausa la campana|detener la campana|presupuesto diario"
)
_CHANGE_WEAK = Phrases("budget|pause|campaign|kampagne|campagne|campana|pausiere|pausar|raise|increase", deniable=False)
_FIGURES = Phrases(
    "which campaign|how are our campaigns|campaign performance|conversions|click rate|ctr|roas|cpa|cost per|impressions"
    "|clicks|how much did we spend|ad spend|spent on|performing|conversion rate|rankings|keywords"
    "|welche kampagne|klicks|klickrate|kampagnen laufen|werbekosten|kosten pro|konversion*"
    "|quelle campagne|taux de clic|taux de conversion|clics|depenses publicitaires"
    "|que campana|tasa de clics|conversiones|rendimiento|gasto publicitario",
    deniable=False,
)
_FIGURES_WEAK = Phrases(
    "campaigns|kampagnen|campagnes|campanas|performance|performances|figures|statistics|report|zahlen|chiffres|cifras"
)
_CONTENT = Phrases(
    "draft a post|write a post|write an article|article about|blog post|list our drafts|publish the|landing page"
    "|meta title|meta description|page title|our drafts|draft about|newsletter text"
    "|blogbeitrag|artikel schreiben|beitrag schreiben|beitrag uber|entwurf|entwurfe|veroffentlich*|seitentitel"
    "|article de blog|article sur|rediger un|redige un|publier|brouillon|brouillons|titre de la page"
    "|articulo de blog|articulo sobre|escribir un articulo|publicar|publica el|borrador|borradores|titulo de la pagina"
)
_CONTENT_WEAK = Phrases(
    "post|article|draft|drafts|content|newsletter|artikel|beitrag|articulo|contenido|contenu|inhalt"
)


def add() -> None:
    """Add them to what messages are read by."""
    add_phrases("campaign_change", _CHANGE, _CHANGE_WEAK)
    add_phrases("campaign_figures", _FIGURES, _FIGURES_WEAK)
    add_phrases("content", _CONTENT, _CONTENT_WEAK)
