"""What can go wrong, by what the caller should do about it.

ParlanceError
├── ConfigError      the request is wrong; retrying cannot help
├── SchemaError      a table lacks a column or has the wrong type
└── TransientError   network or storage failed; retrying may help
"""


class ParlanceError(Exception):
    """Root of every error that Parlance raises on purpose; takes one message."""


class ConfigError(ParlanceError):
    """The request is wrong: a path, a name or a bound that cannot work."""


class SchemaError(ParlanceError):
    """A table lacks a column or has one of the wrong type."""


class TransientError(ParlanceError):
    """The network or the storage failed; the same call may succeed later."""
