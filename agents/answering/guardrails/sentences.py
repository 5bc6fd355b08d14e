"""The words by which sentences of several languages say that something was done (data, and patterns of it)."""

import re
from typing import Final

_APART: Final = r"(?:[\w'’-]+\s+){0,14}?"
"""What may stand between an auxiliary and its participle."""

ACTING: Final = re.compile(
    # The beginnings of what agents and their colleagues do; a screen may find too much, and must not find too little.
    r"\b(?:(?:re|un|de|pre|dis)?(?:activat|book|schedul|issu|order|send|sent|pay|paid|charg|credit|schick|aktivier|"
    r"programm|émi|emit|emis|envoy|envi[aéoó]|instal)|cancel|refund|reimburs|revers|waiv|block|lock|freez|froze|frozen|"
    r"paus|stop|resum|restart|"
    r"publish|unpublish|delet|remov|eras|wip|clos|open|creat|add|set|reset|updat|chang|amend|modif|correct|fix|edit|"
    r"mov|shift|transfer|forward|pass|submit|fil[ei]|log|record|regist|enrol|sign|subscri|unsubscri|extend|renew|"
    r"prolong|terminat|end|upgrad|downgrad|switch|turn|enabl|disabl|ship|dispatch|deliver|mail|post|return|collect|"
    r"replac|exchang|swap|reserv|confirm|assign|grant|approv|reject|declin|authori[sz]|accept|releas|revok|withdr|"
    r"apply|"
    r"appli|process|handl|complet|finish|finali|resol|settl|sort|arrang|plac|put|launch|deploy|restor|reinstat|"
    r"roll|migrat|instal|connect|link|merg|import|export|upload|rais|increas|lower|reduc|decreas|doubl|halv|cut|"
    r"adjust|notif|inform|escalat|contact|call|trigger|initiat|start|execut|carr(?:y|ied)|perform|wir|deposit|debit|"
    r"deduct|discount|compensat|print|prepar|pack|clear|unlock|verif|invit|won'?t be charged|"
    # German
    r"\w*(?:stornier|kündig|erstatt|gutschr|gutgeschr|gutschreib|schreib\w* .*\bgut\b|versend|versand|verschick|"
    r"gesend|gesandt|überwies|"
    r"überweis|angewies|anweis|buch|verschob|verschieb|verleg|pausier|gestoppt|stopp|gelösch|lösch|gesperr|sperr|"
    r"geänder|änder|aktualisier|angepass|anpass|korrigier|verlänger|erneuer|beend|freigeschalt|freischalt|"
    r"frei[gs]e?[gs]eb|freigab|"
    r"genehmig|abgelehnt|veröffentlich|erhöh|gesenk|senk|reduzier|halbier|verdoppel|veranlass|beantrag|eingereich|"
    r"übermittel|weitergeleit|weitergegeb|hinterleg|hinzugefüg|eingetrag|ausgetrag|entfern|getilg|erlass|aufgehob|"
    r"zurückgesetz|eingerichtet|angelegt|erstell|ausgestell|ausgeliefer|geliefer|liefer|bestell|reservier|bestätig|"
    r"eingeplan|terminier|zugewies|umgestell|abgeschalt|abgestell|eingeschalt|angeschalt|deaktivier|getauscht|"
    r"umgetausch|ersetz|"
    r"vergeb|erledig|durchgeführ|ausgeführ|abgeschloss|umgesetz|erfolg|bearbeit|angestoß|eingeleit|gestart|"
    r"übernomm|abgezog|abgebuch|bezahl|gezahlt|verrechn|eingezog|zurückgenomm|zurückgezog|informier|benachrichtig|"
    r"hochgestuf|"
    r"gemeldet|registrier|angemeldet|abgemeldet|eingespielt|behob|repar|wiederhergestell|gesichert|importier|exportier|"
    r"geschloss|geöffn|gedruck|geregel|geklär|ausgezahl|zurückgezahl|aufgestock|gewähr)|"
    # French
    r"annul|rembours|crédit|recrédit|expédi|vir(?:é|er|ement)|transfér|transf|réserv|déplac|report|repouss|avanc|"
    r"suspend|mis|mise|arrêt|relanc|reprogramm|supprim|effac|retir|bloqu|débloqu|modifi|corrig|actualis|chang|"
    r"prolong|renouvel|résili|termin|clôtur|activ|désactiv|approuv|valid|refus|rejet|publi|augment|rédui|baiss|diminu|"
    r"doubl|transmi|transmett|ajout|enregistr|inscri|désinscri|command|livr|remplac|échang|offert|offr|accord|effectu|"
    r"réalis|trait|régl|résol|lanc|exécut|appliqu|débit|prélev|factur|créé|créer|ouvert|ferm|import|export|"
    r"rétabl|réiniti|inform|prévenu|confirm|sign|vers[ée]|ouvr|planifi|fait|"
    # Spanish, Italian, Portuguese, Dutch
    r"cancel|anul|reembols|devuel|devol|abon|acredit|ingres|transfir|transfer|reserv|mov|cambi|aplaz|pospus|pospon|"
    r"adelant|paus|deten|detuv|reanud|elimin|borr|quit|retir|bloque|desbloque|modific|correg|corrig|prorrog|renov|"
    r"extend|ampli|dado|dad|dio|termin|cerr|abr|abiert|activ|desactiv|aprob|rechaz|public|aument|reduc|redu|baj|sub|"
    r"duplic|añad|agreg|registr|inscrib|pid|ped|entreg|sustitu|reemplaz|camb|realiz|hech|hecho|hice|hizo|tramit|"
    r"proces|gestion|resuel|resol|inici|ejecut|aplic|cobr|cargad|descont|factur|cre[aéó]|restabl|confirm|notific|avis|"
    r"soluc|arregl|complet|condon|approvat|annullat|rimbors|modificat|pubblic|aumentat|ridott|cancellat|"
    r"goedgekeur|verhoog|verlaag|gewijzig|gepauzeer|gepubliceer|terugbetaal|geannuleer|aprovad|modificad|"
    r"done|erledigt)\w*",
    re.IGNORECASE,
)
"""What makes a sentence worth a look: the beginnings of words, in any language, for acting and for what is acted on."""

