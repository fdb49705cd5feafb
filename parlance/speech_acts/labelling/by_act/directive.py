"""Orders, instructions, prohibitions and warnings: the imperative and its kin."""

import polars as pl

from parlance.speech_acts.labelling.evidence import (
    ASKS,
    BEFORE_ASKS,
    CORE,
    COUNT,
    LINE,
    MEDIUM,
    TEXT,
    fresh,
    opens,
    says,
)
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

D = SpeechAct.DIRECTIVE
Q = SpeechAct.QUESTION
_DEEDS = (
    "send|give|bring|take|check|fix|help|call|open|close|move|show|pass|put|turn|wait|add|update|"
    "review|forward|ask|write|sign|change|stop|remove|"
    "look|try|run|post|share|come|keep|lend|hold|pick|set|let|ping|restart|upload|reply|confirm|"
    "leave|return|copy|print|book|get me|make sure|make me|"
    "please|kindly|point me|grant|approve|resend|reset|unlock|drop|speak up|repeat|email|mail|cover|"
    "join|take a look|have a look|do me|schedule|merge|push|delete"
)
# Verbs that seldom open a sentence but as an imperative.
_IMPERATIVES = (
    "add|ask|avoid|bring|call|choose|clear|click|compare|complete|connect|consider|contact|copy|"
    "create|cut|delete|describe|"
    "disconnect|download|drag|draw|drain|drop|email|enable|ensure|enter|fill|fold|follow|forward|"
    "give|grab|heat|hit|ignore|include|insert|"
    "install|invite|join|keep|leave|make|mix|notify|open|peel|pick|place|pour|press|print|pull|put|"
    "read|reboot|refer|remember|remove|"
    "repeat|replace|reply|reset|restart|review|rinse|run|save|scroll|select|send|serve|share|show|"
    "shut|sit|skip|slice|stir|submit|switch|take|tap|"
    "tidy|try|turn|unplug|update|upload|use|verify|visit|wash|wipe|write|come|go|bring|check|start|"
    "stay|stop|wear|meet|lock|hand|get|be"
)
_OBJECTS = (
    "the|a|an|your|it|them|this|that|these|those|all|any|me|us|him|her|to|in|on|at|up|out|off|over|"
    "with|for|back|some|every|each|both|one|down|away|here|there|into|sure|from|by|until|as|if|and|"
    "another|new|no|more|two|quiet|careful|ready|nice|ahead|home|inside|straight|right|left|along|"
    "around|through|about|before|between|across|just"
)


@labels(form=D, function=D)
def please_do() -> pl.Expr:
    """An imperative with please.

    >>> please_do("Please send the file"), please_do("Restart it, please"), please_do("Please tell me why")
    (True, False, False)
    """
    wanted = LINE.str.contains(
        r"^(?:\W*(?:and|so|also|then|ok|okay|but|hi|hey|hello|if so)\b)?(?:\W*\w+,)?\W*(?:please|pls|plz|"
        r"kindly)\b,? +(?:do |also |just |just |feel |don't |be |\w+ly )*[a-z]"
    )
    return (
        wanted
        & ~says(
            "(?:please|pls|kindly) (?:tell|say|state|specify|explain|describe|list|name|answer|is|are|can|"
            "could|do you|advise|clarify)"
        )
        & ~ASKS
        & (COUNT > 1)
    )


@labels(form=D, function=D)
def imperative() -> pl.Expr:
    """An imperative of a deed with its object.

    >>> imperative("Open the window"), imperative("Add salt"), imperative("Open source is fine")
    (True, False, False)
    >>> imperative("Make it so?")
    False
    """
    return (
        opens(f"(?:never |always |simply |carefully |kindly |gently |quickly )?(?:{_IMPERATIVES}) (?:{_OBJECTS})")
        & fresh()
        & ~ASKS
        & ~opens(
            "(?:use to|go on|come on|consider (?:it|this)|take the lead|come to think|give or|check out the|"
            "be that|go figure|read more|leave it (?:to|with) me|make it|get it|get to|be in|be there|"
            "stop it|try as|keep in|call it|put it|be nice to|be able|have to|hit by|let alone|start (?:of|"
            "date)|show up|be back|take that|take a guess|take it|make yourself|be on|one|be a|get in|get up|"
            "pick up your|be careful|enter the|be one|be all|leave for|be just|be the)"
        )
        & ~says("will|would|is|are|was|were|wasn't|has|have|did|good luck|you'll regret|i'll")
    )


