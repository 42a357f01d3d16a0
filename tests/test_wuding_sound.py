"""A finished run whose files a disk has changed is refused, not drawn."""

import sys
from pathlib import Path

import pytest

from wuding import cli
from wuding.errors import StudyError
from wuding.messages import translate
from wuding.sound import RASTERS, RECORD, begin_renewal, require_sound, seal_products, seal_rasters, unseal_products

_FILES = ("manifest.json", "buildings.parquet", "regions/zones.parquet", "roofs/tile-00000.parquet", ".work/tiles/tile-00000.parquet")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in (*_FILES, "map.html", ".work/terrain.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    seal_rasters(tmp_path)
    seal_products(tmp_path)
    return tmp_path


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", _FILES)
def test_one_flipped_bit_is_told_by_its_file(run: Path, name: str) -> None:
    require_sound(run)
    flip(run / name)
    with pytest.raises(StudyError, match=f"1 files are not what the run wrote, damaged or changed since: {name};") as caught:
        require_sound(run)
    assert f"1 个文件与运行写出的不同（损坏或后来被改动）：{name}；" in translate(str(caught.value), "zh")
    (run / name).unlink()
    with pytest.raises(StudyError, match=name):
        require_sound(run)


def test_what_a_renewal_of_targets_makes_itself_does_not_stop_it(run: Path) -> None:
    (run / "targets.json").write_text("{}", encoding="utf-8")
    seal_products(run)
    flip(run / "targets.json")
    with pytest.raises(StudyError, match=r"targets\.json"):
        require_sound(run)
    require_sound(run, renewing=True)
    flip(run / "buildings.parquet")
    with pytest.raises(StudyError, match=r"1 files are not .*: buildings\.parquet;"):
        require_sound(run, renewing=True)


def test_a_renewal_that_was_ended_midway_is_told_and_the_next_one_takes_no_product_for_new(run: Path) -> None:
    assert not begin_renewal(run)
    with pytest.raises(StudyError, match="ended midway; run wuding targets"):
        require_sound(run)
    require_sound(run, renewing=True)
    assert begin_renewal(run)
    seal_products(run)
    require_sound(run)
    assert not begin_renewal(run)


def test_a_record_that_cannot_be_read_names_itself(run: Path) -> None:
    for broken in ("", "{", "[1]"):
        (run / ".work" / RECORD).write_text(broken, encoding="utf-8")
        with pytest.raises(StudyError, match=RECORD):
            require_sound(run)


def test_rasters_are_looked_at_by_what_reads_them_and_not_taken_as_whole_by_a_renewal(run: Path) -> None:
    flip(run / ".work" / "terrain.tif")
    require_sound(run)
    with pytest.raises(StudyError, match=r"1 files are not .*: \.work/terrain\.tif;"):
        require_sound(run, rasters=True)
    begin_renewal(run)
    seal_products(run)
    with pytest.raises(StudyError, match=r"terrain\.tif"):
        require_sound(run, rasters=True)
    (run / ".work" / RASTERS).write_text("[", encoding="utf-8")
    with pytest.raises(StudyError, match=RASTERS):
        require_sound(run, rasters=True)


def test_pages_may_be_changed_and_runs_without_a_record_are_taken_as_they_are(run: Path) -> None:
    flip(run / "map.html")
    require_sound(run)
    unseal_products(run)
    flip(run / "manifest.json")
    require_sound(run)
    assert not (run / ".work" / RECORD).exists()


_TABLES = [("map", "R"), ("targets", "R"), ("export", "R", "--to", "x.csv"), ("compare", "R", "R")]
_ROOFS_AGAIN = [("parcel", "R", "1"), ("skyline", "R", "1")]


@pytest.mark.parametrize(
    ("words", "name"),
    [*((words, "buildings.parquet") for words in (*_TABLES, *_ROOFS_AGAIN)), *((words, ".work/terrain.tif") for words in _ROOFS_AGAIN)],
)
def test_every_command_refuses_what_is_damaged_of_what_it_reads(
    run: Path, words: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(run / name)
    monkeypatch.setattr(sys, "argv", ["wuding", "--lang", "en", *(str(run) if word == "R" else word for word in words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert f"{name}; run the study again" in capsys.readouterr().err
