"""Postal addresses that nobody knows, suspected by how they are written (pure)."""

import re
from collections.abc import Iterator
from typing import Final

Span = tuple[int, int]
_CAP: Final = r"[A-ZÀ-ÖØ-Þ]"
_WORD: Final = rf"{_CAP}[^\W_]{{0,24}}(?:['’]s)?\.?"
_OF: Final = r"(?:(?:de la|de las|de los|de l['’]|de|del|du|des|d['’]|la|las|los|le|les|el|l['’]|y|et|en|à|aux|au|sur|san|santa|saint|sainte|st|the|of)(?: |(?<=['’])))"
_TOWN: Final = rf"{_WORD}(?:(?:[-'’ ]|(?: |-)(?:am|an der|auf der|a\.|im|in|ob der|bei|vor der|de la|de|del|du|des|aux|au|la|el|sur|les|le|lès|en|on|upon|an|sous)(?: |-)|[ -][dl]['’]){_WORD}){{0,3}}"
_NUMBER: Final = r"\d{1,4}(?:[ ]?[a-hA-H](?!\w))?(?:[ ]?[-/–+][ ]?\d{1,4}(?:[ ]?[a-hA-H](?!\w))?){0,3}(?!\w|[.,]\d|[ ]?[%€$£°]|[ ]?(?:euro?s?|uhr|km|min(?:ut\w*)?|stund\w*|tage?|jours?|d[ií]as?|days?|h)\b)"
_SEP: Final = r"[ ]{0,2}[,;|·/–-]?[ ]{0,2}(?:\r?\n[ \t]{0,4})?"
_FIVE: Final = r"(?:(?:D|DE|A|AT|CH|F|FR|E|ES)[- ]|C\.?P\.?[ ])?\d{4,5}(?:-\d{3})?(?!\d|[.,]\d)"
_UK: Final = r"[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}(?!\w)"
_US: Final = r"[A-Z]{2}\.?,?[ ]\d{5}(?:-\d{4})?(?!\d)"
_CA: Final = r"(?:[A-Z]{2}[ ])?[A-Z]\d[A-Z][ ]?\d[A-Z]\d(?!\w)"
_IE: Final = r"[A-Z]\d[\dW][ ]?[A-Z\d]{4}(?!\w)"
_NOUN: Final = r"(?!(?:Euro?|EUR|CHF|USD|Kund|Stück|Mitarb|Kilom|Punkte|Einhei|Person|Besuch|Follow|Klick|Impress|View|Dollar|Frank|Zusch|Wörter|Schritt|Meile|Bestell|Produkt|Artikel|Paket|Filial|Items|Stellen|Plätze|Karten|Tickets|Ordner|Zeilen|Datens|Teile|Liter|Meter|Gramm|Minuten|Stunden|Likes|Nachricht|Mails|Kontakt|Zeichen|Nutzer|Tage|Zeichen|Watt|Euros))"
"""Words that numbers of five digits count, not towns."""
_COUNTRY: Final = r"(?:Germany|Deutschland|Allemagne|Alemania|Österreich|Austria|Schweiz|Switzerland|Suisse|France|Frankreich|Francia|Spain|España|Spanien|Espagne|UK|United Kingdom|England|Scotland|Wales|Ireland|USA|United States|Belgique|Mexico|México)"
_DETAIL: Final = (
    r"(?:(?:,?[ ]|,?\n)(?:im[ ]|au[ ]|on[ ]the[ ]|en[ ]el[ ])?(?:(?:apt|apartment|flat|unit|suite|ste|floor|room|appt?|appartement|app|wohnung|whg|top|bât|bâtiment|esc|escalier|escalera|piso|planta|puerta|portal|bloque|bajo|[aá]tico|[aà]tic|lot|trailer|bldg|block|étage|porte|stock|etage|(?:first|second|third|top|ground|erste[rsn]?|zweite[rsn]?|dritte[rsn]?|vierte[rsn]?|premier|deuxième|troisième|primer|segundo|tercer)[ ](?:floor|stock|etage|étage|piso)|hinterhaus|vorderhaus|seitenflügel|#)"
    r"(?i:\.?[ ]?#?(?:[A-Z]?\d{1,4}[A-Za-zºª°]?|[A-D](?!\w)))?"
    r"|\d{1,2}(?:\.?[º°ª]|\.|er|e|ème|st|nd|rd|th)[ ]?(?:[A-H](?!\w)|og|stock|etage|étage|floor|izq(?:uierda|da|\.)?|izda\.?|dcha\.?|derecha|links|rechts|\d{1,2}[ªºa]?)"
    r"|e\.?g\.?(?!\w)|(?:col\.|colonia|edificio|edif\.)(?:[ ][^\W\d_]{2,20}){1,3})(?:[ ](?:links|rechts|izq(?:uierda|da|\.)?|dcha\.?|derecha|gauche|droite|[A-H](?!\w)))?)"
)
_CODE: Final = rf"(?:{_UK}(?:,[ ]{_TOWN})?|{_US}|{_CA}|{_IE}|{_FIVE})"
_REST: Final = (
    rf"(?i:{_DETAIL}){{0,3}}(?:[ ]\([^()\n]{{2,30}}\))?"
    rf"(?:{_SEP}(?:(?:in|à|en)[ ])?{_FIVE}{_SEP}{_TOWN}(?:[ ](?i:cedex))?(?:(?<=edex|EDEX)[ ]\d{{1,2}})?(?:[ ]\({_TOWN}\))?|(?:{_SEP}{_TOWN}(?:[ ]\d{{1,2}}(?!\d))?){{1,3}}{_SEP}(?:{_CODE}|{_COUNTRY}\b)"
    rf"|{_SEP}{_CODE}(?:[ ][^\W\d_A-Z]{{3,20}}(?=[ ]?(?:[.,;!?\n]|$)))?|(?:,[ ]?|[ ]in[ ]|[ ]à[ ]|[ ]en[ ]){_TOWN}(?:[ ]\d{{1,2}}e?(?!\w))?(?:,[ ]{_TOWN}){{0,2}}"
    r"|[ ](?:in|à|a|en)[ ](?!(?:d|m|un|el|l[aeo]|ein|the|my|our|your|a|order|case)[a-z]{0,2}\b)[^\W\d_]{3,20}\b)?"
    rf"(?:{_SEP}{_COUNTRY}\b)?"
)
_GERMAN_KIND: Final = r"(?:stra(?:ß|ss)en?|str\.?|gasse|allee|platz|weg|damm|ufer|chaussee|stieg|steig|pfad|zeile|gürtel|promenade|straat|gracht|laan)"
_GERMAN: Final = "|".join(
    (
        rf"(?:{_CAP}[^\W\d_]{{0,20}}\.?[ -]){{0,3}}[^\W\d_]{{2,28}}?(?i:{_GERMAN_KIND})",
        rf"(?:{_CAP}[^\W\d_]{{0,20}}\.?(?:[ -](?:der|des|dem|von|und|zum|zur))?[ -]){{1,4}}"
        rf"(?i:{_GERMAN_KIND}|ring|wall|graben|hof|park|berg|markt|kai|brücke|tor)",
        "(?:Am|An der|An den|Auf der|Auf dem|Im|In der|In den|Zum|Zur|Unter den|Unter der|Hinter der|Vor dem|Beim) "
        rf"{_WORD}(?: {_WORD})?",
        "(?:Kurfürstendamm|Ku'damm|Kudamm|Graben|Jungfernstieg|Reeperbahn|Zeil)",
        r"[^\W\d_]{3,28}?(?:ring|wall|graben|hof|berg|markt|kai|brücke|feld|tal|winkel|bogen|anger)"
        rf"(?=[ ]\d{{1,4}}[ ]?[a-h]?{_SEP}{_FIVE}[ ])",
    )
)
_LOUD_KIND: Final = "STREET|ST|ROAD|RD|AVENUE|AVE|LANE|LN|DRIVE|BLVD|COURT|CLOSE|WAY|SQUARE|TERRACE|PKWY|HWY"
_ENGLISH_KIND: Final = rf"(?:{_LOUD_KIND}|Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Close|Crescent|Cres|Way|Place|Pl|Square|Sq|Terrace|Gardens|Grove|Row|Mews|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Walk|Parade|Quay|Wharf|Rise|Alley|Yard|View|Hill|Green|Park)"
_FRENCH_KIND: Final = r"(?:rue|r\.|avenue|av\.?|boulevard|bd\.?|blvd|boul\.?|place|pl\.|chemin|ch\.|allées?|impasse|imp\.|quai|route|rte|cours|square|passage|résidence|faubourg|fbg|sentier|ruelle|villa|esplanade|promenade|rond-point)"
_SPANISH_KIND: Final = r"(?:C/|c/|C\.|[Cc]alle|CALLE|[Cc]l\.|[Aa]vda?\.?|[Aa]v\.|[Aa]venida|[Pp]laza|[Pp]za\.?|[Pp]l\.|[Pp]aseo|[Pp]º|[Pp]\.º|[Cc]amino|[Cc]arretera|[Cc]tra\.?|[Rr]onda|[Tt]raves[ií]a|[Gg]lorieta|[Uu]rbanizaci[oó]n|[Uu]rb\.|[Rr]ambla|[Gg]ran [Vv]ía|[Pp]asaje|[Cc]alzada|[Cc]arrer|[Aa]vinguda|[Pp]asseig|[Pp]laça|R[uú]a|[Pp]raça|Via|Viale|[Pp]iazza|Cuesta|ul\.)"
_TOWNS: Final = "Berlin|Hamburg|München|Köln|Frankfurt|Stuttgart|Düsseldorf|Leipzig|Dortmund|Essen|Bremen|Dresden|Hannover|Nürnberg|Duisburg|Bochum|Wuppertal|Bielefeld|Bonn|Münster|Karlsruhe|Mannheim|Augsburg|Wiesbaden|Mönchengladbach|Gelsenkirchen|Aachen|Braunschweig|Kiel|Chemnitz|Halle|Magdeburg|Freiburg|Krefeld|Mainz|Lübeck|Erfurt|Oberhausen|Rostock|Kassel|Hagen|Potsdam|Saarbrücken|Hamm|Ludwigshafen|Oldenburg|Leverkusen|Osnabrück|Solingen|Heidelberg|Darmstadt|Regensburg|Ingolstadt|Würzburg|Ulm|Heilbronn|Göttingen|Wolfsburg|Trier|Jena|Konstanz|Wien|Graz|Linz|Salzburg|Innsbruck|Paris|Marseille|Lyon|Toulouse|Nice|Nantes|Montpellier|Strasbourg|Bordeaux|Lille|Rennes|Reims|Toulon|Grenoble|Dijon|Angers|Nîmes|Villeurbanne|Brest|Tours|Limoges|Amiens|Perpignan|Metz|Besançon|Orléans|Rouen|Mulhouse|Caen|Nancy|Avignon|Madrid|Barcelona|Valencia|Sevilla|Zaragoza|Málaga|Murcia|Palma|Bilbao|Alicante|Córdoba|Valladolid|Vigo|Gijón|Granada|Elche|Oviedo|Cartagena|Jerez|Pamplona|Almería|Burgos|Santander|Castellón|Albacete|Logroño|Badajoz|Salamanca|Huelva|Lleida|Tarragona|León|Cádiz|Jaén|Girona|Toledo"
"""Large towns: a postcode before one needs nothing else."""
_INSIDE: Final = r"(?i:flat|apt\.?|apartment|unit|suite|room)[ ]?#?[\w-]{1,5},?[ \n]"
_HOUSE: Final = rf"(?:The[ ])?(?:{_WORD}[ ]){{1,3}}(?:House|Cottages?|Court|Lodge|Building|Tower|Hall|Villa|Farm|Mansions|Apartments)"
_STREET_ALONE: Final = (
    rf"(?:(?:{_WORD}[ ]){{1,3}}{_ENGLISH_KIND}\b|(?:{_WORD}[ -]){{0,3}}[^\W\d_]{{2,28}}(?:straße|strasse|str\b\.?|gasse|allee|weg|platz)"
    rf"|(?i:{_FRENCH_KIND}[ ](?:{_OF}){{0,3}}){_WORD}(?:[- ](?i:(?:{_OF}){{0,2}}){_WORD}){{0,4}}|{_SPANISH_KIND}[ ]?(?i:(?:{_OF}){{0,3}}){_WORD}(?:[ ](?i:(?:{_OF}){{0,2}}){_WORD}){{0,4}})"
)
_KIND_FIRST: Final = (
    r"(?:rue|avenue|av\.?|boulevard|bd\.?|chemin|ch\.|route|rte\.?|quai|place|impasse|allée|sentier|clos)"
)
_BY_WORD: Final = tuple(
    (tuple(quick.split("|")), re.compile(whole))
    for quick, whole in (
        (
            "str|gasse|allee|platz|weg |damm|ufer|chaussee|stieg|steig|pfad|zeile|gürtel|promenade|ring |wall |graben|hof |park |berg |markt|kai |brücke|tor |feld |tal |winkel|bogen|anger|zeil |am |im |an de|auf de|in de|zum |zur |unter de|hinter de|vor dem|beim |reeper|gracht|laan",
            rf"(?<![\w-])(?:{_GERMAN})(?:[ ]|,[ ]|(?<=\.))(?i:(?:nr|no|nummer|hausnummer|haus)\.?:?[ ]?)?{_NUMBER}{_REST}",
        ),
        (
            "straße d|strasse d|platz d|allee d|weg d|straße a|platz a|allee a|weg a|ring ",
            rf"(?<!\w)(?:Straße|Strasse|Platz|Allee|Weg|Ring)[ ](?:der|des|am|an[ ]der|zum|zur)[ ](?:\d{{1,2}}\.[ ])?{_WORD}(?:[ ]{_WORD})?[ ]{_NUMBER}{_REST}",
        ),
        (
            "st|road|rd|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|close|cres|way|place|pl|sq|terrace|gardens|grove|row|mews|hwy|cir|trail|walk|parade|quay|wharf|rise|alley|yard|view|hill|green|park",
            rf"(?<![\w.,/-])(?:{_INSIDE})?(?:{_HOUSE},?[ \n])?\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?[ ](?:(?i:(?:county|state|farm)[ ](?:road|rd|route)|highway|hwy|route)[ ]\d{{1,4}}"
            rf"|(?:(?:{_CAP}[\w'’-]{{0,20}}\.?|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}(?:{_ENGLISH_KIND}\b\.?|Broadway\b))(?:[ ](?:North|South|East|West|N|S|E|W|NW|NE|SW|SE)\b)?{_REST}",
        ),
        (
            "street|road|avenue|lane|drive|boulevard|crescent|terrace|close| st| rd| ave|park|grove|gardens|court|square",
            rf"(?<![\w.,/-])\d{{1,5}}[a-z]?[ ](?!(?:a|an|and|or|then|they|will|until|the|on|of|in|per|way|lane|one|dead|min|minutes?|hours?|days?|miles?|km|times|more|cars?|bikes?|tires?|tyres?)\b)[a-z][a-z'’]{{2,20}}(?:[ ](?!(?:the|on|of|from|down|to|for|at|near|by)\b)[a-z'’]{{2,20}}){{0,2}}[ ](?:street|road|avenue|lane|drive|boulevard|crescent|terrace|close|st|rd|ave|park|grove|gardens|court|square)\b\.?(?:,[ ](?!(?:please|and|but|not|can|i|my|it|the|they|you|we|could|is|thanks?)\b)[a-z]{{3,20}}\b(?:[ ]{_UK})?)?{_REST}",
        ),
        (
            "rue|r. |avenue|av|boulevard|bd|blvd|boul|place|pl. |chemin|ch. |allée|allee|impasse|imp. |quai|route|rte|cours|square|passage|résidence|faubourg|fbg|sentier|ruelle|villa|esplanade|promenade|rond-point",
            rf"(?<![\w.,/-])(?:(?i:résidence|bâtiment|bât\.?|appt?\.?|appartement|immeuble|escalier|lotissement)[ ][\w'’ -]{{1,30}}(?:,[ ]|,?\n)){{0,3}}\d{{1,4}}(?:[ ]?(?i:bis|ter|quater|[a-d](?!\w)))?,?[ ](?:(?i:{_FRENCH_KIND})|Grande Rue|Grand[’']Rue)[ ](?i:{_OF}){{0,3}}(?:\d{{1,2}}(?:er)?[ ])?[^\W\d_][\w'’]{{1,24}}(?:[- ](?:(?i:{_OF}){{0,2}}){_CAP}[\w'’]{{0,24}}|-[^\W\d_]{{2,20}}){{0,5}}(?:[ ]\d{{4}}(?!\d))?{_REST}",
        ),
        (
            "rue|av|boulevard|bd|chemin|ch. |route|rte|quai|place|impasse|allée|sentier|clos",
            rf"(?<!\w)(?i:{_KIND_FIRST})[ ](?i:{_OF}){{0,3}}{_CAP}[\w'’]{{1,24}}(?:[- ](?i:(?:{_OF}){{0,2}}){_CAP}[\w'’]{{0,24}}){{0,4}},?[ ]{_NUMBER}{_REST}",
        ),
        (
            "c/|c. |calle|cl. |av|plaza|pza|pl. |paseo|pº|p.º|camino|carretera|ctra|ronda|traves|glorieta|urb|rambla|gran v|pasaje|calzada|carrer|passeig|plaça|rua|rúa|praça|via|piazza|cuesta|ul.",
            rf"(?<![\w]){_SPANISH_KIND}[ ]?(?i:{_OF}){{0,3}}[^\W_][\w'’]{{1,24}}(?:[- ](?:(?i:{_OF}){{0,2}}){_CAP}[\w'’]{{0,24}}\.?|[ ][^\W\d_]{{3,20}}){{0,5}}?(?:,[ ]?|[ ])(?i:(?:n[.º°o]{{1,3}}|núm\.?|numero|número|parcela|chalet|casa|km|nave|local|bloque|portal)[ ]?)?{_NUMBER}{_REST}",
        ),
        (
            "box|postfach|apartado|apdo|bp|b.p",
            rf"(?<!\w)(?:(?i:p\.?[ ]?o\.?[ ]?box|postfach|apartado(?:[ ]de[ ]correos)?|apdo\.?(?:[ ]de[ ]correos)?)[ ]|B\.?P\.?[ ])\d[\d ]{{0,7}}(?<!\s)(?!\d)(?:{_REST}(?:,[ ]{_TOWN}(?:[ ]\d{{1,2}})?)?)",
        ),
        (
            "lieu|zone|domaine|hameau|château|finca|cortijo|polígono|gut ",
            rf"(?<!\w)(?i:lieu[- ]?dit|zone[ ](?:industrielle|artisanale|commerciale)|domaine|hameau|château|finca|cortijo|polígono(?:[ ]industrial)?|gut)[ ](?i:{_OF}){{0,2}}{_WORD}(?:[- ](?i:{_OF}){{0,2}}{_WORD}){{0,4}}(?:,[ ]?|,?\n|[ ]){_FIVE}[ ]{_TOWN}",
        ),
        (
            "zip|plz|leitzahl|postal|cp|c.p|code",
            r"(?<=\w[ :])(?i:(?<=zip[ :])|(?<=zip[ ]code[ ])|(?<=zip[ ]code:)|(?<=PLZ[ :])|(?<=leitzahl[ :])|(?<=ost(?:al)[ :])|(?<=cp[ :])|(?<=C\.P\.[ ])|(?<=post[ ]code[ ])|(?<=postcode[ :])|(?<=stal[ ]code[ :])|(?<=code[ ]postal[ :]))(?:(?:is|ist|est|es|lautet)[ ])?[ ]?\d{4,5}(?!\d)",
        ),
    )
)  # fmt: skip
"""By words, one of which is in a text where the pattern may match; with a number."""
_ALONE: Final = tuple(
    (tuple(quick.split("|")), re.compile(whole))
    for quick, whole in (
        (
            "live|living|resid|house|home|flat|moved|wohn|lebe|hause|umgezogen|habit|demeur|chez|viv|casa|piso|domicilio",
            rf"(?i:\b(?:live|lives|living|resides?|house|home|flat|moved|wohn\w{{0,6}}|leben?|hause|umgezogen|habit\w{{1,4}}|demeur\w{{1,3}}|chez|viv[eio]\w{{0,3}}|resid[eo]|casa|piso|domicilio)\b)[^.!?;:\n]{{0,40}}?"
            rf"[ ](?i:on|in|at|to|am|auf|rue|au|à|dans|en|(?:in|auf|an)[ ]der|à[ ]la|en[ ](?:la|el))[ ]({_STREET_ALONE}(?:(?:,| in| à| en)[ ]{_TOWN})?)",
        ),
        ("hous|cott|court|lodge|build|tower|hall|villa|farm|mans|apart", rf"(?<!\w)(?:{_INSIDE})?{_HOUSE},[ ](?:{_WORD}[ ]){{1,3}}{_ENGLISH_KIND}\b{_REST}"),
    )
)  # fmt: skip
"""The same for streets without a number."""
_BY_CODE: Final = tuple(
    (re.compile(quick), tuple(re.compile(whole) for whole in wholes))
    for quick, wholes in (
        (
            _UK,
            (
                rf"(?<!\w)(?:{_INSIDE})?(?:(?:The[ ])?{_WORD}(?:[ ](?:of|upon|{_WORD})){{0,3}},[ ]){{0,4}}(?:{_TOWN},?[ ])?{_UK}(?:,[ ]{_TOWN})?",
                rf"(?<![\w.,-])(?:{_INSIDE})?\d{{1,4}}[A-Za-z]?,?[ ](?:The[ ])?(?:{_WORD}[ ]){{0,3}}{_WORD}(?:,?{_SEP}(?:{_TOWN})){{0,3}}{_SEP}{_UK}",
            ),
        ),
        (_US, (rf"(?<!\w){_TOWN},[ ]{_US}",)),
        # What stands before a postcode and a town, for any kind of street.
        (
            r"\d{4,5}[ ][^\W\d_]",
            (
                rf"(?<![\w-])(?:{_CAP}[^\W\d_]{{1,24}}\.?(?:[ -](?:der|des|dem|den|de|la|del|von|zum|zur))?[ -]){{0,4}}(?:{_CAP}|[a-zäöü])[^\W\d_]{{2,24}}\.?[ ](?!\d{{4}}){_NUMBER}(?i:{_DETAIL}){{0,2}}(?:[ ]\([^()\n]{{2,30}}\))?[ ]?[,;\n/–-][ ]?(?:\n[ ]?)?{_FIVE}[ ](?:{_NOUN}{_TOWN}|(?i:{_TOWNS})\b)",
                rf"(?<![\w.,/-])\d{{1,4}}(?:[ ]?(?i:bis|ter|[a-d](?!\w)))?,?[ ](?:[^\W\d_][\w'’.-]{{0,20}}[ ]){{1,5}}?[^\W\d_][\w'’.-]{{1,20}}(?:[ ]?[,;\n–-][ ]?(?:\n[ ]?)?|[ ](?=\d{{5}}[ ](?i:{_TOWNS})\b)){_FIVE}[ ](?:{_NOUN}{_TOWN}|(?i:{_TOWNS})\b)",
                rf"(?<![\w.,#-])(?:(?:D|A|CH|F|E)-)?\d{{4,5}}[ ](?:{_TOWNS})\b",
                rf"(?<![\w.,#-])(?:(?<=\n)|(?<=^)|(?<=\bin[ ])|(?<=nach[ ])|(?<=\baus[ ])|(?<=ort:[ ])|(?<=PLZ[ ])|(?<=à[ ])|(?<=\ba[ ])|(?<=\ben[ ])|(?<=\bde[ ])|(?<=vers[ ])|(?<=\bto[ ])|(?<=:[ ]))(?:(?:D|A|CH|F|E)-)?\d{{5}}[ ]{_NOUN}{_TOWN}(?:[ ]\({_TOWN}\))?",
            ),
        ),
    )
)  # fmt: skip
"""By a postcode, with which a text may match one of the patterns."""
_NOT_A_STREET: Final = re.compile(
    r"(?i:(?:\b|[-\w])(?:arbeits|stell|sitz|park|spiel|steh|liege|camping|lager|speicher|steck|marktp|tennis|fußball|golf|lande|start|schlaf|brut|ausbildungs|therapie|kita)platz\b|bahnsteig|einstieg|umstieg|aufstieg|ausstieg"
    r"|\b(?:rück|heim|hin|um|aus|schul|arbeits|liefer|vertriebs|versand|rechts|dienst)weg\b|\bbahnhof\b)"
    r"|^(?:Im|Am|Zum|Zur|In der|In den|An der|An den|Beim|Auf der|Auf dem) (?:Jahr|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Montag|Dienstag|Mittwoch|Donnerstag|Freitag"
    r"|Samstag|Sonntag|Punkt|Zimmer|Raum|Abschnitt|Kapitel|Paket|Schritt|Absatz|Artikel|Paragraph|Seite|Gate|Gleis|Warenkorb|Preis|Angebot|Tarif|Modell|Stock|Alter|Durchschnitt|Woche|Lager|Set|Wert|Rechnung|Bestellung|Filiale|Version)"
)
_DIGIT: Final = re.compile(r"\d")


def find_addresses(text: str) -> Iterator[Span]:
    """Yield where a text seems to have postal addresses; overlaps and order don't count. Linear in the text's length."""
    low = text.lower()
    has_digits = _DIGIT.search(text) is not None
    by_word = _BY_WORD + _ALONE if has_digits else _ALONE
    tried = [whole for kinds, whole in by_word if any(map(low.__contains__, kinds))]
    tried += [whole for quick, wholes in _BY_CODE if has_digits and quick.search(text) for whole in wholes]
    for whole in tried:
        for found in whole.finditer(text):
            if not _NOT_A_STREET.search(found[0]):
                yield found.span(whole.groups)
