"""The words by which sentences of several languages say that something was done (data, and patterns of it)."""

import re
from typing import Final

_APART: Final = r"(?:\S+\s+){0,14}?"
"""What may stand between an auxiliary and its participle."""

ACTING: Final = re.compile(
    # The beginnings of what agents and their colleagues do; a screen may find too much, and must not find too little.
    r"\b(?:(?:re|un|de|pre|dis)?(?:activat|book|schedul|issu|order|send|sent|pay|paid|charg|credit|schick|aktivier|"
    r"programm|émi|emit|emis|envoy|envi[aéoó]|instal)|cancel|refund|reimburs|revers|waiv|block|lock|freez|froze|"
    r"frozen|paus|stop|resum|restart|publish|unpublish|delet|remov|eras|wip|clos|open|creat|add|set|reset|updat|"
    r"chang|amend|modif|correct|fix|edit|mov|shift|transfer|forward|pass|submit|fil[ei]|log|record|regist|enrol|sign|"
    r"subscri|unsubscri|extend|renew|prolong|terminat|end|upgrad|downgrad|switch|turn|enabl|disabl|ship|dispatch|"
    r"deliver|mail|post|return|collect|replac|exchang|swap|reserv|confirm|assign|grant|approv|reject|declin|"
    r"authori[sz]|accept|releas|revok|withdr|apply|appli|process|handl|complet|finish|finali|resol|settl|sort|arrang|"
    r"plac|put|launch|deploy|restor|reinstat|roll|migrat|instal|connect|link|merg|import|export|upload|rais|increas|"
    r"lower|reduc|decreas|doubl|halv|cut|adjust|notif|inform|escalat|contact|call|trigger|initiat|start|execut|"
    r"carr(?:y|ied)|perform|wir|deposit|debit|deduct|discount|compensat|print|prepar|pack|clear|unlock|verif|invit|"
    r"won'?t be charged|"
    # German
    r"\w*(?:stornier|kündig|erstatt|gutschr|gutgeschr|gutschreib|schreib\w* .*\bgut\b|versend|versand|verschick|"
    r"gesend|gesandt|überwies|überweis|angewies|anweis|buch|verschob|verschieb|verleg|pausier|gestoppt|stopp|gelösch|"
    r"lösch|gesperr|sperr|geänder|änder|aktualisier|angepass|anpass|korrigier|verlänger|erneuer|beend|freigeschalt|"
    r"freischalt|frei[gs]e?[gs]eb|freigab|genehmig|abgelehnt|veröffentlich|erhöh|gesenk|senk|reduzier|halbier|"
    r"verdoppel|veranlass|beantrag|eingereich|übermittel|weitergeleit|weitergegeb|hinterleg|hinzugefüg|eingetrag|"
    r"ausgetrag|entfern|getilg|erlass|aufgehob|zurückgesetz|eingerichtet|angelegt|erstell|ausgestell|ausgeliefer|"
    r"geliefer|liefer|bestell|reservier|bestätig|eingeplan|terminier|zugewies|umgestell|abgeschalt|abgestell|"
    r"eingeschalt|angeschalt|deaktivier|getauscht|umgetausch|ersetz|vergeb|erledig|durchgeführ|ausgeführ|abgeschloss|"
    r"umgesetz|erfolg|bearbeit|angestoß|eingeleit|gestart|übernomm|abgezog|abgebuch|bezahl|gezahlt|verrechn|eingezog|"
    r"zurückgenomm|zurückgezog|informier|benachrichtig|hochgestuf|gemeldet|registrier|angemeldet|abgemeldet|"
    r"eingespielt|behob|repar|wiederhergestell|gesichert|importier|exportier|geschloss|geöffn|gedruck|geregel|geklär|"
    r"ausgezahl|zurückgezahl|aufgestock|gewähr)|"
    # French
    r"annul|rembours|crédit|recrédit|expédi|vir(?:é|er|ement)|transfér|transf|réserv|déplac|report|repouss|avanc|"
    r"suspend|mis|mise|arrêt|relanc|reprogramm|supprim|effac|retir|bloqu|débloqu|modifi|corrig|actualis|chang|"
    r"prolong|renouvel|résili|termin|clôtur|activ|désactiv|approuv|valid|refus|rejet|publi|augment|rédui|baiss|"
    r"diminu|doubl|transmi|transmett|ajout|enregistr|inscri|désinscri|command|livr|remplac|échang|offert|offr|accord|"
    r"effectu|réalis|trait|régl|résol|lanc|exécut|appliqu|débit|prélev|factur|créé|créer|ouvert|ferm|import|export|"
    r"rétabl|réiniti|inform|prévenu|confirm|sign|vers[ée]|ouvr|planifi|fait|"
    # Spanish, Italian, Portuguese, Dutch
    r"cancel|anul|reembols|devuel|devol|abon|acredit|ingres|transfir|transfer|reserv|mov|cambi|aplaz|pospus|pospon|"
    r"adelant|paus|deten|detuv|reanud|elimin|borr|quit|retir|bloque|desbloque|modific|correg|corrig|prorrog|renov|"
    r"extend|ampli|dado|dad|dio|termin|cerr|abr|abiert|activ|desactiv|aprob|rechaz|public|aument|reduc|redu|baj|sub|"
    r"duplic|añad|agreg|registr|inscrib|pid|ped|entreg|sustitu|reemplaz|camb|realiz|hech|hecho|hice|hizo|tramit|"
    r"proces|gestion|resuel|resol|inici|ejecut|aplic|cobr|cargad|descont|factur|cre[aéó]|restabl|confirm|notific|"
    r"avis|soluc|arregl|complet|condon|approvat|annullat|rimbors|modificat|pubblic|aumentat|ridott|cancellat|"
    r"goedgekeur|verhoog|verlaag|gewijzig|gepauzeer|gepubliceer|terugbetaal|geannuleer|aprovad|modificad|done|"
    r"erledigt)\w*",
    re.IGNORECASE,
)
"""What makes a sentence worth a look: the beginnings of words, in any language, for acting and for what is acted on."""

