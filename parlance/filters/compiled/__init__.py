"""Compiled code, apart from the rules: whoever lists the rules loads no compiler."""
