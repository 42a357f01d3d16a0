"""The study file: one TOML that names the inputs and the choices of a study, checked when it is read."""

import difflib
import math
import tomllib
from datetime import date
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .addressed import local_copy
from .errors import StudyError
from .store import is_url

Lang = Literal["zh", "en"]
Datum = Literal["cgcs2000", "wgs84", "gcj02", "bd09"]
USES = (
    "factory",
    "public_institution",
    "public_building",
    "commercial",
    "urban_residential",
    "rural_residential",
    "transport",
    "other",
    "unknown",
)
# A worker process takes 0.45 GB before its first tile and is ended at 95 % of its limit: with 0.5 it is ended over every tile.
LEAST_WORKER_GB = 0.6
BUILDING_COLUMNS = (
    "id",
    "name",
    "height",
    "min_height",
    "floors",
    "area",
    "use",
    "use_detail",
    "year_built",
    "installed_kwp",
    "urban",
    "load_reserve",
    "construction",
)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Paths = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list), Field(min_length=1)]


class Section(BaseModel):
    """A table of the study file: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudySection(Section):
    """`[study]`."""

    name: str = Field(pattern=r"^[^/\\:*?\"<>|]+$", max_length=80)
    crs: str
    lang: Lang = "zh"
    as_of: date = Field(default_factory=date.today)
    made_up: bool = False


class TransformSection(Section):
    """`transform`: easting and northing in study.crs = shift + scale x turn (counter-clockwise) of those in the layer."""

    dx: float
    dy: float
    rotation: float = 0.0
    scale: float = Field(default=1.0, gt=0.9, lt=1.1)


class PlacedSection(Section):
    """What every layer may say about its coordinates."""

    crs: str | None = None
    datum: Datum | None = None
    axes: Literal["easting_northing", "northing_easting"] | None = None
    control_points: str | None = None
    transform: TransformSection | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "PlacedSection":
        given = [key for key in ("crs", "control_points", "transform") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: a layer is placed in one way; keep the one that is right")
        if self.datum in ("gcj02", "bd09") and given and given != ["crs"]:
            raise ValueError(
                f"datum = {self.datum!r} and {given[0]}: control points and transforms contain the shift already; take datum out"
            )
        return self


class LayerSection(PlacedSection):
    """A polygon layer in one or more files: regions, land use, exclusions."""

    path: Paths
    name: str = "name"
    id: str | None = None
    layer: str | None = None
    encoding: str | None = None


class PvSection(LayerSection):
    """`buildings.pv`: drawn arrays of existing PV, with their capacity in the column `kwp` where it is known."""

    kwp: str | None = None


class BuildingsSection(PlacedSection):
    """`[buildings]`."""

    path: Paths
    layer: str | None = None
    encoding: str | None = None
    columns: dict[str, str] = {}
    use: dict[str, str] = {}
    landuse: LayerSection | None = None
    pv: PvSection | None = None
    overrides: str | None = None
    minimum_area_m2: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _known_words(self) -> "BuildingsSection":
        for key in self.columns:
            if key not in BUILDING_COLUMNS:
                raise ValueError(f"buildings.columns.{key}: unknown key; {nearest(key, BUILDING_COLUMNS)}")
        for word, use in self.use.items():
            if use not in USES:
                raise ValueError(f"buildings.use.{word!r} = {use!r}: unknown class; {nearest(use, USES)}")
        return self


class ExclusionSection(LayerSection):
    """`[[exclusions]]`."""

    reason: str


class SurfaceSection(LayerSection):
    """`surfaces.carports`, `surfaces.canopies`: polygons that count as roofs, with their height in a column where it is known."""

    height: str | None = None


class SurfacesSection(Section):
    """`[surfaces]`: parking areas over which carports could stand, and canopies that stand."""

    carports: SurfaceSection | None = None
    canopies: SurfaceSection | None = None


class TerrainSection(Section):
    """`[terrain]`: `dem` is a path or the word "flat", which must be said."""

    dem: str
    dsm: str | None = None
    dem_crs: str | None = None
    dsm_crs: str | None = None
    canopy: str | None = None
    canopy_crs: str | None = None
    canopy_transmissivity: str | list[float] = "deciduous"
    surface_resolution: float = Field(default=1.0, ge=0.25, le=10)


class WeatherSection(Section):
    """`[weather]`: files, or the built-in climatology of Jinan; `mix` says which of several stations a roof takes."""

    files: Annotated[list[str], BeforeValidator(_as_list)] = []
    source: Literal["climatology"] | None = None
    stand_in: bool = False
    mix: Literal["nearest", "three_nearest"] = "nearest"

    @model_validator(mode="after")
    def _one_source(self) -> "WeatherSection":
        if bool(self.files) == (self.source is not None):
            raise ValueError('weather: give either files = ["a.epw"] or source = "climatology", one of the two')
        return self


class ThermalSection(Section):
    """`[roofs.thermal]`: collectors that dwellings get before modules; keys of `parameters` as in solar/thermal.toml."""

    m2_per_household: float | None = Field(default=None, gt=0, le=50)
    litres_per_household: float | None = Field(default=None, gt=0, le=2000)
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _some_size(self) -> "ThermalSection":
        if self.m2_per_household is None and self.litres_per_household is None:
            raise ValueError(
                "roofs.thermal: give m2_per_household = 2.0 or litres_per_household = 100; without collectors take the section out"
            )
        return self


class RoofsSection(Section):
    """`[roofs]`: what the built-in archetypes say otherwise, by class of use."""

    archetypes: dict[str, dict[str, Any]] = {}
    thermal: ThermalSection | None = None
    point_threshold: float = Field(default=0.7, ge=0, le=1)
    access_spacing_m: float | None = Field(default=None, ge=5, le=1000)
    access_width_m: float | None = Field(default=None, ge=0.3, le=4.9)

    def access(self) -> dict[str, float]:
        """Return what the study says otherwise about ways of access on large roofs [m]."""
        said = {"spacing_m": self.access_spacing_m, "width_m": self.access_width_m}
        return {name: value for name, value in said.items() if value is not None}


class SystemSection(Section):
    """`[system]`: module, mounts, losses, optics, snow, inverter, degradation; keys as in solar/system.toml."""

    choose: Literal["lcoe", "energy", "coverage", "npv"] = "lcoe"
    module: dict[str, Any] = {}
    mounting: dict[str, Any] = {}
    losses: dict[str, Any] = {}
    inverter: dict[str, Any] = {}
    optics: dict[str, Any] = {}
    snow: dict[str, Any] = {}
    degradation: dict[str, Any] = {}


class PolicySection(Section):
    """`[policy]`: the targets to judge by, and what only the user knows."""

    name: str
    form: str | None = None
    existing_mw: float | None = Field(default=None, ge=0)
    other_mw: float | None = Field(default=None, ge=0)


class ScenarioSection(Section):
    """What a scenario of the roadmap says: order of building, years, limits [MW AC]."""

    name: str = Field(default="路线图", max_length=40)
    order: Literal["lcoe", "yield", "quota", "public_first", "grid_room"] = "lcoe"
    first_year: int | None = Field(default=None, ge=2000, le=2100)
    last_year: int | None = Field(default=None, ge=2000, le=2100)
    yearly_mw: float | None = Field(default=None, gt=0)
    uptake: bool | dict[str, list[float]] = True
    quota: dict[str, float] = {}
    grid_room: bool = False
    stop: bool = True


class RoadmapSection(ScenarioSection):
    """`[roadmap]`: which roofs are built when; `alternative` is a second scenario beside it."""

    alternative: ScenarioSection | None = None


class SourceSection(Section):
    """`[[sources]]`: where open data comes from, named in every product; `wuding fetch` writes it."""

    title: str
    attribution: str
    licence: str
    version: str = ""
    weakness: str = ""
    notes: list[str] = []


class LoadSection(Section):
    """`[[load]]`: a metered curve of a year [kW], of a class of use or of a whole area of any region layer."""

    of_class: str | None = Field(default=None, alias="class")
    area: str | None = None
    file: str

    @model_validator(mode="after")
    def _one_of_two(self) -> "LoadSection":
        if (self.of_class is None) == (self.area is None):
            raise ValueError('load: give either class = "factory" or area = "name of a region", one of the two')
        if self.of_class is not None and self.of_class not in USES:
            raise ValueError(f"load.class = {self.of_class!r}: unknown class; {nearest(self.of_class, USES)}")
        return self


class HostingSection(Section):
    """`[hosting]`: what the grid company says of areas or transformers, who said it and when, and the rule's numbers by name."""

    table: str | None = None
    layer: str | None = None
    source: str | None = None
    as_of: date | None = None
    rules: dict[str, Any] = {}