@labels(form=D, function=D)
def instruction() -> pl.Expr:
    """A step of an instruction: a verb of handling things with what is handled.

    >>> instruction("1. Click Save."), instruction("Add two cups of flour"), instruction("Clicks are counted")
    (True, True, False)
    """
    return (
        LINE.str.contains(
            r"^(?:\W|\d+[.)]|[a-z][.)] |step \d+\W|then |next,? |now,? |first,? |finally,? |"
            r"to \w+(?: \w+){0,5}, )*(?:click|press|select|tap|type|drag|unplug|unscrew|preheat|simmer|whisk|"
            r"drizzle|sprinkle|chop|slice|peel|bake|boil|knead|stir|rinse|dissolve|install|reboot|scroll|"
            r"navigate|insert|download|uninstall|log (?:in|out|into)|sign in|run|add|mix|pour|cut|fold|enter|"
            r"choose|set|remove|connect|restart)\s+(?:the|a|an|on|to|in|into|your|it|all|until|with|over|any|"
            r"two|three|\d+|one|for|and|some|half|`|[a-z]+ing\b|save|ok|next|start|salt|water|flour|sugar|"
            r"butter|oil|up|down|out|off|from|at)"
        )
        & ~ASKS
    )


@labels(form=D, function=D)
def prohibition() -> pl.Expr:
    """What is not to be done.

    >>> prohibition("Don't touch the red one"), prohibition("Don't worry"), prohibition("Don't know")
    (True, False, False)
    """
    return (
        opens(
            "(?:don't|do not|dont|never|no need to|stop) (?:ever |just |you |even |forget|touch|"
            f"{_IMPERATIVES}|tell|talk|say|let|do|move|eat|look|change|buy|panic|shout|yell|push|merge|pay|"
            "lose|miss|laugh|interrupt)"
            "|(?:bitte )?nicht (?:öffnen|vergessen|berühren|anfassen|stören|rauchen|füttern|löschen)|"
            "ne pas \\w+|prière de|no (?:toques|abras|olvides|fumar|tocar|borres|hables)|não (?:toque|abra|"
            "esqueça|mexa|fale|fume)"
        )
        & fresh()
        & ~ASKS
        & ~opens(
            "(?:don't|do not|dont) (?:know|think|have|want|need|like|care|see|get me wrong|get it|mind|"
            "forget to have|hesitate|mention|be|tell me|make me|ask me|call me|remember|do (?:much|a|any|"
            "as))|never (?:mind|been|had|have|did|say never|ever|get)|don't you"
        )
        & ~says("i've|i have")
    )


@labels(form=D, function=D)
def lets() -> pl.Expr:
    """A call to do something together.

    >>> lets("Let's start"), lets("Let's see"), lets("Lass uns gehen")
    (True, False, True)
    """
    return (
        opens(
            "let's|lets|let us|lass uns|lasst uns|vámonos|vamos (?!a)".replace(
                " (?!a)", " (?:para|nessa|começar|comer|embora)"
            )
            + "|allons|on y va"
        )
        & ~opens("(?:let's|lets|let us) (?:see|say|face|hope|be honest|just say|assume|suppose|not forget)")
        & ~ASKS
        & (COUNT > 1)
    )


@labels(form=D, function=D)
def attention() -> pl.Expr:
    """Wait, listen, go on: short commands to the one who speaks.

    >>> attention("Hold on a second"), attention("Go ahead"), attention("Wait, that's wrong")
    (True, True, False)
    """
    return (
        CORE.str.contains(
            "^ (?:wait|wait up|wait for (?:me|it|us)|hold on|hang on|hold it|hold your horses|one moment|"
            "(?:just )?(?:a|one) (?:sec|second|minute|moment)|listen(?: up| to me| to this)|go ahead|go on|"
            "go for it|come on in|come in|come here|sit down|stand up|calm down|slow down|hurry up|shut up|"
            "be quiet"
            "|cheer up|take your time|keep going|carry on|continue|stop|stop it|stop that|relax|get out|"
            "leave me alone|watch out|look out|be careful|warte|moment mal|attends|un moment|espera|"
            "un momento|espere|calma|vorsicht|attention|cuidado)"
            "(?: (?:please|then|now|a (?:sec|second|minute|moment|bit)|with it|man|guys|everyone|there|"
            "for me|sir|bitte|mal))* $"
        )
        & ~ASKS
    )


