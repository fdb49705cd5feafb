"""Written rules: what an utterance is for certain, and the surface cues that the classifier reads as tokens."""

import re
from typing import Final

from parlance.speech_acts.labels import SpeechAct
from parlance.speech_acts.masks import prose

_QUESTION_WORDS: Final = (
    r"wh(?:at|o|om|ose|en|ere|ich|y)(?:['’]?(?:s|d|re|ll))?|how(?:['’]?(?:s|d))?|any(?:one|body)|"
    r"w(?:as|er|en|em|o|ie|ann|arum|ieso|eshalb|ohin|oher|elche[rnms]?)|"
    r"qui|quand|où|comment|pourquoi|combien|quel(?:le)?s?|qu['’]est|est-ce|"
    r"qu[ée]|qui[ée]n(?:es)?|c[óo]mo|cu[áa]ndo|d[óo]nde|cu[áa]l(?:es)?|cu[áa]nt[oa]s?|alguien|"
    r"quem|quando|onde|como|qual|quais|quant[oa]s?|alguém|"
    r"czy|kto|kiedy|gdzie|jak|dlaczego|ile|che|chi|dove|perché"
)
_AUXILIARIES: Final = (
    r"(?:is|are|am|was|were|do|does|did|can|could|would|will|should|shall|may|might|has|have|had)(?:n['’]?t)?|"
    r"kann|kannst|können|könn(?:te|test|ten)|darf|dürfen|gibt|ist|sind|hast?|haben|habt|muss|müssen|soll(?:en|te)?|"
    r"peux|peut|pouvez|avez|as-tu|puis-je|hay|puede[sn]?|puedo|tienes?|pode[mn]?|posso|tem"
)
_ADDRESS: Final = r"^\W*(?:(?:and|but|so|ok|okay|hey|hi|also|und|aber|et|mais|y|pero|e|mas)\W+)?"

