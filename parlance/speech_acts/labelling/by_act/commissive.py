"""Promises, offers, acceptances, refusals and threats: what binds the speaker."""

import polars as pl

from parlance.speech_acts.labelling.evidence import (
    ASKS,
    BEFORE,
    COUNT,
    TURNED,
    asked_to_do,
    fresh,
    is_only,
    opens,
    says,
)
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

C = SpeechAct.COMMISSIVE
_DEEDS = (
    "send|check|fix|do|look into|look at|take care|take|get|make|call|write|bring|ask|try|update|add|"
    "find|give|let|ping|email|mail|forward|"
    "handle|review|help|pay|pick|come|be there|be right|be back|get back|meet|show|prepare|finish|"
    "put|follow|report|post|upload|push|file|open|"
    "restart|deploy|order|book|buy|sort|share|confirm|arrange|go|join|drop|remind|run|start|keep|"
    "work on|talk to|see what|have it|set|schedule|"
    "create|change|contact|deliver|refund|return|replace|drive|wait|cover|swing|stop by|pass|test|"
    "clean|remove|investigate"
)


@labels(form=C, function=C)
def promise() -> pl.Expr:
    """A first person who will do something.

    >>> promise("I'll fix it tonight"), promise("We will refund you"), promise("I'll be honest")
    (True, True, False)
    >>> promise("If so I'll go?")
    False
    """
    return (
        opens(
            "(?:sure |of course |don't worry |no problem |yes )?(?:i'll|i will|ill|we'll|we will|"
            f"i shall) (?:\\w+ly |just |also |be happy to |try to |go |try and )?(?:{_DEEDS})"
        )
        & fresh()
        & ~ASKS
        & ~says(
            "i'll (?:give you that|take that as|have to say|say|call it)|if|i'll tell you|"
            "what i'll do|give (?:it |that )?an? (?:one|two|three|four|five|six|seven)|go (?:with|for)"
        )
    )


@labels(form=C, function=C)
def vow() -> pl.Expr:
    """A promise by its name, of something to come.

    >>> vow("I promise I'll call"), vow("You have my word"), vow("I promise you it was there")
    (True, True, False)
    """
    said = says(
        "i (?:promise|swear|vow|pledge|guarantee|give you my word)|we (?:promise|guarantee|pledge|"
        "commit)|you have my word|i commit to|(?:ich |wir )?versprech\\w+|je (?:te |vous )?promets|"
        "promis|te lo prometo|prometo|eu prometo"
    )
    return said & ~says("was|were|did|didn't|had|hadn't|never|is|it's") & ~ASKS & (COUNT < 25)


@labels(form=C, function=C)
def will_do() -> pl.Expr:
    """Taking a deed on, in a formula.

    >>> will_do("On it!"), will_do("Mach ich"), will_do("I'm in Texas")
    (True, True, False)
    """
    said = opens(
        "will do|on it|i'm on it|im on it|consider it done|count (?:me|us) in|leave it (?:to|with) me|"
        "i'm on my way|on my way|omw|i'd be (?:happy|glad|delighted) to (?:help|do|send|come|join)|"
        "wird gemacht|wird erledigt|mach ich|mache ich|bin dabei|erledige ich|abgemacht|"
        "je m'en (?:occupe|charge)|ça roule|marché conclu|ya lo hago|yo me encargo|me encargo|lo hago|"
        "dalo por hecho|cuenta conmigo|trato hecho|deixa comigo|pode deixar|conta comigo|combinado|"
        "eu cuido"
    )
    alone = is_only(
        "yes|ok|okay|yeah|sure|i'm in|im in|deal|it's a deal|you have a deal|i'd love to|i would love to|"
        "with pleasure|right away"
    ) & says("in|deal|love to|pleasure|right away")
    return (said | (alone & TURNED)) & ~ASKS & (COUNT <= 8) & ~says("and|so|is|was")