_EN: Final = (
    r"(?:[^\W\d_]{2,}ed|sent|paid|set|put|done|given|taken|gone|withdrawn|cut|sold|shut|reset|left(?!\W*$)|written|"
    r"told|frozen|made|rebuilt|let|brought|drawn|begun|spent|overridden|undone|redone|resent|prepaid|repaid|dealt|"
    r"struck|come|kept|held|bought|caught|driven|flown|lent|won|run|hit|split|spread|swept|thrown|torn|chosen|hidden|"
    r"laid|led|stuck|bound|spoken|worn|shown|sought|hung|lit)"
)
_DE: Final = (
    r"(?:\w*ge\w{2,}(?:t|en|an)|(?:ab|an|auf|aus|ein|zu|um|vor|nach|zurück|weiter|mit|frei|weg)?(?:be|ver|er|ent|zer|"
    r"über|hinter|wider|veran|beauf)\w{2,}(?:t|en|ssen)|\w{3,}iert|versandt|umgebucht)"
)
_FR: Final = (
    r"(?:\w{2,}(?:é|ée|és|ées)|\w{3,}(?:sé|té)|\w*(?:mis|mise|mises|fait|faite|faits|offert|offerte|offerts|ouvert|"
    r"ouverte|pris|prise|réduit|réduite|réduits|inscrit|inscrite|transmis|transmise|remis|rendu|rendue|résolu|"
    r"résolue|suspendu|suspendue|prévenu|parti|partie|partis|rétabli|émis|émise|repris)|\w*(?:[cs]crit|duit|truit|"
    r"couvert|tenu|venu|vendu|tendu|solu|clu|clos|teint|joint|averti|converti|tabli|rempli|fini|sorti|quis)(?:e|s|"
    r"es)?)"
)
_ES: Final = (
    r"(?:\w{2,}(?:ado|ada|ados|adas|ido|ida|idos|idas)|dad[oa]s?|hecho|hecha|puesto|puesta|devuelto|devuelta|abierto|"
    r"abierta|\w*(?:puest|hech|vuelt|suelt|biert|scrit|pres)[oa]s?)"
)
_IT_PT_NL: Final = (
    r"(?:\w{3,}(?:ata|ato|ate|ati|uto|uta|otto|otta|otte|otti|ado|ada|ados|adas|ido|ida)|(?:goedgekeurd|verhoogd|"
    r"verlaagd|gewijzigd|gepauzeerd|gepubliceerd|terugbetaald|geannuleerd))"
)
_NOT_ACTING: Final = (
    r"(?!(?:received?|looked|checked|noted|read|seen|found|understood|heard|reviewed|need(?:ed)?|want(?:ed)?|asked|"
    r"attached|listed|mentioned|explained|based|located|interested|pleased|used|included|limited|required|allowed|"
    r"called|excited|delighted|tried|searched|compared|expected|supposed|built|founded|designed|renovated|introduced|"
    r"surprised?|exceeded|reached|earned|generated|gained|outperformed|indeed|speed|feed|bed|red|hundred|related|"
    r"detailed|sacred|embed|exceed|proceed|united|needed|learned|noticed|gekostet|gedauert|gestiegen|gefallen|"
    r"gesunken|gewachsen|gesagt|mitgeteilt|erwähnt|erhalten|gesehen|gefunden|gelesen|verstanden|gehört|geprüft|"
    r"nachgesehen|gefragt|bekommen|gegründet|gebaut|geehrt\w*|bitten|gültig|versucht|renoviert|eingeführt|"
    r"verfügbar\w*|festgestellt|enthalten|(?<=km )entfernt|(?<=minuten )entfernt|bekannt|beraten|berechtigt|erreicht|"
    r"verpflichtet|vorhanden|geeignet|gerne|beträgt|begrenzt|überprüft|eingegangen|notiert|erlaubt|touché|dit|"
    r"indiqué|précisé|reçu|lu|vu|trouvé|compris|noté|vérifié|consulté|regardé|cherché|entendu|été|privé|limité|situé|"
    r"rénové\w*|supuesto|dicho|indicado|recibido|leído|visto|encontrado|entendido|anotado|revisado|consultado|sido|"
    r"buscado|situado|ubicado|inclu\w+|permitido|permitida|limitado|estado|stato|stata|stati|state)\b)"
)
"""Participles by which nobody says that something was changed."""
_A: Final = "".join(rf"(?<!\b{word} )" for word in "a an the eine einen die der une la un el".split())
_NOW: Final = (
    r"(?:now|already|just|successfully|currently|as we speak|at this moment|gerade|jetzt|soeben|bereits|schon|nun|"
    r"eben|derzeit|aktuell|in diesem moment|hiermit|sofort|umgehend|maintenant|désormais|déjà|actuellement|"
    r"à l['’]instant|en ce moment|ya|ahora|ahora mismo|en este momento)"
)

