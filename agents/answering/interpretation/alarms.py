"""What a person has to see at once, and what needs no answer at all: by phrases of any customer, in four languages."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from agents.answering.interpretation.words import Phrases, Text, any_has

DANGER, LEGAL, ANGER, DAMAGE, BARGAINING = "danger", "legal", "anger", "damage", "bargaining"
AT_ONCE: Final = (DANGER, LEGAL, ANGER)
"""What no article answers, in this order."""
_DANGER: Final = Phrases(
    "am injured|is injured|was injured|been injured|got injured|got hurt|is hurt"
    "|bleeding heavily|bleeding a lot|won't stop bleeding|unconscious|passed out|fainted|has collapsed"
    "|he collapsed|she collapsed|just collapsed|can't breathe"
    "|cannot breathe|can hardly breathe|not breathing|trouble breathing|struggling to breathe|breathes in"
    "|gasping|wheez*|choking|having a seizure|had a seizure|convulsing|chest pain|chest pains"
    "|overdosed|poisoned|suicidal|kill myself|end my life|hurt myself|self-harm|dizzy|gas leak|smell of gas"
    "|smells of gas|smell gas|leaked gas|leaking gas|smoke is|smoke coming|full of smoke|sparks are"
    "|sparks from|sparking"
    "|electric shock|burning smell|smells burnt|on fire|caught fire|exploded|in flames|carbon monoxide"
    "|call an ambulance|called an ambulance|ambulance is|overheated|allergic reaction|anaphyla*|blotchy"
    "|throat is closing|swelling up|swollen shut|teeth are chattering|chattering|delirious|stuck in the lift"
    "|stuck in the elevator|am locked in|are locked in|locked in the|am trapped|is trapped|are trapped"
    "|trapped in|attacked|assaulted|stalking|threatened|drowning|in danger"
    "|not answering the phone|bewusstlos|ohnmachtig|umgekippt|zusammengebrochen"
    "|kollabiert|atmet nicht|atmet kaum|keine luft|luftnot|atemnot|erstick*|krampfanfall|blutet stark|blutet wie"
    "|hort nicht auf zu bluten|verblut*|vergiftet|umbringen|das leben nehmen|selbstmord|suizid*|nicht mehr leben"
    "|gasgeruch|riecht nach gas|nach gas|gas ausgetreten|qualm*|es raucht|brandgeruch|verschmort|riecht verbrannt"
    "|stromschlag|es brennt|brennt es|haus brennt|zimmer brennt|akku brennt|gerat brennt|explodiert"
    "|kohlenmonoxid|notarzt ist|notarzt gerufen|notarzt rufen|krankenwagen gerufen"
    "|krankenwagen rufen|bin verletzt|ist verletzt|wurde verletzt|sich verletzt|mich verletzt|verbrannt"
    "|allergische reaktion|schwindlig|schwindelig|nicht mehr ran|nicht mehr ans telefon|meldet sich nicht mehr"
    "|eingesperrt"
    "|steckt fest|stecken fest|bedroht|uberfallen|angegriffen|in gefahr|schuttelfrost|blesse|blessee|respire plus"
    "|respire pas|du mal a respirer|inconscient|inconsciente|evanoui|evanouie|reaction allergique|prend feu"
    "|pris feu|choc electrique|intoxique|odeur de gaz|fuite de gaz|suicide|une ambulance|herido|herida|no respira"
    "|no puede respirar|no puedo respirar|inconsciente|desmayado|desmayada|reaccion alergica|se incendio"
    "|esta ardiendo|descarga electrica|intoxicado|olor a gas|fuga de gas|suicidio|una ambulancia",
    deniable=False,
)
_LEGAL: Final = Phrases(
    "my lawyer|my lawyers|our lawyer|our lawyers|my solicitor|my solicitors|our solicitor|our solicitors"
    "|my attorney|our attorney|solicitors already|lawyers already|legal action|legal steps|legal proceedings"
    "|sue you|suing you|will sue|see you in court|take you to court|taking you to court|small claims"
    "|press charges|ombudsman|watchdog|trading standards|data protection authority|information commissioner"
    "|the ico|your regulator|the regulator|report you|reporting you|reported you|report this to|to your chamber"
    "|to the press|call the press|to the newspapers|take this further|taking this further|mein anwalt"
    "|meinem anwalt|meinen anwalt"
    "|meine anwaltin|unser anwalt|unserem anwalt|unseren anwalt|zum anwalt|anwalt einschalten|vom anwalt"
    "|anwalt horen|verklage*|klage ein|klage erheben|vor gericht|rechtliche schritte|juristische schritte"
    "|anzeige erstatten|zeige sie an|zeige euch an|zeig euch an|strafanzeige|staatsanwalt*|datenschutzbehorde"
    "|aufsichtsbehorde|verbraucherzentrale|verbraucherschutz|zur presse|an die presse|zeitung geben|mahnbescheid"
    "|mon avocat|notre avocat|tribunal|poursuites|porter plainte|cnil|mi abogado|mi abogada|nuestro abogado"
    "|demandar*|denunciar*|tribunales",
    deniable=False,
)
_ANGER: Final = Phrases(
    "disgrace*|disgusting|outrageous|unbelievable|ridiculous|appalling|unacceptable|pathetic|shambles|farce"
    "|furious|livid|pissed off|a joke|are you kidding|kidding me|useless|incompeten*|load of rubbish|fed up"
    "|sick of|sick and tired|had enough|had it with|wtf|ffs|bullshit|bloody hell|fucking|fuck|shit|idiots|liars"
    "|rip-off|ripped off|ripping me off|scam|scammers|never again|worst service|worst company|is anyone even"
    "|nobody cares|don't you care|you people|bunch of clowns|third time now|fourth time|for the third time"
    "|how many more times|how many times do|waste of time|wasting my time|fobbed off|taking the piss|frechheit"
    "|unverschamt*|saftladen|sauladen|schnauze voll|nase voll|verarsch*|lacherlich|unfassbar|skandal|zumutung"
    "|katastrophe|inkompetent*|idioten|scheiss*|verdammt*|mir reicht's|reicht's mir|jetzt reicht|es reicht"
    "|stinksauer|stocksauer|wutend|abzocke|abzocker|betruger|dreckladen|drecksladen|ein witz|schlechter witz"
    "|nie wieder|zum dritten mal|zum vierten mal|zum x-ten mal|dritter anlauf|vertrostung|vertrostet|hingehalten"
    "|verarscht|keiner kummert|niemand kummert|schon wieder keiner|unter aller sau|inakzeptabel|ich fass es nicht"
    "|inadmissible|inacceptable|scandaleu*|honteux|arnaque|ras le bol|foutez de moi|furieux|furieuse|nul a chier"
    "|merde|inaceptable|vergonzoso|verguenza|estafa|harto|harta|tomadura de pelo|mierda|indignante",
    deniable=False,
)
_DISTRESS: Final = Phrases(
    "bleeding|blood everywhere|lots of blood|covered in blood|can't feel|can't see|can't swallow|can't walk"
    "|can't stand up|can't wake|won't wake|not waking|unresponsive|not responding|gone blue|turning blue"
    "|gone grey|vomiting|throwing up|keeps being sick|fell down|fell off|fell from|fallen off|fallen down"
    "|had a fall|has fallen|hit her head|hit his head|hit my head|hit their head|cut herself|cut himself"
    "|cut myself|burned|burnt|scalded|stung|bitten|swallowed|flames|fire alarm|sparks|electrocuted|got a shock"
    "|pouring in|pouring through|coming through the|can't get out|locked out|trying to get in|broke into"
    "|breaking in|break-in|followed me|following me|a knife|a gun|grabbed|shouting at|scared|frightened|terrified"
    "|hasn't come back|gone missing|went missing|can't find my|can't go on|don't want to live|want to die"
    "|heart attack|feverish|burning up|shaking|shivering|sharp pain|terrible pain|in agony|is an emergency"
    "|it's an emergency|urgent help|help us|blutet|voller blut|wacht nicht auf|reagiert nicht|blau angelaufen"
    "|kreidebleich|erbricht|kotzt|gesturzt|hingefallen|runtergefallen|kopf angeschlagen|verbruht|gestochen"
    "|gebissen|verschluckt|rauch|flammen|gewischt bekommen|lauft aus|lauft rein|tropft von der decke|decke runter"
    "|komme nicht raus|kommen nicht raus|kommt nicht raus|ausgesperrt|einbrecher|eingebrochen|ein messer"
    "|hab angst|habe angst|weggelaufen|nicht zuruckgekommen|halte es nicht mehr|herzinfarkt|schlaganfall|zittert"
    "|zittere|starke schmerzen|schlimme schmerzen|solche schmerzen|ein notfall|zu hilfe|schnell hilfe|du sang"
    "|elle saigne|il saigne|est tombe|est tombee|j'ai peur|fumee|flammes|coince|coincee|enferme|enfermee|disparu"
    "|urgence|a l'aide|sangra|sangre|se cayo|quemado|humo|llamas|atrapado|atrapada|encerrado|tengo miedo"
    "|desaparecido|emergencia|socorro",
    deniable=False,
)
_GRIEVANCE: Final = Phrases(
    "lawyer*|solicitor*|attorney*|barrister*|legal advice|tribunal|consumer protection|consumer rights"
    "|formal complaint|official complaint|chargeback|charge back|dispute the|trading standards|one star"
    "|bad review|go public|all over the internet|everybody will know|everyone will know|hear from us|hear from me"
    "|hear from my|joking|laughable|insult*|shame on|shameful|shocking|terrible|horrible|awful|dreadful|rubbish"
    "|crap|nightmare|clueless|hopeless|liar|lied to|lying|cheated|conned|rude|ignored|ignoring|nobody calls"
    "|nobody answers|not picking up|geht nicht ran|no one calls|no one answers|still nothing|still waiting"
    "|weeks now|days now|hours now|again and again|last straw|not good enough|let down|letting us down"
    "|disappointed|angry|annoyed|mad|frustrated|take the mickey|having a laugh|you're kidding|must be kidding"
    "|how dare|want my money|give me my money|anwalt*|rechtsanwalt*|schlichtung*|ombuds*|beschwerde*|beschweren"
    "|bewertung|offentlich machen|mein geld zuruck|unmoglich|peinlich|mies|miese|mieser|schlimm|schrecklich"
    "|furchtbar|grausig|mist|dreck|sauerei|schweinerei|verarschen|veralbern|fur dumm|luge|gelogen|lugner|betrogen"
    "|unfreundlich|ignoriert|niemand meldet|keiner meldet|meldet sich keiner|meldet sich niemand|seit wochen"
    "|seit tagen|seit stunden|warte immer noch|immer noch nichts|schon wieder|geht's noch|gehts noch|sauer"
    "|genervt|enttauscht|arger*|bodenlos|wie kann das sein|das darf doch nicht|das kann doch nicht|avocat|plainte"
    "|reclamation|remboursez|honte|decu|decue|en colere|toujours rien|abogado|abogada|reclamacion|queja|verguenza"
    "|decepcionado|decepcionada|enfadado|enfadada",
    deniable=False,
)
_DAMAGE: Final = Phrases(
    "arrived broken|arrived damaged|broken in transit|came broken|is ruined|are ruined|ruined my|ruined our"
    "|destroyed|smashed|flooded|soaking wet|leaking|leaks|burst|cracked|scratched|is torn|data is gone|all gone"
    "|is gone|are gone|lost everything|lost all|was deleted|got stolen|was stolen|been stolen|hacked|data leak"
    "|kaputt angekommen|kaputt gegangen|beschadigt angekommen|ist kaputt|sind kaputt|ruiniert|zerstort|zerkratzt"
    "|uberschwemm*|unter wasser|ausgelaufen|undicht|alles weg|ist weg|sind weg|verschwunden|gestohlen|geklaut"
    "|gehackt|datenleck|casse a l'arrivee|abime|detruit|inonde|vole|piratee|roto|danado|destruido|inundado|robado"
    "|hackeado",
)
_BARGAINING: Final = Phrases(
    "best price|final price|last price|your lowest|knock off|knock something off|come down|go lower"
    "|lower the price|match the price|price match|match their|cheaper elsewhere|found it cheaper|have a deal"
    "|a deal|make a deal|cash in hand|for the lot|bargain|haggle|special price|better price|throw in"
    "|round it down|waive|meet me halfway|meet in the middle|do me a deal|do us a deal|a better deal|good deal"
    "|do better|sharpen|shave off|a discount if|bit off|something off|little off|as a favour|for free if"
    "|cheaper if|cheaper for|beat that|beat the price|beat it|too expensive|too much for|sign today|round number"
    "|zu teuer|rabatt wenn|bissl was|bisschen was|was drin|preislich|billiger wenn|gunstiger wenn"
    "|sofort unterschreib*|heute noch unterschreib*|heute noch buch*|runden wir|abrunden|trop cher|une remise si"
    "|un rabais|une ristourne|demasiado caro|una rebaja|un descuento si|the other lot|your competitor*"
    "|the competition|otherwise i'll go|otherwise i go|take it or leave it|what can you do on|letzter preis"
    "|letzte preis|geht da noch was|geht noch was|noch was machen|am preis machen|entgegenkommen|entgegen kommen"
    "|runtergehen|runter gehen|nachlass|sonderpreis|verhandel*|feilsch*|die konkurrenz|der konkurrenz"
    "|bar auf die hand|auf die hand|guter preis|besseren preis|besserer preis|woanders billiger"
    "|woanders gunstiger|dernier prix|meilleur prix|un geste|moins cher ailleurs|ultimo precio|mejor precio"
    "|mas barato en",
    deniable=False,
)
_OFFER: Final = re.compile(
    r"\b(?:make it|call it|let's say|lets say|say|how about|i'?ll give you|i can do|do it for|machen wir|"
    r"sagen wir|sag ma|wie ware es mit|ich zahle|ich geb euch|ich gebe ihnen)\s+(?:€|\$|£)?\s?\d+"
)
_SHOUTED: Final = re.compile(r"\b[A-ZÄÖÜ]{5,}\b")
_LOUD: Final = re.compile(r"[!?]{2,}")
_VERY_LOUD: Final = re.compile(r"!{2,}|[!?]{3,}")
_COURTESIES: Final = frozenset(
    "ok okay okey k kk oh ah aha cool great perfect lovely super brilliant sorted nice good fine alright right "
    "sweet thanks thank thx ty tx cheers ta you u so very much a lot many again got it that thats that's helps "
    "helped all clear works will do bye have day weekend evening too appreciate appreciated understood noted done "
    "deal yes yep yeah sure no worries problem wonderful excellent amazing awesome great. for your help the "
    "answer quick reply see soon then well me i'm im happy now and danke dankeschon dankesehr merci dir ihnen "
    "euch dann passt das ja alles klar prima toll top gut bis bald schonen schones tag abend wochenende noch "
    "wunderbar perfekt verstanden na schon weiss ich bescheid hilft mir sehr vielen lieben besten herzlichen "
    "tschuss ciao servus genau gerne gern nett lieb von mehr brauche nicht war's wars jo jep einen eine auch und "
    "beaucoup parfait bien d'accord entendu bonne journee soiree bientot tres gentil c'est bon ca marche gracias "
    "muchas mil perfecto vale genial bueno buen dia hasta luego entendido muy amable de acuerdo listo legend "
    "star champion ace fab grand mate pal love bless everything else "
    "needed wanted know roger gotcha all's set fantastic lifesaver thankyou thnx muchly indeed "
    "mega klasse spitze fein supi okidoki dank vielmals reicht mir gereicht geholfen hat haben sie habt ihr "
    "wollte wissen nur erledigt freu freue mich uns bis dann denne morgen spater einverstanden cool "
    "genial jau jawohl tausend impeccable nickel merveilleux estupendo fenomenal guay".split()
)
_CORE: Final = frozenset(
    "ok okay okey k kk cool great perfect lovely super brilliant sorted nice alright thanks thank thx ty tx "
    "cheers ta helps helped understood noted wonderful excellent amazing awesome danke dankeschon dankesehr merci "
    "passt prima toll top klar wunderbar perfekt verstanden bescheid parfait entendu gracias perfecto vale genial "
    "entendido listo legend star champion fab fantastic roger gotcha thankyou thnx mega klasse spitze supi dank "
    "einverstanden geholfen impeccable nickel estupendo fenomenal guay".split()
)
_GLAD: Final = frozenset("👍👌🙏😊🙂😀😄😁😃😍🥰❤♥🎉✅✌🤝💪😎🤗👏💯☺🤩😘💚💙🧡💛")
_MOST_WORDS: Final = 14


def alarm_in(messages: Sequence[str]) -> str:
    """Return why a person has to see messages at once: danger, legal or anger; "" for none."""
    lines = [Text.of(text) for text in messages]
    for code, phrases in ((DANGER, _DANGER), (LEGAL, _LEGAL), (ANGER, _ANGER)):
        if any_has(lines, phrases):
            return code
    # One word of a message is shouted, and its end says that it is no name.
    shouted = (text for text in messages if not text.isupper() and _SHOUTED.search(text) and _LOUD.search(text))
    return ANGER if any(shouted) else ""


def worry_in(messages: Sequence[str]) -> str:
    """Return what a person has to look at where nothing answers it; "" for nothing.

    That is what may be danger or a grievance, damage, and bargaining.
    """
    lines = [Text.of(text) for text in messages]
    for code, phrases in ((DANGER, _DISTRESS), (DAMAGE, _DAMAGE)):
        if any_has(lines, phrases):
            return code
    offers = any(_OFFER.search(line.shown) for line in lines)
    if offers or any_has(lines, _BARGAINING):
        return BARGAINING
    is_loud = any(_VERY_LOUD.search(text) for text in messages)
    return ANGER if is_loud or any_has(lines, _GRIEVANCE) else ""


def needs_no_answer(text: str) -> bool:
    """Return True for thumbs up, thanks and "got it" with nothing else said or asked."""
    if "?" in text or len(text) > 160:
        return False
    shown = [sign for sign in text if not sign.isspace() and unicodedata.category(sign) in ("So", "Sk")]
    if any(sign not in _GLAD and unicodedata.category(sign) != "Sk" for sign in shown):
        return False
    words = [word for word in Text.of(text).words if word != "."]
    if not words:
        return bool(shown)
    if len(words) > _MOST_WORDS or not all(word in _COURTESIES for word in words):
        return False
    return bool(_CORE.intersection(words))