class MoneySection(Section):
    """`[money]`: keys of solar/finance.toml, solar/cashflow.toml and layers/carbon.toml, and a file of hourly tariffs."""

    finance: dict[str, Any] = {}
    carbon: dict[str, Any] = {}
    tax: dict[str, Any] = {}
    tariffs: str | None = None


class RunSection(Section):
    """`[run]`: how the work is cut; none of it changes a number."""

    tile_buildings: int = Field(default=4000, ge=1)
    workers: int | None = Field(default=None, ge=1)
    worker_memory_gb: float | None = None

    @model_validator(mode="after")
    def _room_to_start(self) -> "RunSection":
        if self.worker_memory_gb is not None and not LEAST_WORKER_GB <= self.worker_memory_gb < math.inf:
            raise ValueError(
                f"run.worker_memory_gb = {self.worker_memory_gb:g}: a process takes 0.45 GB before its first tile; "
                f"give {LEAST_WORKER_GB:g} or more, or leave it out"
            )
        return self


class Study(Section):
    """A study as its file says it; `folder` is where relative paths start."""

    study: StudySection
    buildings: BuildingsSection
    exclusions: list[ExclusionSection] = []
    sources: list[SourceSection] = []
    surfaces: SurfacesSection = SurfacesSection()
    terrain: TerrainSection
    regions: dict[str, LayerSection] = {}
    weather: WeatherSection
    roofs: RoofsSection = RoofsSection()
    system: SystemSection = SystemSection()
    policy: PolicySection | None = None
    roadmap: RoadmapSection | None = None
    load: list[LoadSection] = []
    hosting: HostingSection = HostingSection()
    money: MoneySection = MoneySection()
    run: RunSection = RunSection()
    folder: Path = Field(exclude=True)
    file: Path = Field(exclude=True)

    def path(self, text: str) -> Path:
        """
        Return the path that the study file means.

        Parameters
        ----------
        text
            As written in the study file.

        Returns
        -------
        pathlib.Path
            Relative paths start at the study file's folder; of an address the copy on this machine.

        Raises
        ------
        StudyError
            If it begins with the home folder of somebody unknown.
        """
        if is_url(text):
            return local_copy(text)
        try:
            path = Path(text).expanduser()
        except RuntimeError as error:
            raise StudyError(f"{text!r}: there is no such user's home folder; write the whole path") from error
        return path if path.is_absolute() else self.folder / path

    def paths(self, section: LayerSection) -> list[Path]:
        """
        Return the paths of a layer, which may lie in several files.

        Parameters
        ----------
        section
            Its section of the study file.

        Returns
        -------
        list of pathlib.Path
            As written, relative ones from the study file's folder.
        """
        return [self.path(text) for text in section.path]


