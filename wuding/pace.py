"""How fast a stage goes and when it will end, from the units that it has finished."""

from dataclasses import dataclass

Moment = tuple[int, float]


@dataclass
class Pace:
    """Pace of one stage. The first `at_once` units, a round of all processes, are no measure: they also start and compile."""

    # Units that were there when the stage began, as after a run that died, and the time.
    begun: Moment
    at_once: int = 0

    def __post_init__(self) -> None:
        self._first = self.begun if not self.at_once else None
        self._last = self.begun

    def seen(self, done: int, now: float) -> None:
        """
        Note what is finished.

        Parameters
        ----------
        done
            Units in all.
        now
            The time. [s]
        """
        if done > self._last[0]:
            self._last = (done, now)
        if self._first is None and done - self.begun[0] >= self.at_once:
            self._first = (done, now)

    @property
    def rate(self) -> float:
        """Units per second; 0 while that cannot be said."""
        if self._first is None or self._last[0] == self._first[0]:
            return 0.0
        return (self._last[0] - self._first[0]) / max(self._last[1] - self._first[1], 1e-3)

    def left(self, total: int, now: float) -> float | None:
        """
        Estimate how long the rest takes.

        Parameters
        ----------
        total
            Units of the stage.
        now
            The time; what passed since the last unit was finished counts. [s]

        Returns
        -------
        float or None
            [s]; None while it cannot be said, and where nothing is left.
        """
        if not self.rate or self._last[0] >= total:
            return None
        return max((total - self._last[0]) / self.rate - (now - self._last[1]), 0.0)
