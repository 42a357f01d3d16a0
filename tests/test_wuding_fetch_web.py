"""How files come from a server: resumed, tried again, checked, and never half under their name."""

import base64
import datetime
import hashlib
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from wuding.fetching.answers import FetchError, read_json, retry_after
from wuding.fetching.parts import PartFile
from wuding.fetching.sources import load_sources
from wuding.fetching.web import Web

from .loopback import Fault, Loopback, served

BODY = json.dumps({"numbers": list(range(200_000))}).encode()


@pytest.fixture
def world() -> Iterator[Loopback]:
    loopback = Loopback(files={"/a.json": BODY, "/moved/a.json": BODY, "/big.bin": bytes(range(256)) * 1000})
    with served(loopback):
        yield loopback


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def web(tmp_path: Path, pauses: list[float]) -> Web:
    rules = load_sources()["web"] | {
        "connect_seconds": 60.0,
        "read_seconds": 30.0,
        "first_pause_seconds": 0.5,
        "attempts": 4,
        "block_kb": 16,
    }
    return Web(tmp_path / "cache", rules, pause=pauses.append)


def get(web: Web, loopback: Loopback, path: str = "/a.json", **more: Any) -> bytes:
    return web.download(loopback.address + path, stage="fetch_index", opens=read_json, **more).read_bytes()


def nothing_half(web: Web) -> bool:
    return not list(web.cache.glob("*.data")) if web.cache.exists() else True


def test_a_file_comes_once_and_then_from_the_cache(web: Web, world: Loopback) -> None:
    sizes: list[tuple[int, int]] = []
    web.told = lambda stage, done, total: sizes.append((done, total))
    assert get(web, world) == BODY
    # the size is told before the first byte
    assert sizes[0] == (0, len(BODY)) and sizes[-1] == (len(BODY), len(BODY))
    assert get(web, world) == BODY
    assert len(world.asked) == 1
    assert get(web, world, keep_days=0.0) == BODY
    assert len(world.asked) == 2
    for file in web.cache.iterdir():
        os.utime(file, (2e10, 2e10))  # how old what came before the clock was set back is, nobody knows
    assert get(web, world) == BODY
    assert len(world.asked) == 3


@pytest.mark.parametrize("fault", ["timeout", "429", "503", "truncated"])
def test_a_passing_fault_is_tried_again_with_growing_pauses(web: Web, world: Loopback, pauses: list[float], fault: str) -> None:
    if fault == "timeout":
        web.rules = dict(web.rules) | {"read_seconds": 0.5}
    world.faults["/a.json"] = Fault(fault, 2)
    assert get(web, world) == BODY
    # Retry-After asks for 7 s, more than our own 0.5 and 1 s
    assert pauses == ([7.0, 7.0] if fault == "429" else [0.5, 1.0])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("timeout", "no answer within 0.5 s; tried 4 times"),
        ("429", "it answers 429"),
        ("503", "it answers 503"),
        ("html", "a web page instead of data"),
        ("type", "a web page instead of data"),
        ("empty", "the answer is empty"),
        ("400", "answers 400: Location over the sea"),
    ],
)
def test_a_lasting_fault_is_told_and_leaves_nothing_half(web: Web, world: Loopback, fault: str, said: str) -> None:
    if fault == "timeout":
        web.rules = dict(web.rules) | {"read_seconds": 0.5}
    world.faults["/a.json"] = Fault(fault)
    with pytest.raises(FetchError, match=r"127\.0\.0\.1") as caught:
        get(web, world)
    assert said in str(caught.value)
    assert nothing_half(web)


def test_what_came_before_a_break_is_not_loaded_again(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("truncated", 3)
    assert get(web, world) == BODY
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for _, asked in world.asked if asked]
    assert starts == sorted(starts) and len(starts) == 3 and starts[0] > 0


