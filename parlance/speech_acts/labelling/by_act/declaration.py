"""What is so because it is said, by whoever may say it; and what only sounds like it."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ASKS, CORE, COUNT, LINE, TEXT, opens, says
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

D = SpeechAct.DECLARATION
R = SpeechAct.REPRESENTATIVE
_JOKING = r"😂|🤣|❤|💀|😜|😉|😄|😆|;-?\)|:-?[DP]\b|:joy:|:rofl:|:wink:|\b(?i:haha\w*|lo+l|lmao|jk|just kidding|rofl)\b"
_DONE = (
    "fired|hired|appointed|promoted|dismissed|suspended|banned|approved|closed|adjourned|merged|"
    "cancelled|canceled|elected|sentenced|expelled|granted|rejected|resigned|revoked|deprecated|"
    "adopted"
)
_REPORTED = (
    "said|says|told|heard|thought|announced|yesterday|last (?:week|month|year|night)|ago|if|whether|"
    "when|would have|was|were|had|gestern|hier soir|ayer|ontem"
)
_TITLE = (
    "hired|fired|appointed|promoted|dismissed|suspended|banned|expelled|relieved|grounded|"
    "disqualified|under arrest|free to go|excused|evicted"
)


def _here_and_now() -> pl.Expr:
    return ~ASKS & ~says(_REPORTED) & ~TEXT.str.contains(_JOKING) & ~LINE.str.contains("^[\"“„«']")


@labels(form=D, function=D)
def hereby() -> pl.Expr:
    """The word that does it.

    >>> hereby("I hereby resign"), hereby("Hiermit kündige ich"), hereby("He said he hereby resigns")
    (True, True, False)
    """
    return (
        says("hereby|hiermit|par la présente|por la presente|pela presente|por este meio|par les présentes")
        & _here_and_now()
    )


@labels(form=D, function=D)
def closes() -> pl.Expr:
    """Closing, merging or assigning, said while doing it.

    >>> closes("Closing this as a duplicate"), closes("Closed by mistake last week"), closes("Closing time is six")
    (True, False, False)
    """
    return (
        opens(
            "(?:i'm |i am |we're |we are |thanks |duplicate )?(?:closing|marking|merging|reopening|"
            "re opening|locking|archiving|rejecting|assigning|resolving|unassigning|retitling|transferring|"
            "withdrawing|reverting|deprecating|retiring|revoking|tagging|reassigning|approving|nominating|"
            "cancelling|canceling|adjourning|granting)"
            " (?:this|it|as|the|in favou?r|because|since|issue|pr|per|due|for|now|to|these|them|both|your|"
            "all|ticket|thread|request|channel|you)(?: .*)?"
        )
        & _here_and_now()
        & ~says(
            "closing (?:the|your) (?:door|window|tab|eyes|app)|will|should|is|are|can|could|might|takes|helps|for the"
        )
        & (COUNT < 25)
    )


@labels(form=D, function=D)
def ruling() -> pl.Expr:
    """A word that approves, denies or closes, alone or with its object.

    >>> ruling("Approved."), ruling("Motion carried."), ruling("Approved?"), ruling("Denied being there")
    (True, True, False, False)
    """
    return (
        CORE.str.contains(
            "^ (?:(?:is |are )?(?:approved|granted|denied|overruled|sustained|objection (?:overruled|"
            "sustained)|permission (?:granted|denied)|(?:request|access|leave|application|appeal|budget|"
            "motion|claim|expense|pr|change|ticket) (?:approved|granted|denied|rejected|carried|accepted|"
            "merged|closed|passed|dismissed|cancelled)|so ordered|case (?:closed|dismissed)|(?:closed|"
            "resolved|merged|fixed|rejected) (?:as|by|in|into|via|to) (?:\\w+ ?){1,4}"
            "|merged|closed as \\w+|session adjourned|court is adjourned|lgtm (?:approving|approved|merging|"
            "ship it)|ship it approved|approved and (?:merged|signed|closed)|request denied|genehmigt|"
            "bewilligt|abgelehnt|approuvé|accordé|refusé|aprobado|denegado|aprovado|negado|deferido|"
            "indeferido)"
            "(?: (?:thanks|thank you|for (?:\\w+ ?){1,5}|from my side|go ahead|with (?:\\w+ ?){1,3}))? )$"
        )
        & _here_and_now()
        & (COUNT <= 9)
    )


@labels(form=D, function=D)
def proceeding() -> pl.Expr:
    """Opening, closing and deciding in a meeting, a court, a ceremony.

    >>> proceeding("The meeting is adjourned."), proceeding("I now pronounce you a team")
    (True, True)
    >>> proceeding("The shop is closed")
    False
    """
    state = says(
        "(?:meeting|session|hearing|court|auction|vote|motion|case|poll|ballot|assembly|conference|"
        "debate|retro|standup|floor|bidding|ceremony|exhibition|tournament|festival|contest|games) (?:is|"
        "stands|are) (?:now |hereby |officially )?(?:adjourned|closed|open|opened|carried|dismissed|"
        "cancelled|canceled|postponed|passed|suspended|in session|over|concluded|called to order)"
    )
    verb = says(
        "(?:i|we|court|board|jury|chair) (?:now |also |formally |officially |solemnly )?(?:declare|"
        "pronounce|proclaim|adjourn|sentence|christen|baptize|dub|knight|ordain|find the defendant|"
        "hereby|convene|call this meeting)|ich erkläre|die sitzung ist|je déclare|la séance est|"
        "la sesión (?:queda|está)|queda (?:aprobad[oa]|inaugurad[oa]|cerrad[oa])|declaro|"
        "está (?:encerrada|aberta) a"
    )
    return (
        (state | verb)
        & _here_and_now()
        & (COUNT < 30)
        & ~says("should|could|may|might|will|until|i declare (?:it|my|that)")
    )


@labels(form=D, function=D)
def appointment() -> pl.Expr:
    """Hiring, firing, promoting somebody to his face.

    >>> appointment("You're hired!"), appointment("You're fired 😂"), appointment("Are you fired?")
    (True, False, False)
    """
    return (
        opens(
            "(?:\\w+ )?(?:you're|you are|youre|ur|you have been|you've been|your (?:contract|employment|"
            f"membership) is) (?:now |hereby |officially |all |both )?(?:{_TITLE}|terminated|(?:the|our|"
            "my) (?:new|next) \\w+|in charge|team lead|now (?:the|our) \\w+)|(?:du bist|"
            "sie sind) (?:gefeuert|eingestellt|entlassen|befördert)|(?:vous êtes|tu es) (?:virée?|embauchée?|"
            "renvoyée?|promue?)|está(?:s)? (?:despedid[oa]|contratad[oa])|você está (?:demitid[oa]|"
            "contratad[oa])"
        )
        & _here_and_now()
        & ~says("like|too|not|never|gonna|going|if|lucky|supposed|afraid|worried")
        & (COUNT < 16)
    )


@labels(form=D, function=D)
def act_of_office() -> pl.Expr:
    """A first person who does it by naming it: appoint, resign, authorise, grant, revoke.

    >>> act_of_office("I appoint you chair"), act_of_office("I quit!"), act_of_office("I quit smoking last year")
    (True, True, False)
    """
    return (
        opens(
            "(?:effective immediately |with immediate effect |as of today |as chair |okay |that's it |"
            "fine )?(?:i|we) (?:hereby |now |formally |officially |herewith |unanimously )?(?:appoint|"
            "nominate|name you|promote you|designate|authori[sz]e|revoke|veto|resign|tender my|abdicate|"
            "bequeath|adopt the|adopt this|ratify|repeal|waive|accept your resignation|second the motion|"
            "move to adjourn|withdraw the|grant you|grant (?:the|this|your)|award|dismiss the|rescind|annul|"
            "approve (?:the|this|your|it)|reject (?:the|your) (?:application|proposal|claim|request)|"
            "cancel (?:the|your))"
            "|(?:that's it )?i quit $|i quit (?:this job|effective|as of)|(?:i'm|i am) (?:making|appointing|"
            "naming|promoting|assigning|putting) (?:you|him|her|\\w+ (?:the|as|on|to|our|in charge))|(?:i'm|"
            "i am|we're|we are) (?:hereby |officially )?(?:firing|hiring|terminating|suspending|deprecating|"
            "discontinuing|withdrawing|retiring|sunsetting|stepping down|resigning|letting you go|lifting|"
            "banning|disbanding|dissolving|revoking|closing (?:the|this|your)|cancelling|canceling|awarding|"
            "granting|assigning)"
        )
        & _here_and_now()
        & ~says("should|want to|would|might|think")
    )


@labels(function=D)
def effective() -> pl.Expr:
    """A new state of things with the moment from which it holds.

    >>> effective("Effective immediately, remote work is allowed"), effective("From now on I eat less")
    (True, False)
    """
    return says(
        "effective (?:immediately|today|now|monday|tomorrow|from|as of|at once|january|february|march|"
        "april|may|june|july|august|september|october|november|december)|with immediate effect|"
        "as of (?:today|now|this|midnight|monday|tomorrow|next|january|the first)|(?:starting|"
        "beginning) (?:today|now|monday|tomorrow)|from (?:today|now|this day|this moment) on(?:wards?)?|"
        "ab (?:sofort|heute|morgen)|à compter (?:de|du)|dès aujourd'hui|con efecto inmediato|"
        "a partir de (?:hoy|hoje|ahora|agora|este)"
    ) & _here_and_now() & ~says("i'm|i am|i|i've|my") & (COUNT < 30) | (
        says("effective (?:immediately|today)|with immediate effect") & _here_and_now()
    )


@labels(function=D)
def policy() -> pl.Expr:
    """A rule laid down: who is entitled, what it replaces.

    >>> policy("Employees are entitled to 25 days"), policy("This policy replaces all earlier ones")
    (True, True)
    >>> policy("He is entitled")
    False
    """
    return (
        says(
            "(?:employees?|members?|users?|staff|tenants?|contributors|students|participants|visitors|"
            "customers|drivers|contractors|the (?:tenant|lessee|buyer|seller|licensee|company|parties|party|"
            "supplier)) (?:is|are|shall|may not|must not) (?:hereby )?(?:entitled|required|prohibited|"
            "permitted|obliged|forbidden|be|not|pay|have|give|provide|notify)"
            "|this (?:policy|agreement|rule|version|regulation|act|contract|licen[cs]e|order|notice|decision|"
            "amendment) (?:replaces|supersedes|applies|terminates|shall|is governed|takes effect|"
            "enters into force|comes into force|revokes)|(?:is|are) (?:strictly )?(?:prohibited|"
            "forbidden) (?:on|in|within|under|at)|mitarbeiter(?:innen)? haben anspruch|"
            "les salariés ont droit|los empleados tienen derecho|os funcionários têm direito"
        )
        & ~ASKS
        & ~says("said|says|told")
    )


@labels(function=D)
def notice() -> pl.Expr:
    """Notice to somebody of what has been decided on an account, a request, a contract.

    >>> notice("Your account has been suspended"), notice("My account has been suspended")
    (True, False)
    """
    return (
        says(
            "your (?:\\w+ ){0,3}(?:account|request|application|ticket|order|subscription|reservation|booking|"
            "claim|leave|vacation|access|expenses?|refund|contract|appeal|license|licence|position|proposal|"
            "offer|nomination|badge|probation|membership|visa|permit|loan|tenancy|employment|appointment|"
            "suspension) (?:has been|have been|is|are|was) (?:hereby |now |officially )?(?:approved|granted|"
            "denied|suspended|cancelled|canceled|closed|rejected|accepted|confirmed|terminated|revoked|"
            "disabled|waived|extended|lifted|deactivated|upgraded)|you have (?:passed|been (?:accepted|"
            "selected|suspended|banned|removed|promoted|appointed|admitted|granted|approved))|"
            "this (?:channel|repository|thread|issue|account|project) (?:is|has been) (?:now |"
            "hereby )?(?:archived|locked|closed|read only|deprecated|suspended)"
        )
        & ~ASKS
        & ~says("if|when|once|until|whether|not")
    )


@labels(form=D, function=D)
def cancellation() -> pl.Expr:
    """Cancelling, lifting or postponing, in a short statement of the present.

    >>> cancellation("Lunch is cancelled."), cancellation("Lunch was cancelled.")
    (True, False)
    """
    return (
        CORE.str.contains(
            "^ (?:\\w+ ){1,5}(?:is|are) (?:now |hereby |officially |therefore )?(?:cancelled|canceled|"
            "called off|postponed|suspended|lifted|abolished|rescinded|disbanded|dissolved|void|revoked|"
            "adopted|ratified|annulled|withdrawn|deprecated|granted|approved|overturned|acquitted|"
            "disqualified)(?: (?:until|today|tomorrow|for|with|as|effective|in|due|and) (?:\\w+ ?){1,6})? $"
        )
        & _here_and_now()
        & ~opens("(?:he|she|they|i|it|that|this|there|which|who|what)")
    )


@labels(form=R, function=R)
def news_of_an_act() -> pl.Expr:
    """News that others closed, approved, hired or fired.

    >>> news_of_an_act("She was fired last year"), news_of_an_act("The board approved it")
    (True, True)
    >>> news_of_an_act("You're fired")
    False
    """
    passive = says(
        f"(?:was|were|got|had been|he's been|she's been|has been|have been|been) (?:\\w+ly |just )?(?:{_DONE})"
    ) & ~says("your|you|you've|you're|hereby|this")
    active = says(
        "(?:he|she|they|board|committee|council|manager|boss|management|court|judge|ceo|hr|legal|it|"
        f"\\w+ed by|ana|team|lead|chair) (?:has |have |just |already |finally |also )?(?:{_DONE})"
    )
    return (passive | active) & ~ASKS & ~opens("(?:you|your)")


@labels(form=R, function=R)
def act_only_meant() -> pl.Expr:
    """What should or might be closed, approved, cancelled: no act yet.

    >>> act_only_meant("We should close this"), act_only_meant("They might cancel it"), act_only_meant("Close this")
    (True, True, False)
    """
    return (
        says(
            "(?:we|they|he|she|somebody|someone|it|you|management|the \\w+) (?:should|could|might|may|"
            "ought to|want to|wants to|plan to|plans to|are going to|is going to|would|can) (?:\\w+ly |also |"
            "just |probably |really |be )?(?:close|fire|approve|appoint|cancel|merge|resign|adjourn|promote|"
            "hire|ban|dismiss|fired|hired|cancelled|closed|approved|promoted|archive|deprecate|reject|revoke|"
            "suspend)\\w*"
        )
        & ~ASKS
    )


@labels(function=SpeechAct.EXPRESSIVE)
def declared_in_jest() -> pl.Expr:
    """Firing, banning or crowning somebody, with a laugh.

    >>> declared_in_jest("You're fired 😂"), declared_in_jest("You're fired.")
    (True, False)
    """
    return opens(
        "(?:\\w+ )?(?:you're|you are|youre|i'm|we're|consider yourself) (?:\\w+ )?(?:fired|hired|banned|"
        "promoted|demoted|grounded|under arrest|suspended|uninvited|disowned)"
    ) & TEXT.str.contains(_JOKING)
