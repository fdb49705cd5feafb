"""How things are, were, will or might be; answers, suggestions, reports."""

import polars as pl

from parlance.speech_acts.labelling.evidence import (
    ANSWERING,
    ASKS,
    BEFORE,
    COUNT,
    WORDS,
    asked_to_do,
    is_only,
    opens,
    says,
)
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

R = SpeechAct.REPRESENTATIVE
_JUDGING = (
    "good|great|nice|excellent|amazing|brilliant|fantastic|awesome|perfect|wonderful|beautiful|cool|"
    "impressive|bad|terrible|awful|horrible|ugly|stupid|ridiculous|useless|boring|unacceptable|"
    "better|worse|best|worst|too|love|hate|like|worth|weird|crazy|interesting|fun|funny|important|"
    "easy|hard|difficult|wrong|should"
)
_OFFERED = " (?:shall i|do you want|would you like|want me to|can i help|may i|care for|want some|need a hand|join) "


def _unmarked() -> pl.Expr:
    """No mark, word or formula of another act."""
    return ~ASKS & ~says(
        f"{_JUDGING}|please|thanks|thank you|sorry|i'll|we'll|i will|we will|you're fired|hereby|can you|"
        "could you|will you|would you|you need to|you have to|congratulations|promise"
    )


@labels(function=R)
def yes_or_no() -> pl.Expr:
    """A short yes or no to somebody else's question.

    >>> yes_or_no("Yes.", "Did it work?"), yes_or_no("Yes.", "Can you send it?"), yes_or_no("Yes.")
    (True, False, False)
    """
    yes = (
        "yes|yeah|yep|yup|yea|no|nope|nah|not really|i think so|i do|i did|i don't think so|maybe|"
        "probably|possibly|of course|not yet|it depends|it is|it does|it did|it was|he is|they are|"
        "exactly|correct|right|true|sure|definitely|absolutely|ja|nein|doch|oui|non|si|sí|sim|não|sir|"
        "ma'am|so|uh|um|oh|well|not|actually|unfortunately"
    )
    return is_only(yes) & ANSWERING & ~asked_to_do() & ~BEFORE.str.contains(_OFFERED) & ~ASKS & (COUNT <= 6)


@labels(form=R, function=R)
def short_answer() -> pl.Expr:
    """A few words after a question that wants some.

    >>> short_answer("Next Tuesday.", "When is it?"), short_answer("Next Tuesday.", "Can you come?")
    (True, False)
    >>> short_answer("Why?", "Who?")
    False
    """
    wanted = BEFORE.str.contains(
        "^ (?:\\w+ ){0,3}(?:what|where|when|who|which|how|why|wer|wo|wann|was|wie|welche\\w*|où|quand|"
        "combien|quel\\w*|dónde|cuándo|cuánt\\w+|qué|quién|onde|quando|quem|quant\\w+|qual) "
    )
    return (
        ANSWERING
        & wanted
        & ~asked_to_do()
        & ~ASKS
        & (COUNT >= 1)
        & (COUNT <= 8)
        & ~BEFORE.str.contains(" (?:how about|what about|why don't|how are you|how do you do|why not|what if) ")
        & ~opens(
            "thanks|thank you|sorry|hi|hello|great|good|fine|wow|uh|um|what|who|let's|let me|go|i'll|mm|hm+|"
            "well|you know|i'm (?:so |very )?sorry|my (?:bad|fault)|i need|hola|hallo|gute|bitte"
        )
        & ~is_only("okay|ok|oh|yeah|right|well|um|uh|hm+|mm+|uh huh|mm hmm|so|and|sure|hmm|the|or|but|ah|hello")
    )


@labels(form=R, function=R)
def reported_speech() -> pl.Expr:
    """What somebody else said, asked, promised.

    >>> reported_speech("He promised to call"), reported_speech("They said thanks"), reported_speech("He said what?")
    (True, True, False)
    """
    return (
        opens(
            "(?:he|she|they|everyone|people|somebody|someone|the \\w+|my \\w+|\\w+) (?:also |just |even |"
            "already |has |have |had |then )?(?:said|told|asked|promised|thanked|apologi[sz]ed|replied|"
            "mentioned|claimed|claims|says|announced|explained|admitted|offered|complained|suggested|denied|"
            "swore|warned|agreed|confirmed|wrote|meinte|sagte|hat gesagt|a dit|dijo|disse|falou)"
        )
        & ~ASKS
        & ~opens("(?:you|i|who|what|enough|well|easier|that|as|like) ")
        & (COUNT >= 3)
    )


