"""Judgements: assessments, ratings, comparisons, condoning."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ASKS, CORE, COUNT, LINE, is_only, opens, said_before, says
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

V = SpeechAct.VERDICTIVE
_GOOD = (
    "good|great|nice|excellent|amazing|brilliant|fantastic|awesome|perfect|wonderful|lovely|"
    "beautiful|cool|neat|impressive|superb|outstanding|clever|smart|"
    "fair enough|solid|elegant|delicious|gorgeous|cute|fun|funny|helpful|pretty good|spot on|"
    "first rate|top notch|gold|ideal|interesting"
)
_BAD = (
    "bad|terrible|awful|horrible|ugly|stupid|ridiculous|useless|boring|lame|poor|unacceptable|"
    "disgusting|annoying|confusing|sloppy|disappointing|rubbish|garbage|"
    "trash|dreadful|pathetic|mediocre|clumsy|overpriced|overrated|underrated|unfair|nonsense|a mess|"
    "a joke|a disaster|a disgrace|a waste|crap|silly|crazy|insane|weird|absurd|messy|bloated|"
    "unreadable|unusable|misleading"
)
_DEGREE = (
    "very|really|so|pretty|quite|too|absolutely|rather|truly|just|actually|extremely|incredibly|"
    "kind of|kinda|a bit|a little|not|totally|such a|such|a|an|the|all|super|still|fairly|simply|"
    "also|always|that|completely|surprisingly|as"
)
_THING = (
    "this|that|it|the \\w+|the \\w+ \\w+|your \\w+|your \\w+ \\w+|these|those|these \\w+|those \\w+|"
    "this \\w+|that \\w+|his \\w+|her \\w+|their \\w+|they|my \\w+"
)
_IS = "is|was|are|were|looks|sounds|seems|feels|tastes|smells|look|sound|seem"


@labels(form=V, function=V)
def assessment() -> pl.Expr:
    """A thing and a judging predicate.

    >>> assessment("This is great"), assessment("The new layout is really ugly"), assessment("It is 20% slower")
    (True, True, False)
    """
    return (
        opens(
            "(?:i think |i guess |i find |honestly |wow |man |no |yeah |oh |"
            f"personally )?(?:(?:{_THING}) (?:{_IS})|that's|it's|thats|its|this's|what's|"
            f"they're) (?:(?:{_DEGREE}) )*(?:{_GOOD}|{_BAD})(?: (?:work|job|idea|point|one|stuff|news|design|"
            "question|solution|to me|indeed|too|though|as well|man|now|thing|move|read|way to \\w+|choice|"
            "and \\w+|but \\w+|of (?:you|them|him)|for a \\w+|thanks|really|actually|then|yeah|isn't it|huh|"
            "example|experience|place|film|movie|book|show|game))*(?: $)".replace("(?: $)", "")
        )
        & ~ASKS
        & (COUNT <= 12)
        & ~says(
            "good to (?:know|hear|see|go)|not (?:sure|bad to)|too bad|if|feel free|nice to (?:meet|see)|"
            "is cool with|when|because"
        )
    )


@labels(form=V, function=V)
def bare_praise() -> pl.Expr:
    """Praise or blame without a subject.

    >>> bare_praise("Good idea"), bare_praise("Solid work!"), bare_praise("Good morning")
    (True, True, False)
    """
    return (
        CORE.str.contains(
            "^ (?:(?:very|really|so|pretty|absolutely|truly|simply|such|not|what|wow|quite|just|a|an|super|"
            f"that's|most|too|man) )*(?:(?:{_GOOD}|{_BAD}|well done|not bad|good enough|nicely done|"
            "well played|well said|well put|perfect|bravo|right on)(?: (?:work|job|idea|point|question|catch|"
            "stuff|one|call|choice|news|thinking|effort|find|answer|summary|write up|explanation|talk|"
            "presentation|shot|start|read|move|try|deal|price|service|plan|team|enough|as always|everyone|"
            "and clear|too|indeed|design|fix|solution|post|thread|advice|tip))*) $"
        )
        & ~ASKS
        & (COUNT <= 7)
        & ~is_only(
            "fine|cool|not|great|perfect|good|nice|excellent|interesting|funny|too|crazy|so|really|very|well|"
            "poor|all|just|sure|ok|okay|right|oh|neat|a|an"
        )
    )


@labels(form=V, function=V)
def rating() -> pl.Expr:
    """Points, stars or a grade.

    >>> rating("4 out of 5."), rating("9/10 would go again"), rating("Ticket 4/5 is open"), rating("three stars")
    (True, True, False, True)
    """
    return (
        (
            LINE.str.contains(
                r"^\W*(?:(?:i'?d |i would )?(?:give|rate) (?:it|this|that|them)(?: a| an)?|a|an|solid|overall|"
                r"rating|score|easily|definitely|verdict)?\W*(?:a )?\d+(?:[.,]\d+)? ?(?:/ ?(?:5|10|100)\b|"
                r"out of (?:5|10|100|five|ten)|stars?\b|von (?:5|10)\b|sur (?:5|10)\b|de (?:5|10)\b)"
            )
            | says(
                "(?:one|two|three|four|five|six|seven|eight|nine|ten) (?:out of (?:five|ten)|stars)|"
                "two thumbs up|thumbs (?:up|down) from me"
            )
        )
        & ~ASKS
        & (COUNT < 16)
    )


@labels(form=V, function=V)
def comparison() -> pl.Expr:
    """One thing above another.

    >>> comparison("The second option is better"), comparison("He feels better today")
    (True, False)
    """
    return (
        opens(
            f"(?:i think |honestly |personally |for me |imo |in my opinion )?(?:(?:{_THING}|option \\w+|"
            "\\w+) (?:is|are|was|were|looks|works|reads|sounds|seems|tastes)|that's|it's) (?:just |still |"
            "actually |a bit |definitely |clearly )?(?:(?:much|far|way|a lot|even|so much|slightly|a little|"
            "definitely|clearly|arguably|by far|easily) )*(?:better|worse|the best|the worst|best|superior|"
            "inferior|nicer|cleaner|uglier|the weakest|the strongest|the better|the worse|preferable)"
        )
        & ~ASKS
        & (COUNT < 20)
        & ~opens("(?:he|she|i|we|there|what|which|you)")
        & ~says("better (?:now|today|off|after|since|than (?:nothing|i|he|she)|to|in|for|not|on)|if|at|when|getting")
    )


@labels(form=V, function=V)
def excess() -> pl.Expr:
    """Too much, too little, not worth it.

    >>> excess("The font is too small"), excess("Overpriced."), excess("It's not worth it"), excess("Me too")
    (True, True, True, False)
    """
    too = says(
        "(?:is|are|was|were|it's|that's|they're|way|far|looks|feels|seems|sounds|just|a bit|a little|"
        "much) too (?:slow|big|small|expensive|long|short|loud|quiet|dark|bright|complicated|complex|"
        "vague|strict|harsh|cheap|noisy|hot|cold|salty|sweet|easy|hard|difficult|verbose|thin|thick|"
        "heavy|risky|late|much|many|cluttered|generic|narrow|wordy|fragile)"
    )
    worth = says(
        "overpriced|overrated|underrated|overhyped|not good enough|good enough for me|a waste of (?:time|"
        "money|space)|(?:not|isn't|wasn't|well|totally|definitely|is|was|it's) worth (?:it|the|every|a|"
        "your)|leaves (?:a lot|much) to be desired|second to none|below (?:par|average)|above average|"
        "(?:zu|trop|demasiado|muito|muy) (?:teuer|langsam|cher|lent|caro|lento|klein|petit|grande)"
    )
    return (too | worth) & ~ASKS & (COUNT < 18) & ~says("if|to (?:go|be|eat|do|sleep|carry)")


@labels(function=V)
def condoning() -> pl.Expr:
    """What forgives or excuses, after an apology or a confession.

    >>> condoning("That's fine.", "Sorry, I broke it"), condoning("That's fine.", "Is it on?")
    (True, False)
    >>> condoning("I forgive you")
    True
    """
    fine = opens(
        "(?:no |oh )?(?:that's|it's|this is|thats|its|it is|that is) (?:totally |perfectly |quite |"
        "completely |all )?(?:ok|okay|fine|alright|all right|no big deal|not a big deal|understandable|"
        "not your fault)|no harm done|no big deal|could happen to anyone|happens to (?:everyone|the best)"
    )
    forgives = opens(
        "i forgive you|you're forgiven|apology accepted|apologies accepted|schon (?:gut|vergessen)|"
        "halb so (?:wild|schlimm)|c'est pas grave|ce n'est pas grave|no pasa nada|não tem problema|"
        "não foi nada"
    )
    return (
        (
            (
                fine
                & said_before(
                    "sorry|apolog\\w+|my (?:bad|fault|mistake)|forgot|broke|late|oops|missed|mistake|messed up|lost"
                )
            )
            | forgives.fill_null(False)
        )
        & ~ASKS
        & (COUNT < 12)
    )


@labels(form=V, function=V)
def what_a() -> pl.Expr:
    """An exclaimed judgement.

    >>> what_a("What a mess!"), what_a("How lovely!"), what_a("What a server does is serve"), what_a("What a day?")
    (True, True, False, False)
    """
    return (
        opens(
            f"what (?:a|an|such a) (?:\\w+ )?\\w+ $|how (?:{_GOOD}|{_BAD}|sweet|sad|kind|rude|thoughtful) $|"
            "was für ein\\w* \\w+ $|quelle? (?:belle |bonne )?\\w+ $|qué (?:bonito|horror|maravilla|desastre|"
            "lío|rico|asco|bien) $|que (?:lindo|horror|maravilha|bagunça|delícia|absurdo) $"
        )
        & ~ASKS
    )


@labels(form=V, function=V)
def taste() -> pl.Expr:
    """Liking or disliking a thing.

    >>> taste("I love the new layout"), taste("I like to swim"), taste("I love you")
    (True, False, False)
    """
    return (
        opens(
            "(?:i|we) (?:really |absolutely |just |also |kinda |actually |honestly |totally |do |kind of |"
            "particularly )*(?:love|like|hate|dislike|can't stand|despise|adore|loathe|don't like|don't love|"
            "prefer|was impressed by|am impressed (?:by|with)) (?:the|this|that|your|how|it (?:a lot|so much|"
            "very much)|these|those|his|her|their)"
        )
        & ~ASKS
        & ~says("i'd|would|to")
        & (COUNT < 16)
    )


@labels(form=V)
def praises_you() -> pl.Expr:
    """A judgement on the person spoken to.

    >>> praises_you("You're the best!"), praises_you("You did a great job"), praises_you("You're late")
    (True, True, False)
    """
    return (
        opens(
            f"(?:you're|you are|ur|you guys are|y'all are|you were) (?:(?:{_DEGREE}|my|best|real|"
            f"our) )*(?:{_GOOD}|{_BAD}|best|star|hero|legend|lifesaver|life saver|angel|genius|champion|"
            "rock stars?|idiot|liar|rude|lazy|kind|sweet|talented|wizard|gem|treasure|machine|king|queen|"
            "coward|fool|hypocrite)|you (?:rock|rule|nailed it|did (?:a|an|it) (?:\\w+ )?(?:great|good|"
            "excellent|amazing|fantastic|terrible|job|well)|should be ashamed)"
        )
        & ~ASKS
        & (COUNT < 12)
    )


@labels(form=SpeechAct.QUESTION, function=V)
def judging_question() -> pl.Expr:
    """A judgement in the form of a question.

    >>> judging_question("Isn't it lovely?"), judging_question("Is it lovely?"), judging_question("Who cares?")
    (True, False, True)
    """
    return opens(
        f"(?:isn't|aren't|wasn't|ain't|doesn't) (?:{_THING}|he|she|they) (?:look |sound |feel |"
        f"taste )?(?:(?:{_DEGREE}) )*(?:{_GOOD}|{_BAD})|who cares $|are you kidding(?: me)? $|is (?:that|"
        "this) (?:a joke|supposed to be (?:funny|a joke)) $|seriously $|how (?:great|cool|nice|awesome|"
        "crazy) is that $"
    ) & (ASKS | opens("who cares"))


@labels(form=V, function=V)
def foreign_assessment() -> pl.Expr:
    """A judging predicate in German, French, Spanish or Portuguese.

    >>> foreign_assessment("Das ist super"), foreign_assessment("C'est nul"), foreign_assessment("Está muy bien")
    (True, True, True)
    """
    return (
        opens(
            "(?:das|es|der \\w+|die \\w+|das \\w+) (?:ist|war|sind|sieht|klingt|schmeckt|fand ich|"
            "finde ich) (?:\\w+ ){0,2}(?:gut|toll|super|schlecht|schön|schrecklich|klasse|großartig|"
            "furchtbar|besser|schlechter|hervorragend|langweilig|unfair|mies|perfekt|genial|blöd|lecker|fair|"
            "prima)(?: \\w+){0,2} $"
            "|(?:c'est|c'était|ce \\w+ est|cette \\w+ est|la \\w+ est|le \\w+ est) (?:\\w+ ){0,2}(?:bien|bon|"
            "bonne|nul|nulle|super|génial|géniale|mauvais|mauvaise|magnifique|excellente?|parfaite?|horrible|"
            "meilleure?|top|ridicule|beau|belle|moche|décevante?|injuste)(?: \\w+){0,2} $"
            "|(?:(?:eso|esto|el \\w+|la \\w+|lo) )?(?:es|está|estuvo|era|fue|queda) (?:\\w+ ){0,2}(?:bien|"
            "bueno|buena|genial|mal|malo|mala|mejor|peor|excelente|horrible|perfecto|perfecta|increíble|"
            "precios[oa]|aburrid[oa]|pésim[oa]|injusto|fantástic[oa]|carísim[oa])(?: \\w+){0,2} $"
            "|(?:(?:isso|isto|o \\w+|a \\w+) )?(?:é|está|foi|ficou|era) (?:\\w+ ){0,2}(?:bom|boa|ótim[oa]|"
            "ruim|mal|melhor|pior|excelente|horrível|perfeit[oa]|lind[oa]|incrível|péssim[oa]|chat[oa]|"
            "injusto|fantástic[oa]|legal)(?: \\w+){0,2} $"
            "|gute (?:idee|arbeit|frage|wahl)|sehr gut $|bonne idée|bon travail|beau travail|buena idea|"
            "buen trabajo|boa ideia|bom trabalho"
        )
        & ~ASKS
    )


@labels(form=V, function=V)
def lgtm() -> pl.Expr:
    """Looks good to me, of a change.

    >>> lgtm("LGTM!"), lgtm("LGTM, approving"), lgtm("Looks good to me")
    (True, False, True)
    """
    return (
        CORE.str.contains(
            "^ (?:lgtm|(?:this |it |that |all |everything )?looks (?:good|great|fine|perfect|right|"
            "solid)(?: to me)?(?: now| overall)?)(?: (?:thanks|thank you|now|nice work|overall|great work|"
            "just one \\w+|with \\w+ \\w+))* $"
        )
        & ~ASKS
        & ~LINE.str.contains("approv|merg|ship")
    )
