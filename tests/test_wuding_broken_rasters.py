"""Broken rasters, region layers and folders through `wuding check`, and files with any bytes changed."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin

from geo.errors import GeoError
from geo.rasters import prepare_raster
from geo.vectors import read_vectors

from .broken import CRS, X, Y, checker, good, made, only, truncated, written


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    return checker(tmp_path, monkeypatch, capsys)


def raster(
    name: str = "dem.tif", values: object = None, *, size: float = 30.0, left: float = X - 300, top: float = Y + 300, **more: object
) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        bands = np.asarray(np.full((30, 40), 50.0, np.float32) if values is None else values)
        bands = bands if bands.ndim == 3 else bands[None]
        unit, cut = more.pop("unit", ""), more.pop("cut", 1.0)
        shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
        profile = {"driver": "GTiff", "crs": CRS, "transform": from_origin(left, top, size, size), **shape, **more}
        (folder / name).parent.mkdir(exist_ok=True)
        with rasterio.open(folder / name, "w", **profile) as out:
            out.write(bands)
            if unit:
                out.set_band_unit(1, str(unit))
        if cut != 1.0:
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(data[: int(len(data) * float(str(cut)))])
        return name.split("/")[0]

    return write


def noise(shape: tuple[int, int] = (600, 600)) -> np.ndarray:
    return np.random.default_rng(0).uniform(40, 60, shape).astype(np.float32)


ASC = "ncols 40\nnrows 30\nxllcorner 499700\nyllcorner 4055400\ncellsize 30\n" + ("50 " * 40 + "\n") * 30
VRT = """<VRTDataset rasterXSize="9" rasterYSize="9"><SRS>EPSG:4548</SRS><GeoTransform>499700,30,0,4056300,0,-30</GeoTransform>
<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename relativeToVRT="1">gone.tif</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
HOLES = np.where(np.arange(1200).reshape(30, 40) % 7 == 0, np.inf, 50.0).astype(np.float32)
RASTERS: list[tuple[str, Callable[[Path], str], str, str]] = [
    ("plain", raster(), "", ""),
    ("all nodata", raster(values=np.full((30, 40), -9999, np.float32), nodata=-9999), "", "holds no data"),
    ("all NaN", raster(values=np.full((30, 40), np.nan, np.float32)), "", "holds no data"),
    ("all nodata without a tag", raster(values=np.full((30, 40), -32768, np.int16)), "", "holds no data"),
    ("one pixel", raster(values=np.full((1, 1), 50, np.float32), size=3000, left=X - 1000, top=Y + 1000), "", "1 x 1 cells"),
    ("rotated", raster(transform=Affine(30, 10, X - 400, 10, -30, Y + 300)), "", ""),
    ("south up", raster(transform=Affine(30, 0, X - 300, 0, 30, Y - 500)), "", ""),
    ("infinite cells", raster(values=HOLES), "", ""),
    ("integers without a tag", raster(values=np.where(HOLES > 99, -32768, 50).astype(np.int16)), "", ""),
    ("in feet", raster(unit="ft"), "", ""),
    ("in an unknown unit", raster(unit="fathom"), "", ""),
    ("vertical CRS in feet", raster(crs="EPSG:4548+6360"), "", ""),
    ("no CRS", raster(crs=None), "", "dem_crs"),
    ("CRS in the study", raster(crs=None), 'dem_crs = "EPSG:4548"', ""),
    ("CRS in the study is none", raster(crs=None), 'dem_crs = "EPSG:nothing"', "no CRS that is known"),
    ("no place", raster(transform=Affine.identity()), "", "does not say where"),
    ("wrong CRS", raster(crs="EPSG:4326"), "", "dem.tif"),
    ("elsewhere", raster(left=X + 90_000), "", "does not cover"),
    ("photograph", raster(values=np.full((3, 30, 40), 50, np.uint8)), "", "picture"),
    ("map with a palette", raster(values=np.full((30, 40), 50, np.uint8), photometric="palette"), "", "picture"),
    ("complex numbers", raster(values=np.full((30, 40), 50, np.complex64)), "", "picture"),
    ("truncated header", raster(values=noise(), cut=0.0001), "", "cannot be read"),
    ("truncated", raster(values=noise(), cut=0.5), "", "breaks off|cannot be read"),
    ("truncated, with a tag", raster(values=noise(), cut=0.5, nodata=-9999), "", "breaks off|cannot be read"),
    ("no bytes", written("dem.tif", b""), "", "cannot be read"),
    ("text", written("dem.tif", "elevation"), "", "cannot be read"),
    ("asc", written("dem.asc", ASC), 'dem_crs = "EPSG:4548"', ""),
    ("asc cut", written("dem.asc", ASC[:2000]), 'dem_crs = "EPSG:4548"', "dem.asc"),
    ("asc with words", written("dem.asc", ASC.replace("50 50", "fifty 50")), 'dem_crs = "EPSG:4548"', "cannot be read"),
    ("asc without numbers", written("dem.asc", "ncols many"), 'dem_crs = "EPSG:4548"', "cannot be read"),
    ("vrt without its source", written("dem.vrt", VRT), "", "cannot be read"),
    ("vrt of rubbish", written("dem.vrt", "<VRTDataset"), "", "cannot be read"),
    ("folder of tiles", raster("tiles/a.tif"), "", ""),
    ("folder without rasters", lambda f: made(f, "tiles", Path.mkdir), "", "holds no raster"),
    ("a vector", lambda f: made(f, "v.gpkg", lambda p: good().to_file(p)), "", "cannot be read"),
    ("a pipe", lambda f: made(f, "pipe.tif", os.mkfifo), "", "neither a file nor a folder"),
    ("two bands", raster(values=np.full((2, 30, 40), 50, np.float32)), "", ""),
    ("a shaded picture", raster(values=np.full((30, 40), 50, np.uint8)), "", ""),
    ("no such file", lambda f: "none.tif", "", "does not exist"),
    ("no such pattern", lambda f: "none*.tif", "", "does not exist"),
]


