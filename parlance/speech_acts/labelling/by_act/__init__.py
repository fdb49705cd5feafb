"""Labelling functions, a module for each act; a new one is found by itself."""
