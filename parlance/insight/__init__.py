"""What the speech acts of a corpus say: who does what, when and where, after what, and examples of it."""

from parlance.insight.counting import ROLES, STEPS, counted, examples, transitions, with_roles

__all__ = ["ROLES", "STEPS", "counted", "examples", "transitions", "with_roles"]