@labels(function=R)
def suggestion() -> pl.Expr:
    """A suggestion in the conditional or by its name.

    >>> suggestion("You could try another port"), suggestion("How about six?"), suggestion("I suggest we wait")
    (True, True, True)
    """
    return (
        opens(
            "(?:maybe |perhaps |or |alternatively |i think |i guess |i mean )?(?:you|we|one|u|they) (?:could|"
            "might want to|may want to|can always|might|might as well|might consider) (?:also |just |maybe |"
            "even |always |probably )?(?:\\w+)|how about|what about \\w+ing|what if (?:we|you)|why don't we|"
            "why not|(?:i'd|i would) (?:\\w+ )?(?:suggest|recommend|try|go with|use|check|restart|wait|ask|"
            "start|avoid|just)|i (?:suggest|recommend|propose)|maybe (?:we|you|try)|perhaps (?:we|you)"
            "|(?:du|sie|ihr|man|wir) (?:könnte\\w*|kannst auch|solltest|sollten|sollte)|wie wäre es|"
            "tu (?:pourrais|devrais)|vous (?:pourriez|devriez)|on pourrait|(?:podrías|podríamos|deberías|"
            "podemos)|(?:você |a gente )?(?:poderia|devia|podia|poderíamos|podemos)"
        )
        & ~says("could you|please")
        & ~opens("(?:you|they) could (?:hear|see|tell|say|not|have|be)|how about you $|we could (?:hear|see|not)|they")
    )


@labels(function=R)
def should() -> pl.Expr:
    """What ought to be, with no order in it.

    >>> should("We should close this"), should("It should be in the drawer"), should("You should be ashamed")
    (True, True, False)
    """
    return (
        opens(
            "(?:i think |maybe |perhaps |i guess |probably )?(?:we|it|that|this|they|he|she|there|the \\w+|"
            "the \\w+ \\w+|somebody|someone|you) (?:probably |really |definitely |also |maybe )?(?:should|"
            "ought to|shouldn't)"
        )
        & ~ASKS
        & ~says("should be ashamed|know better|should not|please|thank")
    )


@labels(form=R, function=R)
def agreement() -> pl.Expr:
    """Agreement with a claim.

    >>> agreement("Exactly."), agreement("I think so too"), agreement("Stimmt"), agreement("Agreed to pay")
    (True, True, True, False)
    """
    return (
        WORDS.str.contains(
            "^ (?:(?:yeah|yes|oh|well|no|yep|and|uh|right|oh yeah|ja|oui|sí|sim) )*(?:exactly|precisely|"
            "(?:that's|that is|it's|thats) (?:right|true|correct|for sure|exactly right)|true|very true|"
            "i agree|i totally agree|agreed|me too|same here|me neither|i think so(?: too)?|so do i|i know|"
            "definitely|absolutely|that's what i (?:thought|think|said|meant)(?: too)?|genau|stimmt|"
            "das stimmt|exacto|eso es|exactement|c'est vrai|tout à fait|concordo|exato|isso mesmo|é verdade|"
            "de acuerdo|fair point|good point taken)(?: (?:with you|that|with that|i agree|yeah|too|actually|"
            "what i saw too|right))* $"
        )
        & ~ASKS
        & (COUNT <= 9)
    )


@labels(form=R, function=R)
def disagreement() -> pl.Expr:
    """Disagreement with a claim.

    >>> disagreement("I disagree"), disagreement("That's not true"), disagreement("No, that's not what I said")
    (True, True, True)
    """
    return (
        opens(
            "(?:no |well |but |actually |nope |hm+ |yeah |i'm sorry )*(?:i (?:strongly |respectfully |"
            "totally |have to )?disagree|i don't (?:agree|think so|believe so)|that's (?:not|"
            "just not) (?:true|right|correct|quite|what|how|the case|entirely)|that isn't (?:true|right|"
            "correct)|not (?:really|exactly|quite|necessarily) $|it's not true|das stimmt nicht|"
            "ce n'est pas vrai|c'est faux|no es (?:cierto|verdad)|não é verdade|discordo)"
        )
        & ~ASKS
    )


