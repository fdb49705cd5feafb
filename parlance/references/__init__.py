"""What a user names to compare documents with: blocked hosts and words, evaluation sets, good texts and bad ones.

`read` reads the file that names them, `compile` makes of it a folder that `load` opens; `References.compare` measures
documents against it. Importing the package loads no compiler and no model.
"""

from parlance.references.compiling import Report, compile, read_report
from parlance.references.loading import SIGNALS, References, load
from parlance.references.named import Named, read

__all__ = ["SIGNALS", "Named", "References", "Report", "compile", "load", "read", "read_report"]
