"""The clock hours of a year of 365 days, on which loads, prices and generation are laid."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from .weather import HOURS, NOMINAL_YEAR

IntArray = npt.NDArray[np.int64]

_CLOCK = pd.date_range(f"{NOMINAL_YEAR}-01-01", periods=HOURS, freq="h")
MONTH: IntArray = np.asarray(_CLOCK.month, dtype=np.int64)
HOUR: IntArray = np.asarray(_CLOCK.hour, dtype=np.int64)
# Weekdays are those of the nominal year; holidays that move count as what they fall on.
WEEKEND: npt.NDArray[np.bool_] = np.asarray(_CLOCK.day_of_week >= 5)