_EN: Final = (
    r"(?:[^\W\d_]{2,}ed|sent|paid|set|put|done|given|taken|gone|withdrawn|cut|sold|shut|reset|left|written|told|"
    r"frozen|made|rebuilt|let|brought|drawn|begun|spent|overridden|undone|redone|resent|prepaid|repaid|dealt)"
)
_DE: Final = (
    r"(?:\w*ge\w{2,}(?:t|en|an)|(?:ab|an|auf|aus|ein|zu|um|vor|nach|zurück|weiter|mit|frei|weg)?(?:be|ver|er|ent|zer|"
    r"über|hinter|wider|veran|beauf)\w{2,}(?:t|en|ssen)|\w{3,}iert|"
    r"versandt|umgebucht)"
)
_FR: Final = (
    r"(?:\w{2,}(?:é|ée|és|ées)|\w{3,}(?:sé|té)|\w*(?:mis|mise|mises|fait|faite|faits|offert|offerte|offerts|ouvert|"
    r"ouverte|pris|prise|réduit|réduite|réduits|inscrit|inscrite|transmis|transmise|remis|rendu|rendue|résolu|résolue|"
    r"suspendu|suspendue|prévenu|parti|partie|partis|rétabli|émis|émise|repris))"
)
_ES: Final = (
    r"(?:\w{2,}(?:ado|ada|ados|adas|ido|ida|idos|idas)|dad[oa]s?|hecho|hecha|puesto|puesta|devuelto|devuelta|abierto|"
    r"abierta|"
    r"resuelto|resuelta|impreso|escrito|inscrito|suscrito)"
)
_IT_PT_NL: Final = (
    r"(?:\w{3,}(?:ata|ato|ate|ati|uto|uta|otto|otta|otte|otti|ado|ada|ados|adas|ido|ida)|"
    r"(?:goedgekeurd|verhoogd|verlaagd|gewijzigd|gepauzeerd|gepubliceerd|terugbetaald|geannuleerd))"
)
_NOT_ACTING: Final = (
    r"(?!(?:received?|looked|checked|noted|read|seen|found|understood|heard|reviewed|need(?:ed)?|want(?:ed)?|asked|"
    r"attached|listed|mentioned|explained|based|located|interested|pleased|used|included|limited|required|allowed|"
    r"called|excited|delighted|tried|searched|compared|expected|supposed|built|founded|designed|renovated|introduced|"
    r"indeed|speed|feed|bed|red|hundred|shared|related|detailed|sacred|embed|exceed|proceed|united|needed|learned|"
    r"noticed|"
    r"erhalten|gesehen|gefunden|gelesen|verstanden|gehört|geprüft|nachgesehen|gefragt|bekommen|gegründet|gebaut|"
    r"geehrt\w*|"
    r"bitten|gültig|versucht|renoviert|eröffnet|eingeführt|verfügbar\w*|festgestellt|enthalten|entfernt|bekannt|"
    r"beraten|berechtigt|"
    r"erreicht|verpflichtet|vorhanden|geeignet|gerne|beträgt|begrenzt|überprüft|eingegangen|notiert|erlaubt|"
    r"reçu|lu|vu|trouvé|compris|noté|vérifié|consulté|regardé|cherché|entendu|été|privé|limité|situé|rénové\w*|"
    r"recibido|leído|visto|encontrado|entendido|anotado|revisado|consultado|sido|buscado|situado|ubicado|renovad[oa]s?|"
    r"incluido|incluida|permitido|permitida|limitado|estado|stato|stata|stati|state)\b)"
)
"""Participles by which nobody says that something was changed."""
_A: Final = "".join(rf"(?<!\b{word} )" for word in "a an the eine einen die der une la un el".split())
_NOW: Final = (
    r"(?:now|already|just|successfully|currently|as we speak|gerade|jetzt|soeben|bereits|schon|nun|eben|derzeit|"
    r"aktuell|"
    r"hiermit|sofort|umgehend|maintenant|désormais|déjà|actuellement|à l['’]instant|ya|ahora|ahora mismo)"
)

