"""Polite requests and invitations: what wants a deed without the imperative."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ASKS, opens, says
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


@labels(form=Q, function=D)
def polite_request() -> pl.Expr:
    """A request for a deed in the form of a question; requests for an answer are not meant.

    >>> polite_request("Could you send it?"), polite_request("Can you tell me why?"), polite_request("Can it export?")
    (True, False, False)
    """
    return (
        opens(
            "(?:(?:can|could|would|will) (?:you|u|ya|someone|somebody|anyone|anybody)|"
            "can we get you to) (?:please |kindly |possibly |maybe |also |just |at least |quickly |guys |"
            f"all )*(?:{_DEEDS})"
        )
        & ~says(
            "would you (?:say|call|put that|come back|leave|ever)|will you (?:be|come|take the|go|call|leave|"
            "wait)|what|how|ever|still"
        )
        & ASKS
    )


@labels(form=Q, function=D)
def would_you_mind() -> pl.Expr:
    """A request for a deed that asks about willingness.

    >>> would_you_mind("Would you mind closing the door?"), would_you_mind("Any chance you could look?")
    (True, True)
    """
    return opens(
        "(?:would|do) you mind \\w+ing|mind \\w+ing|(?:would|is) it (?:be )?possible (?:for you )?to|"
        "(?:any|is there any) chance (?:you|someone|we) (?:could|can)|(?:could|can|"
        "may) i (?:please )?(?:have|get|borrow|see) (?:a|the|your|some|an|my|two|one|another)|"
        "do me a favou?r"
    )


@labels(function=D)
def wants_of_you() -> pl.Expr:
    """A wish of the speaker that names what the listener is to do.

    >>> wants_of_you("I need you to call them"), wants_of_you("I was wondering whether you could help")
    (True, True)
    """
    return (
        says(
            "(?:i|we) (?:need|want|expect|require|beg|urge) (?:you|somebody|someone) to|(?:i'd|i would|we'd|"
            "we would) (?:like|love|want|prefer) (?:for )?you to|wonder(?:ing)? (?:if|whether) (?:you|"
            "someone|somebody|anyone) (?:could|can|would|might be able to)|(?:it would be|it'd be|"
            "would be) (?:great|nice|good|helpful|lovely|awesome) if you (?:could|would|can)"
            "|(?:i'd|i would|we'd|would) (?:really |greatly )?appreciate (?:it )?if|i'd be grateful if|"
            "i need (?:the|your|that|it|this) (?:\\w+ ){0,4}(?:by|asap|before|today|now|tomorrow)|"
            "ich brauche (?:bitte|dringend)|j'aurais besoin|je voudrais que|necesito que|preciso que|"
            "gostaria que"
        )
        & ~ASKS
        & ~says("why|if you want|wanted")
    )


@labels(function=D)
def orders_something() -> pl.Expr:
    """A wish for a thing, addressed to somebody who serves.

    >>> orders_something("I'd like a coffee, please"), orders_something("I'd like it")
    (True, False)
    """
    return opens(
        "(?:hi |yes |can |could |may )?(?:i'd like|i would like|i'll have|i want|i'll take|(?:can|could|"
        "may) i (?:have|get)|ich hätte gern\\w*|ich möchte|je voudrais|j'aimerais|quisiera|me gustaría|"
        "queria|eu queria|gostaria de)"
    ) & says("please|bitte|s'il vous plaît|por favor")


@labels(form=Q, function=D)
def invitation() -> pl.Expr:
    """An invitation in the form of a question.

    >>> invitation("Want to join us for lunch?"), invitation("Do you want the blue one?")
    (True, False)
    """
    return (
        opens(
            "(?:do |would )?(?:you |u )?(?:want|like|care|fancy|wanna) (?:to )?(?:join|come|go|grab|"
            "have (?:lunch|dinner|a drink|coffee|some)|hang|meet|play|dance|sit|try some)|(?:care|want|"
            "wanna) (?:to|for) (?:join|come|a|some)|will you (?:join|marry|come with)|why don't you (?:sit|"
            "come|join|have|take|try|give|go|ask|just|call|let|stay|tell)"
            "|(?:kommst|gehst) du mit|hast du lust|möchtest du mit|tu viens|vous venez|ça te dit|(?:quieres|"
            "queréis) (?:venir|ir|salir)|te apuntas|(?:quer|vamos) (?:vir|ir|sair|almoçar)|bora"
        )
        & ASKS
    )


@labels(form=Q, function=D)
def foreign_request() -> pl.Expr:
    """A polite request in German, French, Spanish or Portuguese.

    >>> foreign_request("Kannst du mir bitte helfen?"), foreign_request("¿Puedes enviarlo?")
    (True, True)
    >>> foreign_request("Você pode vir?")
    True
    """
    return (
        opens(
            "(?:kannst|könntest|würdest|magst) du|(?:können|könnten|würden) sie|(?:kann|könnte) (?:mir |"
            "bitte )?(?:jemand|wer)|(?:könnt|könntet) ihr|(?:tu )?(?:peux|pourrais) tu|(?:pouvez|pourriez|"
            "voulez|auriez) vous|(?:tu peux|vous pouvez)|est ce que (?:tu|vous) (?:peux|pourrais|pouvez|"
            "pourriez)|quelqu'un (?:peut|pourrait)|(?:me |nos )?(?:puedes|podrías|puede|podría|pueden|"
            "podéis)(?: usted)? (?:\\w*r|\\w*rme|\\w*rlo|\\w*rla|\\w*rnos|por|mandar\\w*|\\w+rme\\w*)|(?:te |"
            "le )?importaría"
            "|(?:você|vc|alguém|voce) (?:pode|poderia|consegue)(?: me)? \\w+|(?:pode|poderia|podes|podia)(?: me)? \\w+r"
        )
        & ASKS
        & ~says("(?:mir|me) (?:sagen|erklären|dire|expliquer|decir|dizer|explicar)|que")
    )
