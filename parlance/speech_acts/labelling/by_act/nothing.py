"""What is no act: sounds that keep the talk going, broken pieces, code, logs, machine text."""

import polars as pl

from parlance.speech_acts.labelling.evidence import ANSWERING, ASKS, COUNT, LINE, TEXT, WORDS, asked_to_do, is_only
from parlance.speech_acts.labelling.registry import labels
from parlance.speech_acts.labels import SpeechAct

N = SpeechAct.NONE
_HUMS = "uh huh|mm hmm|mm hm|mhm|mmhm|mm+|hm+|mmhmm|mhmm|huh uh|um hum|um hm|uhhuh|umhum"


@labels(form=N, function=N)
def hum() -> pl.Expr:
    """A hum that only shows listening.

    >>> hum("Uh-huh."), hum("mhm"), hum("mhm", "Is it on?")
    (True, True, False)
    """
    return is_only(f"{_HUMS}") & ~ANSWERING & ~ASKS


@labels(function=N)
def backchannel() -> pl.Expr:
    """Yeah, right, I see: alone, where nothing was asked.

    >>> backchannel("Yeah.", "So I went there"), backchannel("Yeah.", "Is it on?"), backchannel("I see.")
    (True, False, True)
    """
    return (
        is_only(f"yeah|right|i see|okay|ok|oh|yep|sure|uh|ah|really|{_HUMS}|aha|gotcha")
        & ~ANSWERING
        & ~asked_to_do()
        & ~ASKS
        & (COUNT <= 3)
    )


@labels(form=N, function=N)
def filler() -> pl.Expr:
    """Words that hold the floor and nothing else.

    >>> filler("well, um"), filler("So, uh,"), filler("Well, yes")
    (True, True, False)
    """
    return (
        is_only(
            "um|uh|er|erm|eh|well|so|you know|i mean|let me see|let's see|let me think|hm+|and|but|or|"
            "because|like|then|the|a|anyway|also|just|i|that|it|to|äh|ähm|also|naja|euh|bah|alors|ben|pues|"
            "este|bueno|bom|então|bem|né"
        )
        & ~ASKS
        & (COUNT <= 6)
        & ~is_only("so|like that|just like|just like that|that|it|just that|just|also")
    )


@labels(form=N, function=N)
def broken_off() -> pl.Expr:
    """A sentence that stops after a word which cannot end one.

    >>> broken_off("because the"), broken_off("And I would -"), broken_off("Where to?"), broken_off("That is the plan")
    (True, True, False, False)
    """
    dangling = WORDS.str.contains(
        " (?:the|a|an|and|because|but|or|my|your|our|their|if|of the|in the|to the|with the|um|uh|i'm|"
        "it's|we're|they're|i|that's|is a|is the|was a|and then|and i|so i|but i|der|die|und|weil|le|les|"
        "et|el|y|porque|um|o) $"
    )
    cut = LINE.str.contains(r"[a-z][^.?!]*(?: ?-{1,2}| /|\u2013|\u2014)$")
    return (
        (dangling & ~LINE.str.contains(r"[.?!…:)\"]$") & (COUNT <= 8))
        | (cut & (COUNT <= 5) & ~LINE.str.contains("^[-–—]"))
    ) & ~ASKS


@labels(form=N, function=N)
def no_words() -> pl.Expr:
    """No word of prose: links, mentions, emoji, numbers, marks.

    >>> no_words("https://a.example/b?c"), no_words("🎉"), no_words("42 ok")
    (True, True, False)
    """
    return ~WORDS.str.contains(r"[\p{L}]")


@labels(form=N, function=N)
def laughter() -> pl.Expr:
    """Laughter alone.

    >>> laughter("hahaha"), laughter("LOL 😂"), laughter("Haha, love it")
    (True, True, False)
    """
    return (
        is_only(
            "(?:a?ha(?:ha)+h?|haha\\w*|he(?:he)+|hihi|ho(?:ho)+|lo+l|lmf?ao+|rofl|xd+|ja(?:ja)+|rs(?:rs)+|"
            "k{3,}|mdr|ptdr|heh|ha ha|laughs?|laughter|teehee|ha)"
        )
        & ~ASKS
    )


@labels(form=N, function=N)
def code() -> pl.Expr:
    """Code, a command or a query.

    >>> code("git push origin main"), code("x = foo(1);"), code("```a b```"), code("Make sure it runs")
    (True, True, True, False)
    """
    return TEXT.str.contains(
        r"^\s*(?:```|\$ [a-z.]|>>> |#!/|(?:sudo|git|docker|kubectl|pip3?|npm|npx|yarn|apt(?:-get)?|brew|"
        r"curl|wget|ssh|scp|chmod|mkdir|grep|terraform|helm|systemctl) (?:-|[a-z./])[^?!]*$|"
        r"import [a-z_]\w*(?:\.\w+)*(?: as \w+)?;?$|from [\w.]+ import .+$"
        r"|(?:def|class|func|fn|function) \w+\s*\(|(?:const|let|var) \w+ ?=|(?:public|private|"
        r"static) (?:class|static|void|final|int|string|async) |(?i:select .+ from \w+|update \w+ set |"
        r"insert into \w+|delete from \w+ where)|<\/?[a-zA-Z]+[^>\n]*>\s*$|[\w.\[\]]+ ?(?:=|\+=|"
        r":=) ?[^ =].*[;)\]}\"'\d]$|\{.*\}[,;]?$|[}\])]+[;,]?$|\w+(?:\.\w+)*\(.*\);?$|(?:if|for|"
        r"while) ?\(.*\) ?\{|return .+;$|//|/\*|--[a-z-]+)"
    )