STRONG: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Perfect and past, of whoever it was: "we've credited", "was cancelled", "habe … geändert", "ont été annulées".
        rf"\b(?:has|have|had|having|ive|was|were|been|got|gotten)\s+{_APART}{_A}{_NOT_ACTING}\b{_EN}\b|['’](?:ve|"
        rf"d)\s+{_APART}{_NOT_ACTING}\b{_EN}\b",
        rf"\b(?:habe|hab|haben|hat|hatte|hatten|wurde|wurden|worden)\b\s*{_APART}{_NOT_ACTING}\b{_DE}\b",
        rf"\b{_DE}\s+(?:wurden?|worden|habe|haben|hat)\b|\b(?:habe?|haben)\b.*\w+en lassen\b|\b(?:hice|hicimos|puse|"
        rf"pusimos|dimos)\b",
        rf"\b(?:ai|a|ont|avons|avez|aviez|ayant)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_FR}\b",
        rf"\b(?:he|hemos|ha|han|fue|fueron|quedó|quedaron|queda|quedan|sido)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_ES}"
        rf"\b",
        rf"\b(?:è|sono|ho|abbiamo|foi|foram|é|werd|zijn|is)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_IT_PT_NL}\b",
        r"\bj['’]?ai\s+(?:bien |déjà |aussi )?\w{4,}er\b",
        # What somebody did to something, whoever it was: "Paul corrected the invoice", "swapped it".
        rf"(?<!\bas )\b(?=\w+\s+(?:your|the|it|them|you|both|all|this|that|these|his|her|their|my|our|its|"
        rf"everything)\b){_NOT_ACTING}(?:[^\W\d_]{{3,}}ed|sent|took|made|gave|wrote|froze|withdrew|undid|redid|paid|"
        rf"sold)\b",
        r"\bich\s+(?!k[oö]nnte|möchte|sollte|wollte|hatte|musste|dachte|brauchte|bitte|rate|"
        r"halte)\w{3,}(?<!war)(?<!arbei)(?<!bie)(?<!lei)(?<!ach)(?<!rich)te\b|\b(?!k[oö]nn|möch|soll|woll|hat|muss|"
        r"dach|brauch)\w{3,}te\s+ich\b",
        # Simple past in the first person, and the Spanish past of anybody.
        rf"\b(?:i|we)\s+(?:\w+ly\s+|just\s+|also\s+|then\s+|already\s+|now\s+|went\s+ahead\s+and\s+)*(?!come\b|"
        rf"run\b){_NOT_ACTING}\b{_EN}\b",
        r"\b(?:i|we)\s+(?:\w+ly\s+|just\s+|also\s+|already\s+|now\s+|then\s+)*(?:went ahead|took|put|gave|made|sent|"
        r"set|cut|got you|saw to|had (?:the|our|your|it|them)|let the|told|brought|threw|shut|wrote|sold|froze|"
        r"withdrew|undid|redid|began)\b",
        r"\bwent\b(?! wrong| up| down)|\b(?:i|we) got (?:the|your|them|him|her|it|our)\b|\bleft (?:our|the) \w+|"
        r"\bseen to\b|['’]ve got (?:you|it)\b|\b(?:is|are) (?:all )?yours\b|\b(?:your|the|it|both|all)\s+(?:(?!is\b|"
        r"are\b|be\b|as\b)\w+\s+){0,2}(?:\w{2,}ed|took effect|began|ended)\s+(?:at|today|yesterday|this|just|an hour|"
        r"on (?:\w+day|\d+))\b|\bquitté\b|\b(?:m['’]en|nous en)\s+(?:suis|sommes)\b|(?<!\bque )\b\w{2,}ó\b",
        r"\b(?:your|the|it|both|all)\s+(?:(?!is\b|are\b|be\b|as\b)\w+\s+){0,2}(?:shipped|renewed|closed|cleared|"
        r"posted|landed)\b(?!\s+by)",
        r"\b(?:ging|gingen) (?!es\b|um\b)|\b(?:kolleg(?:e|in)|team|frau \w+|herr \w+) (?!k[oö]nn|möch|soll|muss|"
        r"hat)\w{3,}te\b|\bgeht\b.*\b(?:raus|rein|zurück|zu|heute|gestern|eben)\b|\b(?:steht|stehen)\s+(?:jetzt|nun|"
        r"bereit|wieder)\b",
        r"\b(?:ya |me |nos |le |les |la |lo |te |se lo |se la |se |y )+(?!café)\w{3,}(?:é|ó|aron|ieron)\b|^(?:(?:ya|"
        r"también|además) )*(?!así|aquí|allí|ahí|qué|café|\w*[aei]ré\b(?<!retiré))\w{3,}[éí]\s",
        r"\b(?:viens|venons|vient)\s+(?:tout juste\s+)?(?:de |d['’])(?!consulter|voir|lire|vérifier|regarder|trouver|"
        r"recevoir)",
        r"\bacab(?:o|amos|a|an)\s+de\s+(?!consultar|ver\b|leer|revisar|comprobar|encontrar|recibir)",
        # Under way.
        r"\b(?:i['’]?m|i am|we['’]re|we are)\s+(?:\w+ly\s+|now\s+|just\s+|already\s+|right now\s+|"
        r"in the process of\s+)*(?!looking|checking|going|trying|happy|bringing|asking|talking|sorry|working|"
        r"wondering|reading|waiting|open|not|using|hoping|afraid|having)\w{3,}ing\b",
        rf"\b(?:is|are)\s+(?:{_NOW}\s+)?(?:being\s+\w+|(?!looking|checking|asking|reading|using|"
        rf"having)\w{{3,}}ing\s+(?:your|the|it|them)\b)|\b(?:i|we) did (?!see|find|check|look|read|my\b)\w+",
        r"\ben train d|\best(?:oy|amos|á|án)\s+(?:\w+\s+){0,2}?\w+(?:ando|iendo|yendo)\b|\b\w*(?:ándo|iéndo)(?:le|"
        r"les|lo|la|selo|sela)\b",
        rf"\b(?:ich|wir)\s+\w+(?:e|en)\b[^,;]*\b{_NOW}\b|\b{_NOW}\s+\w+(?:e|en)\s+(?:ich|wir)\b",
        r"\b(?:(?:je |j['’]|nous )(?:\w{2,4} )*(?!regard|vérif|cherch|consult|compren|voi|lis|demand)\w{3,}|(?!miro|"
        r"consulto|busco|compruebo)\w{3,}o)\b[^,;]*\b(?:à l['’]instant|maintenant|en ce moment|ahora mismo|"
        r"en este momento)\b",
        # Nouns and idioms.
        r"\b(?:on (?:its|their|the|h(?:is|er)) way|under ?way|in progress|went through|gone (?:out|through)|went out|"
        r"taken care of|all set|sorted(?: out)?\b|consider (?:it|your|the)|in the mail|off to you|good to go|"
        r"as of (?:now|today)|effective immediately|no longer\b|from now on|now stands?|(?:it['’]?s|that['’]?s|is|"
        r"are) (?:all )?done(?! by)|is gone|are gone|is through|(?:is|['’]s) complete|have a booking|is in place|"
        r"is out)\b",
        r"\b(?:erledigt|(?:ist|sind|wurden?) \w*\s?erfolgt|unterwegs|auf dem \w*weg|ab sofort|(?:ist|"
        r"sind) (?:[\w-]+ ){0,5}?(?:raus|durch|weg|fertig|vollzogen|drin)|läuft (?:bereits|jetzt|gerade|wieder|schon|"
        r"nun)|(?:liegt|steht|beträgt) (?:jetzt|nun|ab sofort)|in arbeit|in die wege|geschafft|hat geklappt|"
        r"ist veranlasst)\b",
        r"\b(?:en cours|en route|en chemin|c['’]est (?:fait|réglé|bon|parti)|désormais|chose faite|est pass[ée]e?|"
        r"sont partis?|est partie?|a bien)\b",
        r"\b(?:(?:en|de) camino|en curso|en proceso|desde ahora|a partir de (?:ahora|hoy)|ahora (?:es|está|son)|"
        r"ya (?:está|están|es|no))\b",
        # Without a verb: "Done!", "Refunded.", "Voucher sent."
        r"^(?:(?:all|yes|ok|okay|great|super|so|ja|oui|sí|si)\s+)*(?:done|erledigt|fait|hecho|listo|fatto|feito|"
        r"klaar|gedaan|finished|sorted)\b(?!\s+(?:by|in|with))",
        r"^(?:approved|rejected|declined|executed|authori[sz]ed)\s+br-?\s?\d+|\bbr-?\s?\d+\W{1,4}(?:now |already |"
        r"just )*(?:approved|rejected|declined|executed|done|authori[sz]ed|genehmigt|abgelehnt)\b",
        r"\bapproval\s+(?:(?:was|is|has been)\s+)?(?:given|granted|received)\b|(?<!\bwell )(?<!\bbe )\bdone\s*!+",
        rf"\b(?:managers?|approvers?|boss|colleagues?|team|they|kolleg\w+|chef\w*)\s+(?:(?!are\b|were\b|"
        rf"is\b)\w+\s+)?(?!come\b|run\b|told\b)(?:{_NOT_ACTING}\b{_EN})\b",
    )
)  # fmt: skip
"""Clauses that say that something was done or is under way."""
MANAGED: Final = re.compile(
    r"\b(?:i|we) (?:(?:was|were) able|managed) to (?!find|see|locate)|\b(?:ich konnte|wir konnten|konnte ich|"
    r"konnten wir)\b(?!.*(?:finden|sehen|feststellen))|\bich .*konnte$|\b(?:glad|happy|pleased) (?:that )?(?:i|"
    r"we) could\b|\b(?:j['’]ai|nous avons) (?:pu|réussi à) (?!trouver|voir)|\b(?:pude|pudimos|he podido|hemos podido|"
    r"logr[éó]|logramos|conseguí|conseguimos) (?!encontrar|ver)"
)
"""What says that something could be done, and therefore was."""
DENIED: Final = re.compile(r"\b(?:not|never|no|nicht|kein\w*|nie|pas|rien|ne|nunca|nada)\b|n['’]t\b|\bn['’]")
NO_LONGER: Final = re.compile(
    r"\b(?:nicht mehr|keine? (?=[\w-]+ mehr\b)|ya no|(?<=you )no longer|n(?:e\s|['’])(?=\w+\s+(?:\w+\s+)?plus\b(?! (?:"
    r"de\b|que\b|d['’]))))(?!\s*(?:verfügbar|möglich|lieferbar|erhältlich|\w+ plus (?:disponible|possible)|"
    r"disponible|posible))\s*",
    re.IGNORECASE,
)
"""A denial that tells of a change."""
AUXILIARY: Final = re.compile(
    r".*\b(?:wird|werden|has|have|had|['’]ve|was|were|is|are|been|habe|hab|haben|hat|wurden?|ist|sind|ai|avons|ont|a|"
    r"été|est|sont|he|hemos|ha|han|fue|fueron|sido|está|están)\b"
)
"""Up to what a clause that is joined to it may share: "was found and put on the next flight"."""
PARTICIPLE: Final = re.compile(
    rf"^(?:\w+ly |also |then |auch )?{_NOT_ACTING}(?:{_EN}|{_FR}|{_ES})\b|\b{_NOT_ACTING}{_DE}\W*$"
)
BARE: Final = re.compile(
    rf"^(?:that['’]s |so )?(?:(?!(?:is|are|be|was|ist|sind|wird|werden|est|sont|está|están|se|to|as|well|que|who|wer|"
    rf"have|has|had|i|we|you|they|he|she|ich|wir|sie|er|je|il|elle|vous|usted|haben|hat|avez|ha|hay|stays?|remains?|"
    rf"bleib\w+|reste\w*|sigue\w*)\b)[\w-]+\s+){{0,4}}(?:{_NOT_ACTING}\b(?:{_EN}|{_DE}|{_FR}|{_ES}))\b\s*(?:br-\d+|"
    rf"up|off|out|in|on|back|today|heute|ce matin|hoy|(?:for|to|into|from|against|gegen|contre|por|until|für|bis|auf|"
    rf"an|zum|pour|jusqu\S+|au|à|hasta|para|al|a) [^,;]{{1,40}})?\W*$",
    re.IGNORECASE,
)
"""A clause without a finite verb: "Refunded.", "Voucher sent."."""
_REST: Final = (
    r"(?!(?:served|offered|printed|marked as|listed|shown|indiquée?s?|markiert|taught|stored|offerte?s?|servie?s?|"
    r"ermässigt|serviert|closed|opened|open|geschlossen|geöffnet|fermée?s?|ouverte?s?|cerrad[oa]s?|abiert[oa]s?)\b)"
)
"""What a place is, and nobody did."""
WEAK: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # What only those know who were told, and what is new.
        r"\bknows\b|\b(?:is|(?<!we )(?<!you )are) aware\b|(?<!ich )\bwei(?:ß|ss) (?:bescheid|von|über)\b|"
        r"\bau courant\b|\bal (?:tanto|corriente)\b|\b(?:your new|ihre? neue[rsn]?|votre nouv\w+|"
        r"sus? nuev[oa]s?)\b.*\b(?:is|are|ist|sind|lautet|beträgt|est|sont|es|son|está)\b|\b(?:is|was|were|war|waren|"
        r"ist|est|était|fue) (?:\w+ )?(?:successful|erfolgreich|réussie?)\b|\b(?:avec succès|con éxito)\b|"
        r"\bvuelven? a (?:estar|tener|funcionar)\b|\bqued(?:ó|aron) (?:en|a|sin)\b|(?:\b(?:is|are)|['’](?:s|"
        r"re)) (?:in|on|up|through|over|down)\W*$",
        r"^(?:ya |también )?(?!necesit|acept|cobr|ofre|trabaj|busc|recomend)\w{3,}[ai]mos (?:el|las?|los|sus?|una?)\b",
        # A state, which may be a rule: "is cancelled", "ist gebucht", "sont remboursés", "está enviado".
        rf"(?:\b(?:is|are)|['’](?:s|re))\s+(?:(?:\w+ly|now|already|just|all|both|back|also)\s+)*{_REST}{_NOT_ACTING}\b"
        rf"{_EN}\b",
        r"(?:\b(?:is|are)|['’](?:s|re))\s+(?:off|out|back|gone|live|active|inactive|void|arranged|in place|"
        r"up and running|running again|\w+ again)\b|\bi did (?:it|that|so)\b",
        r"\b(?:ist|sind)\s+(?:nun|jetzt|wieder|bereits)\b|\bproc[èé]d(?:e|ons)\b|\best clos\w*\b",
        r"\b(?:ist|sind|bleibt)\s+(?:\w+\s+){0,2}?(?:aktiv|live|online|zurück|inaktiv|drin|auf \w+ gestellt)\b|"
        r"\b(?:buchung|termin|reservierung|auftrag) steht\b",
        r"\b(?:est|sont)\s+(?:\w+\s+){0,2}?(?:en ligne|hors ligne|effecti\w+|en ordre)\b|\bya (?:tiene|figura|"
        r"aparece|cuenta)\b",
        rf"\b(?:ist|sind|bleibt)\s+{_APART}{_REST}{_NOT_ACTING}\b{_DE}\b|\b{_DE}\s+(?:ist|sind)\b",
        rf"\b(?:est|sont)\s+(?:\w+\s+){{0,3}}?{_REST}{_NOT_ACTING}\b{_FR}\b|\b(?:est|sont)\s+(?:\w+\s+){{0,2}}?(?:en p"
        rf"ause|actif|active|actifs)\b",
        rf"\b(?:está|están)\s+(?:\w+\s+){{0,3}}?(?:{_REST}{_NOT_ACTING}\b{_ES}\b|en pausa|activ)",
        rf"\b(?:wird|werden)\b[^,;]*\b{_NOW}\b[^,;]*\b{_DE}\b|\b{_NOW}\b[^,;]*\b(?:wird|werden)\b[^,;]*\b{_DE}\b",
        # Where something is for the reader, and what is so from now on.
        r"\b(?:is|are)\s.*\b(?:(?:in|on|with|back in) your|with you|for you)\b|\b(?:ist|sind|liegt|"
        r"liegen)\s.*\b(?:in|auf|bei) ihre[mnr]\b|\b(?:liegt|liegen|steht|stehen)\s.*\b(?:bereit|für sie)\b|\b(?:est|"
        r"sont)\s.*\b(?:dans|sur|à|en|chez|pour) (?:votre|vos|vous)\b|\best[áa]n?\s.*\b(?:en|a|para) (?:sus?|"
        r"usted)\b|^(?:your|ihre?)\s.*\b(?:is|are|ist|sind|liegt) (?:with|beim?)\b",
        r"^(?!.*\b(?:i|we|ich|wir|je|nous|yo|tengo|tenemos)\b)(?=.*\b(?:your?|it|the|everything|is|are|ihre?\w*|sie|"
        r"es|der|die|das|ist|sind|votre|vos|vous|l[ea]s?|tout|est|sont|sus?|el|los|todo|est[áa]n?|tiene|"
        r"paga)\b).*\b(?:now|gerade|soeben|as we speak|right now|(?:in diesem|en ce|en este) moment(?:o|)|jetzt|nun|"
        r"nunmehr|maintenant|dès (?:à présent|aujourd['’]hui)|instead of|statt (?=[a-zäöü])|au lieu de|en (?:lugar|"
        r"vez) de|désormais|dorénavant|ahora|(?:from|as of|starting|since) (?:today|now|this)|ab (?:heute|jetzt|"
        r"sofort)|seit (?:eben|heute)|depuis (?:ce|aujourd)|à partir d['’]aujourd['’]hui|desde (?:hoy|ahora|est[ae])|"
        r"a partir de hoy)\b.*",
        r"^(?!.*\b(?:you|sie|vous|usted|i|we|ich|wir|je|nous)\b)(?=.*\b(?:your|the|it|his|her|ihre?|der|die|das|es|"
        r"votre|vos|le|la|les|sus?|el|los|las)\b).*\b(?:already|again|bereits|schon|wieder|déjà|[dà]e? nouveau|ya|"
        r"de nuevo|otra vez)\b.*|^sus? .*\b(?:consta|figura)n?\b",
        # What the speaker does: a promise or a report, so only a condition or a rule makes it harmless.
        r"\bich\s+(?:storniere|buche|schicke|sende|versende|überweise|schreibe|erstatte|lösche|sperre|verlängere|"
        r"kündige|ändere|aktiviere|pausiere|verschiebe|erhöhe|senke|erlasse|veranlasse|deaktiviere)\b",
        r"\bje\s+(?:(?:vous|le|la|les|lui|te|l['’])\s*)*(?:annule|rembourse|envoie|expédie|réserve|déplace|supprime|"
        r"bloque|modifie|prolonge|active|crédite|résilie|change|augmente|valide|transmets|publie|suspends)\b",
        r"\b(?:ya|le|les|te|lo|la|nosotros)\s+\w{3,}[ai]mos\b",
        r"\b(?:le|les|te|lo|la)\s+(?:cancelo|envío|reembolso|devuelvo|abono|cambio|reservo|bloqueo|activo|elimino|"
        r"transfiero)\b",
    )
)
"""Clauses that say it unless a rule or a condition stands beside them."""