# What each cue says is only likely: a model weighs them together with the words. They read lower case: to ignore case
# takes twice the time.
CUES: Final = {
    "question_word": re.compile(rf"{_ADDRESS}(?:{_QUESTION_WORDS})\b"),
    "inverted": re.compile(
        rf"{_ADDRESS}(?:{_AUXILIARIES})\s+(?:i|you|u|we|they|he|she|it|this|that|there|the|my|our|your|any\w*|some\w*"
        r"|ich|du|sie|er|es|wir|ihr|man|jemand|der|die|das)\b"
    ),
    "indirect_question": re.compile(
        r"\b(?:wonder(?:ing)?|(?:tell|let) (?:me|us)|curious|wissen|savoir|saber)\b.{0,40}"
        r"\b(?:if|whether|wh\w+|how|ob|si|se|wie|wann|comment|quand|cuándo|quando)\b"
    ),
    "request": re.compile(
        r"\b(?:please|pls|plz|bitte|por favor|s['’](?:il|te) (?:te|vous|plaît)|stp|svp|proszę)\b"
        r"|\b(?:can|could|would|will|mind|kannst|könnt(?:est|en)|peux|pourr(?:ais|iez)|puedes|podrías|pode(?:ria)?)\b"
        r"[ -](?:you|u|du|sie|ihr|tu|vous|me|\w+ing)\b|^\W*(?:let['’]?s|don['’]?t|do not|make sure|remember to)\b"
    ),
    "imperative": re.compile(
        r"^\W*(?:(?:and|then|so|ok|just|first|also|@\w+)[^\w@]+)*(?:add|ask|avoid|be|bring|call|change|check|choose"
        r"|clear|click|close|come|copy|delete|do|drop|email|enter|fill|find|fix|follow|forward|get|give|go|grab|have"
        r"|help|hold|install|join|keep|leave|let|look|mail|make|mark|meet|move|note|open|pass|pick|ping|post|press|pull"
        r"|push|put|read|reload|remove|replace|report|restart|return|run|save|say|see|send|set|share|show|sign|stay"
        r"|stop|submit|switch|take|talk|tell|tidy|try|turn|unplug|update|upload|use|wait|watch|write)\s+(?!you\b)\w"
    ),
    "commitment": re.compile(
        r"\b(?:i|we)(?:['’]?ll| will| promise| swear| guarantee| commit| vow| pledge)\b|\bon it\b|\bcount me in\b"
        r"|\bi(?:['’]?m| am)? (?:gonna|going to)\b|\blet me\b|\byou have my word\b|\bdeal\b"
        r"|\b(?:ich|wir) (?:werde|mache?n?|kümmer\w+|schick\w+|versprech\w+)\b"
        r"|\b(?:je|on) (?:vais|te|vous|promets|m['’]en)\b|\bpromis\b|\b(?:voy|vou|vamos) (?:a )?\w+r\b|\bpromet\w+"
    ),
    "thanks": re.compile(
        r"\b(?:thanks?|thx|thank(?:s|ing)?|ty|cheers|danke\w*|dank|merci|gracias|obrigad[oa]|valeu|grazie|dzięki|"
        r"dziękuję|tack|bedankt)\b|ありがとう|谢谢|감사"
    ),
    "greeting": re.compile(
        r"^\W*(?:hi|hiya|hello|hey|morning|good (?:morning|evening|afternoon|night)|welcome|bye|goodbye|see (?:you|ya)|"
        r"hallo|moin|guten|tschüss|bonjour|salut|bonne?|hola|buen[oa]s|adiós|ol[áa]|oi|bom|boa|tchau|cześć)\b"
    ),
    "feeling": re.compile(
        r"\b(?:sorry|apolog\w+|congrat\w*|happy|glad|wow|yay|hooray|ugh|oops|damn|omg|phew|good luck|sadly"
        r"|miss(?:ed)? you|love|hate|entschuldig\w*|tut mir|glückwunsch|félicitations|désolée?|bravo|perdón"
        r"|lo siento|felicidades|parabéns|desculp\w+|adoro)\b"
    ),
    "judgement": re.compile(
        r"\b(?:good|great|nice|bad|better|best|worse|worst|terrible|awful|excellent|amazing|brilliant|overrated|clean\w*"
        r"|solid|poor|lame\w*|boring|unacceptable|useless|impressive|beautiful|ugly|fair|unfair|wrong|too \w+|out of 10"
        r"|gut|schlecht|besser|schön|super|bien|mal|mejor|peor|meilleure?|nul|bom|ruim|melhor|pior|lgtm)\b"
    ),
    "performative": re.compile(
        r"\b(?:hereby|hiermit|par la présente|por la presente|declar[eoi]\w*|pronounce|adjourned|dismissed|appoint\w*"
        r"|promoted|resign\w*|step(?:ping)? down|effective|as of|with immediate effect|from today|closing (?:this|as)"
        r"|case closed|approved|authoris\w+|authoriz\w+|granted|adopted|carried|lifted|revoke\w*|i quit"
        r"|you(?:['’]re| are) (?:fired|hired|appointed|promoted|relieved|dismissed|suspended|banned))\b"
    ),
    "reported": re.compile(
        r"\b(?:said|told|asked|says|thought|heard|yesterday|last (?:week|month|year)|gestern|hier|ayer|ontem)\b"
        r"|\bwould have\b|^\W*[\"“„«]"
    ),
    "first_person": re.compile(r"\b(?:i|i['’]\w+|we|we['’]\w+|ich|wir|je|j['’]\w+|yo|eu)\b"),
    "second_person": re.compile(r"\b(?:you\w*|u|your|du|dir|dich|tu|te|vous|usted|você|vc)\b"),
}

_WORD = re.compile(r"[^\W\d_]")
_CLOSING: Final = " \t\n!！?？⁇…)]\"'”’"


def certain_form(text: str) -> SpeechAct | None:
    """The form that `text` has beyond doubt, or None.

    It is none without a word of prose (only code, addresses, mentions, emoji, numbers or marks), and a question
    where it opens as one and ends with its mark.

    >>> [str(certain_form(text)) for text in (":tada: 🎉", "ok :tada:", "Is it done? :eyes:", "is it done", "Sure?")]
    ['none', 'None', 'question', 'None', 'None']
    """
    words = prose(text).strip().lower()
    if _WORD.search(words) is None:
        return SpeechAct.NONE
    opening = CUES["question_word"].match(words) or CUES["inverted"].match(words)
    closing = words[len(words.rstrip(_CLOSING)) :]
    return SpeechAct.QUESTION if opening is not None and not set(closing).isdisjoint("?？⁇") else None


def cues(text: str) -> list[str]:
    """Names of the cues that `text` shows, in a fixed order.

    >>> cues("Could you send it, please?")
    ['inverted', 'request', 'second_person']
    """
    lower = text.lower()
    return [name for name, pattern in CUES.items() if pattern.search(lower)]