STRONG: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Perfect and past, of whoever it was: "we've credited", "was cancelled", "habe … geändert", "ont été annulées".
        rf"\b(?:has|have|had|was|were|been|got|gotten)\s+{_APART}{_A}{_NOT_ACTING}\b{_EN}\b|['’](?:ve|"
        rf"d)\s+{_APART}{_NOT_ACTING}\b{_EN}\b",
        rf"\b(?:habe|hab|haben|hat|hatte|hatten|wurde|wurden|worden)\b\s*{_APART}{_NOT_ACTING}\b{_DE}\b",
        rf"\b{_DE}\s+(?:wurden?|worden|habe|haben|hat)\b",
        rf"\b(?:ai|a|ont|avons|avez|aviez)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_FR}\b",
        rf"\b(?:he|hemos|ha|han|fue|fueron|quedó|quedaron|queda|quedan|"
        rf"sido)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_ES}\b",
        rf"\b(?:è|sono|ho|abbiamo|foi|foram|é|werd|zijn|is)\s+(?:\w+\s+){{0,3}}?{_NOT_ACTING}\b{_IT_PT_NL}\b",
        # Simple past in the first person, and the Spanish past of anybody.
        rf"\b(?:i|we)\s+(?:\w+ly\s+|just\s+|also\s+|then\s+|already\s+|now\s+|"
        rf"went\s+ahead\s+and\s+)*{_NOT_ACTING}\b{_EN}\b",
        r"\b(?:i|we)\s+(?:\w+ly\s+|just\s+|also\s+|already\s+|now\s+|then\s+)*(?:went ahead|took|put|gave|made|sent|"
        r"set|cut|got you|saw to|had (?:the|our|your|it|them)|let the|told|brought|threw|shut|wrote|sold|froze|"
        r"withdrew|undid|redid|began)\b",
        r"\bwent\s+(?:live|through|out|off|into|back)\b|\bleft (?:our|the) \w+|\bseen to\b|['’]ve got (?:you|it)\b|"
        r"\b(?:is|are) (?:all )?yours\b|"
        r"\b(?:your|the|it|both|all)\s+(?:(?!is\b|are\b|be\b)\w+\s+){0,2}(?:\w{2,}ed|took effect|began|"
        r"ended)\s+(?:at|today|yesterday|this|just|an hour|on)\b|\bquitté\b|\b(?:m['’]en|nous en)\s+(?:suis|"
        r"sommes)\b|\b\w{2,}ó\b",
        r"\b(?:your|the|it|both|all)\s+(?:(?!is\b|are\b|be\b)\w+\s+){0,2}(?:shipped|renewed|closed|cleared|posted|"
        r"landed)\b(?!\s+by)",
        r"\b(?:ging|gingen|geht)\b.*\b(?:raus|rein|zurück|zu|heute|gestern|eben)\b|\b(?:steht|stehen)\s+(?:jetzt|nun|"
        r"bereit|wieder)\b",
        r"\b(?:ya |me |nos |le |les |la |lo |te |se lo |se la |se |y )+\w{3,}(?:é|ó|aron|ieron)\b|"
        r"^(?:ya )?\w{3,}(?:qué|gué|cé|lé|ré|né|té|vé|mé|dé|bé|ié|sé)\b",
        r"\b(?:viens|venons|vient)\s+(?:tout juste\s+)?(?:de|d['’])\s*",
        r"\b(?:acab(?:o|amos|a|an))\s+de\b",
        # Under way.
        r"\b(?:i['’]?m|i am|we['’]re|we are)\s+(?:\w+ly\s+|now\s+|just\s+|already\s+|right now\s+|"
        r"in the process of\s+)*(?!looking|checking|going|trying|happy|bringing|asking|talking|sorry|working|"
        r"wondering|reading|waiting|open|not|using|hoping|afraid|having)\w{3,}ing\b",
        rf"\b(?:is|are)\s+(?:{_NOW}\s+)?being\s+\w+",
        rf"\b(?:wird|werden)\b[^,;]*\b{_NOW}\b[^,;]*\b{_DE}\b",
        r"\ben train d|\best(?:oy|amos|á|án)\s+(?:\w+\s+){0,2}?\w+(?:ando|iendo|yendo)\b|\b\w*(?:ándo|iéndo)(?:le|"
        r"les|lo|la|selo|sela)\b",
        rf"\b(?:ich|wir)\s+\w+(?:e|en)\b[^,;]*\b{_NOW}\b|\b{_NOW}\s+\w+(?:e|en)\s+(?:ich|wir)\b",
        # Nouns and idioms.
        r"\b(?:on (?:its|their|the) way|under ?way|in progress|went through|gone (?:out|through)|went out|"
        r"taken care of|all set|sorted(?: out)?\b|"
        r"consider it|in the mail|off to you|good to go|as of (?:now|today)|effective immediately|no longer\b|"
        r"from now on|now stands?|"
        r"(?:it['’]?s|that['’]?s|is|are) (?:all )?done(?! by)|is gone|are gone|is through|is complete|"
        r"have a booking|is in place|is out)\b",
        r"\b(?:erledigt|erfolgt|unterwegs|auf dem \w*weg|ab sofort|ist (?:\w+ )?(?:raus|durch|weg|fertig|vollzogen|"
        r"drin)|läuft (?:bereits|jetzt|gerade|wieder|schon|nun)|"
        r"(?:liegt|steht|beträgt) (?:jetzt|nun|ab sofort)|in arbeit|in die wege|geschafft|hat geklappt|"
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
        rf"\b(?:managers?|approvers?|boss|colleagues?|team|they|kolleg\w+|"
        rf"chef\w*)\s+(?:\w+\s+)?(?:{_NOT_ACTING}\b{_EN})\b",
    )
)  # fmt: skip
"""Clauses that say that something was done or is under way."""
BARE: Final = re.compile(
    rf"^(?:(?!(?:is|are|be|was|ist|sind|wird|werden|est|sont|está|están|se|to|as|well|"
    rf"que)\b)[\w-]+\s+){{0,3}}(?:{_NOT_ACTING}\b(?:{_EN}|{_DE}|{_FR}|{_ES}|{_IT_PT_NL}))\s*(?:for you|für sie|"
    rf"pour vous|para usted|br-\d+)?\W*$",
    re.IGNORECASE,
)
"""A clause without a finite verb: "Refunded.", "Voucher sent."."""
_REST: Final = r"(?!(?:closed|opened|open|geschlossen|geöffnet|fermée?s?|ouverte?s?|cerrad[oa]s?|abiert[oa]s?)\b)"
"""What a place is, and nobody did."""
WEAK: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # A state, which may be a rule: "is cancelled", "ist gebucht", "sont remboursés", "está enviado".
        rf"(?:\b(?:is|are)|['’](?:s|re))\s+(?:(?:\w+ly|now|already|just|all|both|back|"
        rf"also)\s+)*{_REST}{_NOT_ACTING}\b{_EN}\b",
        r"(?:\b(?:is|are)|['’](?:s|re)|\bstands?)\s+(?:now|back|live|in place|all yours)\b|\bnow\s+(?:\w+s|have)\b|"
        r"\byou now\b",
        r"(?:\b(?:is|are)|['’](?:s|re))\s+(?:off|out|gone|live|active|inactive|void|arranged|in place|up and running|"
        r"running again|\w+ again)\b|\bi did (?:it|that|so)\b",
        r"\b(?:ist|sind)\s+(?:nun|jetzt|wieder|bereits)\b|\bauf ihrem \w*konto\b|\bproc[èé]d(?:e|ons)\b|"
        r"\best clos\w*\b",
        r"\b(?:ist|sind|bleibt)\s+(?:\w+\s+){0,2}?(?:aktiv|live|online|inaktiv|drin|auf \w+ gestellt)\b|\b(?:buchung|"
        r"termin|reservierung|auftrag) steht\b",
        r"\b(?:est|sont)\s+(?:\w+\s+){0,2}?(?:en ligne|hors ligne|effecti\w+|en ordre)\b|\bya (?:tiene|figura|"
        r"aparece|cuenta)\b|\bqueda(?:n)?\s+\w+[ao]s?\b",
        rf"\b(?:ist|sind|bleibt)\s+{_APART}{_REST}{_NOT_ACTING}\b{_DE}\b|\b{_DE}\s+(?:ist|sind)\b",
        rf"\b(?:est|sont)\s+(?:\w+\s+){{0,3}}?{_REST}{_NOT_ACTING}\b{_FR}\b|\b(?:est|"
        rf"sont)\s+(?:\w+\s+){{0,2}}?(?:en pause|actif|active|actifs)\b",
        rf"\b(?:está|están)\s+(?:\w+\s+){{0,3}}?(?:{_REST}{_NOT_ACTING}\b{_ES}\b|en pausa|activ)",
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
    r"(?:^|\b(?:and|or|but|only|nur|erst|und|oder|solo|sólo|uniquement|et|ou|y|o)\s+)(?:even\s+)?(?:if|once|when|"
    r"whenever|until|unless|"
    r"as soon as|as long as|whether|in case|provided|after (?:you|the|it|being|we|they|your)\b|before|until|wenn|"
    r"falls|sobald|sofern|bis|bevor|nachdem|ob|solange|"
    r"si|s['’]il|dès|quand|lorsque|lorsqu['’]|une fois|avant|après|jusqu['’]|tant que|cuando|en cuanto|una vez|hasta|"
    r"antes|después|tras|mientras|quando|finché|als|zodra|não|for|to|pour|para|zum|zur|um)\b",
    re.IGNORECASE,
)
"""Openings of a clause that is no report."""
LATER: Final = re.compile(
    r"\b(?:if|once|when|whenever|until|unless|as soon as|after|before|upon|whether|ob|how|where|wie|wo|comment|cómo|"
    r"wenn|falls|sobald|sofern|bis|bevor|nachdem|nach|si|dès|quand|lorsque|"
    r"une fois|après|cuando|en cuanto|una vez|hasta|después|tras|within|usually|normally|always|automatically|"
    r"generally|"
    r"typically|every|each|per|innerhalb|binnen|immer|normalerweise|automatisch|in der regel|jeden|jede[sr]?|pro|stets|"
    r"grundsätzlich|üblicherweise|sous \d+|toujours|automatiquement|généralement|chaque|dans un délai|siempre|"
    r"automáticamente|normalmente|cada|en \d+|en un plazo|generalmente|free of charge|kostenlos|on request|"
    r"auf wunsch|\w+days|\w+(?:tags|abends|morgens)|le (?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    r"premier)|los (?:lunes|martes|miércoles|jueves|viernes|sábados|domingos)|el primer|am ersten|first of)\b"
    r"|\bby (?!me\b|us\b|our (?:team|staff|colleague)|a colleague|e?-?mail|post|sms|phone|now|today|tomorrow|\d)\w"
    r"|^(?!(?:all|both|these|those|your|the|our|my|his|its)\b)(?:\w+ ){0,2}\w+s (?:are|were)\b|^(?!(?:ihre|die|alle|"
    r"beide|unsere|diese|sie)\b)(?:\w+ )?\w+(?:en|er|e|s) sind\b|\bvon (?:eine[rmn]?|der|den|dem|unserem partner)\b"
    r"|\bpar (?:une?|la|le|les)\b"
    r"|\bmy \w+ (?:is|are)\b|\b(?:lo|la|los|las) (?:realiza|hace|gestiona)n?\b|\bpor (?:una?|el|la)\b",
    re.IGNORECASE,
)
"""What makes a state a rule, a condition, or the work of others."""
OPEN: Final = re.compile(
    r"\b(?:can|could|would|should|must|will|may|might|shall|cannot|not|never|nothing|nobody|none|neither|nor|"
    r"(?:need|needs|have|has|had|want|wants|like|able|going|wish|plan|used|yet|is|are|waiting|allowed) to|let me|"
    r"let us|to be|without|"
    r"kann|können|könnte\w*|würde\w*|sollte\w*|soll|sollen|muss|müssen|werde|darf|dürfen|möchte\w*|will|wollen|nicht|"
    r"nichts|"
    r"kein\w*|nie|niemals|niemand|ohne|peut|peux|peuvent|pouvez|pourr\w+|devr\w+|doit|doivent|dois|va|vais|vont|"
    r"allons|allez|sera|"
    r"seront|serai|serez|faut|ne|pas|rien|jamais|aucune?|sans|puede\w*|podr\w+|debe\w*|tiene que|tienen que|hay que|"
    r"voy a|vamos a|van a|"
    r"será\w*|nada|nunca|nadie|personne|ning\w+|sin|todavía no|aún no|non|não|niet|geen|nessun\w*|zal|verrà)\b"
    r"|n['’]t\b|['’]ll\b|\bn['’]|^no\b(?! (?:longer|problem|worries))|\bno (?!longer|problem|worries|cost)\w+",
    re.IGNORECASE,
)
"""What stands before or in a verb that tells no fact: possible, future, denied."""
PASSIVE: Final = re.compile(
    r"^['’]?(?:is|are|was|were|been|s|re|ist|sind|wurden?|est|sont|fue|fueron|está|están|queda|stehen)\b", re.IGNORECASE
)
"""A verb of which the reader is no subject, though they are named before it: "you are booked"."""
OF_OTHERS: Final = re.compile(
    r"\b(?:you|usted|ustedes|tú|du)(?:['’]ve)?(?:\s+\w+ly|\s+already|\s+ya|\s+just)*\s*$"
    r"|(?<!wir )(?<!ich )\b(?:sie|du|ihr)\s+$|\w\s+(?:that|which|who|whom|qui)\s*$",
    re.IGNORECASE,
)
"""What stands before a verb of which the reader is the subject, or which only describes a word."""
IN_OTHERS: Final = re.compile(
    r"^(?:ha|have|had|has|were|are|is|was)\s+(?:you|usted)\b|^(?:haben|hatten)\s+sie\b|^(?:avez|aviez)\b", re.IGNORECASE
)
RELATIVE: Final = re.compile(
    r"^(?:which|who|qui|dont|cuyo)\b|^(?:der|die|das|den|dem|deren|dessen|welche[rsn]?)\b.*\b(?:wurden?|ist|sind|"
    r"haben?|hat|worden)\W*$",
    re.IGNORECASE,
)
"""A clause, after another, that only describes a word."""
ASIDE_QUOTES: Final = re.compile(r"[“„«\"][^“”„«»\"]{1,200}[”“»\"]")
ASIDE: Final = re.compile(
    r",?\s{0,3}\b(?:just\s+)?(?:as|like|per|wie|comme|como|come|conforme|según|zoals)\s+"
    r"(?:(?:you|we|your|per|i|lo|du|sie|wir|vous|il|u|je)\s+){0,3}(?:asked|requested|wanted|agreed|discussed|promised|"
    r"request|wish|wished|gewünscht|besprochen|gebeten|vereinbart|demandé|convenu|souhaité|pedido|pidió|solicitado|"
    r"acordado|"
    r"richiesto|concordato|combinado|gevraagd|afgesproken)\b,?",
    re.IGNORECASE,
)
"""What says nothing of what was done: "as you asked"."""
PASSED_ON: Final = re.compile(
    r"\b(?:question|message|words|enquiry|feedback|wish|frage|anfrage|nachricht|anliegen|wunsch|demande|pregunta|"
    r"mensaje|consulta)\b.*"
    r"\b(?:colleagues?|team|person|kolleg\w+|collègues?|équipe|compañer\w+|equipo|somebody|someone)\b",
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
    r"\b(?:i|we|our|us|ich|wir|uns|unser\w*|je|nous|notre|nos|he|hemos|nuestr\w+|"
    r"colleagues?|kolleg\w+)\b|\bj['’]"
)
"""What we say of ourselves."""
ANNOUNCES: Final = re.compile(
    r"\b(?:(?:i|we)(?:['’]m| am|['’]re| are)? ?(?:can|may|must|will|want to|happy to|pleased to|glad to|able to|have "
    r"to) (?:now )?(?:confirm|tell|say|inform|report|let you know|announce)\w*(?: (?:to )?you)?(?: that)?|"
    r"you(?:['’]ll| will| can| should)(?: soon| now)? (?:see|notice|find)(?: that)?|not to worry|"
    r"(?:without|no) (?:any )?(?:further )?(?:delay|ado)|"
    r"(?:ich|wir) (?:kann|können|darf|dürfen|muss|müssen|möchte|möchten|will|wollen)(?: ihnen| dir| euch)? "
    r"(?:nun |jetzt )?(?:bestätigen|mitteilen|sagen|melden|berichten)(?:,? dass)?|zum glück|"
    r"ohne (?:weitere )?verzögerung|"
    r"(?:je peux|nous pouvons)(?: vous)? (?:confirmer|dire|annoncer)(?: que)?|"
    r"(?:puedo|podemos) (?:confirmar|decir|anunciar)(?:le|te|les)?(?: que)?)\s*,?",
    re.IGNORECASE,
)
"""What announces a claim and holds no condition of it: "I can confirm that"."""
