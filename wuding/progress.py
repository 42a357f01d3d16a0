"""What the screen shows while a run works: bars on a terminal, plain lines in a file, JSON lines on request."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .pace import Pace
from .run_folder import note_progress

STAGES = {
    "weather": ("气象与天空模型", "weather and sky"),
    "county": ("生成示例县", "writing the sample county"),
    "read": ("读取与整理输入", "reading inputs"),
    "tiles": ("逐栋屋顶评估", "assessing roofs"),
    "audit": ("抽样复核", "audit"),
    "tables": ("汇总与目标研判", "tables and targets"),
    "geopackage": ("GeoPackage", "GeoPackage"),
    "products": ("地图、报告、表格", "map, report, spreadsheet"),
    "fetch_place": ("查找地名（kB）", "looking the place up (kB)"),
    "fetch_index": ("读取目录（kB）", "reading an index (kB)"),
    "fetch_buildings": ("下载建筑轮廓（kB）", "fetching buildings (kB)"),
    "fetch_dem": ("下载高程（kB）", "fetching elevation (kB)"),
    "fetch_weather": ("下载气象（kB）", "fetching weather (kB)"),
    "fetch_districts": ("下载区县界线（kB）", "fetching districts (kB)"),
    "fetch_canopy": ("下载树冠高度（kB）", "fetching canopy height (kB)"),
    "fetch_quality": ("下载建成区以判断完整性（kB）", "fetching built-up land to judge completeness (kB)"),
}
# A plain log gets a line a stage and then at most one every so many seconds.
QUIET_SECONDS = 10.0
# A run notes its progress for other terminals at most every so many seconds.
NOTE_SECONDS = 1.0
FEW = 10


class Screen:
    """
    Tells how far the work is: stage, count, rate, remaining time.

    Parameters
    ----------
    lang
        "zh" or "en".
    json_lines
        Print JSON lines instead of words.
    stream
        Where to print; stderr by default.
    """

    def __init__(self, lang: str, *, json_lines: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.lang = lang
        self.json_lines = json_lines
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._paces: dict[str, Pace] = {}
        self._last_line: dict[str, float] = {}
        self._note: Path | None = None
        self._noted = 0.0

    @contextmanager
    def running(self) -> Iterator["Screen"]:
        """Show bars while the block runs, if somebody is looking."""
        if self.json_lines or not self.stream.isatty():
            yield self
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=Console(file=self.stream), transient=False) as self._bars:
            yield self
        self._bars = None

    @contextmanager
    def noting(self, file: Path) -> Iterator[None]:
        """
        Note the progress in a file too, so that another terminal can ask.

        Parameters
        ----------
        file
            Note in the run's own folder.
        """
        self._note = file
        try:
            yield
        finally:
            self._note = None

    def told(self, stage: str, done: int, total: int, at_once: int = 0) -> None:
        """
        Note that `done` of `total` units of a stage are finished.

        Parameters
        ----------
        stage
            Key of `STAGES`.
        done, total
            Counts in the stage's own unit.
        at_once
            Units under way at the same time, see `Pace`.
        """
        now = time.monotonic()
        start = self._started.setdefault(stage, now)
        pace = self._paces.setdefault(stage, Pace((done, now), at_once))
        pace.seen(done, now)
        left = pace.left(total, now)
        if self._note is not None and (done in (0, total) or now - self._noted > NOTE_SECONDS):
            self._noted = now
            note_progress(self._note, stage, done, total, now - start, pace.rate, left)
        if self.json_lines:
            told: dict[str, object] = {"event": "progress", "stage": stage, "done": done, "total": total}
            self.line(told | {"rate": round(pace.rate, 2), "seconds": round(now - start, 2), "left": None if left is None else round(left)})
        elif self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(self.title(stage), total=total, rate="", left="")
            said = "" if left is None else time_left(left, self.lang)
            self._bars.update(self._tasks[stage], completed=done, total=total, rate=_rate(pace.rate, total), left=said)
        elif done == 0 or done == total or now - self._last_line.get(stage, start) > QUIET_SECONDS:
            self._last_line[stage] = now
            words = [
                f"{self.title(stage)}: {done:,}/{total:,}",
                _rate(pace.rate, total),
                "" if left is None else time_left(left, self.lang),
            ]
            print(("，" if self.lang == "zh" else ", ").join(word for word in words if word), file=self.stream, flush=True)

    def title(self, stage: str) -> str:
        """
        Return the stage's name in the screen's language.

        Parameters
        ----------
        stage
            Key of `STAGES`.

        Returns
        -------
        str
            The name.
        """
        return STAGES[stage][0 if self.lang == "zh" else 1]

    def say(self, zh: str, en: str) -> None:
        """
        Print one line in the screen's language.

        Parameters
        ----------
        zh, en
            The same words in both languages.
        """
        words = zh if self.lang == "zh" else en
        if self.json_lines:
            self.line({"event": "message", "text": words})
        elif self._bars is not None:
            self._bars.console.print(words, markup=False, highlight=False)
        else:
            print(words, file=self.stream, flush=True)

    def line(self, content: dict[str, object]) -> None:
        """
        Print one JSON line.

        Parameters
        ----------
        content
            Plain data.
        """
        unicode = (self.stream.encoding or "utf-8").lower().startswith("utf")  # JSON is UTF-8, or else escaped
        print(json.dumps(content, ensure_ascii=not unicode), file=self.stream, flush=True)


def time_left(seconds: float, lang: str) -> str:
    """
    Say how long something still takes, no finer than an estimate is worth.

    Parameters
    ----------
    seconds
        Estimate. [s]
    lang
        "zh" or "en".

    Returns
    -------
    str
        Seconds below two minutes, then minutes, then hours.
    """
    if seconds < 120.0:
        return f"剩余约 {seconds:.0f} 秒" if lang == "zh" else f"about {seconds:.0f} s left"
    if seconds < 7200.0:
        return f"剩余约 {seconds / 60:.0f} 分钟" if lang == "zh" else f"about {seconds / 60:.0f} min left"
    return f"剩余约 {seconds / 3600:.1f} 小时" if lang == "zh" else f"about {seconds / 3600:.1f} h left"


def _rate(rate: float, total: int) -> str:
    """Say how many a second; of a handful of steps of unequal length it says nothing."""
    return "" if not rate or total < FEW else f"{rate:,.0f}/s" if rate >= 1 else f"{rate:.2f}/s"
