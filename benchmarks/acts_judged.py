"""What a classifier says of utterances."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Judged:
    """Labels and, where there are any, their scores: (utterances,) each."""

    labels: NDArray[np.str_]
    scores: NDArray[np.float64] | None = None
