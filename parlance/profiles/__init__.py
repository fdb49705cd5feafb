"""Task profiles: which speech acts a data set should hold, how far a corpus is from it, and a sample that meets it.

`read` gives the profiles of a file or folder, `compare` sets a corpus beside one, `draw` picks what matches it.
"""

from parlance.profiles.comparing import Comparison, compare
from parlance.profiles.correction import Confusion, read_confusion
from parlance.profiles.reading import Profile, Target, names, read
from parlance.profiles.sampling import Sample, draw

__all__ = [
    "Comparison",
    "Confusion",
    "Profile",
    "Sample",
    "Target",
    "compare",
    "draw",
    "names",
    "read",
    "read_confusion",
]
