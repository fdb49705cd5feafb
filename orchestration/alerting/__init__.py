"""Alerts and the daily digest: what is wrong, for how long, why in one line, and what to do about it."""
