"""How far a run is, asked from another terminal."""

import json
import time
from pathlib import Path
from typing import Any

from layers.sealing import SEALED, record_of

from .errors import StudyError
from .manifest import is_finished
from .messages import translate
from .progress import STAGES, time_left
from .run_folder import ENDED, is_working, tiles_to_assess

PRODUCTS = ("targets.json", "manifest.json", "tables.xlsx", "map.html", "report.html", "report.docx")


def run_status(out: Path, lang: str = "zh") -> list[str]:
    """
    Say how far a run is.

    Parameters
    ----------
    out
        Run folder, finished or not.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        Lines: what it does now, tiles done, tiles set aside, products.

    Raises
    ------
    StudyError
        If no run has started there.
    """
    work, zh = out / ".work", lang == "zh"
    if not (work / "progress.json").is_file() and not (work / "tiles.parquet").is_file():
        raise StudyError(f"{out.name}: no run has started here")
    lines = [_state(out, lang)]
    if (work / "tiles.parquet").is_file():
        tiles = tiles_to_assess(work)
        done = sum(record_of(work / SEALED, name).exists() for name in tiles)
        lines.append(f"{'分块' if zh else 'tiles'}: {done}/{len(tiles)}")
    if (work / "failed.json").is_file():
        failed = json.loads((work / "failed.json").read_text(encoding="utf-8"))
        lines += [f"{'未能测算' if zh else 'set aside'}: {translate(f'{name}: {reason}', lang)}" for name, reason in sorted(failed.items())]
    products = [file.name for file in sorted(out.glob("*.gpkg"))] + [name for name in PRODUCTS if (out / name).exists()]
    lines.append(f"{'成果' if zh else 'products'}: {', '.join(products) or '-'}")
    return lines


def _state(out: Path, lang: str) -> str:
    zh = lang == "zh"
    note = out / ".work" / "progress.json"
    working = is_working(out)
    if not working:
        ended = out / ".work" / ENDED
        if ended.is_file():
            return _ended(json.loads(ended.read_text(encoding="utf-8")), lang)
        if is_finished(out):
            return "已完成" if zh else "finished"
        if working is False:
            return "已中断；再次运行同一命令即可继续" if zh else "stopped; run the same command again to continue"
    if not note.is_file():
        return ("运行中" if zh else "working") if working else _unknown(zh)
    now = json.loads(note.read_text(encoding="utf-8"))
    stage = STAGES[now["stage"]][0 if zh else 1]
    if working is None:
        told = f"{_ago(now):,.0f} 秒前：{stage}" if zh else f"{_ago(now):,.0f} s ago: {stage}"
        return f"{_unknown(zh)}{'；最近一次记录于 ' if zh else '; last noted '}{told} {now['done']:,}/{now['total']:,}"
    text = f"{'运行中' if zh else 'working'}: {stage} {now['done']:,}/{now['total']:,}"
    if now["rate"]:
        text += f"，每秒 {now['rate']:,.2f}" if zh else f", {now['rate']:,.2f}/s"
    if now["left"] is not None:
        text += ("，" if zh else ", ") + time_left(max(now["left"] - _ago(now), 0.0), lang)
    return text


def _ago(note: dict[str, Any]) -> float:
    return max(time.time() - float(note["at"]), 0.0)  # the clock may have been set back


def _unknown(zh: bool) -> str:
    text = "whether a run is working cannot be said, the folder may not be written to"
    return "结果文件夹不可写，无法判断是否仍在运行" if zh else text


def _ended(note: dict[str, Any], lang: str) -> str:
    told = translate(note["error"], lang)
    if lang == "zh":
        return f"上次运行因错误停止：{told}。" + ("请更正后再次运行同一命令" if note["input"] else "这是程序的缺陷，请反馈")
    asked = "mend it and run the same command again" if note["input"] else "this is a fault of wuding, please report it"
    return f"the last run ended with an error: {told}. Next: {asked}"
