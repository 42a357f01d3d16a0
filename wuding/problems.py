"""What a check finds wrong, in order of weight."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from .errors import INPUT_ERRORS
from .messages import translate

Weight = Literal["error", "warning", "note"]
WEIGHTS: tuple[Weight, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Problem:
    """
    One finding.

    Attributes
    ----------
    weight
        "error": a run would stop here; "warning": results would be wrong or poorer; "note": good to know.
    where
        Section of the study file.
    text
        What was got, what was expected, what to do.
    rows
        Buildings concerned; 0 where that cannot be said.
    """

    weight: Weight
    where: str
    text: str
    rows: int = 0


@dataclass
class Problems:
    """Findings as they come; `listed` has them in order of weight."""

    found: list[Problem] = field(default_factory=list)

    def add(self, weight: Weight, where: str, text: str, rows: int = 0) -> None:
        """
        Keep a finding.

        Parameters
        ----------
        weight, where, text, rows
            See `Problem`.
        """
        self.found.append(Problem(weight, where, text, rows))

    @contextmanager
    def trying(self, where: str, rows: int = 0) -> Iterator[list[str]]:
        """
        Keep the error that would stop a run, and the warnings put into the list handed out, and go on with the next thing.

        Parameters
        ----------
        where, rows
            See `Problem`.
        """
        warnings: list[str] = []
        try:
            yield warnings
        except INPUT_ERRORS as error:
            self.add("error", where, str(error))
        for text in warnings:
            self.add("warning", where, text, rows)

    def listed(self) -> list[Problem]:
        """
        Give every finding once.

        Returns
        -------
        list of Problem
            Errors first; within a weight those that concern most buildings, else in the order of the study file.
        """
        once = list(dict.fromkeys(self.found))
        return sorted(once, key=lambda problem: (WEIGHTS.index(problem.weight), -problem.rows))

    def fatal(self) -> bool:
        """
        Tell whether a run would stop.

        Returns
        -------
        bool
            True with an error among the findings.
        """
        return any(problem.weight == "error" for problem in self.found)

    def plain(self, lang: str) -> list[dict[str, object]]:
        """
        Give the findings as plain data.

        Parameters
        ----------
        lang
            "zh" or "en".

        Returns
        -------
        list of dict
            In order of weight.
        """
        return [asdict(replace(problem, text=translate(problem.text, lang))) for problem in self.listed()]
