"""Postal addresses that nobody knows, suspected by how they are written (pure)."""

import re
from collections.abc import Iterator
from typing import Final

Span = tuple[int, int]
_CAP: Final = r"[A-ZÀ-ÖØ-Þ]"
_WORD: Final = rf"{_CAP}[^\W_]{{0,24}}\.?"
_OF: Final = r"(?:(?:de la|de las|de los|de l['’]|de|del|du|des|d['’]|la|las|los|le|les|el|l['’]|y|et|en|à|aux|au|sur|san|santa|saint|sainte|st|the|of)(?: |(?<=['’])))"
_TOWN: Final = rf"{_WORD}(?:(?:[-'’ ]|(?: |-)(?:am|an der|auf der|a\.|im|in|ob der|bei|vor der|de la|de|del|du|des|aux|au|la|el|sur|les|le|lès|en|on|upon|an|sous)(?: |-)|[ -][dl]['’]){_WORD}){{0,3}}"
_NUMBER: Final = r"\d{1,4}(?:[ ]?[a-hA-H](?!\w))?(?:[ ]?[-/–+][ ]?\d{1,4}(?:[ ]?[a-hA-H](?!\w))?)?(?!\w|[.,]\d|[ ]?[%€$£°]|[ ]?(?:euro?s?|uhr|km|min|minut|stund|tage?|jours?|d[ií]as?|days?|h)\b)"
_SEP: Final = r"[ ]{0,2}[,;|·/–-]?[ ]{0,2}(?:\r?\n[ \t]{0,4})?"
_FIVE: Final = r"(?:(?:D|DE|A|AT|CH|F|FR|E|ES)[- ])?\d{4,5}(?!\d|[.,]\d)"
_UK: Final = r"[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}(?!\w)"
_US: Final = r"[A-Z]{2}\.?,?[ ]\d{5}(?:-\d{4})?(?!\d)"
_CA: Final = r"[A-Z]\d[A-Z][ ]?\d[A-Z]\d(?!\w)"
_NOUN: Final = r"(?!(?:Euro?|EUR|CHF|USD|Kund|Stück|Mitarb|Kilom|Punkte|Einhei|Person|Besuch|Follow|Klick|Impress|View|Dollar|Frank|Zusch|Wörter|Schritt|Meile|Bestell|Produkt|Artikel|Paket|Filial|Items|Stellen|Plätze|Karten|Tickets|Ordner|Zeilen|Datens|Teile|Liter|Meter|Gramm|Minuten|Stunden|Likes|Nachricht|Mails|Kontakt|Zeichen|Nutzer|Tage|Zeichen|Watt|Euros))"
"""Words that numbers of five digits count, not towns."""
_COUNTRY: Final = r"(?:Germany|Deutschland|Allemagne|Alemania|Österreich|Austria|Schweiz|Switzerland|Suisse|France|Frankreich|Francia|Spain|España|Spanien|Espagne|UK|United Kingdom|England|Scotland|Wales|Ireland|USA|United States|Belgique|Mexico|México)"
_DETAIL: Final = (
    r"(?:,?[ ](?:im[ ]|au[ ]|on[ ]the[ ]|en[ ]el[ ])?(?:(?:apt|apartment|flat|unit|suite|ste|floor|room|appt?|appartement|app|wohnung|whg|top|bât|bâtiment|esc|escalier|escalera|piso|planta|puerta|portal|bloque|bajo|ático|étage|porte|stock|etage|(?:first|second|third|top|ground|erste[rsn]?|zweite[rsn]?|dritte[rsn]?|vierte[rsn]?|premier|deuxième|troisième|primer|segundo|tercer)[ ](?:floor|stock|etage|étage|piso)|hinterhaus|vorderhaus|seitenflügel|#)"
    r"(?i:\.?[ ]?#?(?:[A-Z]?\d{1,4}[A-Za-zºª°]?|[A-D](?!\w)))?"
    r"|\d{1,2}(?:[º°ª]|\.|er|e|ème|st|nd|rd|th)[ ]?(?:[A-H](?!\w)|og|stock|etage|étage|floor|izq(?:uierda|da|\.)?|dcha\.?|derecha|links|rechts|\d{1,2}[ªºa]?)"
    r"|e\.?g\.?(?!\w))(?:[ ](?:links|rechts|izq(?:uierda|da|\.)?|dcha\.?|derecha|gauche|droite|[A-H](?!\w)))?)"
)
_REST: Final = (
    rf"(?i:{_DETAIL}){{0,3}}"
    rf"(?:{_SEP}(?:(?:in|à|en)[ ])?{_FIVE}{_SEP}{_TOWN}(?:[ ]\({_TOWN}\))?|(?:{_SEP}{_TOWN}){{1,3}}{_SEP}(?:{_UK}|{_US}|{_CA}|{_FIVE})|{_SEP}(?:{_UK}|{_US}|{_FIVE}(?:[ ][^\W\d_A-Z]{{3,20}}(?=[ ]?(?:[.,;!?\n]|$)))?)"
    rf"|(?:,[ ]?|[ ]in[ ]|[ ]à[ ]|[ ]en[ ]){_TOWN}(?:[ ]\d{{1,2}}e?(?!\w))?(?:,[ ]{_TOWN}){{0,2}})?"
    rf"(?:{_SEP}{_COUNTRY}\b)?"
)
_GERMAN_KIND: Final = (
    r"(?:stra(?:ß|ss)en?|str\.?|gasse|allee|platz|weg|damm|ufer|chaussee|stieg|steig|pfad|zeile|gürtel|promenade)"
)
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
_ENGLISH_KIND: Final = r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Close|Crescent|Cres|Way|Place|Pl|Square|Sq|Terrace|Gardens|Grove|Row|Mews|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Walk|Parade|Quay|Wharf|Rise|Alley|Yard)"
_FRENCH_KIND: Final = r"(?:rue|r\.|avenue|av\.?|boulevard|bd\.?|blvd|boul\.?|place|pl\.|chemin|ch\.|allées?|impasse|imp\.|quai|route|rte|cours|square|passage|résidence|faubourg|fbg|sentier|ruelle|villa|esplanade|promenade|rond-point)"
_SPANISH_KIND: Final = r"(?:C/|c/|C\.|[Cc]alle|CALLE|[Cc]l\.|[Aa]vda?\.?|[Aa]v\.|[Aa]venida|[Pp]laza|[Pp]za\.?|[Pp]l\.|[Pp]aseo|[Pp]º|[Pp]\.º|[Cc]amino|[Cc]arretera|[Cc]tra\.?|[Rr]onda|[Tt]raves[ií]a|[Gg]lorieta|[Uu]rbanizaci[oó]n|[Uu]rb\.|[Rr]ambla|[Gg]ran [Vv]ía|[Pp]asaje|[Cc]alzada)"
_TOWNS: Final = "Berlin|Hamburg|München|Köln|Frankfurt|Stuttgart|Düsseldorf|Leipzig|Dortmund|Essen|Bremen|Dresden|Hannover|Nürnberg|Duisburg|Bochum|Wuppertal|Bielefeld|Bonn|Münster|Karlsruhe|Mannheim|Augsburg|Wiesbaden|Mönchengladbach|Gelsenkirchen|Aachen|Braunschweig|Kiel|Chemnitz|Halle|Magdeburg|Freiburg|Krefeld|Mainz|Lübeck|Erfurt|Oberhausen|Rostock|Kassel|Hagen|Potsdam|Saarbrücken|Hamm|Ludwigshafen|Oldenburg|Leverkusen|Osnabrück|Solingen|Heidelberg|Darmstadt|Regensburg|Ingolstadt|Würzburg|Ulm|Heilbronn|Göttingen|Wolfsburg|Trier|Jena|Konstanz|Wien|Graz|Linz|Salzburg|Innsbruck|Paris|Marseille|Lyon|Toulouse|Nice|Nantes|Montpellier|Strasbourg|Bordeaux|Lille|Rennes|Reims|Toulon|Grenoble|Dijon|Angers|Nîmes|Villeurbanne|Brest|Tours|Limoges|Amiens|Perpignan|Metz|Besançon|Orléans|Rouen|Mulhouse|Caen|Nancy|Avignon|Madrid|Barcelona|Valencia|Sevilla|Zaragoza|Málaga|Murcia|Palma|Bilbao|Alicante|Córdoba|Valladolid|Vigo|Gijón|Granada|Elche|Oviedo|Cartagena|Jerez|Pamplona|Almería|Burgos|Santander|Castellón|Albacete|Logroño|Badajoz|Salamanca|Huelva|Lleida|Tarragona|León|Cádiz|Jaén|Girona|Toledo"
"""Large towns: a postcode before one needs nothing else."""
_PATTERNS: Final = tuple(
    (tuple(quick.split("|")), re.compile(whole))
    for quick, whole in (
        (
            "str|gasse|allee|platz|weg |damm|ufer|chaussee|stieg|steig|pfad|zeile|gürtel|promenade|ring |wall |graben|hof |park |berg |markt|kai |brücke|tor |feld |tal |winkel|bogen|anger|zeil |am |im |an de|auf de|in de|zum |zur |unter de|hinter de|vor dem|beim |reeper",
            rf"(?<![\w-])(?:{_GERMAN})(?:[ ]|,[ ]|(?<=\.))(?i:(?:nr|no|nummer|hausnummer|haus)\.?:?[ ]?)?{_NUMBER}{_REST}",
        ),
        (
            "street|st|road|rd|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|close|cres|way|place|pl|sq|terrace|gardens|grove|row|mews|pkwy|highway|hwy|cir|trail|walk|parade|quay|wharf|rise|alley|yard|broadway",
            rf"(?<![\w.,/-])(?:(?i:flat|apt\.?|apartment|unit|suite|room)[ ]?#?[\w-]{{1,5}},?[ ])?(?:(?:{_WORD}[ ]){{1,3}}(?:House|Cottage|Court|Lodge|Building|Tower|Hall|Villa|Farm|Mansions|Apartments),?[ ])?\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?[ ](?:(?:{_CAP}[\w'’-]{{0,20}}\.?|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}(?:{_ENGLISH_KIND}\b\.?|Broadway\b)(?:[ ](?:North|South|East|West|N|S|E|W|NW|NE|SW|SE)\b)?{_REST}",
        ),
        (
            "street|road|avenue|lane|drive|boulevard|crescent|terrace|close| st| rd| ave",
            rf"(?<![\w.,/-])\d{{1,5}}[a-z]?[ ](?!(?:a|an|and|or|then|they|will|until|the|on|of|in|per|way|lane|one|dead|min|minutes?|hours?|days?|miles?|km|times|more|cars?|bikes?|tires?|tyres?)\b)[a-z][a-z'’]{{2,20}}(?:[ ](?!(?:the|on|of|from|down|to)\b)[a-z'’]{{2,20}}){{0,2}}[ ](?:street|road|avenue|lane|drive|boulevard|crescent|terrace|close|st|rd|ave)\b\.?{_REST}",
        ),
        (
            "rue|r. |avenue|av|boulevard|bd|blvd|boul|place|pl. |chemin|ch. |allée|allee|impasse|imp. |quai|route|rte|cours|square|passage|résidence|faubourg|fbg|sentier|ruelle|villa|esplanade|promenade|rond-point",
            rf"(?<![\w.,/-])(?:(?i:résidence|bâtiment|bât\.?|appt?\.?|appartement|immeuble|escalier|lotissement)[ ][\w'’ -]{{1,30}},[ ]){{0,3}}\d{{1,4}}(?:[ ]?(?i:bis|ter|quater|[a-d](?!\w)))?,?[ ](?:(?i:{_FRENCH_KIND})|Grande Rue|Grand[’']Rue)[ ](?i:{_OF}){{0,3}}(?:\d{{1,2}}(?:er)?[ ])?[^\W\d_][\w'’]{{1,24}}(?:[- ](?:(?i:{_OF}){{0,2}}){_CAP}[\w'’]{{0,24}}|-[^\W\d_]{{2,20}}){{0,5}}(?:[ ]\d{{4}}(?!\d))?{_REST}",
        ),
        (
            "c/|c. |calle|cl. |av|plaza|pza|pl. |paseo|pº|p.º|camino|carretera|ctra|ronda|traves|glorieta|urb|rambla|gran v|pasaje|calzada",
            rf"(?<![\w]){_SPANISH_KIND}[ ]?(?i:{_OF}){{0,3}}[^\W_][\w'’]{{1,24}}(?:[- ](?:(?i:{_OF}){{0,2}}){_CAP}[\w'’]{{0,24}}\.?|[ ][^\W\d_]{{3,20}}){{0,5}}?(?:,[ ]?|[ ])(?i:(?:n[.º°o]{{1,3}}|núm\.?|numero|número)[ ]?)?{_NUMBER}{_REST}",
        ),
        (
            "box|postfach|apartado|apdo|bp|b.p",
            rf"(?<!\w)(?:(?i:p\.?[ ]?o\.?[ ]?box|postfach|apartado(?:[ ]de[ ]correos)?|apdo\.?(?:[ ]de[ ]correos)?)[ ]|B\.?P\.?[ ])\d[\d ]{{0,7}}(?<!\s)(?!\d)(?:{_REST}(?:,[ ]{_TOWN}(?:[ ]\d{{1,2}})?)?)",
        ),
        ("0|1|2|3|4|5|6|7|8|9", rf"(?<!\w)(?:(?:{_WORD}(?:[ ]{_WORD}){{0,3}},[ ]){{0,4}}{_TOWN},?[ ])?[A-Z]{{1,2}}\d[A-Z\d]?[ ]\d[A-Z]{{2}}(?!\w)"),
        (
            "live|living|wohn|lebe|habit|demeur|viv|resid",
            rf"(?i:\b(?:live|lives|living|reside)[ ](?:on|in|at)[ ]|\b(?:wohne|wohnt|wohnen|wohnhaft|lebe)[ ](?:in[ ]der[ ]|in[ ]|am[ ]|an[ ]der[ ]|auf[ ]der[ ])|\b(?:habite|habitons|demeure)[ ](?:au[ ]|à[ ]la[ ]|dans[ ]la[ ])?|\b(?:vivo|vive|vivimos|resido)[ ]en[ ](?:la[ ]|el[ ])?)"
            rf"((?:{_WORD}[ ]){{1,3}}{_ENGLISH_KIND}\b|(?:{_WORD}[ -]){{0,3}}[^\W\d_]{{2,28}}(?:straße|strasse|str\.|gasse|allee|weg|platz)|(?i:{_FRENCH_KIND}[ ](?:{_OF}){{0,3}}){_WORD}(?:[- ](?i:(?:{_OF}){{0,2}}){_WORD}){{0,4}}|{_SPANISH_KIND}[ ]?(?i:(?:{_OF}){{0,3}}){_WORD}(?:[ ](?i:(?:{_OF}){{0,2}}){_WORD}){{0,4}})",
        ),
        (
            "straße d|strasse d|platz d|allee d|weg d|straße a|platz a|allee a|weg a|ring ",
            rf"(?<!\w)(?:Straße|Strasse|Platz|Allee|Weg|Ring)[ ](?:der|des|am|an[ ]der|zum|zur)[ ](?:\d{{1,2}}\.[ ])?{_WORD}(?:[ ]{_WORD})?[ ]{_NUMBER}{_REST}",
        ),
        (", ", rf"(?<!\w){_TOWN},[ ]{_US}"),
        # What stands before a postcode and a town, for any kind of street.
        (
            "1|2|3|4|5|6|7|8|9",
            rf"(?<![\w-])(?:{_CAP}[^\W\d_]{{1,24}}\.?(?:[ -](?:der|des|dem|den|de|la|del|von|zum|zur))?[ -]){{0,4}}(?:{_CAP}|[a-zäöü])[^\W\d_]{{2,24}}\.?[ ](?!\d{{4}}){_NUMBER}(?i:{_DETAIL}){{0,2}}[ ]?[,;\n/–-][ ]?(?:\n[ ]?)?{_FIVE}[ ](?:{_NOUN}{_TOWN}|(?i:{_TOWNS})\b)",
        ),
        (
            "1|2|3|4|5|6|7|8|9",
            rf"(?<![\w.,/-])\d{{1,4}}(?:[ ]?(?i:bis|ter|[a-d](?!\w)))?,?[ ](?:[^\W\d_][\w'’.-]{{0,20}}[ ]){{1,5}}?[^\W\d_][\w'’.-]{{1,20}}(?:[ ]?[,;\n–-][ ]?(?:\n[ ]?)?|[ ](?=\d{{5}}[ ](?i:{_TOWNS})\b)){_FIVE}[ ](?:{_NOUN}{_TOWN}|(?i:{_TOWNS})\b)",
        ),
        (
            "0|1|2|3|4|5|6|7|8|9",
            rf"(?<![\w.,-])\d{{1,4}}[A-Za-z]?,?[ ](?:The[ ])?(?:{_WORD}[ ]){{0,3}}{_WORD}(?:,?{_SEP}(?:{_TOWN})){{0,3}}{_SEP}{_UK}",
        ),
        ("0|1|2|3|4|5|6|7|8|9", rf"(?<![\w.,#-])(?:(?:D|A|CH|F|E)-)?\d{{4,5}}[ ](?:{_TOWNS})\b"),
        (
            "0|1|2|3|4|5|6|7|8|9",
            rf"(?<![\w.,#-])(?:(?<=\n)|(?<=^)|(?<=\bin[ ])|(?<=nach[ ])|(?<=\baus[ ])|(?<=ort:[ ])|(?<=PLZ[ ])|(?<=à[ ])|(?<=\ba[ ])|(?<=\ben[ ])|(?<=\bde[ ])|(?<=vers[ ])|(?<=\bto[ ])|(?<=:[ ]))(?:(?:D|A|CH|F|E)-)?\d{{5}}[ ]{_NOUN}{_TOWN}(?:[ ]\({_TOWN}\))?",
        ),
        (
            "zip|plz|leitzahl|postal|cp|c.p|code",
            r"(?<=\w[ :])(?i:(?<=zip[ :])|(?<=zip[ ]code[ ])|(?<=zip[ ]code:)|(?<=PLZ[ :])|(?<=leitzahl[ :])|(?<=ost(?:al)[ :])|(?<=cp[ :])|(?<=C\.P\.[ ])|(?<=code[ :]))(?:(?:is|ist|est|es|lautet)[ ])?[ ]?\d{4,5}(?!\d)",
        ),
    )
)  # fmt: skip
_NOT_A_STREET: Final = re.compile(
    r"(?i:(?:\b|[-\w])(?:arbeits|stell|sitz|park|spiel|steh|liege|camping|lager|speicher|steck|marktp|tennis|fußball|golf|lande|start|schlaf|brut|ausbildungs|therapie|kita)platz\b|bahnsteig|einstieg|umstieg|aufstieg|ausstieg"
    r"|\b(?:rück|heim|hin|um|aus|schul|arbeits|liefer|vertriebs|versand|rechts|dienst)weg\b|\bbahnhof\b)"
    r"|^(?:Im|Am|Zum|Zur|In der|In den|An der|An den|Beim|Auf der|Auf dem) (?:Jahr|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Montag|Dienstag|Mittwoch|Donnerstag|Freitag"
    r"|Samstag|Sonntag|Punkt|Zimmer|Raum|Abschnitt|Kapitel|Paket|Schritt|Absatz|Artikel|Paragraph|Seite|Gate|Gleis|Warenkorb|Preis|Angebot|Tarif|Modell|Stock|Alter|Durchschnitt|Woche|Lager|Set|Wert|Rechnung|Bestellung|Filiale|Version)"
)
_DIGIT: Final = re.compile(r"\d")


def find_addresses(text: str) -> Iterator[Span]:
    """Yield where a text seems to have postal addresses; overlaps and order don't count. Linear in the text's length."""
    if not _DIGIT.search(text):
        return
    low = text.lower()
    for kinds, whole in _PATTERNS:
        if any(kind in low for kind in kinds):
            for found in whole.finditer(text):
                if not _NOT_A_STREET.search(found[0]):
                    yield found.span(whole.groups)
