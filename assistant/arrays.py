"""The kinds of arrays that pass between modules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # unit vectors, one a row, or one alone
Rows = NDArray[np.int64]  # row numbers, in the order of an index's passages
Mask = NDArray[np.bool_]  # which rows may be found
