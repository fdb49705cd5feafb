"""What wants to know, with a question mark and without one."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ASKS, CORE, COUNT, LINE, TEXT, WORDS, opens, says
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

Q = SpeechAct.QUESTION
_WH = "what|what's|whats|where|where's|when|when's|who|who's|whose|whom|why|which|how|how's|how come"
_SUBJECTS = (
    "i|you|u|we|they|he|she|it|this|that|there|the|my|our|your|his|her|their|any\\w*|some\\w*|these|"
    "those|everyone|everybody|all"
)
_BE = (
    "(?:is|are|am|was|were|do|does|did|has|have|had)(?:n't)?|can|could|will|would|should|may|might|"
    "won't|can't|couldn't|shouldn't|wouldn't|ain't"
)
_YOU_COULD = (
    "^ (?:can|could|would|will|won't|can't|may) (?:you|u|someone|somebody|anyone|anybody|ya) |"
    "^ (?:shall|should|can|may|could) (?:i|we) "
)
_NOT_TO_KNOW = (
    "^ (?:why (?:don't|not|doesn't)|how about|what about (?:\\w+ing|if)|what if|how are you|"
    "how do you do|what's up|how's it going|what a|what an|who cares|would you (?:like|mind|care)|"
    "do you (?:want|mind|need) (?:me|some|any|a|to)|want|isn't (?:it|that|this) \\w+ $|how (?:can|"
    "may) i help)"
)
_FOREIGN_WH = (
    "wer|was|wo|wann|warum|wieso|weshalb|wie|wohin|woher|welche[rnms]?|wessen|wem|wen|qui|que|quoi|"
    "quand|où|comment|pourquoi|combien|quel|quelle|quels|quelles|qu'est|est ce|"
    "qué|quién|quiénes|cómo|cuándo|dónde|cuál|cuáles|cuánto|cuánta|cuántos|cuántas|quem|quando|onde|"
    "como|qual|quais|quanto|quanta|quantos|quantas|cadê|alguien|alguém|jemand|weiß jemand|gibt es|"
    "hat jemand|ist|sind|haben|hast du|hay|tienes?|tem|você tem|avez vous|as tu|es tu|y a t"
)


@labels(form=Q)
def question_mark() -> pl.Expr:
    """It ends with a question mark.

    >>> question_mark("And the second one?"), question_mark("¿Vienes? 😀"), question_mark("Sure.")
    (True, True, False)
    """
    return ASKS


@labels(function=Q)
def asks_by_mark() -> pl.Expr:
    """A question mark, where no formula of request, offer, suggestion or greeting comes with it.

    >>> asks_by_mark("And the second one?"), asks_by_mark("Could you send it?"), asks_by_mark("How about six?")
    (True, False, False)
    """
    return (
        ASKS
        & ~CORE.str.contains(_YOU_COULD)
        & ~CORE.str.contains(_NOT_TO_KNOW)
        & ~says("please|bitte|por favor|would you|could you|mind if")
    )


@labels(function=Q)
def wh_question() -> pl.Expr:
    """A question word first and a mark at the end.

    >>> wh_question("Where's the form?"), wh_question("Why don't we meet?"), wh_question("Where it is, nobody knows.")
    (True, False, False)
    """
    return (
        opens(f"(?:by the way |for |in |on |at |to |from )?(?:{_WH})")
        & ASKS
        & ~CORE.str.contains(_NOT_TO_KNOW)
        & ~says("could you|can you")
    )


@labels(function=Q)
def inverted_question() -> pl.Expr:
    """A verb before its subject and a mark at the end.

    >>> inverted_question("Is it done?"), inverted_question("Can it export?"), inverted_question("Can you export it?")
    (True, True, False)
    """
    return (
        opens(f"(?:{_BE}) (?:{_SUBJECTS})") & ASKS & ~CORE.str.contains(_YOU_COULD) & ~CORE.str.contains(_NOT_TO_KNOW)
    )


@labels(form=Q, function=Q)
def unmarked_wh_question() -> pl.Expr:
    """A question word and a verb before its subject, without a mark.

    >>> unmarked_wh_question("where is the form"), unmarked_wh_question("what i mean is this")
    (True, False)
    >>> unmarked_wh_question("Why not.")
    False
    """
    return (
        CORE.str.contains(
            "^ (?:where|when|who|why|how|what|which \\w+|what \\w+|how (?:many|much|long|often|far|"
            f"old)(?: \\w+)?|what kind of \\w+) (?:{_BE}) (?:{_SUBJECTS}) "
        )
        & ~ASKS
        & ~LINE.str.contains("[!:…]$")
        & ~CORE.str.contains(_NOT_TO_KNOW)
        & (COUNT <= 14)
    )


@labels(form=Q, function=Q)
def unmarked_inverted_question() -> pl.Expr:
    """A verb before its subject, without a mark.

    >>> unmarked_inverted_question("is there a guide"), unmarked_inverted_question("Do it now")
    (True, False)
    >>> unmarked_inverted_question("did you eat")
    True
    """
    return (
        CORE.str.contains(
            "^ (?:(?:do|does|did|have|has|are|is|was|were) (?:you|we|they|he|she|there|anyone|anybody|"
            "everyone)|is (?:it|this|that)|does (?:it|this|that)|did (?:it|that)|has (?:it|anyone)|"
            "any (?:idea|ideas|news|updates?|thoughts|luck|questions)|anyone (?:know|seen|have|here|else|up|"
            "around|free)|anybody (?:know|seen|have)) "
        )
        & ~ASKS
        & ~LINE.str.contains("[!:…]$")
        & ~CORE.str.contains(_NOT_TO_KNOW)
        & ~says("have you (?:ever )?(?:done|to)|do you (?:think so|know what i)")
        & (COUNT <= 16)
    )


@labels(form=Q, function=Q)
def tag_question() -> pl.Expr:
    """A statement with a tag that asks.

    >>> tag_question("You're coming, right?"), tag_question("Das geht, oder?"), tag_question("Right?")
    (True, True, False)
    """
    return (
        LINE.str.contains(
            r"\w\W+(?:right|correct|yes|no|huh|eh|yeah|ok|okay|is that right|(?:is|are|was|were|do|does|did|"
            r"has|have|had|can|could|will|would|should|wo)(?:n't|n’t)? (?:it|you|we|they|he|she|i|that|there)|"
            r"or not|oder|nicht wahr|gell|ne|hein|non|n'est-ce pas|verdad|no es así|cierto|né|certo|"
            r"não é) ?\?\W*$"
        )
        & (COUNT > 2)
        & ~CORE.str.contains(_YOU_COULD)
        & ~opens("let's|lets|(?:i'll|i will) ")
    )


@labels(function=Q)
def indirect_question() -> pl.Expr:
    """The wish to know, in a statement or behind a polite opening.

    >>> indirect_question("Wondering if the portal is down")
    True
    >>> indirect_question("I was wondering whether you could help")
    False
    """
    return opens(
        "(?:i |i'm |i am |we |we're |was |just )?(?:was (?:just )?wondering|(?:just )?wondering|curious|"
        "am curious|were wondering|'d like to know|want to know|would like to know) (?:if|whether|what|"
        "how|why|where|who|when|about|which)"
        "|(?:i'd|i would|we'd|we would) (?:like|love) to (?:know|ask|hear|find out|understand) (?:if|"
        "whether|what|how|why|where|who|when|about|which)|(?:(?:does|do) (?:anyone|anybody|someone|you|"
        "u)|did anyone) (?:happen to )?know|(?:can|could|would) (?:you|anyone|someone|"
        "somebody) (?:please |kindly )?(?:tell (?:me|us)|explain|say|describe|clarify)"
        "|any (?:idea|ideas|clue) (?:if|whether|what|how|why|where|who|when|about)|ich (?:frage mich|"
        "wüsste gern|würde gern(?:e)? wissen)|je me demande|me pregunto|quería saber|queria saber|"
        "gostaria de saber"
    ) & ~says("(?:if|whether) (?:you|someone|somebody|anyone) (?:could|would|can|might)")


@labels(form=Q, function=Q)
def asks_anyone() -> pl.Expr:
    """A question to whoever knows.

    >>> asks_anyone("Anyone seen the keys?"), asks_anyone("Any updates?"), asks_anyone("Anyone can do it.")
    (True, True, False)
    """
    return (
        opens(
            "(?:has |have |did |does |is )?(?:anyone|anybody|any of you)(?: else| here)? (?:know|knows|seen|"
            "have|has|else|tried|got|using|used|getting|having|up|around|working|who|ever|heard|notice\\w*|"
            "remember|able|in|from|free|awake)|any (?:update|updates|news|idea|ideas|luck|thoughts|word|"
            "progress|questions|suggestions|plans|objections)|(?:weiß|hat|kennt) (?:jemand|wer)|"
            "quelqu'un (?:sait|a|connaît)|alguien (?:sabe|ha|tiene|conoce)|alguém (?:sabe|tem|viu|conhece)"
        )
        & (ASKS | (COUNT <= 8))
        & ~LINE.str.contains(r"[.!]$")
    )


@labels(form=Q, function=Q)
def repeat_please() -> pl.Expr:
    """A request to say it again.

    >>> repeat_please("Sorry?"), repeat_please("What?"), repeat_please("Wie bitte?"), repeat_please("Sorry!")
    (True, True, True, False)
    """
    return (
        WORDS.str.contains(
            "^ (?:(?:oh|i'm|uh|hm) )?(?:what|sorry|pardon|pardon me|excuse me|huh|come again|say again|"
            "say that again|say what|what's that|what was that|wie bitte|was|hä|comment|pardon|quoi|cómo|qué|"
            "perdón|como|o quê|desculpa|hein)(?: sorry)? $"
        )
        & ASKS
    )


@labels(function=Q)
def foreign_question() -> pl.Expr:
    """A question word or verb first and a mark at the end, or an opening mark, in four other languages.

    >>> foreign_question("Wo ist das Formular?"), foreign_question("¿Vienes?"), foreign_question("Kannst du kommen?")
    (True, True, False)
    """
    asks = (
        opens(f"(?:{_FOREIGN_WH})")
        & ASKS
        & ~opens(
            "(?:was|comment|quoi|qué|que|cómo|como|wie) (?:about|if|is|are|you|do|was|were|ça va|estás|vai|"
            "tal|wäre es|geht|he|she|it|there|they|i|we|that|the|te parece)|hat jemand lust"
        )
    )
    return (asks | TEXT.str.contains("^¿")) & ~says(
        "por favor|bitte|puedes|puede|podrías|podría|kannst|könntest|quieres|te parece|quieren|"
        "importaría|pode|poderia|você pode|und wie|alguien puede|alguém pode|warum (?:nicht|gehen wir)|"
        "por qué no|pourquoi pas|por que não|ça va|estás"
    )


@labels(form=Q, function=Q)
def choice_question() -> pl.Expr:
    """A choice between two.

    >>> choice_question("The red or the blue one?"), choice_question("Take it or leave it")
    (True, False)
    """
    return (
        LINE.str.contains(r"\w+ or (?:\w+ ){0,4}\w+ ?\?\W*$")
        & (COUNT <= 18)
        & ~CORE.str.contains(_YOU_COULD)
        & ~CORE.str.contains(_NOT_TO_KNOW)
    )


@labels(form=SpeechAct.DIRECTIVE, function=Q)
def answer_wanted() -> pl.Expr:
    """An imperative that wants an answer.

    >>> answer_wanted("Please state your version"), answer_wanted("Tell me why"), answer_wanted("Tell him to stop")
    (True, True, False)
    """
    return (
        opens(
            "(?:please |kindly |go on )?(?:tell (?:me|us) (?:why|what|where|when|who|how|about|which|more|"
            "your|whether|if|the)|explain (?:why|how|what|to me|this|that|the|your)|describe (?:the|your|"
            "what|how|it)|(?:state|specify|name|list|give me) (?:your|the|one|two|three|five|an example|its)|"
            "spell (?:it|that|your)|say (?:that|it) again|define|remind me (?:what|who|where|how))"
            "|sag mir (?:warum|was|wo|wie|wann)|nennen sie|dis moi|dites moi|dime|dígame|me diga|me conta|explique"
        )
        & ~ASKS
        & ~CORE.str.contains("^ list the ")
    )
