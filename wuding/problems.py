"""What a check finds wrong, in order of weight."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from .errors import INPUT_ERRORS
from .messages import translate

Weight = Literal["error", "warning", "note"]
_COUNTED = re.compile(r"\b(\d+)(?: of \d+)? (?:buildings|invalid shapes|shapes)\b")
_LOOKED_AT = re.compile(r"^of \d+ buildings looked at: ")
# How a file was read where there was a choice: no number is the worse for it.
_READ_SO = re.compile(
    r"no \.cpg says|its \.cpg says|is not in UTF-8|is taken, the only one|closed lines are taken as|the study file is believed|"
    r"of the OpenStreetMap features"
)
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
    grave
        Whether every number that follows would be wrong, as where a layer lies in the wrong place.
    """

    weight: Weight
    where: str
    text: str
    rows: int = 0
    grave: bool = False


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
    def trying(self, where: str, rows: int = 0, *, grave: bool = False) -> Iterator[list[str]]:
        """
        Keep the error that would stop a run, and the warnings put into the list handed out, and go on with the next thing.

        Parameters
        ----------
        where, rows, grave
            See `Problem`; rows that a warning names itself win.
        """
        warnings: list[str] = []
        try:
            yield warnings
        except INPUT_ERRORS as error:
            self.add("error", where, str(error))
        for text in warnings:
            weight: Weight = "note" if _READ_SO.search(text) and not grave else "warning"
            self.found.append(Problem(weight, where, text, _named(text) or rows, grave))

    def listed(self) -> list[Problem]:
        """
        Give every finding once.

        Returns
        -------
        list of Problem
            Errors first; within a weight what makes everything wrong, then what concerns most buildings, else in the order of the study.
        """
        once = list(dict.fromkeys(self.found))
        return sorted(once, key=lambda problem: (WEIGHTS.index(problem.weight), not problem.grave, -problem.rows))

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


def _named(text: str) -> int:
    """Read how many buildings a warning itself counts, 0 where it counts none."""
    found = _COUNTED.search(_LOOKED_AT.sub("", text))
    return int(found[1]) if found else 0
