"""A run may die anywhere: what is finished stays, nothing is mixed, and the next run gives the same numbers."""

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psutil
import pyproj
import pytest
import shapely

from geo.packed import Packed
from geo.tiles import _cuts
from layers.roadmap_years import write_years
from layers.sealing import SEALED, accept, is_sealed, record_of, seal
from wuding import pipeline, workers
from wuding.cluster import cluster
from wuding.errors import StudyError, UnfinishedRun
from wuding.messages import translate
from wuding.pipeline import run_study
from wuding.progress import Screen
from wuding.run_folder import alone, require_space, tiles_to_assess
from wuding.sound import RECORD, require_sound
from wuding.status import run_status
from wuding.study import load_study
from wuding.workers import RESULTS, assess_one, assess_tiles, fingerprint_of, tile_name

from .conftest import run_county

TILES = 6
# Every file of the undisturbed run has a path of more than 260 characters, in Chinese and with spaces.
_LONG = ("整县 屋顶 " + "county" * 11,) * 3
# Names of stages in the manifest, and the first note of each for other terminals.
_STAGE_OF = {
    "prepare": "read",
    "weather": "weather",
    "roofs": "tiles",
    "audit": "audit",
    "tables": "tables",
    "geopackage": "geopackage",
    "products": "products",
}
# A run that takes a second process for the audit and the GeoPackage, as only large counties do.
_APART = "import wuding.pipeline as p, wuding.cli as c; p.WORTH_IT_BUILDINGS = 0; c.main()"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a sample county of 240 buildings, cut into six tiles."""
    from wuding.county import write_county

    folder = tmp_path_factory.mktemp("survival").joinpath(*_LONG)
    write_county(folder, buildings=240)
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    study.write_text(text + f"\n[run]\ntile_buildings = {240 // TILES}\n" if "[run]" not in text else text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def undisturbed(small: Path) -> Path:
    """Run it once without disturbance."""
    out = small / "undisturbed"
    done = run(small, out)
    assert done.returncode == 0, done.stderr
    return out


def start(small: Path, out: Path | str, *more: str, apart: bool = False) -> "subprocess.Popen[str]":
    code = ["-c", _APART] if apart else ["-m", "wuding"]
    command = [sys.executable, *code, "run", str(small / "study.toml"), "--out", str(out), "--lang", "en", *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        # what a shell starts in the background ignores an interrupt, and so would its children
        preexec_fn=None if sys.platform == "win32" else _hear_interrupts,
    )


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(small: Path, out: Path | str, *more: str) -> "subprocess.CompletedProcess[str]":
    process = start(small, out, *more)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def continue_here(small: Path, out: Path, stream: io.StringIO | None = None) -> None:
    """Run it again in this process, which has imported everything already."""
    study = load_study(small / "study.toml")
    study = study.model_copy(update={"study": study.study.model_copy(update={"lang": "en"})})
    run_study(study, out, Screen("en", stream=stream or io.StringIO()), workers=1)


def same_numbers(one: Path, other: Path) -> None:
    """Compare every table to the last bit, and what is judged to the last byte."""
    for name in ("roofs", "regions"):
        files = sorted(file.name for file in (one / name).glob("*"))
        assert files == sorted(file.name for file in (other / name).glob("*"))
        for file in files:
            assert (one / name / file).read_bytes() == (other / name / file).read_bytes(), file
    for name in ("buildings.parquet", "targets.json", "targets.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    told = [json.loads((run / "manifest.json").read_text(encoding="utf-8")) for run in (one, other)]
    for key in ("totals", "mounts", "counts", "audit", "sanity", "warnings"):
        assert told[0][key] == told[1][key], key


def nothing_unfinished(out: Path) -> None:
    left = [file for file in (out / ".work" / "unfinished").rglob("*") if file.is_file()] + list(out.glob("*.part"))
    assert not left, left


def killed_at(small: Path, out: Path, moment: float) -> None:
    """Start a run and kill all of it after some seconds."""
    with start(small, out) as process:
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)


def killed_in(process: "subprocess.Popen[str]", out: Path, stage: str, moment: float, whom: str) -> str:
    """
    Kill a started run, or some of its processes, some seconds after it has noted a stage; what it was doing then.

    `whom` is "all" of it, the "main" process alone or one of its "workers"; all of it where it has no workers.
    """
    while process.poll() is None and stage not in ("start", _noted(out, process.pid)):
        time.sleep(0.01)
    time.sleep(moment)
    noted = "end" if process.poll() is not None else _noted(out, process.pid)
    others = _workers(process.pid)
    if whom == "workers" and others:
        os.kill(others[-1], signal.SIGKILL)
        process.communicate()  # a run goes on without one of its workers
        return f"{noted}, a worker"
    with process:  # what the run has started may still be dying when the next one begins
        if whom == "main":
            process.kill()
        elif noted != "end":
            os.killpg(process.pid, signal.SIGKILL)
    return noted


def _noted(out: Path, pid: int) -> str:
    """Stage that a run notes for other terminals; "start" while the note is not yet its own."""
    try:
        note = json.loads((out / ".work" / "progress.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "start"
    return str(note["stage"]) if note["pid"] == pid else "start"


def _workers(pid: int) -> list[int]:
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are ended differently on Windows")
@pytest.mark.parametrize("share", [0.4, 0.75])
def test_a_killed_run_continues_and_gives_the_same_numbers(small: Path, undisturbed: Path, tmp_path: Path, share: float) -> None:
    seconds = sum(stage["seconds"] for stage in json.loads((undisturbed / "manifest.json").read_text(encoding="utf-8"))["stages"])
    out = tmp_path / "run"
    killed_at(small, out, seconds * share + 1.0)
    again = run(small, out)
    assert again.returncode == 0, again.stderr
    same_numbers(undisturbed, out)
    nothing_unfinished(out)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="process groups are ended differently on Windows")
@pytest.mark.parametrize("seed", range(32))
def test_runs_killed_at_random_moments(small: Path, undisturbed: Path, tmp_path: Path, seed: int) -> None:
    """Every stage is met four times, with one or two processes at the products as with small and with large counties."""
    random = np.random.default_rng(seed)
    lasted = {"start": 2.0} | {
        _STAGE_OF[stage["name"]]: stage["seconds"]
        for stage in json.loads((undisturbed / "manifest.json").read_text(encoding="utf-8"))["stages"]
    }
    out = tmp_path / "run"
    stages = [list(lasted)[seed % len(lasted)], *random.choice(list(lasted), size=int(random.integers(0, 2)))]
    for stage in stages:
        whom, apart = random.choice(["all", "main", "workers"]), bool(random.random() < 0.5)
        process = start(small, out, apart=apart)
        print(seed, stage, whom, apart, "->", killed_in(process, out, stage, float(random.uniform(0.0, lasted[stage])), whom))
    continue_here(small, out)
    same_numbers(undisturbed, out)
    nothing_unfinished(out)


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is sent differently on Windows")
def test_ctrl_c_stops_at_once_and_says_how_to_go_on(small: Path, tmp_path: Path) -> None:
    process = start(small, tmp_path / "run")
    assert process.stderr is not None
    for line in process.stderr:
        if "assessing roofs" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "run the same command again to continue" in told
    assert len(list((tmp_path / "run" / "roofs").glob("*.parquet"))) < TILES  # it did not wait for the tiles
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_tile_that_fails_is_tried_again_and_then_set_aside(small: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    for name in ("tile-00001.parquet", "tile-00003.parquet"):
        (out / "roofs" / name).unlink()
    # a file of the tile cannot be written: a folder has its name
    (out / ".work" / "audit" / "tile-00003.parquet").unlink()
    (out / ".work" / "audit" / "tile-00003.parquet").mkdir()
    done = run(small, out)
    assert done.returncode == 1
    assert f"1 of {TILES} tiles could not be assessed, twice: tile-00003.parquet" in done.stderr
    assert (out / "roofs" / "tile-00001.parquet").is_file()
    assert not (out / "manifest.json").exists()
    assert any("set aside: tile-00003.parquet" in line for line in run_status(out, "en"))
    (out / ".work" / "audit" / "tile-00003.parquet").rmdir()
    again = run(small, out)
    assert again.returncode == 0, again.stderr
    same_numbers(undisturbed, out)
    assert run_status(out, "en")[:2] == ["finished", f"tiles: {TILES}/{TILES}"]


def finish(name: str, work: Path, roofs: Path) -> None:
    """Leave what a finished tile leaves, its roofs empty."""
    (roofs / name).touch()
    files = {folder: work / folder / name for folder in RESULTS} | {"roofs": roofs / name}
    seal(record_of(work / SEALED, name), fingerprint_of(work), files, work / "unfinished")


def deadly(buildings: pd.DataFrame, tried: str, work: str, roofs: str, parts: int) -> pd.DataFrame:
    """End the process over one tile as a system does that is short of memory, and note every try of any."""
    name = tile_name(buildings)
    with (Path(tried) / name).open("a", encoding="utf-8") as note:
        note.write(f"{parts} ")
    if name == "tile-00002.parquet":
        os._exit(137)
    time.sleep(0.2)
    finish(name, Path(work), Path(roofs))
    return pd.DataFrame({"tile": [int(buildings["tile"].iloc[0])], "roofs": [0]})


def test_a_tile_that_ends_its_worker_is_tried_again_in_parts_and_takes_no_other_along(undisturbed: Path, tmp_path: Path) -> None:
    work, tried, roofs = (tmp_path / name for name in (".work", "tried", "roofs"))
    shutil.copytree(undisturbed / ".work", work)
    tried.mkdir()
    roofs.mkdir()
    files = tiles_to_assess(work)
    with cluster(TILES, 2, None) as client, pytest.raises(UnfinishedRun, match="ended from outside") as caught:
        pauses = client.run(lambda dask_worker: dask_worker.memory_manager.memory_pause_fraction)
        assert set(pauses.values()) == {False}  # none waits for ever
        assess_tiles(client, work, roofs, files, lambda *_: None, (f"{__name__}:{deadly.__name__}", str(tried), str(work), str(roofs)))
    assert f"1 of {TILES} tiles could not be assessed, twice: tile-00002.parquet: its worker process" in str(caught.value)
    assert "计算进程被外部结束" in translate(str(caught.value), "zh")
    # where its row was not taken yet a finished tile is asked for again; `assess_one` then says at once that it is there
    assert {name: sorted({*(tried / name).read_text(encoding="utf-8").split()}) for name in files} == {
        name: ["1", "4"] if name == "tile-00002.parquet" else ["1"] for name in files
    }


def test_a_process_that_is_ended_before_it_listens_is_told_as_one_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(**_: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("wuding.cluster.LocalCluster", ended)
    with pytest.raises(UnfinishedRun, match="ended from outside while they started"), cluster(TILES, 2, None):
        pass
    with pytest.raises(RuntimeError, match="Nanny"), cluster(1, 1, None):  # there no process was started
        pass


def test_a_finished_tile_that_is_asked_for_again_is_not_assessed(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    monkeypatch.setattr(workers, "assess_tile", lambda *_: pytest.fail("it was assessed"))
    buildings = gpd.read_parquet(out / ".work" / "tiles" / "tile-00002.parquet")
    row = assess_one(buildings, str(out / ".work"), str(out / "roofs"))
    assert row.to_dict("list") == {"tile": [2], "roofs": [len(pd.read_parquet(out / "roofs" / "tile-00002.parquet"))]}


def removing(buildings: pd.DataFrame, work: str, parts: int) -> pd.DataFrame:
    """Be at work while somebody removes the run folder."""
    (Path(work) / "fingerprint.json").unlink(missing_ok=True)
    raise FileNotFoundError(tile_name(buildings))


def test_a_run_folder_that_is_removed_meanwhile_is_not_said_to_be_kept(undisturbed: Path, tmp_path: Path) -> None:
    work = tmp_path / ".work"
    shutil.copytree(undisturbed / ".work", work)
    with cluster(1, 1, None) as client, pytest.raises(UnfinishedRun, match="the run folder was removed") as caught:
        assess_tiles(client, work, tmp_path / "roofs", tiles_to_assess(work), lambda *_: None, (f"{__name__}:removing", str(work)))
    assert translate(str(caught.value), "zh").startswith("运行期间结果文件夹被删除")


def late(buildings: pd.DataFrame, work: str, roofs: str, parts: int) -> pd.DataFrame:
    """End the process over one tile when its files are written already."""
    name = tile_name(buildings)
    finish(name, Path(work), Path(roofs))
    if name == "tile-00002.parquet":
        os._exit(137)
    return pd.DataFrame({"tile": [int(buildings["tile"].iloc[0])], "roofs": [0]})


def test_a_worker_that_ends_after_its_tile_was_written_costs_nothing(undisturbed: Path, tmp_path: Path) -> None:
    work, roofs = tmp_path / ".work", tmp_path / "roofs"
    shutil.copytree(undisturbed / ".work", work)
    roofs.mkdir()
    files = tiles_to_assess(work)
    with cluster(TILES, 2, None) as client:
        assess_tiles(client, work, roofs, files, lambda *_: None, (f"{__name__}:{late.__name__}", str(work), str(roofs)))
    assert {file.name for file in roofs.glob("*")} == set(files)


def test_a_tile_without_one_of_its_parts_is_assessed_again(small: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    for k, part in enumerate(("profiles", "mounts", "audit")):
        (out / ".work" / part / f"tile-0000{k}.parquet").unlink()
    continue_here(small, out)
    same_numbers(undisturbed, out)
    for file in (undisturbed / "profiles").glob("*.parquet"):
        assert file.read_bytes() == (out / "profiles" / file.name).read_bytes()


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def zero(file: Path) -> None:
    """As a journal that knows of a file but not yet of its bytes."""
    file.write_bytes(bytes(file.stat().st_size))


def zero_a_block(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 512] = bytes(min(512, len(content) - len(content) // 3))
    file.write_bytes(content)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def of_other_inputs(file: Path) -> None:
    """A tile that comes back after a power cut, although its run had been given up for a changed study."""
    record = record_of(file.parent.parent / SEALED, file.name)
    record.write_text(record.read_text(encoding="utf-8").replace('"made_from": ["', '"made_from": ["0'), encoding="utf-8")


_DAMAGES = (truncate, empty, zero, zero_a_block, flip, of_other_inputs)


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damage_to_any_file_of_a_tile_is_seen(undisturbed: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    work, name = undisturbed / ".work", "tile-00002.parquet"
    held = {folder: work / folder / name for folder in RESULTS} | {"roofs": undisturbed / "roofs" / name}
    for hit in ("audit",) if damage is of_other_inputs else (*held, SEALED):
        own = tmp_path / hit
        (own / SEALED).mkdir(parents=True)
        files = {folder: own / folder / name for folder in held}
        for folder, file in held.items():
            (own / folder).mkdir()
            shutil.copy(file, files[folder])
        record = record_of(own / SEALED, name)
        shutil.copy(record_of(work / SEALED, name), record)
        assert is_sealed(record, fingerprint_of(work), files)
        damage(record if hit == SEALED else files[hit])
        assert not is_sealed(record, fingerprint_of(work), files), hit
        files["mounts"].unlink()
        assert not is_sealed(record, fingerprint_of(work), files)


def test_tiles_that_a_power_cut_left_in_pieces_are_assessed_again(small: Path, undisturbed: Path, tmp_path: Path) -> None:
    """Each has another damage, to files of every kind."""
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    work = out / ".work"
    folders = [out / "roofs", work / "mounts", work / "audit", work / "profiles", out / "roofs", work / "audit"]
    for k, (damage, folder) in enumerate(zip(_DAMAGES, folders, strict=True)):
        damage(folder / f"tile-0000{k}.parquet")
    stream = io.StringIO()
    continue_here(small, out, stream)
    assert f"the files of {len(_DAMAGES)} finished tiles are damaged" in stream.getvalue()
    same_numbers(undisturbed, out)
    for file in (undisturbed / "profiles").glob("*.parquet"):
        assert file.read_bytes() == (out / "profiles" / file.name).read_bytes()


def test_an_input_that_changes_while_it_is_read_is_refused(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, out = tmp_path / "county", tmp_path / "run"
    shutil.copytree(small, copy, ignore=shutil.ignore_patterns("undisturbed"))
    read = pipeline.make_model

    def replaced(*given: Any) -> Any:
        other = copy / "other.gpkg"
        shutil.copy(copy / "buildings.gpkg", other)
        other.replace(copy / "buildings.gpkg")
        return read(*given)

    monkeypatch.setattr(pipeline, "make_model", replaced)
    with pytest.raises(StudyError, match=r"^buildings: buildings\.gpkg changed while it was read") as caught:
        continue_here(copy, out)
    assert "在读取过程中被改动" in translate(str(caught.value), "zh")
    assert not (out / ".work" / "fingerprint.json").exists()
    assert not list((out / "roofs").glob("*"))


def test_a_task_that_outlives_its_run_leaves_the_next_one_alone(undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tile = gpd.read_parquet(undisturbed / ".work" / "tiles" / "tile-00002.parquet")
    shutil.copytree(undisturbed / ".work", tmp_path / ".work")
    assess = workers.assess_tile

    def meanwhile(*given: Any) -> Any:
        (tmp_path / ".work" / "fingerprint.json").write_text("of another run", encoding="utf-8")
        return assess(*given)

    monkeypatch.setattr(workers, "assess_tile", meanwhile)
    with pytest.raises(RuntimeError, match="another run has begun"):
        assess_one(tile, str(tmp_path / ".work"), str(tmp_path / "roofs"))
    assert not (tmp_path / "roofs").exists()


def test_a_year_that_is_taken_back_leaves_the_bytes_of_the_tile(undisturbed: Path, tmp_path: Path) -> None:
    """As where the day of the study moves, so that an interrupted run had written other years."""
    held, work, sealed = undisturbed / "roofs" / "tile-00002.parquet", tmp_path / "work", tmp_path / "sealed"
    file = tmp_path / "roofs" / held.name
    file.parent.mkdir()
    shutil.copy(held, file)
    roofs = pd.read_parquet(held, columns=["building_id", "roadmap_year"]).drop_duplicates("building_id").set_index("building_id")
    first = roofs["roadmap_year"].dropna().astype(int).to_dict()
    seal(record_of(sealed, file.name), "", {"roofs": file}, work)
    assert write_years(file.parent, dict.fromkeys(roofs.index, 2031), sealed, work)
    assert file.read_bytes() != held.read_bytes()
    assert is_sealed(record_of(sealed, file.name), "", {"roofs": file})
    assert write_years(file.parent, first, sealed, work)
    assert file.read_bytes() == held.read_bytes()
    assert is_sealed(record_of(sealed, file.name), "", {"roofs": file})


def test_years_that_a_kill_kept_from_their_place_leave_the_tile_whole(tmp_path: Path) -> None:
    file, new = tmp_path / "tile-00000.parquet", tmp_path / "new"
    record = record_of(tmp_path / "sealed", file.name)
    for k, text in enumerate("abcd"):
        new.write_text(text, encoding="utf-8")
        if k == 0:
            new.replace(file)
            seal(record, "run", {"roofs": file}, tmp_path)
            continue
        accept(record, "roofs", new, tmp_path)
        assert is_sealed(record, "run", {"roofs": file})  # killed here
        new.replace(file)
        assert is_sealed(record, "run", {"roofs": file})
    file.write_text("a", encoding="utf-8")
    assert not is_sealed(record, "run", {"roofs": file})
    assert not is_sealed(record, "another run", {"roofs": new})


def test_what_changes_no_roof_keeps_the_roofs_and_what_does_redoes_them(small: Path, undisturbed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "county"
    shutil.copytree(small, copy, ignore=shutil.ignore_patterns("undisturbed"))
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    before = {file.name: file.stat().st_ino for file in (out / "roofs").glob("*")}
    study = copy / "study.toml"
    text = study.read_text(encoding="utf-8")
    run_county(copy, out, tile_buildings=240 // TILES)
    assert {file.name: file.stat().st_ino for file in (out / "roofs").glob("*")} == before
    study.write_text(
        text.replace("[system]", "[system]\nchoose = 'coverage'") if "[system]" in text else text + "\n[system]\nchoose = 'coverage'\n"
    )
    run_county(copy, out, tile_buildings=240 // TILES)
    assert not set(before.values()) & {file.stat().st_ino for file in (out / "roofs").glob("*")}


def test_a_finished_run_is_known_by_the_bytes_of_its_tables(undisturbed: Path) -> None:
    require_sound(undisturbed)
    held = json.loads((undisturbed / ".work" / RECORD).read_text(encoding="utf-8"))
    for folder in ("roofs", "regions", "profiles", ".work/tiles"):
        assert {name for name in held if Path(name).parent.as_posix() == folder} == {
            f"{folder}/{file.name}" for file in (undisturbed / folder).glob("*.parquet")
        }
    assert held.keys() >= {"manifest.json", "targets.json", "roadmap.json", "buildings.parquet", ".work/model.pickle"}


def test_parts_of_a_tile_are_the_tile(undisturbed: Path, tmp_path: Path) -> None:
    tile = gpd.read_parquet(undisturbed / ".work" / "tiles" / "tile-00002.parquet")
    shutil.copytree(undisturbed / ".work", tmp_path / ".work")
    for parts in (1, 4):
        (tmp_path / "roofs" / "tile-00002.parquet").unlink(missing_ok=True)
        assess_one(tile, str(tmp_path / ".work"), str(tmp_path / "roofs"), parts)
        found = pd.read_parquet(tmp_path / "roofs" / "tile-00002.parquet").drop(columns="roadmap_year")
        whole = pd.read_parquet(undisturbed / "roofs" / "tile-00002.parquet").drop(columns="roadmap_year")
        pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_tiles_are_cut_by_load_and_by_extent() -> None:
    def cut(shapes: Any, tile_buildings: int, widest: float) -> list[int]:
        return _cuts(Packed.of([shapes], pyproj.CRS("EPSG:4548")), np.arange(len(shapes)), tile_buildings, widest)

    x = np.arange(100.0)
    boxes = shapely.box(x, 0.0, x + 0.5, 1.0)
    assert cut(boxes, 25, np.inf) == [0, 25, 50, 75, 100]
    ring = shapely.Point(0, 0).buffer(1.0, quad_segs=2500)  # 10,001 vertices weigh as 100 buildings
    assert cut(np.append(boxes, ring), 50, np.inf) == [0, 41, 81, 101]  # not 0, 51, 101: the last tile has 19 others
    far = shapely.box(1e5, 1e5, 1e5 + 1.0, 1e5 + 1.0)
    cuts = cut(np.append(boxes, far), 1000, 1e6)
    assert cuts[-2:] == [100, 101] or max(np.diff(cuts)) <= 100
    for first, last in itertools.pairwise(cuts):
        bounds = shapely.total_bounds(np.append(boxes, far)[first:last])
        assert last - first == 1 or (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) <= 1e6


def test_a_full_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(1e9)))
    warnings: list[str] = []
    assert require_space(tmp_path, 100_000, warnings) == pytest.approx(0.55e9)  # 0.1 GB and 4.5 kB a building
    assert not warnings
    require_space(tmp_path, 300_000, warnings)
    assert len(warnings) == 1
    with pytest.raises(StudyError, match="make room"):
        require_space(tmp_path, 5_000_000, warnings)


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[str]:
    """Start a scheduler and two workers as processes of their own on loopback."""
    note = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", str(note)], **quiet)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(note), "--nthreads", "1", "--no-dashboard"]
    started += [subprocess.Popen([*worker, "--local-directory", str(tmp_path / str(k))], **quiet) for k in range(2)]
    try:
        for _ in range(300):
            if note.is_file() and note.read_text(encoding="utf-8").strip():
                break
            time.sleep(0.1)
        yield json.loads(note.read_text(encoding="utf-8"))["address"]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def test_a_cluster_another_time_zone_and_locale_give_the_same_bits(
    small: Path, undisturbed: Path, tmp_path: Path, dask_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/St_Johns")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    out = tmp_path / "run"
    done = run(small, out, "--scheduler", dask_cluster)
    assert done.returncode == 0, done.stderr
    same_numbers(undisturbed, out)


def test_a_run_folder_on_a_store_gives_the_same_bits(
    small: Path, undisturbed: Path, tmp_path: Path, dask_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is a folder here, asked through fsspec as any other; the study names one input by its address too."""
    county, place = tmp_path / "county", tmp_path / "a store" / "县"
    shutil.copytree(small, county, ignore=shutil.ignore_patterns("undisturbed"))
    study = county / "study.toml"
    text = study.read_text(encoding="utf-8")
    name = re.search(r'^dem = "(.*)"', text, re.MULTILINE)
    assert name is not None
    study.write_text(text.replace(name[0], f'dem = "file://{(county / name[1]).as_posix()}"'), encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # mirrors; compiled code lies where NUMBA_CACHE_DIR says
    done = run(county, f"file://{place.as_posix()}", "--scheduler", dask_cluster)
    assert done.returncode == 0, done.stderr
    same_numbers(undisturbed, place)
    assert not [file for file in (place / ".work" / "unfinished").rglob("*") if file.is_file()]
    assert not (place / ".work" / "study.txt").exists()
    assert not (place / ".work" / "running.json").exists()
    told = (place / "manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in told


def test_a_scheduler_that_does_not_answer_is_told() -> None:
    with pytest.raises(StudyError, match="no Dask scheduler answers"), cluster(1, 1, "tcp://127.0.0.1:9"):
        pass


def test_status_of_a_working_run(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with alone(out):
        screen = Screen("en", stream=io.StringIO())
        with screen.noting(out / ".work" / "progress.json"):
            screen.told("tiles", 0, 250)
        said: list[str] = []
        asking = threading.Thread(target=lambda: said.extend(run_status(out, "en")))
        asking.start()
        asking.join()
    assert said[0].startswith("working: assessing roofs 0/250")
    assert run_status(out, "en")[0].startswith("stopped; run the same command again")
