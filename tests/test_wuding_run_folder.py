"""What a changed study, price or code leaves of the roofs of an earlier run."""

import errno
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import wuding.manifest as manifest
import wuding.run_folder
from wuding import cli
from wuding.errors import StudyError, words_of_damage
from wuding.manifest import write_json
from wuding.run_folder import alone, continue_or_clear, note_progress, noting_end, require_paths
from wuding.status import run_status
from wuding.study import load_study

BASE = '[study]\nname = "x"\ncrs = "EPSG:4548"\n[buildings]\npath = "b.gpkg"\n[terrain]\ndem = "flat"\n[weather]\nsource = "climatology"\n'
INPUTS = [{"role": "buildings", "path": "b.gpkg", "sha256": "1", "size": 1}]


def kept(tmp_path: Path, text: str, inputs: list[dict[str, object]]) -> bool:
    """Whether a tile of a run of `BASE` is still there when the next run says something else."""
    out, file = tmp_path / "out", tmp_path / "study.toml"
    (out / ".work").mkdir(parents=True, exist_ok=True)
    file.write_text(BASE, encoding="utf-8")
    continue_or_clear(load_study(file), INPUTS, (2021, 2025), out, fresh=False)
    tile = out / "roofs" / "t.parquet"
    tile.write_bytes(b"")
    file.write_text(text, encoding="utf-8")
    continue_or_clear(load_study(file), inputs, (2021, 2025), out, fresh=False)
    return tile.exists()


@pytest.mark.parametrize(
    ("more", "stay"),
    [
        ("", True),
        ('[roadmap]\norder = "yield"\n', True),
        ("[money.finance]\ndiscount_rate = 0.08\n", False),
        ("[money.finance]\nmechanism_price = 0.2\n", False),
        ("[system.degradation]\nannual = 0.005\n", False),
    ],
)
def test_roofs_stay_only_where_no_roof_feels_the_change(tmp_path: Path, more: str, stay: bool) -> None:
    assert kept(tmp_path, BASE + more, INPUTS) is stay


@pytest.mark.parametrize(("role", "stay"), [("tariffs", False), ("load", False), ("form", True)])
def test_files_of_prices_and_loads_count(tmp_path: Path, role: str, stay: bool) -> None:
    assert kept(tmp_path, BASE, [*INPUTS, {"role": role, "path": "p.csv", "sha256": "2", "size": 2}]) is stay


def test_sheets_and_pictures_of_other_roofs_go_with_them(tmp_path: Path) -> None:
    for name in ("parcels/P1/sheet.html", "pictures/map.png", "roofs.pmtiles"):
        file = tmp_path / "out" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    assert not kept(tmp_path, BASE + '[system]\nchoose = "coverage"\n', INPUTS)
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert left == {".work", "roofs"}