QUESTION: Final = re.compile(r"[?؟]\W*$")
CONDITION: Final = re.compile(
    r"(?:^|\b(?:and|or|but|only|nur|erst|und|oder|solo|sólo|uniquement|et|ou|y|o)\s+)(?:even\s+)?(?:if|"
    r"once(?! again)|when|whenever|until|unless|as soon as|as long as|whether|in case|provided|after (?:you|the|it|"
    r"being|we|they|your)\b|before|until|wenn|falls|sobald|sofern|bis|bevor|nachdem|ob|solange|si|s['’]il|"
    r"dès (?!maintenant|à présent|aujourd)|quand|lorsque|lorsqu['’]|une fois|avant|après|jusqu['’]|tant que|cuando|"
    r"en cuanto|una vez|hasta|antes|después|tras|mientras|quando|finché|als|zodra|não|for|to|pour|para|zum|zur|um)\b",
    re.IGNORECASE,
)
"""Openings of a clause that is no report."""
LATER: Final = re.compile(
    r"\b(?:upon|how|where|wie|wo|comment|cómo|within|only|usually|normally|always|automatically|daily|nightly|weekly|"
    r"monthly|yearly|täglich|wöchentlich|monatlich|jährlich|(?:once|twice|times) an?|around the clock|"
    r"rund um die uhr|generally|typically|every|each|per|innerhalb|binnen|nur|(?<!nun )(?<!jetzt )erst|immer|"
    r"normalerweise|automatisch|in der regel|jede[srnm]?|pro|stets|grundsätzlich|üblicherweise|sous (?:\d+|"
    r"\w+) (?:jours|heures|semaines)|que sur|seulement|uniquement|toujours|automatiquement|généralement|chaque|"
    r"dans un délai|solo|sólo|siempre|automáticamente|normalmente|cada|(?:en|after|nach) (?:\d+|\w+) (?:d[íi]as|"
    r"horas|semanas|minutos|jours|heures|minutes|days|weeks|months|years|tagen|wochen|monaten|jahren)|en un plazo|"
    r"generalmente|from \d\S* to|\d+ (?:hours|stunden|heures|horas|days|tage|jours|días) (?:before|vor|avant|antes)|"
    r"free of charge|kostenlos|on (?:request|presentation|arrival|departure)|auf wunsch|bei (?:vorlage|anreise|"
    r"abreise)|sur (?:présentation|demande)|au départ|à l['’]arrivée|a la (?:llegada|salida)|con el documento|"
    r"\w+days|\w+(?:tags|abends|morgens)|(?:before|after|until) (?:you|we|they|the|it|any\w*)|nach (?:de[rm]|ihrer|"
    r"eingang|erhalt|ablauf)|après|tras|después de|(?:jusqu['’]|avant|hasta|antes de)(?:à ce )?qu[e'’]|le (?:lundi|"
    r"mardi|mercredi|jeudi|vendredi|samedi|dimanche|premier)|los (?:lunes|martes|miércoles|jueves|viernes|sábados|"
    r"domingos)|el primer|am ersten|first of)\b|\bby (?!me\b|us\b|our (?:team|staff|colleague)|a colleague|e?-?mail|"
    r"post|sms|phone|now|today|tomorrow|\d)\w"
    # Whoever it may be: "Guests who cancel are charged", "les commandes annulées sont", "tout rendez-vous".
    r"|^(?!(?:all|both|these|those|your|the|our|my|his|its|two|three|four|some|\d+)\b)(?!.*\b(?:for|"
    r"to) you\b)(?:[\w-]+ ){0,2}?[\w-]+s (?:(?:that|who|which|\w+ed)\b.*)?are\b|^(?:any|an?) (?!new\b)\w+ (?:is|"
    r"are)\b|^(?!(?:ihre|die|alle|beide|unsere|diese|sie)\b)(?:\w+ )?\w+(?:en|er|e|s) sind\b|^(?:tout|toute|tous|"
    r"toutes|chaque|todo|toda|cada) (?!est\b|sont\b|está)\w|^(?:les|los|las) \w+ (?:\w+ées?|\w+és|"
    r"\w+[ai]d[oa]s)\s(?:\S+ )*(?:sont|son|se)\b|\bvon (?:eine[rmn]?|der|den|dem|unserem partner)\b|\bpar (?:une?|la|"
    r"le|les)\b|\bmy \w+ (?:is|are)\b|\b(?:lo|la|los|las) (?:realiza|hace|gestiona)n?\b|\bpor (?:una?|el|la)\b",
    re.IGNORECASE,
)
"""What makes a state a rule, a condition, or the work of others."""
OPEN: Final = re.compile(
    r"\b(?:can|could|would|should|must|will|(?<!for )(?<!in )(?<!until )(?<!of )(?<!by )(?<!to )may|might|shall|"
    r"cannot|not|never|nothing|nobody|none|neither|nor|(?:need|needs|have|has|had|want|wants|like|able|going|wish|"
    r"plan|used|yet|is|are|waiting|allowed) to|let me|let us|to be|without|sei|seien|kann|können|könnte\w*|würde\w*|"
    r"sollte\w*|soll|sollen|muss|müssen|werde|darf|dürfen|möchte\w*|will|wollen|nicht|nichts|kein\w*|nie|niemals|"
    r"niemand|ohne|peut|peux|peuvent|pouvez|pourr\w+|devr\w+|doit|doivent|dois|(?:vais|vas?|vont|allons|"
    r"allez)\s+(?:\S+\s+){0,2}?(?:\w+(?:er|ir|re)|s['’]\w+)|sera|seront|serai|serez|faut|ne|pas|rien|jamais|aucune?|"
    r"sans|puede\w*|podr\w+|debe\w*|tiene que|tienen que|hay que|voy a|va a|vamos a|van a|bitte|please (?!note|be|"
    r"find)\w+|veuillez|será\w*|nada|nunca|nadie|personne|ning\w+|sin|todavía no|aún no|non|não|niet|geen|nessun\w*|"
    r"zal|verrà)\b|n['’]t\b|['’]ll\b|\bn['’]|^no\b(?! (?:longer|problem|worries))|\bno (?!longer|problem|worries|"
    r"cost)\w+"
    # What is asked, and what the reader shall do.
    r"|^(?:who|what|why|how|wer|warum|wieso|quién|qué)\b|^(?:click|press|pay|open|choose|select|tap|go|try|enter|use|"
    r"call|write|look|see|check|read|sign|send|visit)\b|^\w+en sie\b|^(?!chez|assez)\w+ez\b|^(?:pulse|haga|abra|"
    r"elija|seleccione|introduzca|escriba|vaya|llame|firme|confirme|envíe)\b",
    re.IGNORECASE,
)
"""What stands before or in a verb that tells no fact: possible, future, denied."""
PASSIVE: Final = re.compile(
    r"\b(?:been|été|sido|worden)\b|^['’]?(?:is|are|was|were|s|re|ist|sind|wurden?|est|sont|fue|fueron|está|están|"
    r"queda|stehen)\b",
    re.IGNORECASE,
)
"""A verb of which the reader is no subject, though they are named before it: "you are booked"."""
SPEAKER: Final = re.compile(
    r"\b(?:managers?|supervisors?|approvers?|boss|chef\w*|jef[ea]|advis[eo]r|agent|technician|engineer|driver|team|"
    r"support|staff|\w*berater\w*|techniker\w*|fahrer\w*|conseill\w+|technicien\w*|asesora?|técnic[oa]|agente|equipo|"
    r"équipe|i(?!['’]?m (?:afraid|sorry))|we|my|ich|wir|meine?[nrm]?|je|nous(?! (?:a|ont|avez)\b)|hemos)\b|\bj['’]|"
    r"\b(?:on (?:a|vous)|he \w+[ai]do)\b"
)
_OUTSIDE: Final = (
    r"(?:(?:bank|airline|carrier|courier|merchant|seller|manufacturer|supplier|insurer|landlord|garage|workshop|"
    r"provider|faculty|authorit|agenc|compan|firm|contractor)(?:s|y|ies)?|\w*(?:bank|airline|fluggesellschaft|"
    r"spedition|händler|hersteller|lieferant|versicherer|vermieter|werkstatt|firma|behörde|agentur|partner)(?:in)?|"
    r"banque|compagnie|transporteur|commerçant|fabricant|fournisseur|assureur|garage|entreprise|société|agence|"
    r"prestataire|banco|aerolínea|transportista|comercio|fabricante|proveedor|aseguradora|taller|empresa|agencia)"
)
BY_OTHERS: Final = re.compile(
    # The reader's own people, and organisations of others, as the subject of a verb with an object, or behind "by".
    r"\b(?:(?:your|deine?|ihre?|votre|vos|sus?) (?!account|konto|compte|cuenta|card|karte|carte|tarjeta|order|"
    r"bestellung|commande|pedido|booking|buchung|reserva|plan|tarif|contrato?|vertrag|contract)\w+|(?:the|an?|der|"
    r"die|das|"
    r"eine?|la|le|une?|el|una) (?:\w+ )?" + _OUTSIDE + r")\s+(?:(?!is\b|"
    r"are\b|was\b|were\b|ist\b|sind\b|wurde|est\b|sont\b|est[áa]|fue|qued)[\w'’-]+\s+){0,3}?(?:(?:[^\W\d_]{3,}(?:ed|"
    r"ó)|sent|took|made|left)\s+(?:the|your|an?|you|this|el|la|los|las|su|un|una)|(?:hat|haben)\s+(?:de[rn]|die|das|"
    r"ihre?n?|eine?n?)|(?:has|have|a|ont|ha|han)\s+(?!been|été|sido)\w+\s+(?:the|your|an?|you|l[eas]s?|l['’]\w+|"
    r"votre|vos|une?|el|los|su|una?))\b"
    rf"|\b(?:by|von|par|por)\s+(?:your|ihre[rmn]?|votre|su|(?:an?|the|eine[rmn]?|de[rmn]|une?|la|le|el|"
    rf"una)\s+(?:\w+\s+)?{_OUTSIDE}|(?:an?|eine[rmn]?|une?|una)\s+(?:\w+\s+)?(?:extern\w+|outside|fremd\w+|other)|"
    rf"extern\w+)\b|\b(?:has|have|hat|haben|sent|gave) (?:\w+ )?(?:us|uns)\b|\bnous (?:a|ont)\b|\bnos (?:ha|han|"
    rf"\w+ó)\b|\b(?:hat|haben)\s+(?:die|der|das|ihre?)\s+{_OUTSIDE}\b|\bihre?\s+\w+\s+(?:de[rn]|die|das|ihre?n?|"
    rf"eine?n?)\s.*\b(?:hat|haben)\W*$"
    # What is long past, and how a thing is.
    r"|\b(?:in|en|im jahre?|wurden?|hat|haben|since|seit|depuis|desde)\s+(?:1[5-9]|20)\d\d\b|\b(?:last \w+ed|"
    r"last year|years ago|zuletzt|dernière fois|última vez|damals|letztes jahr|vor jahren|l['’]an(?:née)? derni\w+|"
    r"año pasado)\b",
    re.IGNORECASE,
)
"""What others did, or was long ago; nothing of it where the speaker is named."""
FRAME: Final = re.compile(
    r"\b(?:you|sie|du|vous|tu|ustedes|usted|nous|nos|me|(?:your|ihre?|votre|su) [\w-]+|(?:the|die|der|el|la|le) "
    + _OUTSIDE
    + r")\s+(?:(?:have|"
    r"had|has|haben|hat|avez|aviez|ha|also|me|nous|nos|uns|mir|just|already|bereits|schon)\s+)*(?:sa(?:id|ys?)|wrote|"
    r"written|writes?|told|tells?|mention\w*|asks?|asked|reported|claims?\s+that|think|schr\w+b\w*|sag(?:en|t\w*)|"
    r"frag(?:en|t\w*)|erwähn\w+|meinen|berichte\w+|gesagt|geschrieben|gefragt|dites|disiez|dit|écri\w+|demand\w+|"
    r"mentionn\w+|dicen?|dec[íi]an?|dijo|dijeron|disait|escrib\w+|pregunt\w+|mencion\w+|cuentan?|coment\w+)\b|"
    r"\b(?:according to|laut|d['’]après|selon|según)\s+(?:you|your|ihre[rmn]?|vous|votre|usted|su|nos)\b|"
    r"\b(?:sorry(?! to)|regret|tut mir leid|bedaure\w*|désolée?s?|lamento|lamentamos|siento|sentimos)\b(?!\s*$)",
    re.IGNORECASE,
)
"""What others say, and what is regretted: what comes behind it is no report of the speaker's."""
THAT: Final = re.compile(r"^(?:that|dass|que|qu['’])\b")
ACCORDING: Final = re.compile(r"^(?:according to|laut|d['’]après|selon|según)\b")
OF_OTHERS: Final = re.compile(
    r"\b(?:you|usted|ustedes|tú|du)(?:['’]ve|\s+have|\s+had)?(?:\s+\w+ly|\s+already|\s+ya|\s+just)*\s*$|"
    r"(?<!wir )(?<!ich )\b(?:sie|du|ihr)\s+$",
    re.IGNORECASE,
)
"""What stands before a verb of which the reader is the subject."""
DESCRIBES: Final = re.compile(r"\w\s+(?:that|which|who|whom|qui|dont)\s*$")
"""What stands before a verb that only describes a word."""
IN_OTHERS: Final = re.compile(
    r"^(?:ha|have|had|has|were|are|is|was)\s+(?:you|usted|they|any\w+)\b|^(?:haben|hatten)\s+sie\b|^(?:avez|aviez)\b",
    re.IGNORECASE,
)
RELATIVE: Final = re.compile(
    r"^(?:which|who|qui|dont|cuyo)\b|^(?:der|die|das|den|dem|deren|dessen|welche[rsn]?)\b.*\b(?:wurden?|ist|sind|"
    r"haben?|hat|worden)\W*$",
    re.IGNORECASE,
)
"""A clause, after another, that only describes a word."""
ASIDE_QUOTES: Final = re.compile(r"[“„«\"][^“”„«»\"]{1,200}[”“»\"]")
ASIDE: Final = re.compile(
    r",?\s{0,3}\b(?:just\s+)?(?:as|like|per|wie|comme|como|come|conforme|según|zoals)\s+(?:(?:you|we|your|per|i|lo|"
    r"du|sie|wir|vous|il|u|je)\s+){0,3}(?:asked|requested|wanted|agreed|discussed|promised|request|wish|wished|"
    r"gewünscht|besprochen|gebeten|vereinbart|demandé|convenu|souhaité|pedido|pidió|solicitado|acordado|richiesto|"
    r"concordato|combinado|gevraagd|afgesproken)\b,?",
    re.IGNORECASE,
)
"""What says nothing of what was done: "as you asked"."""
PASSED_ON: Final = re.compile(
    r"\b(?:question|message|words|request|case|enquiry|feedback|wish|frage|anfrage|nachricht|anliegen|wunsch|demande|"
    r"pregunta|mensaje|consulta)\b.*\b(?:colleagues?|team|person|kolleg\w+|collègues?|équipe|compañer\w+|equipo|"
    r"somebody|someone)\b",
    re.IGNORECASE,
)
"""What an agent may do by itself: to tell a colleague."""
TELLS: Final = re.compile(
    r"\b(?:i|we|your|yours|it|all|everything|both|ich|wir|ihre?[nmrs]?|alles|es|je|nous|on|votre|vos|tout|su|sus|le|"
    r"les|ya|todo|he|hemos)\b|\bj['’]",
    re.IGNORECASE,
)
"""What a sentence tells that a judge has to read, if there is one."""
TOLD: Final = re.compile(r"\s+(?=(?:that|que) (?:your|the|i|we|it|all|both|our|votre|vos|nous|su|sus|ya|hemos|he)\b)")
"""Where what somebody says begins."""
OF_US: Final = re.compile(
    r"\b(?:i|we|our|us|ich|wir|uns|unser\w*|je|nous|notre|nos|he|hemos|nuestr\w+|colleagues?|kolleg\w+)\b|\bj['’]"
)
"""What we say of ourselves."""
ANNOUNCES: Final = re.compile(
    r"\b(?:(?:i|we)(?:['’]m| am|['’]re| are)? ?(?:can|may|must|will|want to|happy to|pleased to|glad to|able to|"
    r"have to) (?:now )?(?:confirm|tell|say|inform|report|let you know|announce)\w*(?: (?:to )?you)?(?: that)?|"
    r"you(?:['’]ll| will| can| should)(?: soon| now)? (?:see|notice|find)(?: that)?|not to worry|(?:without|"
    r"no) (?:any )?(?:further )?(?:delay|ado)|(?:ich|wir) (?:kann|können|darf|dürfen|muss|müssen|möchte|möchten|will|"
    r"wollen)(?: ihnen| dir| euch)? (?:nun |jetzt )?(?:bestätigen|mitteilen|sagen|melden|berichten)(?:,? dass)?|"
    r"zum glück|ohne (?:weitere )?verzögerung|(?:je peux|nous pouvons)(?: vous)? (?:confirmer|dire|"
    r"annoncer)(?: que)?|(?:puedo|podemos) (?:confirmar|decir|anunciar)(?:le|te|les)?(?: que)?)\s*,?",
    re.IGNORECASE,
)
"""What announces a claim and holds no condition of it: "I can confirm that"."""