@labels(form=R, function=R)
def not_knowing() -> pl.Expr:
    """The speaker does not know, remember or have it.

    >>> not_knowing("I don't know."), not_knowing("No idea"), not_knowing("Keine Ahnung")
    (True, True, True)
    >>> not_knowing("I don't want to")
    False
    """
    return (
        opens(
            "(?:no |sorry |um |uh |hm+ |honestly )*(?:i (?:really |honestly |just |still )?(?:don't|do not|"
            "dont|didn't|can't) (?:know|remember|recall|have (?:a|any|the|that|it|an)|understand|see (?:it|"
            "any|a|the))|(?:i've |i have )?no (?:idea|clue)|(?:i'm |i am )?not (?:really |entirely |"
            "quite )?sure(?: (?:if|what|about|how|why|that|whether|yet|i|where|which|either|though).*)?|idk|"
            "dunno|beats me|keine ahnung|weiß (?:ich )?nicht|ich weiß (?:es )?nicht|je (?:ne )?sais pas|"
            "aucune idée|no (?:lo )?sé|ni idea|não sei|sei lá)"
        )
        & ~ASKS
        & ~says("what to say|how to thank|but|how (?:i|we|to) (?:would|can|thank)")
    )


@labels(form=R, function=R)
def narrated_past() -> pl.Expr:
    """What happened.

    >>> narrated_past("The build failed on the second step"), narrated_past("We went to the lake")
    (True, True)
    >>> narrated_past("You failed!")
    False
    """
    return (
        opens(
            "(?:i |we |he |she |they |it |the \\w+ |the \\w+ \\w+ |my \\w+ |our \\w+ |\\w+ and i |somebody |"
            "someone |yesterday \\w+ |there |last \\w+ \\w+ )(?:\\w+ly |just |also |never |only |already |"
            "finally |then )?(?:was|were|had|went|got|did|didn't|came|took|used to|made|saw|failed|worked|"
            "started|stopped|wasn't|weren't|found|lost|moved|tried|bought|left|broke|ran|heard|called|sent|"
            "grew|lived|gave|kept|brought|met|ended|happened|became|began|fell|spent|put|changed|looked|"
            "turned|wanted|had to|couldn't|rained)"
        )
        & _unmarked()
        & ~says("woke up angry|of you|regret")
        & (COUNT >= 4)
    )


@labels(form=R, function=R)
def state_of_things() -> pl.Expr:
    """What there is, what somebody has, where something is.

    >>> state_of_things("There is a form on the wiki"), state_of_things("The server runs on port 80")
    (True, True)
    >>> state_of_things("Is there?")
    False
    """
    return (
        opens(
            "(?:i think |i guess |i believe |apparently |basically |because |cause |since )?(?:there(?:'s|"
            " is| are| was| were| isn't| aren't)|it(?:'s| is)(?: not)? (?:a|an|the|in|on|at|about|from|"
            "because|only|just|called|like \\d|under|still|already|for)|they(?:'re| are| have)|(?:he|"
            "she)(?:'s| is| has)|we(?:'ve| have) (?:a|an|the|two|three|some|got|no|only|been|to)|i(?:'ve|"
            " have) (?:a|an|been|two|three|got|had|never|already|the)|i(?:'m| am) (?:in|at|from|a|an|not|on|"
            "working|using|still|getting|trying|the)|i (?:work|live|use|have|usually|think it's|was)|"
            "the (?:\\w+ )?\\w+ (?:(?:is|are) (?:in|on|at|from|about|for|a|an|not|still|called|made|located|"
            "stored|available|down|up|running|\\d+)|has (?:a|an|no|two|three|four|\\d+)|runs|works|takes|"
            "starts|comes|goes|means|says|shows|uses|contains|lives|costs|depends|ends|opens|closes|sits|"
            "stands)|it (?:takes|works|runs|depends|means|costs|says|has|starts|comes|goes|happens|seems|"
            "looks like|turns|needs|uses|will|doesn't|does|can))"
        )
        & _unmarked()
        & (COUNT >= 4)
    )


@labels(form=R, function=R)
def belief() -> pl.Expr:
    """A claim under the sign of belief or likelihood.

    >>> belief("I think it's the cache"), belief("Probably the cache."), belief("I think that's great")
    (True, True, False)
    """
    return (
        opens(
            "(?:i (?:think|guess|believe|suppose|thought|assume|suspect|imagine|bet|figured?|understand|mean|"
            "know|heard|mean)|maybe (?:it|the|they|he|she|because|that's|there)|perhaps (?:it|the|they|he|"
            "she|because)|probably|apparently|it (?:seems|appears|looks like)|(?:as far as|afaik|iirc)|"
            "presumably|it turns out|the (?:thing|problem|point|reason|idea) is|in fact|for example|"
            "basically|i assume|my guess is|ich (?:glaube|denke|vermute)|je (?:pense|crois)|(?:yo )?creo|"
            "eu acho|acho que)"
        )
        & _unmarked()
        & (COUNT >= 3)
        & ~says("i (?:think|guess) so|i mean|i know|you know|let's|we could|you could")
    )