@pytest.mark.parametrize(("write", "keys", "words"), [case[1:] for case in RASTERS], ids=[case[0] for case in RASTERS])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_elevation(write: Callable[[Path], str], keys: str, words: str, check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    path = write(tmp_path)
    code, said = check(dem=path, terrain=keys)
    assert code == (2 if words else 0), said
    assert re.search(words, said), said


@pytest.mark.parametrize("spoilt", ["tiles/b.tif", "dsm.tif"])
def test_one_broken_file_among_good_ones(spoilt: str, check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    raster("tiles/a.tif")(tmp_path)
    (tmp_path / spoilt).write_bytes(b"II*\0")
    code, said = check(dem="tiles", terrain="dsm = 'dsm.tif'" if spoilt == "dsm.tif" else "")
    assert code == 2
    assert Path(spoilt).name in said


@pytest.mark.parametrize("role", ["[regions.districts]\nname = 'name'", "[[exclusions]]\nreason = 'heritage'"])
@pytest.mark.parametrize("write", [truncated("r.gpkg", 0.5), only([shapely.Point(X, Y)], "r.gpkg"), written("r.csv", "a,b\n1,2\n")])
def test_other_layers(role: str, write: Callable[[Path], str], check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, said = check(rest=f"{role}\npath = '{write(tmp_path)}'")
    assert code == 2
    assert "r." in said


def test_a_study_folder_that_cannot_be_written_to(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    # Root may write anywhere, so a folder of that name stands in for a folder without the right to write.
    (tmp_path / "check.json").mkdir()
    code, said = check()
    assert code == 2
    assert "check.json" in said


SOUND: dict[str, bytes] = {}


def sound_files(folder: Path) -> dict[str, bytes]:
    if not SOUND:
        frame = good(30).assign(name="厂房")
        for name in ("a.gpkg", "a.geojson", "a.fgb", "a.shp"):
            frame.to_file(folder / name)
        frame.to_parquet(folder / "a.parquet")
        frame.assign(wkt=frame.geometry.to_wkt()).drop(columns="geometry").to_csv(folder / "a.csv", index=False)
        raster("a.tif")(folder)
        SOUND.update({p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name.startswith("a.")})
    return SOUND


@settings(max_examples=150)
@given(
    st.sampled_from(["a.gpkg", "a.geojson", "a.fgb", "a.shp", "a.dbf", "a.shx", "a.prj", "a.parquet", "a.csv", "a.tif"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_any_bytes_changed_give_a_layer_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[float, int]], keep: float
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for file, content in sound_files(folder).items():
        data = bytearray(content)
        if file == name:
            for at, value in changes:
                data[int(at * len(data))] = value
            if keep < 0.3:
                data = data[: int(len(data) * keep * 3)]
        (folder / file).write_bytes(bytes(data))
    try:
        if name == "a.tif":
            prepare_raster(folder / name, folder / "out.tif", CRS)
        else:
            read_vectors(folder / ("a.shp" if name in ("a.dbf", "a.shx", "a.prj") else name))
    except GeoError as error:
        assert name[:2] in str(error)
