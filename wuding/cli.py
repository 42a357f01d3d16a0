"""The command line. Heavy imports happen when a command needs them, so that --help answers at once."""

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .compiled import seal_compiled
from .console import readable_streams
from .interrupts import end_answered, end_with, hear_end_requests
from .own_temporary import own_temporary
from .user_cache import keep_compiled, user_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .progress import Screen
    from .store import Store
    from .study import Study

app = typer.Typer(
    name="wuding",
    help="屋顶 wuding：整县（市、区）屋顶光伏潜力测算、目标研判与成图。Rooftop solar planning for counties and cities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_MADE_UP = re.compile(r"^\s*made_up\s*=\s*true\b", re.MULTILINE)
# Commands that read what a run has left.
_ON_A_RUN = {"status", "parcel", "targets", "map", "export", "skyline", "compare"}
# What a shell expects of a command that Ctrl-C ended.
STOPPED = 130
Lang = Annotated[str | None, typer.Option("--lang", help="zh 或 en；默认按研究文件。 Language of messages and products.")]
RunFolder = Annotated[Path, typer.Argument(help="已完成的结果文件夹。 Folder of a finished run.")]
# The language given before the command: wuding --lang en check study.toml
_said: list[str] = []
StudyFile = Annotated[Path, typer.Argument(help="研究文件 study.toml。 The study file.")]


def main() -> None:
    """Run the command line: 0 done, 2 the user's to mend, 1 a fault of ours."""
    hear_end_requests()
    code: object = None
    try:
        keep_compiled()
        readable_streams()
        with own_temporary():
            code = app(standalone_mode=False)
            end_answered()
        seal_compiled(Path(os.environ["NUMBA_CACHE_DIR"]))
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        code = _answer(error)
        if code is None:
            raise
    end_with(code if isinstance(code, int) else 0, _say_stopped if code == STOPPED else lambda: None)


def _say_stopped() -> None:
    from .messages import language_of

    goes_on = not {"run", "demo", "fetch"}.isdisjoint(sys.argv[1:])
    if language_of(sys.argv[1:]) == "zh":
        print("已停止；再次运行同一命令即可从中断处继续。" if goes_on else "已停止。", file=sys.stderr)
    else:
        print("Stopped; run the same command again to continue." if goes_on else "Stopped.", file=sys.stderr)


def _answer(error: Exception) -> int | None:
    """Say a mistake of the user's in the language of the command and return the exit code; None for a fault of ours."""
    from .errors import UnfinishedRun, words_of, words_of_damage
    from .messages import language_of, translate

    lang = language_of(sys.argv[1:])
    head = "错误：" if lang == "zh" else "error: "
    said = words_of(error)
    if said is None and not _ON_A_RUN.isdisjoint(sys.argv[1:]):
        said = words_of_damage(error)
    if said is not None:
        print(head + translate(said, lang), file=sys.stderr)
        return 2
    if isinstance(error, UnfinishedRun):
        print(head + translate(str(error), lang), file=sys.stderr)
        return 1
    # typer brings its own copy of click, so that its errors are known by what they can do.
    usage = getattr(getattr(error, "ctx", None), "get_usage", None)
    if not hasattr(error, "format_message"):
        return None
    if usage is None:
        print(head + translate(error.format_message(), lang), file=sys.stderr)
        return 2
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
    else:
        print(translate(usage(), lang), head + translate(error.format_message(), lang), sep="\n", file=sys.stderr)
    return 2


@app.callback()
def before(lang: Lang = None) -> None:
    """Keep a language that stands before the command, until the command asks."""
    _said.clear()
    _said.extend([lang] if lang else [])


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件夹。 Folder to write into.")] = Path("sample-county"),
    buildings: Annotated[int, typer.Option("--buildings", help="建筑数量。 Number of buildings.")] = 3000,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="进程数。 Worker processes.")] = None,
    lang: Lang = None,
) -> None:
    """生成一个虚构的示例县并运行全流程。 Write a made-up county and run the whole job on it."""
    from .county import write_county
    from .pipeline import run_study
    from .progress import Screen
    from .study import load_study

    screen = Screen(_lang(lang, "zh"))
    _folder(out)
    screen.say("以下为虚构的示例县，与任何真实地方无关。", "This county is made up; it shows no real place.")
    with screen.running():
        files = write_county(out, buildings=buildings, progress=lambda done, total: screen.told("county", done, total))
        study = load_study(files.study)
        study = _with_lang(study, lang)
        manifest = run_study(study, out / "run", screen, workers=workers)
    _summary(manifest, out / "run", study.study.lang)


