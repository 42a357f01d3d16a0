"""A server on loopback that plays the sources of `wuding fetch`, from answers made in their real formats, and their failures."""

import gzip
import io
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import pvlib
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import rasterio.shutil
import shapely
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject, transform_bounds

Answer = Callable[[dict[str, str], str], bytes]
RELEASE = "2026-10-21.0"
# Faults of an answer that is given all the same.
GIVEN = ("truncated", "no-tag", "wrong-range", "packed", "spoilt", "slow", "drip")


@dataclass
class Fault:
    """What goes wrong, so many times."""

    kind: str
    times: int = 1_000_000


@dataclass
class Loopback:
    """Paths and their answers; `asked` is what came in, as path and Range."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    heads: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, path: str) -> str:
        fault = next((fault for part, fault in self.faults.items() if part in path and fault.times > 0), None)
        if fault is None:
            return ""
        fault.times -= 1
        return fault.kind


@contextmanager
def served(loopback: Loopback, tls: Any = None) -> Iterator[Loopback]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def do_GET(self) -> None:
            self.reply("")

        def reply(self, form: str) -> None:
            parts = urlsplit(self.path)
            loopback.asked.append((parts.path, self.headers.get("Range", "")))
            fault = loopback.fault(parts.path)
            if fault and fault not in GIVEN and not self.misbehave(fault, parts.path):
                return
            body = loopback.files.get(parts.path)
            if parts.path in loopback.answers:
                query = {key: values[0] for key, values in parse_qs(parts.query or "").items()}
                body = loopback.answers[parts.path](query, parse_qs(form).get("data", [""])[0])
            if body is None:
                self.say(404, b"no such file", {})
                return
            self.give(body, fault, ranges=parts.path in loopback.files)

        def misbehave(self, fault: str, path: str) -> bool:
            page = b"<!DOCTYPE html><html><body>overloaded</body></html>"
            match fault:
                case "timeout":
                    threading.Event().wait(1.5)
                    self.close_connection = True
                case "429":
                    self.say(429, b"slow down", {"Retry-After": "7"})
                case "503":
                    self.say(503, page, {"Content-Type": "text/html"})
                case "html":
                    self.say(200, page, {"Content-Type": "application/json"})
                case "type":
                    self.say(200, page, {"Content-Type": "text/html; charset=utf-8"})
                case "empty":
                    self.say(200, b"", {})
                case "redirect":
                    self.say(302, b"", {"Location": f"{loopback.address}/moved{path}"})
                case "400":
                    self.say(400, b'{"message": "Location over the sea. Please, select another location"}', {})
                case "no-ranges":
                    self.say(200, loopback.files[path], {})
                case "loop":
                    self.say(302, b"", {"Location": f"{loopback.address}{self.path}"})
                case "407":
                    self.say(407, b"", {"Proxy-Authenticate": "Basic"})
            return False

        def give(self, body: bytes, fault: str, *, ranges: bool) -> None:
            tag = f'"{len(body)}-{hash(body)}"'
            head = {"ETag": tag, "Content-Type": "application/octet-stream"} if ranges and fault != "no-tag" else {}
            head |= loopback.heads.get(urlsplit(self.path).path, {})
            status, asked = 200, self.headers.get("Range")
            if asked and ranges and self.headers.get("If-Range", tag) == tag:
                first, last = (int(v) if v else None for v in asked.removeprefix("bytes=").split("-"))
                if first >= len(body):
                    self.say(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                    return
                last = len(body) - 1 if last is None else min(last, len(body) - 1)
                if fault == "wrong-range" and first:
                    first, last = 0, last - first
                head["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                body, status = body[first : last + 1], 206
            if fault == "truncated":
                head["Content-Length"] = str(len(body))
                body = body[: len(body) // 2]
                self.close_connection = True
            if fault == "packed":
                body, head = gzip.compress(body), head | {"Content-Encoding": "gzip"}
            if fault == "spoilt" and status == 206 and not asked.startswith("bytes=0-"):
                body = bytes(256 - value if n % 97 == 0 and value else value for n, value in enumerate(body))
            self.say(status, body, head, slowly={"slow": 0.05, "drip": 0.2}.get(fault, 0.0))

        def say(self, status: int, body: bytes, head: Mapping[str, str], slowly: float = 0.0) -> None:
            try:
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | dict(head)).items():
                    self.send_header(name, value)
                self.end_headers()
                step = 20_000 if slowly < 0.1 else 1
                for start in range(0, len(body), step) if slowly else ():
                    self.wfile.write(body[start : start + step])
                    threading.Event().wait(slowly)
                self.wfile.write(b"" if slowly else body)
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # a client that goes away is part of the play
    server.handle_error = lambda request, client_address: None
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    loopback.address = f"{'https' if tls is not None else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rules_for(loopback: Loopback) -> str:
    """Give the table of sources that points at the loopback server."""
    a = loopback.address
    return f"""