@labels(form=N, function=N)
def log_line() -> pl.Expr:
    """A line of a log or of a stack trace.

    >>> log_line("2026-10-05 12:00:01 ERROR disk full"), log_line("exit code 137"), log_line("An error came up")
    (True, True, False)
    """
    return TEXT.str.contains(
        r"^\s*\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|^\s*\[?\d\d:\d\d:\d\d|^\s*(?:\[?(?:ERROR|WARN(?:ING)?|"
        r"INFO|DEBUG|FATAL|TRACE|CRITICAL|PANIC)\]?[: ])|^Traceback|^\s+at [\w.$<>]+\(|"
        r"^\s*File \".+\", line \d+|^[\w.]*(?:Error|Exception|Warning)(?:: |$)|^(?:HTTP(?:/\d\.\d)? \d{3}|"
        r"exit (?:code|status) \d+|npm ERR!|error(?:\[\w+\])?: |fatal: |warning: |panic: |"
        r"Segmentation fault|Killed$|Connection (?:refused|reset)|Permission denied|Build (?:failed|"
        r"succeeded|passed)$|FAILED |PASSED |make: )|^[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d "
    )


@labels(form=N, function=N)
def machine_text() -> pl.Expr:
    """What the chat program itself says.

    >>> machine_text("[joined the channel]"), machine_text("I have joined the channel")
    (True, False)
    """
    return TEXT.str.contains(
        r"^\s*(?:\[|<@\w+>|@[\w.-]+)?\s*(?i:(?:has |have )?(?:joined|left|created|archived|renamed|"
        r"un-?archived) (?:the|this) (?:channel|group|call|meeting)|(?:has )?(?:joined|left) #\w|"
        r"set the channel (?:topic|purpose|description)|pinned a message|(?:was )?added (?:an integration|"
        r"to the channel)|uploaded a file|started a (?:call|huddle)|this message was deleted|"
        r"message deleted|is typing|\(edited\)$|reacted with|missed call|image attached|"
        r"sent an attachment)"
    )


@labels(function=N)
def heading() -> pl.Expr:
    """A heading by its marks, or a few words that end with a colon.

    >>> heading("## Why the river rises"), heading("Abstract:"), heading("INSTALLATION"), heading("Note: it is on")
    (True, True, True, False)
    """
    return (
        TEXT.str.contains(
            r"^\s*(?:#{1,6} \S|=+ .+ =+$|\*\*[^*]+\*\*:?$)|"
            r"^\s*(?:\d+(?:\.\d+)*\.? )?(?:\p{Lu}[\w'-]*(?: (?:and|of|the|for|in|to|&|[\w'-]+)){0,3}):$|"
            r"^\s*\p{Lu}{4,}(?: [\p{Lu}&]+){0,4}$|^\d+(?:\.\d+)+\.? \p{Lu}[\w ]{2,40}$"
        )
        & ~ASKS
    )


@labels(form=N, function=N)
def stamp() -> pl.Expr:
    """A date, a time, a file name or a ticket number alone.

    >>> stamp("Tuesday, September 10, 2019"), stamp("report_final.pdf"), stamp("ABC-123"), stamp("May be")
    (True, True, True, False)
    """
    return LINE.str.contains(
        r"^(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:(?:january|february|march|april|may|june|"
        r"july|august|september|october|november|december) \d{1,2}(?:,? \d{4})?|\d{1,2}\.? (?:january|"
        r"february|march|april|may|june|july|august|september|october|november|december|januar|februar|"
        r"märz|mai|juni|juli|oktober|dezember) \d{4})[.]?$"
        r"|^[\w-]+\.(?:pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|csv|txt|zip|json|ya?ml|py|js|md|log|mp[34]|"
        r"mov)$|^[a-z]{2,6}-\d+$|^v?\d+(?:\.\d+){1,3}$"
    )


@labels(function=N)
def receipt() -> pl.Expr:
    """What only says that it was heard.

    >>> receipt("Got it.", "The form is on the wiki"), receipt("Got it.", "Please send the form")
    (True, False)
    """
    return (
        is_only(
            "noted|got it|gotcha|understood|ack|acknowledged|roger|roger that|copy that|makes sense|ah i see|"
            "i see|oh ok|oh okay|ok thanks|verstanden|alles klar|compris|entendu|entendido|entendi|"
            "okay i see|okay got it"
        )
        & ~asked_to_do()
        & ~ANSWERING
        & ~ASKS
    )
