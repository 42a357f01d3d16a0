"""The server of a run: loopback, its own folder, ranges, and no tricks."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from wuding.errors import StudyError
from wuding.serving import RunServer, byte_range, served_file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / ".work").mkdir(parents=True)
    (folder / "parcels" / "地块 1").mkdir(parents=True)
    (folder / "map.html").write_text("map", encoding="utf-8")
    (folder / "roofs.pmtiles").write_bytes(bytes(range(100)))
    (folder / "parcels" / "地块 1" / "sheet.html").write_text("sheet", encoding="utf-8")
    (folder / ".work" / "study.txt").write_text("/home/somebody", encoding="utf-8")
    (folder / ".work" / "note.html").write_text("secret", encoding="utf-8")
    (tmp_path / "other.html").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture
def server(run: Path) -> Iterator[RunServer]:
    with RunServer(run, 0) as found:
        Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def ask(server: RunServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_products_are_served_on_loopback(server: RunServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, "/")[:2] == (200, b"map")
    assert ask(server, "/map.html?x=1")[:2] == (200, b"map")
    status, body, headers = ask(server, "/parcels/%E5%9C%B0%E5%9D%97%201/sheet.html")
    assert (status, body) == (200, b"sheet") and headers["X-Content-Type-Options"] == "nosniff"
    assert ask(server, "/map.html", "HEAD")[:2] == (200, b"")
    assert ask(server, "/map.html", "POST")[0] == 501


def test_ranges(server: RunServer) -> None:
    status, body, headers = ask(server, "/roofs.pmtiles", Range="bytes=10-19")
    assert (status, body, headers["Content-Range"]) == (206, bytes(range(10, 20)), "bytes 10-19/100")
    assert ask(server, "/roofs.pmtiles", Range="bytes=-5")[1] == bytes(range(95, 100))
    assert ask(server, "/roofs.pmtiles", Range="bytes=90-500")[1] == bytes(range(90, 100))
    assert ask(server, "/roofs.pmtiles", Range="Bytes=0-0")[:2] == (206, b"\x00")
    assert ask(server, "/roofs.pmtiles", Range=f"bytes=98-{'9' * 40}")[1] == bytes([98, 99])
    assert ask(server, "/roofs.pmtiles", Range=f"bytes=-{'9' * 5000}")[1] == bytes(range(100))
    # what the file does not have is refused, with its size; the connection goes on
    for none in ("bytes=100-", "bytes=-0", f"bytes={'9' * 40}-"):
        status, body, headers = ask(server, "/roofs.pmtiles", Range=none)
        assert (status, body, headers["Content-Range"]) == (416, b"", "bytes */100")
    # RFC 9110, 14.2: another unit must be ignored; so is here what is not well formed, and what asks for several parts
    for ignored in ("bytes=5-2", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "lines=1-2", "bytes=٣-٤", "bytes 0-1"):
        assert byte_range(ignored, 100) is None
    assert ask(server, "/roofs.pmtiles", Range="lines=1-2")[:2] == (200, bytes(range(100)))
    # 13.1.5: no validator was given that If-Range could name; 14.2: only GET has ranges
    assert ask(server, "/roofs.pmtiles", **{"Range": "bytes=0-1", "If-Range": '"x"'})[0] == 200
    status, _, headers = ask(server, "/roofs.pmtiles", "HEAD", Range="bytes=0-1")
    assert status == 200 and headers["Content-Length"] == "100" and headers["Accept-Ranges"] == "bytes"


def test_an_empty_file_has_no_ranges(run: Path, server: RunServer) -> None:
    (run / "empty.json").write_bytes(b"")
    assert ask(server, "/empty.json")[:2] == (200, b"")
    assert ask(server, "/empty.json", Range="bytes=0-")[0] == 416


@pytest.mark.parametrize(
    "path",
    [
        "/../other.html",
        "/%2e%2e/other.html",
        "/..%2fother.html",
        "/parcels/../../other.html",
        "/..\\other.html",
        "/.work/study.txt",
        "/.work/note.html",
        "/%2ework/note.html",
        "//etc/passwd",
        "/map.html%00.png",
        "/map.html:stream",
        "/C:/map.html",
        "/nothing.html",
        "/parcels",
        "/roofs",
        "/buildings.parquet",
        "/%ff.html",
        "http://127.0.0.1/../other.html",
        "/parcels/%2e%2e/%2e%2e/other.html",
        "/%2e%2e%2fother.html",
        "/%252e%252e/other.html",
        "/parcels//..//..//other.html",
        "/.%2e/other.html",
        "/%5c..%5cother.html",
        "/%c0%ae%c0%ae/other.html",
        "/map.html%0d%0aX-Evil:1",
        "/<script>alert(1)</script>.html",
        "*",
    ],
)
def test_path_tricks_find_nothing(server: RunServer, path: str) -> None:
    status, body, _ = ask(server, path)
    assert status == 404 and body == b""


def test_links_out_of_the_folder_are_not_followed(run: Path) -> None:
    try:
        (run / "link.html").symlink_to(run.parent / "other.html")
    except OSError:
        pytest.skip("this system lets no one make links")
    assert served_file(run.resolve(), "/link.html") is None


def test_other_names_for_this_machine_are_refused(server: RunServer) -> None:
    """A page elsewhere whose name was pointed at 127.0.0.1 gets nothing."""
    assert ask(server, "/map.html", Host="evil.example:8765")[0] == 403
    for host in ("127.0.0.1.evil.example", "evil.example/127.0.0.1", "127.0.0.1:80@evil.example", ""):
        assert ask(server, "/map.html", Host=host)[0] == 403
    for host in (f"localhost:{server.server_port}", f"LOCALHOST:{server.server_port}", f"[::1]:{server.server_port}"):
        assert ask(server, "/map.html", Host=host)[0] == 200


def test_only_loopback_answers(server: RunServer) -> None:
    """It listens at one address, not at all of them: another one of loopback, which needs no network, finds nobody."""
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=3).close()


def test_a_taken_port_is_told(server: RunServer, run: Path) -> None:
    with pytest.raises(StudyError, match="--port"):
        RunServer(run, server.server_port)


def test_excluded_areas_lie_beside_the_results(county: Path, tmp_path: Path) -> None:
    import geopandas as gpd
    import shapely

    from wuding.products import write_exclusions
    from wuding.study import load_study

    study = load_study(county / "study.toml")
    area = gpd.GeoDataFrame(geometry=[shapely.box(500_000, 4_050_000, 500_100, 4_050_100)], crs=study.study.crs)
    area.to_file(tmp_path / "heritage.gpkg")
    (tmp_path / ".work").mkdir()
    section = {"path": str(tmp_path / "heritage.gpkg"), "reason": "文物保护"}
    with_area = type(study).model_validate({**study.model_dump(), "exclusions": [section], "folder": study.folder, "file": study.file})
    write_exclusions(with_area, tmp_path)
    found = gpd.read_parquet(tmp_path / "exclusions.parquet")
    assert list(found["reason"]) == ["文物保护"] and found.area.iloc[0] == pytest.approx(10_000)
    write_exclusions(study, tmp_path)
    assert not (tmp_path / "exclusions.parquet").exists()