[web]
connect_seconds = 5.0
read_seconds = 30.0
first_pause_seconds = 0.1
block_kb = 16
[place]
url = "{a}/search"
[overture]
index = "{a}/stac"
files = "{a}/s3"
[openstreetmap]
url = "{a}/overpass"
[copernicus]
url = "{a}/dem/{{tile}}.tif"
margin_km = 2.0
[meta_canopy]
url = "{a}/canopy/{{tile}}.tif"
[pvgis]
url = "{a}/pvgis/"
[nasa_power]
url = "{a}/power"
first_year = 2022
last_year = 2023
[datav]
hosts = ["127.0.0.1"]
[worldcover]
url = "{a}/cover/{{tile}}.tif"
"""


def geoparquet(frame: gpd.GeoDataFrame, columns: Mapping[str, pa.Array], *, rows: int) -> bytes:
    """Make a GeoParquet with the covering column bbox and row groups of so many rows, as Overture's are."""
    box = shapely.bounds(frame.geometry.to_numpy()).astype(np.float32)
    table = pa.table(
        {
            **columns,
            "geometry": pa.array(shapely.to_wkb(frame.geometry.to_numpy()), pa.binary()),
            "bbox": pa.StructArray.from_arrays([pa.array(box[:, n]) for n in (0, 2, 1, 3)], names=["xmin", "xmax", "ymin", "ymax"]),
        }
    )
    about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}}}
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(about)}), out, row_group_size=rows, compression="zstd")
    return out.getvalue()