def test_a_tile_that_cannot_be_removed_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows keeps a file that another program has open; it must not pass for a tile of the new study."""

    def held(path: Path) -> None:
        raise PermissionError(13, "in use", str(Path(path) / "t.parquet"))

    monkeypatch.setattr(wuding.run_folder.shutil, "rmtree", held)
    for _ in range(2):  # also when it is tried again
        with pytest.raises(PermissionError, match=r"t\.parquet"):
            kept(tmp_path, BASE + '[system]\nchoose = "coverage"\n', INPUTS)


@pytest.mark.parametrize(("name", "stay"), [("code", False), ("numba", False), ("geos", False), ("proj", False), ("folium", True)])
def test_another_state_of_the_code_or_of_a_library_of_numbers_keeps_no_roof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stay: bool
) -> None:
    states = iter(({**manifest.versions(), name: "1"}, {**manifest.versions(), name: "2"}))
    monkeypatch.setattr(wuding.run_folder, "versions", lambda: next(states))
    assert kept(tmp_path, BASE, INPUTS) is stay


def test_what_has_changed_since_the_finished_tiles_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path, BASE, INPUTS)
    study, out = load_study(tmp_path / "study.toml"), tmp_path / "out"
    monkeypatch.setattr(wuding.run_folder, "versions", lambda: {**manifest.versions(), "numba": "0.1"})
    given = [{**INPUTS[0], "sha256": "2"}, {"role": "dsm", "path": "s.tif", "sha256": "3", "size": 1}]
    other = study.model_copy(update={"roofs": study.roofs.model_copy(update={"point_threshold": 0.123})})
    told = continue_or_clear(other, given, (2021, 2026), out, fresh=False)
    assert told == [f"numba {manifest.versions()['numba']} -> 0.1", "[roofs]", "new_years", "buildings: b.gpkg", "dsm: s.tif"]
    assert continue_or_clear(study, INPUTS, (2021, 2025), out, fresh=False) == []  # no tile is left to give up


@pytest.mark.parametrize("left", [b"", b"{", b"\0" * 100, b"[1]"])
def test_a_note_that_a_power_cut_left_in_pieces_keeps_no_roof(tmp_path: Path, left: bytes) -> None:
    kept(tmp_path, BASE, INPUTS)
    (tmp_path / "out" / ".work" / "fingerprint.json").write_bytes(left)
    assert continue_or_clear(load_study(tmp_path / "study.toml"), INPUTS, (2021, 2025), tmp_path / "out", fresh=False) == ["version"]
    assert not (tmp_path / "out" / "roofs" / "t.parquet").exists()


def test_the_data_files_of_money_are_part_of_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in manifest.ROOMS:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(manifest, "__file__", str(tmp_path / "wuding" / "manifest.py"))
    file = tmp_path / "solar" / "finance.toml"
    file.write_text("a = 1\n", encoding="utf-8")
    before = manifest.source_digest()
    file.write_text("a = 2\n", encoding="utf-8")
    assert manifest.source_digest() != before


@pytest.mark.parametrize(
    ("error", "zh", "en"),
    [
        (
            StudyError("buildings: there is no file b.gpkg; correct the path in the study file"),
            "上次运行因错误停止：",
            "the last run ended with an error: buildings: there is no file b.gpkg; correct the path in the study file. "
            "Next: mend it and run the same command again",
        ),
        (
            OSError(28, "No space left on device"),
            "上次运行因错误停止：磁盘已满",
            "the last run ended with an error: the disk is full: make room",
        ),
        (KeyError("x"), "上次运行因错误停止：KeyError: 'x'。这是程序的缺陷", "KeyError: 'x'. Next: this is a fault of wuding"),
    ],
)
def test_status_tells_the_error_that_ended_a_run(tmp_path: Path, error: Exception, zh: str, en: str) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "progress.json").write_text("{}", encoding="utf-8")
    with pytest.raises(type(error)), noting_end(tmp_path):
        raise error
    assert run_status(tmp_path, "zh")[0].startswith(zh)
    assert en in run_status(tmp_path, "en")[0]
    with noting_end(tmp_path):
        pass
    assert run_status(tmp_path, "en")[0].startswith("stopped; run the same command again")


def test_the_reason_is_noted_on_a_disk_that_filled_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "progress.json").write_text("{}", encoding="utf-8")
    usual = Path.open

    def full(file: Path, mode: str = "r", **options: Any) -> Any:
        """As a full disk does: what is there may be read and overwritten, nothing new be begun."""
        if "w" in mode or "x" in mode:
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        return usual(file, mode, **options)

    with pytest.raises(OSError, match="No space"), noting_end(tmp_path):
        monkeypatch.setattr(Path, "open", full)
        (tmp_path / "roofs.parquet").open("wb")
    assert run_status(tmp_path, "en")[0].startswith("the last run ended with an error: the disk is full: make room")
    assert not list((tmp_path / ".work").glob("*.room"))


def test_a_folder_that_may_only_be_read_is_told_of_as_far_as_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".work").mkdir()
    note_progress(tmp_path / ".work" / "progress.json", "tiles", 3, 6, 1.0, 0.0, None)

    def refuse(*_: object) -> None:
        """As the system does another user, and anyone on a disk that is read only; the superuser of a test may write everywhere."""
        raise OSError(errno.EROFS, "Read-only file system", "lock")

    monkeypatch.setattr("wuding.run_folder.FileLock.acquire", refuse)
    assert run_status(tmp_path, "zh")[0].startswith("结果文件夹不可写，无法判断是否仍在运行；最近一次记录于 ")
    told = run_status(tmp_path, "en")[0]
    assert told.startswith("whether a run is working cannot be said, the folder may not be written to; last noted ")
    assert told.endswith(" s ago: assessing roofs 3/6")
    monkeypatch.setattr("wuding.status.is_finished", lambda out: True)
    assert run_status(tmp_path, "en")[0] == "finished"
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OSError, match="Read-only") as raised:
        require_paths(tmp_path, "x")
    assert raised.value.filename == str(tmp_path)


@pytest.mark.parametrize("left", [b"", b'{"stages": [', bytes(40)])
def test_a_damaged_file_of_a_run_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], left: bytes
) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "progress.json").write_text("{}", encoding="utf-8")
    (tmp_path / "manifest.json").write_bytes(left)
    for lang, words in (("en", "error: a file of the run folder is damaged"), ("zh", "错误：结果文件夹中有文件损坏")):
        monkeypatch.setattr("sys.argv", ["wuding", "--lang", lang, "status", str(tmp_path)])
        with pytest.raises(SystemExit, match="2"):
            cli.main()
        assert words in capsys.readouterr().err


def test_a_damaged_table_of_a_run_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pd.DataFrame({"a": range(1000)}).to_parquet(file)
    whole = file.read_bytes()
    for left in (b"", whole[: len(whole) // 2], bytes(len(whole)), whole[:50] + bytes(300) + whole[350:]):
        file.write_bytes(left)
        with pytest.raises((pa.ArrowInvalid, OSError)) as caught:
            pd.read_parquet(file)
        assert "is damaged" in str(words_of_damage(caught.value))
    assert words_of_damage(KeyError("x")) is None
    assert words_of_damage(FileNotFoundError(2, "no such file", "x")) is None


def test_a_run_that_was_killed_while_it_wrote_its_products_is_not_finished(tmp_path: Path) -> None:
    work = tmp_path / ".work"
    work.mkdir()
    (work / "progress.json").write_text('{"stage": "products", "done": 0, "total": 2, "seconds": 1.0}')
    told = {}
    for names in (("roofs", "tables"), ("roofs", "tables", "geopackage", "products")):
        stages = [{"name": name, "seconds": 1.0, "peak_mb": 1.0} for name in names]
        manifest.write_json(tmp_path / "manifest.json", {"stages": stages})
        told[names[-1]] = run_status(tmp_path, "en")[0]
    assert told == {"tables": "stopped; run the same command again to continue", "products": "finished"}
    assert manifest.read_manifest(tmp_path)["stages"]
    manifest.write_json(tmp_path / "manifest.json", {"stages": []})
    with pytest.raises(StudyError, match="while its products were written"):
        manifest.read_manifest(tmp_path)


def test_unfinished_files_of_a_killed_command_go_hidden_ones_too(tmp_path: Path) -> None:
    for name in ("targets.csv.part", ".map.html.123.part", "map.html"):
        (tmp_path / name).write_text("")
    with alone(tmp_path):
        assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["map.html"]


def test_the_time_left_does_not_grow_where_the_clock_was_set_back(tmp_path: Path) -> None:
    with alone(tmp_path):
        note = {"stage": "tiles", "done": 1, "total": 3, "seconds": 5.0, "rate": 0.0, "left": 40.0, "at": time.time() + 86400.0}
        write_json(tmp_path / ".work" / "progress.json", note)
        assert run_status(tmp_path, "en")[0] == "working: assessing roofs 1/3, about 40 s left"