def test_a_later_command_continues_the_file_of_an_earlier_one(tmp_path: Path, web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("truncated")
    with pytest.raises(FetchError, match="broke off"):
        get(web, world)
    assert nothing_half(web)
    world.faults.clear()
    world.asked.clear()
    assert get(Web(web.cache, web.rules), world) == BODY
    assert world.asked[0][1].startswith("bytes=")


def test_a_file_that_changed_meanwhile_is_loaded_anew(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("truncated")
    with pytest.raises(FetchError):
        get(web, world)
    world.faults.clear()
    world.files["/a.json"] = other = json.dumps({"numbers": list(range(150_000))}).encode()
    assert get(web, world) == other


def test_a_redirect_is_followed(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("redirect", 1)
    assert get(web, world) == BODY
    assert [path for path, _ in world.asked] == ["/a.json", "/moved/a.json"]


def test_checksum_and_content_are_checked_before_the_file_gets_its_name(web: Web, world: Loopback) -> None:
    with pytest.raises(FetchError, match="not what was asked for"):
        get(web, world, "/big.bin")
    with pytest.raises(FetchError, match="answers 404"):
        get(web, world, "/nowhere")
    assert nothing_half(web)


def test_the_checksum_that_a_server_gives_is_held_against_the_file(web: Web, world: Loopback) -> None:
    good = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    world.heads["/a.json"] = {"Repr-Digest": f"sha-256=:{good}:"}
    # also over a break: the sum is that of the whole file
    world.faults["/a.json"] = Fault("truncated", 1)
    assert get(web, world) == BODY
    for head in (
        {"Repr-Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"},
        {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()},
        {"Content-MD5": base64.b64encode(bytes(16)).decode()},
        {"x-goog-hash": f"crc32c=AAAAAA==, md5={base64.b64encode(bytes(16)).decode()}"},
    ):
        world.heads["/a.json"] = head
        with pytest.raises(FetchError, match="checksum"):
            get(web, world, keep_days=0.0)
    # the sum of an upload's parts is not the file's
    world.heads["/a.json"] = {"x-amz-checksum-sha256": "AAAA-3"}
    assert get(web, world, keep_days=0.0) == BODY


def test_no_server_and_no_address_are_told(web: Web, world: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="no connection; tried 4 times"):
        web.download("http://127.0.0.1:9/x", stage="fetch_index", opens=read_json)
    with pytest.raises(FetchError, match="is no address"):
        web.download("nowhere", stage="fetch_index", opens=read_json)
    # the proxy of the system is asked, here one that is not there
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(FetchError, match="proxy"):
        get(web, world)


def test_a_server_is_reached_through_the_proxy_of_the_system(web: Web, world: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    # a proxy for http is asked for the whole address; this one knows the path
    monkeypatch.setenv("http_proxy", world.address)
    monkeypatch.setenv("no_proxy", "")
    assert web.download("http://data.example.org/a.json", stage="fetch_index", opens=read_json).read_bytes() == BODY


def test_an_untrusted_certificate_is_refused(web: Web, tmp_path: Path) -> None:
    loopback = Loopback(files={"/a.json": BODY})
    with served(loopback, tls=own_certificate(tmp_path)), pytest.raises(FetchError, match="its certificate is not trusted"):
        get(web, loopback)
    assert nothing_half(web)


def own_certificate(folder: Path) -> ssl.SSLContext:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    made = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([openssl, *made.split(), "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_file_is_read_by_parts_that_stay(web: Web, world: Loopback) -> None:
    body = world.files["/big.bin"]
    part = PartFile(web, world.address + "/big.bin", "fetch_dem")
    assert part.size == len(body)
    part.seek(100_000)
    assert part.read(40_000) == body[100_000:140_000]
    part.seek(-10, 2)
    assert part.read() == body[-10:] and part.read(5) == b""
    world.asked.clear()
    again = PartFile(Web(web.cache, web.rules), world.address + "/big.bin", "fetch_dem")
    again.seek(100_000)
    assert again.read(40_000) == body[100_000:140_000]
    # one question: whether it is still the same file
    assert [asked for _, asked in world.asked] == ["bytes=0-16383"]
    world.files["/big.bin"] = body[::-1]
    changed = PartFile(Web(web.cache, web.rules), world.address + "/big.bin", "fetch_dem")
    changed.seek(100_000)
    assert changed.read(40_000) == body[::-1][100_000:140_000]


@pytest.mark.parametrize("fault", ["timeout", "503", "truncated"])
def test_a_part_is_tried_again(web: Web, world: Loopback, fault: str) -> None:
    if fault == "timeout":
        web.rules = dict(web.rules) | {"read_seconds": 0.5}
    world.faults["/big.bin"] = Fault(fault, 2)
    assert PartFile(web, world.address + "/big.bin", "fetch_dem").read() == world.files["/big.bin"]


def test_a_server_without_ranges_is_told(web: Web, world: Loopback) -> None:
    world.faults["/big.bin"] = Fault("no-ranges")
    with pytest.raises(FetchError, match="does not give parts"):
        PartFile(web, world.address + "/big.bin", "fetch_dem")


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("3") == 3.0 and retry_after(None) == 0.0 and retry_after("soon") == 0.0
    date = format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30), usegmt=True)
    assert 25.0 < retry_after(date) <= 30.0


def test_own_sources_are_checked(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[overture]\nrelease = "2026-09-16.0"\n', encoding="utf-8")
    assert load_sources(own)["overture"]["release"] == "2026-09-16.0"
    own.write_text("[overtur]\nrelease = 1\n", encoding="utf-8")
    with pytest.raises(FetchError, match="unknown section 'overtur'"):
        load_sources(own)
    own.write_text("[overture]\nreleas = 1\n", encoding="utf-8")
    with pytest.raises(FetchError, match=r"unknown key overture\.releas"):
        load_sources(own)
    own.write_text('[web]\nattempts = "often"\n', encoding="utf-8")
    with pytest.raises(FetchError, match=r"web\.attempts = 'often' is of another kind"):
        load_sources(own)
