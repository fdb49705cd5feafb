"""Compiled code, apart from the rest: whoever lists the kinds of tokenizers loads no compiler."""