@app.command()
def init(file: Annotated[Path, typer.Argument(help="要写的文件。 File to write.")] = Path("study.toml")) -> None:
    """写一个逐项注释的研究文件。 Write a commented study file."""
    from .errors import StudyError
    from .templates import STUDY_TEMPLATE

    if file.exists():
        raise StudyError(f"{file.name} exists already; give another name or remove it first")
    text = STUDY_TEMPLATE
    if any(_MADE_UP.search(other.read_text(encoding="utf-8", errors="replace")) for other in sorted(file.absolute().parent.glob("*.toml"))):
        # beside made-up data, as `wuding demo` writes them, every study is made up
        text = text.replace("# made_up = true", "made_up = true  ")
    file.write_text(text, encoding="utf-8")
    print(f"{file}: 请按注释修改后运行 wuding check {file}")


# a box west of Greenwich begins with a minus
@app.command(context_settings={"ignore_unknown_options": True})
def fetch(
    place: Annotated[str, typer.Argument(help="地名，西,南,东,北（度），或多边形文件。 Name, box w,s,e,n, or polygon file.")],
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="buildings dem weather districts canopy；默认前四种。 What to fetch; the first four by default."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件夹。 Folder to write into.")] = Path("study"),
    source: Annotated[
        list[str] | None, typer.Option("--source", help="指定来源，如 buildings=openstreetmap。 One source for a kind.")
    ] = None,
    url: Annotated[
        list[str] | None, typer.Option("--url", help="指定地址，如 dem=https://…；可重复。 An address for a kind; may be repeated.")
    ] = None,
    sources: Annotated[Path | None, typer.Option("--sources", help="来源表（镜像、版本）。 Own table of sources.")] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="缓存文件夹。 Folder that keeps downloads.")] = None,
    lang: Lang = None,
) -> None:
    """联网下载开放数据并写好研究文件；只有本命令联网。 Fetch open inputs and write a study file; the only command that goes online."""
    from .fetching.job import fetch as fetch_inputs
    from .fetching.job import wanted_of
    from .fetching.sources import load_sources
    from .fetching.web import Web
    from .progress import Screen

    rules = load_sources(sources)
    wanted = wanted_of(kinds or [], _pairs(source, "--source"), _pairs(url, "--url"))
    screen = Screen(_lang(lang, "zh"))
    with screen.running():
        web = Web(
            cache or user_cache() / "fetched",
            rules["web"],
            told=lambda stage, done, total: screen.told(stage, -(-done // 1000), -(-total // 1000)),
            announce=lambda stage, size: _announce(screen, stage, size),
        )
        lacking = fetch_inputs(place, out, wanted, web, rules, screen)
    screen.say(f"已写入 {out / 'study.toml'} 和 SOURCES.md", f"written: {out / 'study.toml'} and SOURCES.md")
    screen.say(f"下一步：wuding check {out / 'study.toml'}", f"next: wuding check {out / 'study.toml'}")
    if lacking:
        screen.say(f"未能获取，请自行补充：{'、'.join(lacking)}", f"could not be had, left for you: {', '.join(lacking)}")
        raise typer.Exit(2)


def _announce(screen: "Screen", stage: str, size: int) -> None:
    title = screen.title(stage).removesuffix(" (kB)").removesuffix("（kB）")
    if size >= 100_000:
        screen.say(f"{title}：预计 {size / 1e6:,.1f} MB", f"{title}: about {size / 1e6:,.1f} MB to come")


def _pairs(given: list[str] | None, option: str) -> list[tuple[str, str]]:
    from .errors import StudyError

    for text in given or []:
        if "=" not in text:
            raise StudyError(f"{option} {text}: expected KIND=VALUE, for example buildings=openstreetmap")
    return [(text.partition("=")[0], text.partition("=")[2]) for text in given or []]


@app.command()
def template(
    study: StudyFile,
    out: Annotated[Path | None, typer.Option("--out", help="Excel 文件名。 Name of the Excel file.")] = None,
    lang: Lang = None,
) -> None:
    """生成只有用户才知道的数据的 Excel 表（已装容量、在建容量、承载力、用能）。 The Excel form for what only the user knows."""
    from .products import form_areas
    from .study import load_study

    content = load_study(study)
    from layers.form import write_form

    target = out or content.folder / "填报表.xlsx"
    english = _lang(lang, content.study.lang) == "en"
    write_form(target, form_areas(content), "en" if english else "zh")
    told = "fill it in, then write under [policy] of the study file:" if english else "填写后在研究文件 [policy] 中写"
    print(f'{target}: {told} form = "{target.name}"')


@app.command()
def check(study: StudyFile, lang: Lang = None) -> None:
    """快速检查所有输入：坐标系、数量、覆盖、字段与问题。 Read every input quickly and tell what was found."""
    from .check_screen import print_check
    from .checking import check_study
    from .study import load_study

    content = load_study(study)
    language = _lang(lang, content.study.lang)
    done = check_study(content, language)
    print_check(done, language)
    if done.problems.fatal():
        raise typer.Exit(2)


@app.command()
def run(
    study: StudyFile,
    out: Annotated[
        str | None, typer.Option("--out", help="结果文件夹或对象存储地址（s3://…）；默认在研究文件旁。 Run folder, or its address.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="进程数；默认等于核数。 Worker processes.")] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="已有 Dask 集群地址 tcp://…。 Address of a Dask scheduler.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="不续跑，从头开始。 Start anew.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="进度输出为 JSON 行。 Progress as JSON lines.")] = False,
    lang: Lang = None,
) -> None:
    """运行全流程；中断后再次运行会继续。 The whole job; resumes an interrupted run."""
    from .pipeline import run_study
    from .progress import Screen
    from .study import load_study

    content = _with_lang(load_study(study), lang)
    screen = Screen(content.study.lang, json_lines=log_json)
    with _run_place(out or str(content.folder / f"{content.study.name}-run")) as (folder, store), screen.running():
        manifest = run_study(content, folder, screen, workers=workers, scheduler=scheduler, fresh=fresh, store=store)
        if store is not None:
            screen.say(f"成果已存入 {store.url}，本机镜像如下", f"the products lie in {store.url}; the mirror on this machine:")
    _summary(manifest, folder, content.study.lang)


@contextmanager
def _run_place(out: str) -> "Iterator[tuple[Path, Store | None]]":
    """Give the folder to work in; for an address its mirror on this machine."""
    if "://" not in out:
        yield _folder(Path(out)), None
        return
    from .store import mirrored

    with mirrored(out, user_cache() / "mirrors") as store:
        yield store.mirror, store


@app.command()
def status(
    run_folder: Annotated[Path, typer.Argument(help="结果文件夹，完成与否均可。 Run folder, finished or not.")], lang: Lang = None
) -> None:
    """查看一个运行进行到哪里。 How far a run is."""
    from .status import run_status

    for line in run_status(run_folder, _lang(lang, "zh")):
        print(line)


@app.command()
def parcel(
    run_folder: Annotated[Path | None, typer.Argument(help="已完成的结果文件夹；用 --footprint 时不写。 Folder of a finished run.")] = None,
    parcel_id: Annotated[str | None, typer.Argument(help="地块编号、名称，或面文件。 Id or name of a parcel, or a polygon file.")] = None,
    every: Annotated[bool, typer.Option("--all", help="所有有建筑的地块。 All parcels with buildings.")] = False,
    near: Annotated[str | None, typer.Option("--near", help="经度,纬度：该处或最近的地块。 LON,LAT instead of an id.")] = None,
    footprint: Annotated[Path | None, typer.Option("--footprint", help="无需全县运行：建筑轮廓文件。 Footprints, without a run.")] = None,
    load: Annotated[Path | None, typer.Option("--load", help="负荷曲线或 12 个月电费单（CSV、Excel）。 Load curve or bills.")] = None,
    use: Annotated[str | None, typer.Option("--use", help="用途分类，如 factory。 Class of use.")] = None,
    voltage_kv: Annotated[float | None, typer.Option("--voltage-kv", help="并网电压 kV。 Connection voltage.")] = None,
    transformer_kva: Annotated[float | None, typer.Option("--transformer-kva", help="变压器容量 kVA。 Transformer.")] = None,
    most_kw: Annotated[float | None, typer.Option("--most-kw", help="方案的容量上限 kW（交流）。 Limit of a variant, AC.")] = None,
    most_export_kw: Annotated[float | None, typer.Option("--most-export-kw", help="方案的反送上限 kW。 Export limit.")] = None,
    roof_rent: Annotated[float | None, typer.Option("--roof-rent", help="合同能源管理的屋顶租金 元/m²·年。 Rent, CNY/m2 a.")] = None,
    discount: Annotated[float | None, typer.Option("--discount", help="合同能源管理的电价折扣，如 0.15。 Off the price.")] = None,
    aim: Annotated[str, typer.Option("--aim", help="npv、irr、lcoe、payback、energy、self_use。 Aim that marks the best.")] = "npv",
    height: Annotated[float | None, typer.Option("--height", help="建筑高度 m（配合 --footprint）。 Height of the buildings.")] = None,
    dem: Annotated[Path | None, typer.Option("--dem", help="高程模型（配合 --footprint）。 Elevation model.")] = None,
    flat: Annotated[bool, typer.Option("--flat", help="按平坦地形（须写明）。 Flat terrain, if that is meant.")] = False,
    weather: Annotated[Path | None, typer.Option("--weather", help="气象文件 .epw；默认济南气候。 Weather file.")] = None,
    stand_in: Annotated[bool, typer.Option("--stand-in", help="异地气象代用。 The weather is of another place.")] = False,
    crs: Annotated[str | None, typer.Option("--crs", help="建筑轮廓的坐标系，如 EPSG:4548。 CRS of the footprints.")] = None,
    datum: Annotated[str | None, typer.Option("--datum", help="gcj02、bd09：建筑轮廓有偏移。 Shift of the footprints.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="--footprint 的输出文件夹。 Folder for --footprint.")] = None,
    study: Annotated[Path | None, typer.Option("--study", help="研究文件；默认为该运行所用的。 Study file of the run.")] = None,
    lang: Lang = None,
) -> None:
    """一个地块能装多少：写 parcels/ID/（测算单、图纸、逐时数据）。 What one parcel can carry: its sheet, drawings and hours."""
    from .parcels import Options, parcel_sheets

    options = Options(load, use, voltage_kv, transformer_kva, most_kw, most_export_kw, aim, study, roof_rent, discount)
    told: list[str] = []
    others: dict[str, object] = {"RUN": run_folder, "--all": every, "--near": near, "--study": study}
    if footprint is None:
        others = {"--height": height, "--dem": dem, "--flat": flat, "--weather": weather, "--stand-in": stand_in}
        others |= {"--crs": crs, "--datum": datum, "--out": out}
    _none_of(others, footprint=footprint is not None)
    if footprint is not None:
        from .footprint import Ground, footprint_sheet

        ground = Ground(height, dem, flat, weather, stand_in, crs, datum)
        folders = [footprint_sheet(footprint, ground, options, out or Path(f"{footprint.stem}-parcel"), _lang(lang, "zh"), told)]
    else:
        from .sound import require_sound

        require_sound(_given(run_folder), rasters=True)
        folders = parcel_sheets(_given(run_folder), parcel_id, near, every, options, lang, told)
    from .messages import translate_all

    for note in translate_all(told, _lang(lang, "zh")):
        print(note, file=sys.stderr)
    for folder in folders:
        print(folder / "sheet.html")


def _none_of(others: dict[str, object], *, footprint: bool) -> None:
    """Refuse what belongs to the other way of asking: nothing that is said is passed over."""
    from .errors import StudyError

    said = [name for name, value in others.items() if value not in (None, False)]
    if said and footprint:
        raise StudyError(f"parcel: --footprint makes a sheet without a run; leave out {', '.join(said)}")
    if said:
        raise StudyError(f"parcel: {', '.join(said)} goes only with --footprint; a run has its own terrain, weather and coordinates")


def _given(run_folder: Path | None) -> Path:
    from .errors import StudyError

    if run_folder is None:
        raise StudyError("parcel: name a run folder and a parcel, or give --footprint FILE")
    return run_folder


@app.command()
def targets(
    run_folder: RunFolder,
    study: Annotated[
        Path | None, typer.Option("--study", help="研究文件；默认为上次运行所用的。 Study file; the run's own by default.")
    ] = None,
    lang: Lang = None,
) -> None:
    """不重算屋顶，按研究文件中的政策与填报表重做目标研判。 Judge the targets anew without recomputing roofs."""
    from .manifest import read_manifest
    from .products import remake_targets, study_of
    from .run_folder import alone
    from .sound import require_sound
    from .study import load_study

    require_sound(run_folder, renewing=True)
    content = _with_lang(load_study(study or study_of(run_folder)), lang)
    read_manifest(run_folder)  # only in a finished run is there something to judge anew
    with alone(run_folder):
        remake_targets(content, run_folder)
    print(run_folder / "targets.json")


@app.command("map")
def map_(
    run_folder: RunFolder,
    lang: Lang = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="在本机打开全部屋顶的地图（仅 127.0.0.1）。 Serve the map with every roof, to this machine only."),
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="端口；0 为任选。 Port; 0 takes a free one.")] = 8765,
    tiles: Annotated[bool, typer.Option("--tiles", help="写 roofs.pmtiles（全部屋顶的矢量瓦片）。 Write roofs.pmtiles.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="写静态图 pictures/*.png、*.svg。 Static maps as PNG and SVG.")] = False,
    approval: Annotated[str, typer.Option("--approval", help="静态图上的审图号。 Map approval number on the pictures.")] = "",
    shift: Annotated[
        tuple[float, float], typer.Option("--shift-m", help="地图整体偏移（东、北，米）。 Shift the map by metres east and north.")
    ] = (0.0, 0.0),
    round_to: Annotated[
        float, typer.Option("--round-m", min=0.0, help="地图坐标取整到多少米。 Round the map's coordinates to metres.")
    ] = 0.0,
) -> None:
    """重做地图与报告；可写矢量瓦片、静态图，或在本机浏览全部屋顶。 Remake map and report; tiles, pictures, or serve every roof."""
    from .errors import StudyError
    from .products import draw_pictures, remake_pages
    from .sound import require_sound

    if (serve or tiles) and (shift != (0.0, 0.0) or round_to):
        raise StudyError("--serve and --tiles show roofs where they are; use --shift-m and --round-m without them")
    require_sound(run_folder)
    chosen = _lang(lang, "") or None
    for path in remake_pages(run_folder, chosen, shift_m=shift, round_m=round_to):
        print(path)
    for path in draw_pictures(run_folder, chosen, approval=approval) if pictures else []:
        print(path)
    if serve or tiles:
        _tiles(run_folder, always=tiles)
    if serve:
        _serve(run_folder, port)


def _tiles(run_folder: Path, *, always: bool) -> None:
    from maps.roof_tiles import write_run_tiles

    from .serving import tiles_stale

    if always or tiles_stale(run_folder):
        write_run_tiles(run_folder)
        print(run_folder / "roofs.pmtiles")


def _serve(run_folder: Path, port: int) -> None:
    from .serving import RunServer

    with RunServer(run_folder, port) as server:
        try:
            print(f"{server.url}  （Ctrl-C 结束 Ctrl-C ends it）", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            end_answered()


@app.command()
def export(
    run_folder: RunFolder,
    file: Annotated[Path, typer.Option("--to", "--out", help="目标文件：.gpkg .geojson .fgb .shp .gdb .dxf .csv。 Target file.")],
    table: Annotated[str, typer.Option("--table", help="roofs、buildings 或区域图层名。 Table.")] = "roofs",
    district: Annotated[
        str | None,
        typer.Option("--district", help="只导出一个责任区域、区县或功能区；重名时写“districts:名称”。 One area or district alone."),
    ] = None,
    parcel: Annotated[str | None, typer.Option("--parcel", help="只导出一个地块。 One parcel alone.")] = None,
    datum: Annotated[
        str, typer.Option("--datum", help="gcj02：供网络地图使用的火星坐标；own：不偏移。 gcj02 for Chinese web maps.")
    ] = "own",
    lang: Lang = None,
) -> None:
    """把一张结果表导出为其他格式，可只导出一个区县或地块。 Export one table, or one district or parcel of it, to another format."""
    from .exporting import export_table
    from .sound import require_sound

    require_sound(run_folder)
    _lang(lang, "zh")  # main reads the language of messages itself; a word that is none is refused
    for path in export_table(run_folder, table, file, district=district, parcel=parcel, datum=datum):
        print(path)


@app.command()
def skyline(
    run_folder: RunFolder,
    roof_id: Annotated[str, typer.Argument(help="屋面编号（roof_id）或建筑编号。 Id of a roof or of a building.")],
    out: Annotated[Path | None, typer.Option("--out", help="图片：.svg 或 .png。 Picture to write.")] = None,
    fisheye: Annotated[bool, typer.Option("--fisheye", help="鱼眼图；默认全景图。 Fisheye instead of a panorama.")] = False,
    lang: Lang = None,
) -> None:
    """画一个屋面的天际线与太阳轨迹。 Draw the skyline of one roof with the paths of the sun."""
    from .manifest import read_manifest
    from .skylines import write_skyline
    from .sound import require_sound

    require_sound(run_folder, rasters=True)
    language = _lang(lang, read_manifest(run_folder)["study"]["lang"])
    file = out or run_folder / f"skyline-{roof_id}.svg"
    print(write_skyline(run_folder, roof_id, file, kind="fisheye" if fisheye else "panorama", lang=language))


@app.command()
def compare(run_a: RunFolder, run_b: RunFolder, lang: Lang = None) -> None:
    """比较两个结果：合计、用途、责任区域、目标及原因。 Differences of two runs and their causes."""
    from .comparing import compare_runs
    from .manifest import read_manifest
    from .sound import require_sound

    require_sound(run_a)
    require_sound(run_b)
    for line in compare_runs(run_a, run_b, _lang(lang, read_manifest(run_a)["study"]["lang"])):
        print(line)


def _lang(option: str | None, default: str) -> str:
    from .errors import StudyError

    option = option or next(iter(_said), None)
    if option not in (None, "zh", "en"):
        raise StudyError(f"--lang {option}: expected zh or en")
    return option or default


def _folder(path: Path) -> Path:
    """Refuse a file where results are to be written into a folder."""
    from .errors import StudyError

    for part in (path, *path.parents):
        if part.exists():
            if not part.is_dir():
                raise StudyError(f"--out {path.name}: {part.name} is a file, but results are written into a folder; give another name")
            break
    return path


def _with_lang(study: "Study", lang: str | None) -> "Study":
    chosen = _lang(lang, study.study.lang)
    return study.model_copy(update={"study": study.study.model_copy(update={"lang": chosen})})


def _summary(manifest: dict[str, Any], folder: Path, lang: str) -> None:
    from .summary import summary_lines

    for line in summary_lines(manifest, folder, lang):
        print(line)
