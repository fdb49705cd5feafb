"""Connections to the outside: the lake, the sources, the training process."""