@labels(function=C)
def acceptance() -> pl.Expr:
    """A short yes after somebody else asked for a deed.

    >>> acceptance("Sure.", "Can you send it?"), acceptance("Sure.", "Is it raining?"), acceptance("Sure.")
    (True, False, False)
    """
    yes = is_only(
        "sure|sure thing|of course|ok|okay|certainly|absolutely|yes|yeah|yep|no problem|np|gladly|"
        "definitely|happy to|all right|alright|fine|can do|you got it|with pleasure|my pleasure|will do|"
        "i will|i can|right away|thing|i'll do it|sounds good"
        "|klar|gerne|gern|ja|natürlich|mach ich|bien sûr|oui|volontiers|d'accord|claro|por supuesto|vale|"
        "sí|com certeza|sim|pode ser"
    )
    return yes & asked_to_do() & ~BEFORE.str.contains(" (?:tell me|explain|describe|state) ") & ~ASKS & (COUNT <= 5)


@labels(form=SpeechAct.QUESTION, function=C)
def offer() -> pl.Expr:
    """An offer in the form of a question.

    >>> offer("Shall I call them?"), offer("Do you want me to check?"), offer("Do you want to check?")
    (True, True, False)
    """
    return (
        opens(
            "(?:shall|should) i (?:\\w+ ){0,3}(?:call|send|bring|get|check|open|add|make|book|order|help|ask|"
            "go|take|pick|forward|do|set|give|show|come|put)|(?:do |would )?(?:you )?(?:want|like) me to|"
            "(?:do |would )?you (?:want|like) me to|can i (?:help|get you|offer you|bring you|give you|"
            "buy you)|may i (?:help|offer|take your)|how (?:can|may) i help"
            "|(?:do you |you )?need (?:a hand|some help|any help|a lift|a ride)|would you (?:like|"
            "care for) (?:a|an|some|another|something)|soll ich|kann ich (?:dir|ihnen|euch)|"
            "brauchst du hilfe|(?:veux tu|voulez vous|tu veux) que je|puis je vous|(?:quieres|quiere|"
            "queréis) que (?:te|le|lo|la)|te ayudo|quer que eu|posso (?:te )?ajudar"
        )
        & ASKS
    )


@labels(form=SpeechAct.DIRECTIVE, function=C)
def open_offer() -> pl.Expr:
    """An imperative that offers the speaker's help.

    >>> open_offer("Feel free to ask"), open_offer("Let me know if you need anything")
    (True, True)
    >>> open_offer("Let me know when it is done")
    False
    """
    return (
        opens(
            "feel free to|let (?:me|us) know if (?:you|there's anything|there is anything|i can|we can)|"
            "(?:please )?don't hesitate|please do not hesitate|help yourself|make yourself at home|"
            "be my guest|melde dich wenn|n'hésite[zs]? pas|no dudes en|fique à vontade"
        )
        & ~ASKS
    )


@labels(form=C, function=C)
def let_me() -> pl.Expr:
    """A deed begun on leave that nobody waits for.

    >>> let_me("Let me check that for you"), let_me("Let me think"), let_me("Let me know")
    (True, False, False)
    """
    return (
        opens(
            "(?:let me|lemme|allow me to) (?:just |quickly |go |go ahead and )?(?:check|get|send|look into|"
            "take|help|fix|grab|call|find|ask|do|bring|show|give you|handle|pull|open|add|try|forward|"
            "confirm|look up|put|run|write)"
        )
        & ~ASKS
        & ~says("let me ask you|let me get this straight|let me put it")
    )


@labels(form=C, function=C)
def refusal() -> pl.Expr:
    """The speaker will not do it.

    >>> refusal("I won't sign that"), refusal("No, I'd rather not"), refusal("It won't start")
    (True, True, False)
    """
    return (
        opens(
            "(?:no |nope |sorry |i'm sorry |no way )*(?:(?:i|we) (?:won't|will not) (?:\\w+ly )?(?:do (?:it|"
            "that|this)|sign|pay|accept|let you|help|tolerate|agree|allow|support|approve|work|apologi[sz]e|"
            "give|tell|touch|be (?:doing|signing|paying|part))|i refuse|we refuse|i'd rather not|"
            "i would rather not|i'm not (?:going to|gonna) (?:do|pay|sign|let|give|help|go|touch|work|"
            "change)|i can't (?:make it|do that|help you|let you|accept)|not a chance|no way am i|"
            "over my dead body)"
            "|(?:nein )?(?:das )?(?:mache|werde|unterschreibe) ich nicht|je refuse|me niego|no pienso|"
            "eu me recuso|me recuso"
        )
        & ~ASKS
        & ~says("i won't (?:be able|have|know|say|lie|even)|if|i will not be able")
    )


