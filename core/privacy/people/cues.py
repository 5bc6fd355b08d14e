"""Words that stand before the name of a person, and words that are none (pure data).

Folded: lower case, without accents, apostrophes as spaces. English, German, French and Spanish.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Cue(Enum):
    """What has to follow so that it is a name."""

    SURE = auto()
    """One or two words, in any case."""
    CAPITAL = auto()
    """Words that begin with capitals."""
    SELF = auto()
    """A given name, or two words with capitals."""
    GREETING = auto()
    """A given name, or words with capitals and then the end of a clause."""
    END = auto()
    """The words that a line ends with, or nothing more."""


_PHRASES: Final[Mapping[Cue, str]] = {
    Cue.SURE: """
        my name is; my name s; my names; name s; name was; was called; name war; hiess; name etait; nombre era; se llamaba; s appelait; my full name is; the name is; his name is; her name is; their name is; my first name is;
        my last name is; my surname is; i am called; is called after; goes by the name of; i go by; legal name is; maiden name is; maiden name;
        full name; first name; last name; surname; family name; ich heisse; heisse ich; mein name ist; mein name lautet;
        name ist; mein voller name ist; mein nachname ist; mein vorname ist; er heisst; sie heisst; vorname; nachname; familienname; vor und nachname;
        geburtsname; madchenname; geborene; je m appelle; m appelle; mon nom est; mon nom c est; mon prenom est; mon nom de famille est; elle s appelle; il s appelle;
        s appelle; prenom; nom de famille; nom complet; nom et prenom; me llamo; mi nombre es; mi apellido es; mi nombre completo es; se llama; nombre completo; apellido; apellidos;
        nombre y apellidos
    """,
    Cue.CAPITAL: """
        m; mr; mrs; ms; miss; mx; dr; prof; professor; doctor; nurse; captain; sergeant; officer; reverend; uncle; aunt; auntie;
        herr; herrn; frau; fraulein; familie; hr; fr; doktor; professorin; schwester; onkel; tante; oma; opa; pfarrer;
        monsieur; madame; mademoiselle; mme; mlle; mm; mmes; maitre; docteur; dre; tonton; tata;
        sr; sra; srta; sres; senor; senora; senorita; dna; don; dona; doctora; dra; profesor; profesora; tio; tia;
        dear; liebe; lieber; estimado; estimada; querido; querida; apreciado; apreciada;
        cher; chere;
        kind regards; best regards; warm regards; regards; best wishes; many thanks; sincerely; yours sincerely; yours truly; yours faithfully; yours; respectfully; warmly;
        signed; signed by; mit freundlichen grussen; mit freundlichem gruss; mit besten grussen; mit herzlichen grussen; freundliche grusse; viele grusse; liebe grusse; beste grusse; herzliche grusse; schone grusse; grusse;
        gruss; lieben gruss; besten gruss; herzlichst; hochachtungsvoll; mfg; lg; vg; gez; ihre; ihr; deine; dein;
        cordialement; bien cordialement; sinceres salutations; salutations distinguees; meilleures salutations; bien a vous; respectueusement; amicalement; bises; cdlt; signe;
        saludos; un saludo; saludos cordiales; un cordial saludo; cordiales saludos; atentamente; muy atentamente; cordialmente; un abrazo; abrazos; firmado; atte; fdo;
        card holder; account holder; policy holder; contact person; contact name; emergency contact; attn; fao; c o; f a o; by the name of;
        z hd; z h; zu handen; zuhanden; a l attention de; a la atencion de; familia; famille; councillor; judge; constable; detective; rechtsanwalt; rechtsanwaltin; notar; notarin; hebamme; dozent; dozentin;
        professeur; professeure; infirmier; infirmiere; enfermero; enfermera; ansprechpartner ist; ansprechpartner war; ansprechpartnerin ist; sachbearbeiter; sachbearbeiterin; betreut von; am telefon war; j ai eu; pregunte por;
        on behalf of; under the name; under the name of; in the name of; in the name; booked by; booked for; booked under; ordered by; reserved for; reservation for; made out to; addressed to; registered to; belongs to; issued to; care of;
        im namen von; auf den namen; unter dem namen; auf namen; im auftrag von; ausgestellt auf; gebucht von; zu gunsten von;
        au nom de; sous le nom de; de la part de; pour le compte de; a nombre de; de parte de; en nombre de; bajo el nombre de; bajo el nombre;
        spoke to; spoke with; speak to; speak with; speaking to; speaking with; talked to; talked with; talk to; chatted with; dealt with; asked for; met with; served by; helped by; assisted by;
        gesprochen mit; sprach mit; sprechen mit; telefoniert mit; telefonat mit; parle a; parle avec; parler a; parler avec; discute avec; hable con; hablado con; hablar con; atendio; atendida por; atendido por;
        returned by; approved by; submitted by; filed by; requested by; created by; witnessed by; reported by; handled by; treated by; examined by; signed for by; accepted by; received by; account manager is; name as; man called; woman called; guy called; lady called; someone called; somebody called; colleague called; person called; booking under; reservation under; account under; listed under; table under; made by;
        reservierung auf; buchung auf; gebucht auf; bestellung auf; vertrag auf; bearbeitet von; behandelt von; unterschrieben von; vertreten durch; suivi par; traite par; recu par; tratado por; recibido por; firmado por;
        colleague; neighbor; neighbour; driver; technician; secretary; kollege; kollegen; kollegin;
        named; namens; nomme; nommee; appele; appelee; llamado; llamada; habla; le habla; le saluda; le escribe; les escribe; les saluda; hier spricht; hier schreibt; es spricht; am apparat ist
    """,
    Cue.SELF: """
        i am; i m; im; this is; hi its; hi it s; hello its; hello it s; hey its; hey it s; call me; hallo hier; moin hier; hi hier; ich bin; hier ist; das ist; nennen sie mich; je suis; c est; ici; soy; hola soy; aqui; con usted
    """,
    Cue.GREETING: """
        hi; hello; hey; hiya; hallo; servus; moin; hola; bonjour; bonsoir; salut; coucou; good morning; good afternoon; good evening; guten morgen;
        guten abend; guten tag; buenos dias; buenas tardes; buenas
    """,
    Cue.END: """
        thanks; thank you; thx; cheers; ta; best; all the best; love; xx; take care; sent by; danke; vielen dank; danke schon; besten dank; herzlichen dank; dank; merci; merci beaucoup; merci d avance; bonne journee; gracias; muchas gracias; mil gracias; graciass;
        bye; bis dann; tschuss; ciao; a bientot; adios; hasta pronto
    """,
}  # fmt: skip


LABELS: Final = frozenset(
    """name nom nombre cardholder passenger passengers guest guests patient tenant policyholder recipient attention witness witnesses claimant insured driver student applicant beneficiary employee caller sender payee owner occupant contact
    user cc kontoinhaber karteninhaber ansprechpartner ansprechpartnerin empfanger empfangerin absender absenderin versicherungsnehmer versicherter versicherte mieter mieterin patientin passagier kundin zeuge zeugin fahrer fahrerin
    studentin antragsteller antragstellerin halter halterin anrufer anruferin inhaber inhaberin besteller bestellerin mitglied vertreter vertretung nutzer gast gaste kontakt notfallkontakt auftraggeber eigentumer bewohner
    titulaire destinataire expediteur passager beneficiaire assure assuree locataire temoin conducteur conductrice etudiant etudiante demandeur proprietaire souscripteur adherent eleve
    titular destinatario destinataria remitente pasajero pasajera paciente huesped beneficiario inquilino testigo conductor conductora estudiante solicitante asegurado asegurada tomador tomadora propietario alumno alumna contacto
    ihre ihr deine dein yours colleague technician secretary signed signe firmado gez warmly
    """.split()
)
"""Words that introduce a name only with a colon."""
_OWNERS: Final = (
    """my our your his her their late eldest oldest older younger youngest little mein meine meinen meinem meiner unser unsere unseren unserem unserer ihr ihre ihren ihrem ihrer sein seine seinen seinem seiner
    dein deine deinen deinem deiner verstorbene verstorbener verstorbenen kleine kleiner kleinen alteste altester altesten mon ma mes notre nos votre vos son sa ses ton ta mi mis su sus tu tus nuestro nuestra"""
).split()
_RELATIONS: Final = (
    """husband wife son daughter mother mum mom father dad brother sister partner boyfriend girlfriend fiance fiancee colleague boss manager neighbour neighbor friend flatmate roommate assistant lawyer landlord landlady
    grandmother grandfather grandma grandpa grandson granddaughter niece nephew cousin stepson stepdaughter employee agent technician driver secretary tenant tutor supervisor nanny carer teacher dentist therapist accountant twin
    mann frau sohn tochter mutter vater bruder schwester partner partnerin freund freundin kollege kollegen kollegin chef chefin nachbar nachbarn nachbarin mitarbeiter mitarbeiterin enkel enkelin neffe neffen nichte cousine
    vermieter vermieterin anwalt anwaltin betreuer betreuerin mitbewohner mitbewohnerin assistentin hausarzt hausarztin berater beraterin steuerberater zwillinge
    mari femme epouse epoux fils fille mere pere frere soeur compagnon compagne ami amie copain copine collegue voisin voisine patron patronne neveu colocataire conseiller conseillere medecin
    marido mujer esposo esposa hijo hija madre padre hermano hermana pareja novio novia amigo amiga companero companera jefe jefa vecino vecina sobrino sobrina primo prima abuelo abuela cunado cunada suegro suegra
    abogado abogada gestor gestora asesor asesora medico inquilino"""
).split()


def _by_last_word() -> dict[str, dict[int, dict[tuple[str, ...], Cue]]]:
    phrases = [(tuple(phrase.split()), cue) for cue, each in _PHRASES.items() for phrase in each.split(";")]
    phrases += [((label,), Cue.CAPITAL) for label in LABELS]
    phrases += [((owner, relation), Cue.CAPITAL) for owner in _OWNERS for relation in _RELATIONS]
    found: dict[str, dict[int, dict[tuple[str, ...], Cue]]] = {}
    for (*before, last), cue in sorted(phrases, key=lambda phrase: -len(phrase[0])):
        found.setdefault(last, {}).setdefault(len(before), {}).setdefault(tuple(before), cue)
    return found


CUES: Final[Mapping[str, Mapping[int, Mapping[tuple[str, ...], Cue]]]] = _by_last_word()
"""By the last word of a phrase, and how many words are before it (many first): these, and what has to follow."""
PARTICLES: Final = frozenset(
    "von van vom zu zum zur de der den del della di da das do dos du des la las le los el y bin ibn al ter ten".split()
)
"""Words within a name."""

NOT_A_NAME: Final = frozenset(
    # The organisation, its parts and what people are greeted as.
    """team support service services customer customers customerservice care helpdesk desk sales billing office reception all everyone everybody folks guys there sir madam
    friend friends world again yes no ok okay day morning afternoon evening night days weekend group company department management manager staff crew admin bot assistant
    kundenservice kundendienst kundin kunde kunden damen herren zusammen leute ihr alle support-team kolleginnen kollegen freunde freund freundin welt abteilung firma tag abend morgen nacht mittag wochenende rezeption
    herr herrn frau familie tous toutes monsieur madame messieurs mesdames equipe client cliente clients tout todos todas equipo senor senora senores amigo amigos amiga soporte atencion dias tardes noches
    mr mrs ms miss dr prof doctor doktor sr sra srta mme mlle gmbh ag kg ohg ug se ltd limited inc llc plc corp corporation sa sas sarl sl bv nv ev co und and et
    hotel hotels bank clinic klinik hospital shop store restaurant university universitat school schule versicherung insurance airlines airport studio center centre zentrum museum station bahnhof app online web website
    """
    # What sentences begin with, and what is written with capitals.
    """i im a an the this that these those it he she we you they my your our his her their its who what when where why how which please thanks thank sorry hello hi hey dear best kind warm regards sincerely yours many
    can could would will do does did is are was were have has had if in on at to for from with about after before since because but or so not just also still now today tomorrow yesterday
    ich du er sie es wir mein meine meinen meiner meinem dein deine ihre ihren ihrem ihrer unser unsere der die das den dem des ein eine einen einem einer und oder aber wenn weil dass bitte danke vielen viele liebe lieber beste mit von zu zum zur bei
    nach aus auf an in im am um fur uber unter ist sind war haben hat hatte wird werden kann konnen konnte mochte muss wo wann wie warum was wer welche heute morgen gestern jetzt noch nicht kein keine guten gute hallo gruss grusse grussen sehr geehrte geehrter geehrten
    je tu il elle nous vous ils elles mon ma mes ton votre vos notre nos son sa ses le la les un une des du et ou mais si que qui quoi quand comment pourquoi merci bonjour salut svp pour avec sans dans sur ce cette c j l d n qu aujourd hui demain hier
    yo el ella nosotros usted ustedes ellos mi mis tu tus su sus nuestro nuestra los las uno una unos unas y o pero que quien como cuando donde por porque para con sin en de del al gracias then quick question frage pregunta one two three true false none hola buenos buenas muy hoy ayer manana ya no si se me le lo te os
    """
    # Months, days, languages, nationalities, countries.
    """january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday
    januar februar marz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miercoles jueves viernes sabado domingo christmas easter weihnachten ostern silvester noel paques navidad
    english german french spanish italian british american irish scottish dutch swiss austrian european polish portuguese turkish greek russian chinese japanese deutsch englisch franzosisch spanisch italienisch deutscher deutsche
    francais anglais allemand espagnol espanol ingles aleman frances england germany france spain italy britain usa uk us eu europe deutschland osterreich schweiz frankreich spanien italien europa london berlin paris madrid munich munchen hamburg vienna wien
    zurich rome barcelona lyon valencia sevilla dublin brussels amsterdam koln frankfurt stuttgart york america amerique espana francia alemania
    """
    # Things that one signs, greets, or is asked for with a capital.
    """order number email mail phone address invoice account password login vip pdf iphone ipad android google apple amazon paypal visa mastercard klarna whatsapp facebook instagram netflix microsoft samsung sony ikea dhl ups fedex hermes dpd zalando
    sent gesendet envoye enviado von from iphone von- via invoice rechnung bestellung bestellnummer kundennummer lieferung paket adresse telefon nummer
    """.split()
)  # fmt: skip
"""Words that begin no name and end none."""
THINGS: Final = frozenset(
    """model version edition release collection suite room storm hurricane typhoon hotel villa restaurant cafe pub chapel theatre
    modell serie linie kollektion tarif paket sorte zimmer saal raum haus gasthof sturm sturmtief orkan tief hoch kleid bluse hose rock hemd jacke mantel schuh schuhe stiefel sandale sandalen tasche rucksack sofa sessel stuhl tisch
    regal lampe bett matratze teppich decke kissen uhr schule gymnasium klinik
    modele gamme edition forfait formule chambre salle salon tempete ouragan amphi lycee college ecole clinique cours robe jupe chemise pantalon veste manteau sac chaussures bottes canape fauteuil lit montre
    modelo coleccion linea edicion tarifa plan habitacion sala tormenta borrasca huracan colegio instituto escuela biblioteca clinica vestido falda camisa blusa chaqueta bolso zapatos botas sandalias silla mesa lampara cama reloj
    """.split()
)
"""Before a name, it is what a thing is called."""
ORGANISATION: Final = frozenset(
    """gmbh ag kg ohg ug ltd limited inc llc plc corp corporation sas sarl sl bv nv foundation stiftung institute institut airport station bahnhof platz strasse street road avenue museum school schule gymnasium university universitat universite
    hospital klinikum hotel bank store shop restaurant museum prize preis award festival stadium stadion arena park beach island insel lake bridge brucke cup edition collection kollektion day tag theorem method test syndrome gesellschaft verein klinik haus halle verlag partner team support service services kundenservice care plus pro
    office desk department dept reception billing suite room zimmer saal raum stube hall building wing ward campus college academy akademie lyceum church kirche cathedral dom hof theatre theater library bibliothek
    theorem equation scholarship stipendium fellowship prize lecture disease boots shirt dress jacket jeans shoes bag candle tea chair lamp sofa mattress perfume box bike grill card karte tarif plan bond visa
    """.split()
)
"""After a name, it is the name of a place, a thing or an organisation."""
BRANDS: Final = frozenset(
    tuple(each.split())
    for each in (
        "john deere; john lewis; paul smith; ralph lauren; calvin klein; tommy hilfiger; jack wolfskin; jack daniels; jim beam; johnnie walker; hugo boss; louis vuitton; max mara; michael kors; marc jacobs; marc o polo; "
        "tom ford; tom tailor; estee lauder; helena rubinstein; yves rocher; yves saint; jean paul; karl lagerfeld; peter hahn; gerry weber; thomas cook; thomas sabo; daniel wellington; vivienne westwood; stella mccartney; kate spade; "
        "tory burch; elizabeth arden; bobbi brown; charlotte tilbury; laura ashley; laura mercier; ray ban; harry potter; harry potters; james bond; mickey mouse; peter pan; robinson crusoe; alexander mcqueen; oscar mayer; uncle ben; "
        "aunt jemima; ben jerry; ben s; carlo rossi; marie claire; marie antoinette; marie curie; albert heijn; albert einstein; robert koch; robert bosch; rosa luxemburg; steve jobs; dr oetker; dr martens; dr pepper; dr hauschka; "
        "mr bean; mr clean; mr proper; mrs doubtfire; ms office; ms teams; ms word; ms excel; frau holle; don quijote; don quixote; miss sixty; carl zeiss; wolfgang puck; giorgio armani; emporio armani; leroy merlin; julius meinl; alfred ritter; "
        "andre rieu; george foreman; martin luther; simon cowell; adam opel; christian dior; christian louboutin; nina ricci; paco rabanne; carolina herrera; victor hugo; frida kahlo; pablo picasso; salvador dali; vincent van; william shakespeare; jane austen; charles dickens; jules verne; jules ferry; jean jaures; louis pasteur; emile zola; "
        "winston churchill; nelson mandela; abraham lincoln; george washington; isaac newton; florence nightingale; anne frank; sophie scholl; heinrich heine; friedrich schiller; simon bolivar; charles de; isabel la; franz liszt; clara schumann;  adolfo dominguez; antonio banderas; el corte; massimo dutti; roberto cavalli"
    ).split(";")
)  # fmt: skip
"""Things that are called like people; as the first two words."""
SAINTS: Final = frozenset("san santa santo saint sainte st ste sankt sao port fort los las mount mt rio".split())
"""Before a given name, it is a place."""