@labels(function=D)
def obliges_you() -> pl.Expr:
    """A duty of the listener in words of duty.

    >>> obliges_you("You have to sign here first"), obliges_you("You must be tired"), obliges_you("They must sign")
    (True, False, False)
    """
    return (
        opens(
            "(?:first |if \\w+ \\w+ \\w+ )?(?:you|u) (?:will |really |still |all |also |just |"
            "now )?(?:need to|must|have to|should not|shouldn't|mustn't|are required to|had better|better|"
            "can't just|cannot) (?!be)".replace(
                "(?!be)",
                f"(?:{_DEEDS}|sign|fill|submit|bring|complete|register|provide|wear|pay|leave|go|log|do|be here|"
                "get|make|use|start)",
            )
        )
        & ~ASKS
        & (MEDIUM != "talk")
        & ~BEFORE_ASKS
        & (COUNT < 18)
    )


@labels(form=D, function=D)
def warning() -> pl.Expr:
    """What the listener must not forget.

    >>> warning("Make sure it is locked"), warning("Remember to sign"), warning("I remember")
    (True, True, False)
    """
    return (
        opens(
            "(?:always )?(?:make sure|be sure|remember|don't forget|do not forget|watch out for|beware of|"
            "be careful|mind the|look out for|keep in mind|bear in mind|note) (?:to|you|it|the|not|with|of|"
            "your|about|all|there|and|we|this|where|when)|denk(?:t|en sie)? (?:daran|an)|vergiss nicht|"
            "n'oublie[zs]? pas|recuerda|no (?:te )?olvid\\w+|lembre|não (?:se )?esqueç\\w+"
        )
        & ~ASKS
        & ~opens("remember (?:the|that|when|it|this|we|where)|note that there")
    )


@labels(form=D, function=D)
def foreign_order() -> pl.Expr:
    """A polite imperative in German, French, Spanish or Portuguese.

    >>> foreign_order("Bitte schick mir die Datei"), foreign_order("Veuillez signer ici"), foreign_order("Bitte schön")
    (True, True, False)
    """
    german = opens("bitte (?:\\w+ ){0,1}(?:\\w+) (?:\\w+)") & ~opens("bitte (?:schön|sehr|was|wie|gern|nicht so)")
    german_end = LINE.str.contains(
        r"^(?:schick|gib|mach|komm|ruf|schreib|prüf|öffne|schließ|nimm|lass|bring|sag|hilf|warte|schau|"
        r"leg|stell)\w* "
    )
    romance = opens(
        "veuillez|merci de \\w+(?:er|ir|re)|(?:\\w+ez) (?:le|la|les|un|une|votre|vos|ce|cette|moi|nous|à|"
        "sur|bien) |por favor \\w+|(?:\\w+) (?:\\w+ ){1,6}(?:por favor|s'il (?:te|vous) plaît|stp|svp)"
    )
    return (
        (german | german_end | romance)
        & ~ASKS
        & ~opens("(?:ich|je|yo|eu|un|una|um|uma|quisiera|chez|assez|vous|queria|\\w+ (?:ich|wir))")
        & (COUNT > 2)
    )


@labels(form=D, function=D)
def named_and_told() -> pl.Expr:
    """A mention of somebody, then an imperative.

    >>> named_and_told("@ana please review the draft"), named_and_told("@ana was here")
    (True, False)
    """
    return (
        TEXT.str.contains(
            r"^\s*(?:@[\w.-]+|<@[^>]+>)[\s,:-]+(?i:please|pls|can you|could you|check|review|fix|send|add|"
            r"update|take|look|move|join|call|make|remove|merge|confirm|reply|look)\b"
        )
        & ~ASKS
    )