def without_place(text: str) -> str:
    """
    Write a path without the place on this machine: products carry no folder of the user's.

    Parameters
    ----------
    text
        Any text of the study file.

    Returns
    -------
    str
        The file name alone of an address, an absolute path or one that leads out of the study's folder; anything else as it is, with
        slashes.
    """
    if is_url(text):  # an address may carry keys
        return PurePosixPath(text.split("?", 1)[0].rstrip("/")).name
    path = PureWindowsPath(text)  # knows both kinds of slashes
    lost = path.is_absolute() or path.drive or text.startswith(("/", "~")) or ".." in path.parts
    return path.name if lost else text.replace("\\", "/")


def study_content(study: Study) -> dict[str, Any]:
    """
    Give what a study says, for the manifest.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    dict
        Sections and keys as in the file, defaults included, without places on this machine.
    """
    content: dict[str, Any] = _shown(study.model_dump(mode="json"))
    return content


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return without_place(value) if isinstance(value, str) else value


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """
    Name the known word that a mistyped one most likely meant, and all that are known.

    Parameters
    ----------
    word
        The unknown word.
    known
        The words to choose from.

    Returns
    -------
    str
        A half sentence for an error message.
    """
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? Known are: {', '.join(known)}" if close else f"known are: {', '.join(known)}"


def load_study(file: Path) -> Study:
    """
    Read and check a study file.

    Parameters
    ----------
    file
        The TOML file.

    Returns
    -------
    Study
        Every section checked, paths still as written.

    Raises
    ------
    StudyError
        One message that lists every mistake with its key and what to do.
    """
    if not file.is_file():
        raise StudyError(f"{file.name}: there is no such study file. Write one with: wuding init {file.name}")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{file.name}: not a readable TOML file in UTF-8: {error}. On Windows write paths in 'single quotes'.") from error
    for reserved in ("folder", "file"):
        if reserved in content:
            raise StudyError(f"{file.name}: unknown key {reserved!r}; {nearest(reserved, _known_keys(Study))}")
    try:
        return Study(**content, folder=file.resolve().parent, file=file.resolve())
    except ValidationError as error:
        raise StudyError("\n".join(f"{file.name}: {_plain(problem)}" for problem in error.errors())) from error


def _plain(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            key = str(problem["loc"][-1])
            known = _known_keys(_section_at(problem["loc"][:-1]))
            return f"unknown key {where!r}; {nearest(key, known)}"
        case "missing":
            return f"{where!r} is missing; add it (wuding init writes a commented example)"
        case "value_error":
            return str(problem["msg"]).removeprefix("Value error, ")
        case _:
            return f"{where} = {problem['input']!r}: {problem['msg']}"


def _section_at(loc: tuple[Any, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Study
    for part in loc:
        if isinstance(part, int) or part not in section.model_fields:
            continue
        annotation = section.model_fields[part].annotation
        for candidate in _models_in(annotation):
            section = candidate
    return section


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _known_keys(section: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in section.model_fields.items() if not info.exclude]
