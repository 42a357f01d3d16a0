"""A run folder and inputs on a store: whole or not at all, nothing mixed, nothing secret told."""

import json
import pickle
import shutil
import tempfile
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import geopandas as gpd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from wuding.addressed import local_copy
from wuding.errors import StudyError
from wuding.store import SILENT_SECONDS, Store, hidden, is_url, mirrored
from wuding.stored_tiles import through_store
from wuding.study import without_place
from wuding.worker_mirror import worker_mirror


@pytest.fixture
def url() -> str:
    """Name a folder in the memory of this process."""
    return f"memory://bucket-{uuid.uuid4().hex}/县/run"


def text_of(url: str, name: str) -> str:
    system, root = fsspec.url_to_fs(url)
    return str(system.cat_file(f"{root}/{name}").decode())


def put(url: str, name: str, text: str) -> None:
    system, root = fsspec.url_to_fs(url)
    system.pipe_file(f"{root}/{name}", text.encode())


def names(url: str) -> set[str]:
    system, root = fsspec.url_to_fs(url)
    return {key.removeprefix(root).lstrip("/") for key in system.find(root)}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def test_an_address_is_no_path() -> None:
    assert all(is_url(text) for text in ("s3://bucket/run", "oss://b/县", "https://place/a.tif", "filecache::s3://b/x"))
    assert not any(is_url(text) for text in ("C://data/x.shp", r"C:\\data", "/data/x", "数据/x.shp", "a:b"))


def test_products_tell_of_an_address_the_last_part_alone() -> None:
    address = "s3://key:secret@bucket/private/县.gpkg?token=abc"
    assert without_place(address) == "县.gpkg"
    assert hidden(address) == "s3://…/县.gpkg"


def test_what_was_sent_is_brought_elsewhere(url: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    write(here, roofs__a="1", roofs__b="2", map="3", **{".work__lock": "", ".work__study.txt": "/home/x", ".work__tiles__t": "4"})
    Store(url, here).send()
    assert names(url) == {"roofs/a", "roofs/b", "map", ".work/tiles/t"}
    there = Store(url, tmp_path / "there")
    there.bring("roofs/", ".work/nothing/")
    assert {file.name: file.read_text() for file in (tmp_path / "there" / "roofs").iterdir()} == {"a": "1", "b": "2"}


def test_a_change_on_either_side_is_noticed(url: str, tmp_path: Path) -> None:
    store = Store(url, tmp_path)
    write(tmp_path, roofs__a="1")
    store.send()
    put(url, "roofs/a", "2")
    store.bring("roofs/")
    assert (tmp_path / "roofs" / "a").read_text() == "2"
    write(tmp_path, roofs__a="33")
    store.send()
    assert text_of(url, "roofs/a") == "33"


def test_results_that_the_mirror_lost_go_and_older_products_stay_until_the_end(url: str, tmp_path: Path) -> None:
    for name in ("roofs/old", "manifest.json", "map.html"):
        put(url, name, "old")
    store = Store(url, tmp_path)
    write(tmp_path, roofs__new="1")
    store.send()
    assert names(url) == {"roofs/new", "map.html"}
    store.send(final=True)
    assert names(url) == {"roofs/new"}


def test_only_one_run_works_in_a_folder_and_a_dead_one_is_forgotten(url: str, tmp_path: Path) -> None:
    with mirrored(url, tmp_path):
        for _ in range(200):
            if ".work/running.json" in names(url):
                break
            time.sleep(0.01)
        with pytest.raises(StudyError, match="another run is working"), mirrored(url, tmp_path / "other"):
            pass
    assert ".work/running.json" not in names(url)
    put(url, ".work/running.json", json.dumps({"by": "x", "at": time.time() - SILENT_SECONDS - 1}))
    with mirrored(url, tmp_path):
        pass


def test_a_new_mirror_holds_the_finished_tiles_and_nothing_older(url: str, tmp_path: Path) -> None:
    put(url, "roofs/tile-00000.parquet", "here")
    put(url, ".work/tiles/tile-00000.parquet", "not needed yet")
    with mirrored(url, tmp_path) as store:
        write(store.mirror, roofs__left="of another run")
    with mirrored(url, tmp_path) as store:
        assert [file.name for file in (store.mirror / "roofs").iterdir()] == ["tile-00000.parquet"]
        assert not (store.mirror / ".work" / "tiles").exists()


def test_a_worker_reads_its_tile_from_the_store_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker on another machine sees no path of the machine that gives the command."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp of a worker"))
    url, command = f"file://{(tmp_path / '县').as_posix()}", tmp_path / "mirror of the command"
    tiles = command / ".work" / "tiles"
    tiles.mkdir(parents=True)
    frame = gpd.GeoDataFrame({"tile": [3]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4548)
    frame.to_parquet(tiles / "tile-00003.parquet")
    store = Store(url, command)
    store.send()
    asked: list[Any] = []
    client = SimpleNamespace(run=lambda function, *given, **_: asked.append(function(*given)))
    given = through_store(client, store)
    assert str(command).encode() not in pickle.dumps((given["task"], given["read"]))
    shutil.rmtree(command)
    left = worker_mirror(url, "of a run that died")
    other = worker_mirror("file:///elsewhere", "of another run folder")
    for folder in (left, other):
        folder.mkdir(parents=True)
    assert_geodataframe_equal(given["read"]("tile-00003.parquet"), frame)
    _, _, token = given["task"]
    assert set(left.parent.iterdir()) == {worker_mirror(url, token), other}
    given["gather"]()
    assert asked == [None]
    assert list(left.parent.iterdir()) == [other]


def test_a_protocol_that_nobody_speaks_is_told() -> None:
    with pytest.raises(StudyError, match="nosuch://…/run: this protocol needs a package"):
        Store("nosuch://bucket/run", Path())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep copies of inputs in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    local_copy.cache_clear()
    return tmp_path / "cache"


def test_an_input_comes_with_its_parts_and_again_when_it_changed(cache: Path, url: str) -> None:
    for ending in ("shp", "dbf", "shx", "cpg"):
        put(url, f"房屋.{ending}", ending)
    put(url, "other.dbf", "x")
    copy = local_copy(f"{url}/房屋.shp")
    assert copy.is_relative_to(cache)
    assert sorted(file.name for file in copy.parent.glob("*.*") if file.suffix != ".json") == [
        "房屋.cpg",
        "房屋.dbf",
        "房屋.shp",
        "房屋.shx",
    ]
    put(url, "房屋.shp", "new")
    assert copy.read_text() == "shp"  # one process sees one state
    local_copy.cache_clear()
    assert local_copy(f"{url}/房屋.shp").read_text() == "new"


def test_a_folder_and_a_pattern_stay_what_they_are(cache: Path, url: str) -> None:
    for name in ("dem/1/a.tif", "dem/b.tif", "dem/notes.txt"):
        put(url, name, name)
    folder = local_copy(f"{url}/dem")
    assert {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} == {"1/a.tif", "b.tif", "notes.txt"}
    pattern = local_copy(f"{url}/dem/*.tif")
    assert [file.name for file in pattern.parent.glob(pattern.name)] == ["b.tif"]


def test_nothing_at_an_address_is_told(cache: Path, url: str) -> None:
    with pytest.raises(StudyError, match=r"memory://…/no.gpkg: there is nothing at this address"):
        local_copy(f"{url}/no.gpkg")