@labels(function=C)
def declining() -> pl.Expr:
    """Turning down an offer or an invitation.

    >>> declining("No thanks, I've eaten", "Coffee?"), declining("Thanks, but I can't make it", "Come!")
    (True, True)
    >>> declining("Thanks!")
    False
    """
    no_thanks = opens(
        "(?:no |nope |nah )(?:thanks|thank you|thx|gracias|merci|obrigad[oa]|danke)|nein danke|non merci|"
        "não obrigad[oa]|i'm (?:good|fine) thanks|i'll pass(?: on (?:that|this|it))? $|count me out|"
        "maybe (?:some other|another) time|rain check"
    )
    thanks_but = opens(
        "(?:thanks|thank you|i'd love to|i would love to|sorry|i'm sorry|i am sorry|i'm afraid|danke|"
        "merci|gracias|obrigad[oa])"
    ) & says(
        "(?:but )?(?:i|we) (?:can't|cannot|won't be able|have to|already have|can not|must)|aber (?:ich|"
        "wir)|mais (?:je|on)|pero (?:no|tengo)|mas (?:não|eu|já|tenho)"
    )
    return (no_thanks | (thanks_but & TURNED)) & ~ASKS


@labels(function=C)
def threat() -> pl.Expr:
    """A threat.

    >>> threat("Do that again and you'll regret it"), threat("I regret it")
    (True, False)
    """
    return (
        says(
            "or else $|(?:you'll|you will|you're going to|you are going to) (?:regret|be sorry|pay for)|"
            "(?:i'll|i will|we'll|we will) (?:sue|kill|destroy|ruin|hurt|end|report) (?:you|u|him|them)|"
            "(?:or|and) (?:i'll|i will|we'll|we will) (?:call (?:the police|security|your)|report|sue|"
            "tell (?:your|hr)|see you in court)"
            "|don't make me (?:call|come|tell|report|do)|you'll wish you|hear from my lawyers?|"
            "sonst (?:wirst|werde|rufe)|wirst (?:du|es) (?:es )?bereuen|tu vas le regretter|"
            "te vas a arrepentir|você vai se arrepender"
        )
        & ~ASKS
        & (COUNT < 25)
    )


@labels(form=C, function=C)
def foreign_promise() -> pl.Expr:
    """A present or future of the first person that commits, in German, French, Spanish or Portuguese.

    >>> foreign_promise("Ich schicke es dir gleich"), foreign_promise("Je t'envoie ça")
    (True, True)
    >>> foreign_promise("vou mandar agora")
    True
    """
    return (
        opens(
            "(?:ich|wir) (?:schicken?|sende|kümmern?|melden?|bringen?|übernehmen?|prüfen?|erledigen?|hole|"
            "gebe dir|gebe ihnen|rufe (?:dich|sie|ihn|gleich|morgen)|werden? (?:\\w+ ){1,4}(?:schicken|"
            "prüfen|erledigen|machen|bringen|melden|kümmern))"
            "|(?:je|on) (?:t'envoie|vous envoie|te l'envoie|m'en occupe|te rappelle|vous rappelle|le fais|"
            "regarde ça|passe|vais (?:le|la|te|vous|m'en|vérifier|regarder|envoyer|faire|demander|corriger))|"
            "j'envoie|j'apporte|je (?:te|vous) (?:promets|tiens)"
            "|(?:yo )?(?:te|se|les|os) (?:lo |la )?(?:envío|mando|aviso|prometo|llamo|traigo|paso|ayudo|"
            "escribo)|(?:yo )?(?:voy|vamos) a (?:revisar|mandar|enviar|llamar|hacer|ver|preguntar|arreglar|"
            "llevar)|ya lo (?:miro|hago|mando)|yo (?:lo|la|te) \\w+o"
            "|(?:eu )?(?:vou|vamos) (?:mandar|enviar|verificar|ver|fazer|ligar|levar|arrumar|resolver|checar|"
            "te)|(?:eu )?(?:te|lhe) (?:mando|envio|aviso|ligo|prometo|passo)|eu (?:levo|mando|faço|resolvo|"
            "cuido|ajudo|aviso|busco|pago|assumo)"
        )
        & ~ASKS
    )
