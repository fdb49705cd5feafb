"""Rituals of contact, and feeling shown to somebody."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ASKS, BEFORE, CORE, COUNT, TURNED, WORDS, is_only, opens, says
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

E = SpeechAct.EXPRESSIVE
_NAMES = (
    "all|there|everyone|everybody|team|folks|guys|people|again|and|you|my|dear|both|zusammen|allerseits|à tous|a todos"
)


@labels(form=E, function=E)
def thanks() -> pl.Expr:
    """Thanks that decline nothing and credit nobody else.

    >>> thanks("Thanks a lot!"), thanks("Muchas gracias por todo"), thanks("Thanks, but I can't"), thanks("No thanks")
    (True, True, False, False)
    """
    thanked = opens(
        "(?:many |big |thousand |great |perfect |cool |no problem )?(?:thanks|thank you|thank u|thx|ty|tysm|cheers)"
        "|(?:vielen |besten |herzlichen |tausend )?dank(?: dir| ihnen| euch)?|danke\\w*|merci|(?:muchas |"
        "mil )?gracias"
        "|(?:muito )?obrigad[oa]|valeu|bless you|i(?: really)? appreciate (?:it|that|this|your)"
    )
    return (
        thanked
        & ~says("but|aber|mais|pero|mas|thanks to|thank god|thanks for nothing|merci de|dank der|dank des")
        & ~ASKS
        & (COUNT < 20)
    )


@labels(form=E, function=E)
def greeting() -> pl.Expr:
    """A greeting with nothing after it but who is greeted.

    >>> greeting("Hi all!"), greeting("Guten Morgen"), greeting("Hi, where is the form?")
    (True, True, False)
    """
    return (
        WORDS.str.contains(
            "^ (?:hi|hiya|hello|hey|heya|howdy|yo|greetings|(?:good )?(?:morning|afternoon|evening)|good day|"
            "moin|servus|hallo"
            "|grüezi|guten (?:morgen|tag|abend)|bonjour|bonsoir|salut|coucou|hola|buenos días|"
            "buenas(?: tardes| noches)?"
            f"|olá|oi|bom dia|boa tarde|boa noite)(?: (?:{_NAMES}|[\\w']+))? (?:(?:{_NAMES}) )*$"
        )
        & ~ASKS
        & ~is_only("hey (?:that|this|it|you|what)\\w*")
        & (COUNT <= 5)
    )


@labels(form=E, function=E)
def farewell() -> pl.Expr:
    """A farewell.

    >>> farewell("Bye, see you tomorrow"), farewell("Tschüss!"), farewell("See you have a point there")
    (True, True, False)
    """
    return (
        CORE.str.contains(
            "^ (?:bye|bye bye|goodbye|good bye|good night|night night|take care|farewell|ciao|tschüss|tschau|"
            "auf wiedersehen"
            "|au revoir|à bientôt|à demain|à plus|adiós|hasta (?:luego|mañana|pronto)|nos vemos|tchau|"
            "até (?:logo|amanhã|mais)"
            "|(?:see|talk to|catch) (?:you|ya|u) (?:later|soon|then|tomorrow|there|again|around|next|on|at|in|all)"
            "|see (?:you|ya)(?: (?:all|guys))? $|bis (?:dann|morgen|später|bald)) ?"
        )
        & (COUNT <= 8)
        & ~ASKS
    )


@labels(form=E, function=E)
def apology() -> pl.Expr:
    """An apology; not the sorry that asks to repeat, declines or brings bad news.

    >>> apology("Sorry for the delay"), apology("Tut mir leid!"), apology("Sorry?"), apology("Sorry, but no")
    (True, True, False, False)
    """
    said = opens(
        "(?:i'm |i am |im |we're |we are )?(?:so |very |really |terribly |awfully )*sorry(?: about| for|"
        " that i| that we| if| i'm late"
        "| to (?:bother|disturb|interrupt|keep))|(?:my|our|sincere) (?:sincere )?apologies|apologies(?: for)?"
        "|i (?:do |must )?apologi[sz]e|my bad|my fault|my mistake|(?:please )?(?:forgive|excuse) me|pardon me"
        "|tut mir (?:so |sehr |wirklich )?leid|entschuldigung|entschuldige|entschuldigen sie|verzeihung|sorry für"
        "|(?:je suis |toutes mes |mes )?(?:désolée?|excuses)|excuse[zs] moi|lo siento|perdón|perdona|"
        "disculp[ae]n?|perdone"
        "|desculp[ae]|desculpem|me desculpe|perdão|foi mal"
    )
    short = is_only("i'm|i am|im|we're|so|very|really|oh|oops|sorry|terribly|dear|guys|about that|everyone|all") & says(
        "sorry"
    )
    return (said | short) & ~ASKS & ~says("but|aber|mais|pero|mas|sorry to hear|can't|cannot|kann nicht|puedo|posso")


@labels(form=E, function=E)
def wish() -> pl.Expr:
    """A good wish.

    >>> wish("Have a nice weekend!"), wish("Gute Besserung"), wish("Have a look at the log")
    (True, True, False)
    """
    return (
        opens(
            "(?:i |we )?(?:hope you|wish you|wishing you)(?: (?:all|a|both|guys|have|had|feel|get|enjoy|are|"
            "the|will|'re))"
            "|have (?:a|an|yourself a) (?:very |really )?(?:nice|good|great|lovely|wonderful|safe|fantastic|"
            "fun|happy|awesome|blessed|restful)"
            "|have fun|good luck|best of luck|break a leg|get well|feel better|happy (?:birthday|new year|"
            "friday|holidays|anniversary|easter)"
            "|merry (?:christmas|xmas)|safe (?:travels|trip|flight|journey)|all the best|god bless|"
            "sweet dreams|sleep well|enjoy your|bon"
            " (?:anniversaire|courage|week|appétit|voyage|retour)|bonne (?:chance|journée|soirée|année|nuit|"
            "fête|continuation)"
            "|joyeux (?:noël|anniversaire)|gute (?:besserung|nacht|reise|fahrt)|guten (?:appetit|rutsch|"
            "flug)|viel (?:glück|erfolg|spaß|spass)"
            "|alles (?:gute|liebe)|schöne[ns]? (?:wochenende|feierabend|tag|abend|woche|ferien|urlaub)|frohe[s]? \\w+"
            "|feliz (?:cumpleaños|navidad|año|aniversário|natal|ano)|buena suerte|buen (?:viaje|provecho|fin|"
            "día)|que (?:te|se|os) mejores?"
            "|que tengas|boa (?:sorte|viagem|semana|prova)|bom (?:fim|final|apetite|trabalho|descanso)|melhoras"
        )
        & ~ASKS
    )


@labels(form=E, function=E)
def congratulation() -> pl.Expr:
    """Congratulations.

    >>> congratulation("Congrats on the launch!"), congratulation("She congratulated him")
    (True, False)
    """
    return (
        WORDS.str.contains("^ (?:\\w+ ){0,2}(?:congrat(?:s|z|ulations)|kudos) ")
        | opens(
            "(?:herzlichen )?glückwunsch|gratuliere|gratulation|félicitations|bravo|felicidades|enhorabuena|parabéns"
        )
    ) & ~ASKS


@labels(form=E, function=E)
def sympathy() -> pl.Expr:
    """Sympathy and condolence.

    >>> sympathy("I'm so sorry to hear that"), sympathy("Mein herzliches Beileid"), sympathy("You poor thing")
    (True, True, True)
    """
    return (
        says(
            "sorry to hear|sorry for your loss|sorry you(?:'re| are) (?:going|having|feeling)|(?:my|our|"
            "deepest) condolences"
            "|thoughts (?:and prayers )?are with|you poor thing|poor (?:you|thing|guy)|my heart goes out"
            "|beileid|condoléances|mi más sentido pésame|lo siento mucho|meus pêsames|sinto muito|fühl dich gedrückt"
        )
        & ~ASKS
        & (COUNT < 20)
    )


@labels(form=E, function=E)
def exclamation() -> pl.Expr:
    """An interjection of joy, anger or surprise, alone.

    >>> exclamation("Oh no!"), exclamation("Wow"), exclamation("oh"), exclamation("Oh no, it is on")
    (True, True, False, False)
    """
    interjections = (
        "wow|wo+w|yay+|hoo?ray|ugh+|oops|oopsie|whoops|omg|oh my(?: god| goodness| gosh)|"
        "(?:oh )?dear(?: me| god)?|my (?:god|goodness)|good grief"
        "|goodness|gosh|damn(?: it)?|dammit|argh+|phew|yikes|whoa+|woo+|woohoo|wtf|holy (?:cow|moly|crap|"
        "shit)|ouch|eek|jeez|geez"
        "|oh (?:no|boy|man|god|crap|shit|gosh|wow|yay)|aw+|aww+|alas|hurrah|boo|shit|fuck|for (?:god's|"
        "heaven's) sake|thank (?:god|goodness)"
        "|mist|verdammt|igitt|juhu|super schade|oje|zut|mince|merde|oh là là|youpi|caramba|vaya|ostras|"
        "nossa|puxa|eba|caramba|que pena|qué pena"
    )
    return (
        WORDS.str.contains(f"^ (?:(?:{interjections}|oh|hey|ah|no) )*(?:{interjections}) (?:no |so )?$")
        & ~ASKS
        & (COUNT <= 6)
    )


@labels(form=E, function=E)
def you_are_welcome() -> pl.Expr:
    """What answers thanks or an apology.

    >>> you_are_welcome("No problem!", "Thanks a lot"), you_are_welcome("De nada")
    (True, True)
    >>> you_are_welcome("No problem", "Can you?")
    False
    """
    always = opens(
        "(?:you're|you are|your|ur) (?:very |most |so )?welcome $|don't mention it|gern geschehen|"
        "de rien|de nada|por nada|keine ursache"
    )
    answer = opens(
        "no (?:problem|worries|prob|probs)|np|nw|my pleasure|any ?time|sure thing|never mind|"
        "glad to help|happy to help|it's (?:ok|okay|all right|nothing)"
    )
    thanked = BEFORE.str.contains(" (?:thanks|thank you|thx|ty|sorry|apolog\\w+|my bad|appreciate\\w*) ")
    return (always.fill_null(False) | (answer & TURNED & thanked)) & ~ASKS & (COUNT <= 8)


@labels(form=E, function=E)
def feeling() -> pl.Expr:
    """A feeling of the speaker toward a person or an event.

    >>> feeling("I'm so happy for you"), feeling("Can't wait!"), feeling("I'm happy with version two")
    (True, True, False)
    """
    return (
        opens(
            "(?:i'm|i am|im|we're|we are) (?:so|really|very|super|just so|truly) (?:happy|glad|excited|proud|"
            "sad|thrilled|grateful|relieved|pleased|jealous|honou?red)"
            "|(?:i'm |i am |so |really )?(?:happy|glad|proud|excited|thrilled) (?:for|of) (?:you|him|her|"
            "them)|(?:i |we )?(?:can't|cannot|cant) wait|so excited|love (?:you|ya|u) all"
            "|i (?:love|miss) (?:you|u)|(?:we'll )?miss you|i'm (?:glad|happy|relieved) (?:to hear|you|"
            "that you)|hope (?:this|that|it) helps|freut mich|ich freue mich|me alegro|fico feliz"
        )
        & ~ASKS
    )


@labels(form=E, function=E)
def meeting_somebody() -> pl.Expr:
    """What is said on meeting or receiving somebody.

    >>> meeting_somebody("Nice to meet you"), meeting_somebody("Welcome to the team!")
    (True, True)
    """
    return (
        opens(
            "(?:it's |it was |it is )?(?:so |very |really )?(?:nice|good|great|pleased|lovely|glad|"
            "a pleasure|pleasure) (?:to )?(?:meet|meeting|see|seeing|talking to|talking with|"
            "speaking with) (?:you|y'all)"
            "|(?:it's |it was )?(?:nice|good|great) talking|long time no see|freut mich dich|enchantée?|"
            "mucho gusto|encantad[oa]|muito prazer|prazer em"
            "|welcome(?: (?:to|aboard|back|everyone|everybody|all|in|on))|(?:herzlich )?willkommen|bienvenue|"
            "bienvenid[oa]s?|bem vind[oa]s?"
        )
        & ~ASKS
        & ~says("welcome to (?:use|try|do|come|take|add|open|submit|join)")
        & (COUNT <= 16)
    )


@labels(form=SpeechAct.QUESTION, function=E)
def how_are_you() -> pl.Expr:
    """The question after the other's health that greets.

    >>> how_are_you("Hey, how are you?"), how_are_you("How are you going to pay?")
    (True, False)
    """
    return CORE.str.contains(
        "^ (?:how are (?:you|things)(?: doing| all| today| guys| this morning)*|how(?:'s|"
        " is) (?:it going|everything|life)|how (?:have|'ve) you been|how do you do|what's up|whats up|sup"
        "|wie geht'?s?(?: es)?(?: dir| ihnen| euch)?|(?:comment )?ça va|cómo estás|qué tal|tudo bem|como vai) $"
    )
