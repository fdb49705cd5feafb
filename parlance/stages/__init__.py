"""Stages: each reads tables of the lake, calls pure functions and writes tables of the lake."""