def overture(loopback: Loopback, buildings: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> None:
    """Serve a release: catalogue, index, one file of buildings and one of division areas."""
    path = f"/release/{RELEASE}/theme=%s/type=%s/part-00000.zstd.parquet"
    row = [
        {
            "collection": kind,
            "type": "Feature",
            "bbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, frame.total_bounds), strict=True)),
            "assets": {"aws": {"href": "x", "alternate": {"s3": {"href": "s3://overturemaps-us-west-2" + path % (theme, kind)}}}},
        }
        for theme, kind, frame in (("buildings", "building", buildings), ("divisions", "division_area", areas))
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(row), out)
    loopback.files |= {
        "/stac/catalog.json": json.dumps({"latest": RELEASE}).encode(),
        f"/stac/{RELEASE}/collections.parquet": out.getvalue(),
    }
    names = pa.array([{"primary": name} for name in buildings["name"]], pa.struct([("primary", pa.string())]))
    sources = pa.array(
        [[{"dataset": "Google Open Buildings", "update_time": f"{2015 + n % 10}-05-01T00:00:00.000Z"}] for n in range(len(buildings))]
    )
    columns = {
        "id": pa.array(buildings["id"], pa.string()),
        "height": pa.array(buildings["height"], pa.float64(), from_pandas=True),
        "num_floors": pa.array(buildings["floors"], pa.int32(), from_pandas=True),
        "class": pa.array(buildings["class"], pa.string(), from_pandas=True),
        "subtype": pa.array([None] * len(buildings), pa.string()),
        "names": names,
        "sources": sources,
        "is_underground": pa.array([n == 0 for n in range(len(buildings))]),
    }
    loopback.files["/s3" + path % ("buildings", "building")] = geoparquet(buildings, columns, rows=100)
    columns = {
        "id": pa.array([f"area-{n}" for n in range(len(areas))]),
        "subtype": pa.array(areas["level"], pa.string()),
        "class": pa.array(["land"] * len(areas)),
        "names": pa.array([{"primary": name} for name in areas["name"]], pa.struct([("primary", pa.string())])),
    }
    loopback.files["/s3" + path % ("divisions", "division_area")] = geoparquet(areas, columns, rows=10)


def overpass(buildings: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> Answer:
    """Answer Overpass QL: count buildings, give the ways of buildings in a box, or the relations of borders that touch it."""

    def points(ring: shapely.Geometry) -> list[dict[str, float]]:
        return [{"lat": y, "lon": x} for x, y in shapely.get_coordinates(ring)]

    def answer(query: dict[str, str], form: str) -> bytes:
        borders = '"boundary"="administrative"' in form
        text = form.split('"^[5678]$"](' if borders else '"building"](')[1].split(")")[0]
        south, west, north, east = (float(v) for v in text.split(","))
        head = {"version": 0.6, "generator": "Overpass API 0.7.62", "osm3s": {"timestamp_osm_base": "2026-11-22T03:00:00Z"}}
        if borders:
            relations = []
            for n, row in districts.cx[west:east, south:north].iterrows():
                tags = {"boundary": "administrative", "admin_level": "6", "name": row["name"], "name:en": f"District {n}"}
                rings = shapely.get_rings(row.geometry)
                ways = [{"type": "way", "ref": n, "role": "outer", "geometry": points(ring)} for ring in rings]
                label = {"type": "node", "ref": 1, "role": "label", "lat": south, "lon": west}
                relations.append({"type": "relation", "id": int(n), "tags": tags, "members": [label, *ways]})
            return json.dumps(head | {"elements": relations}).encode()
        found = buildings.cx[west:east, south:north]
        if "out count" in form:
            return json.dumps(head | {"elements": [{"type": "count", "id": 0, "tags": {"total": str(len(found))}}]}).encode()
        ways = []
        for n, row in found.iterrows():
            tags = {"building": "industrial" if n % 2 else "yes", "building:levels": "3", "height": "9,5 m"}
            outline = points(shapely.get_exterior_ring(row.geometry))
            ways.append({"type": "way", "id": int(n), "timestamp": "2020-02-02T00:00:00Z", "tags": tags, "geometry": outline})
        return json.dumps(head | {"elements": ways}).encode()

    return answer


def canopy_tile(bounds: tuple[float, float, float, float], quadkey: str) -> dict[str, bytes]:
    """Make the part of a tile of canopy heights that lies in a box, in Web Mercator as Meta's are: 7 m of trees everywhere."""
    west, south, east, north = transform_bounds("EPSG:4326", "EPSG:3857", *bounds)
    step = 9.55  # as an overview of its 1.19 m
    cells = (int((north - south) / step) + 1, int((east - west) / step) + 1)
    return {f"/canopy/{quadkey}.tif": cog(np.full(cells, 7.0, dtype=np.float32), west, north, cells, step, crs="EPSG:3857")}


def cog(
    source: Path | np.ndarray,
    west: float,
    north: float,
    cells: tuple[int, int],
    step: float,
    dtype: str = "float32",
    crs: str = "EPSG:4326",
) -> bytes:
    """Make a cloud-optimised GeoTIFF of one tile, from a raster in metres or from cells."""
    data = np.full(cells, np.nan if dtype == "float32" else 0, dtype=dtype)
    transform = from_origin(west, north, step, step)
    if isinstance(source, Path):
        with rasterio.open(source) as raster:
            reproject(
                rasterio.band(raster, 1),
                data,
                dst_transform=transform,
                dst_crs=crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
    else:
        data[:] = source
    # the driver COG copies from a raster in memory
    with MemoryFile() as plain, tempfile.TemporaryDirectory() as folder:
        profile = {"height": cells[0], "width": cells[1], "count": 1, "dtype": dtype, "crs": crs, "transform": transform}
        with plain.open(driver="GTiff", **profile) as out:
            out.write(data, 1)
        made = Path(folder) / "cog.tif"
        with plain.open() as out:
            rasterio.shutil.copy(out, made, driver="COG", blocksize=128, compress="deflate", overview_resampling="nearest")
        return made.read_bytes()


def clear_year(latitude: float, longitude: float, year: int, *, leap: bool) -> pd.DataFrame:
    """Make a year of hours in UTC under a sky that is clear by a simple rule, brighter in later years."""
    hours = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h", tz="UTC")
    hours = hours if leap else hours[~((hours.month == 2) & (hours.day == 29))]
    sun = pvlib.solarposition.get_solarposition(hours + pd.Timedelta(minutes=30), latitude, longitude)
    height = np.sin(np.radians(sun["apparent_elevation"].to_numpy())).clip(min=0.0)
    dni = np.where(height > 0.02, (700.0 + (year - 2000) * 2.0) * height**0.3, 0.0)
    dhi = 90.0 * height**0.5
    warm = 14.0 - 14.0 * np.cos((hours.day_of_year.to_numpy() - 15) / 365.0 * 2.0 * np.pi)
    return pd.DataFrame({"ghi": dni * height + dhi, "dni": dni, "dhi": dhi, "temp_air": warm, "wind_speed": 2.5}, index=hours)


def pvgis(query: dict[str, str], form: str) -> bytes:
    """Answer as the tool tmy of PVGIS 5.3 does in JSON."""
    latitude, longitude = float(query["lat"]), float(query["lon"])
    assert query["usehorizon"] == "0" and query["outputformat"] == "json"
    year = clear_year(latitude, longitude, 2015, leap=False)
    names = {"temp_air": "T2m", "ghi": "G(h)", "dni": "Gb(n)", "dhi": "Gd(h)", "wind_speed": "WS10m"}
    rows = year.rename(columns=names).round(2).assign(RH=60.0, **{"IR(h)": 300.0, "WD10m": 180.0, "SP": 101000.0})
    hourly = [{"time(UTC)": f"{when:%Y%m%d:%H%M}", **row} for when, row in zip(rows.index, rows.to_dict("records"), strict=True)]
    inputs = {
        "location": {"latitude": latitude, "longitude": longitude, "elevation": 60.0, "irradiance time offset": 0.5},
        "meteo_data": {"radiation_db": "PVGIS-ERA5", "meteo_db": "ERA5", "year_min": 2005, "year_max": 2023, "use_horizon": False},
    }
    months = [{"month": month, "year": 2015} for month in range(1, 13)]
    return json.dumps({"inputs": inputs, "outputs": {"months_selected": months, "tmy_hourly": hourly}, "meta": {"inputs": {}}}).encode()


def power(query: dict[str, str], form: str) -> bytes:
    """Answer as the hourly API of NASA POWER does in JSON."""
    latitude, longitude, year = float(query["latitude"]), float(query["longitude"]), int(query["start"][:4])
    frame = clear_year(latitude, longitude, year, leap=True)
    names = {"ALLSKY_SFC_SW_DWN": "ghi", "ALLSKY_SFC_SW_DNI": "dni", "ALLSKY_SFC_SW_DIFF": "dhi", "T2M": "temp_air", "WS10M": "wind_speed"}
    stamps = frame.index.strftime("%Y%m%d%H")
    values = {theirs: dict(zip(stamps, frame[ours].round(2), strict=True)) for theirs, ours in names.items()}
    values["T2M"][f"{year}031512"] = -999.0
    return json.dumps(
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [longitude, latitude, 82.5]},
            "properties": {"parameter": values},
            "header": {"title": "NASA/POWER Source Native Resolution Hourly Data", "fill_value": -999.0, "time_standard": "UTC"},
            "messages": [],
            "parameters": {},
            "times": {"data": 1.0, "process": 0.1},
        }
    ).encode()


def county_world(county: Path) -> tuple[Loopback, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Make a world that holds the sample county: its buildings and districts in WGS 84, its DEM as a Copernicus tile, built-up land."""
    loopback = Loopback()
    own = gpd.read_file(county / "buildings.gpkg")
    buildings = gpd.GeoDataFrame(
        {
            "id": [f"b{n:04d}" for n in range(len(own))],
            "name": own["名称"].astype(object).where(own["名称"].notna(), None),
            "height": pd.to_numeric(own["高度"], errors="coerce"),
            "floors": pd.to_numeric(own["层数"], errors="coerce"),
            "class": np.where(np.arange(len(own)) % 3 == 0, np.array("industrial", dtype=object), None),
        },
        geometry=own.geometry.to_numpy(),
        crs=own.crs,
    ).to_crs(4326)
    buildings = buildings[
        ~buildings.geometry.isna() & buildings.geometry.is_valid & buildings.geometry.geom_type.eq("Polygon") & ~buildings.geometry.is_empty
    ]
    buildings = buildings.sort_values("id").reset_index(drop=True)
    districts = gpd.read_file(county / "districts.gpkg").to_crs(4326)[["name", "geometry"]].assign(level="county")
    whole = gpd.GeoDataFrame({"name": ["示例市"], "level": ["region"]}, geometry=[districts.union_all()], crs=4326)
    overture(loopback, buildings, gpd.GeoDataFrame(pd.concat([districts, whole], ignore_index=True), crs=4326))
    west, south, east, north = (float(v) for v in districts.total_bounds)
    lon, lat = int(np.floor(west)), int(np.floor(south))
    # a tile that is smaller than a degree, at the corner where the county lies
    step = 1.0 / 3600.0
    left, top = np.floor((west - 0.03) / step) * step, np.ceil((north + 0.03) / step) * step
    cells = (int((top - south + 0.03) / step), int((east + 0.03 - left) / step))
    name = f"Copernicus_DSM_COG_10_N{lat:02d}_00_E{lon:03d}_00_DEM"
    loopback.files[f"/dem/{name}.tif"] = cog(county / "dem.tif", left, top, cells, step)
    built = np.full(cells, 50, dtype=np.uint8)
    cover = f"ESA_WorldCover_10m_2021_v200_N{lat // 3 * 3:02d}E{lon // 3 * 3:03d}_Map"
    loopback.files[f"/cover/{cover}.tif"] = cog(built, left, top, cells, step, "uint8")
    # quadkey at zoom 9 of 117 E 36.65 N, worked out by hand: x = 422 (110100110), y = 199 (011000111)
    loopback.files |= canopy_tile((west, south, east, north), "132100332")
    loopback.answers |= {"/pvgis/tmy": pvgis, "/power": power, "/overpass": overpass(buildings, districts)}
    shape = json.loads(gpd.GeoSeries([districts.union_all()], crs=4326).to_json())["features"][0]["geometry"]
    hit = {"name": "示例市", "display_name": "示例市, 山东省, 中国", "type": "administrative", "importance": 0.6, "geojson": shape}
    lake = {"name": "示例市", "display_name": "示例湖, 中国", "type": "water", "importance": 0.9, "geojson": shape}
    loopback.answers["/search"] = lambda query, form: json.dumps([lake, hit] if query["q"] == "示例市" else []).encode()
    return loopback, buildings, districts
