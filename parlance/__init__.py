"""Parlance: from conversation and web text to what an LLM is trained from."""
