"""Sheets of parcels: their roofs assessed again as the run did, module by module and hour by hour, with load, money and grid."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.tiles import Surroundings, read_surroundings
from layers.hosting import load_hosting
from layers.model import Model
from layers.module_drawing import draw_modules
from layers.near_use import area_loads
from layers.parcel_files import roof_layers, write_layout
from layers.parcel_money import Meter, Money
from layers.parcel_sheet import Connection, LoadSource, Place, sheet
from layers.parcel_variants import LOADLESS_AIMS, Laid, variants, whole_plant
from layers.potential import TileResult, assess_tile
from layers.profiles import KWH, hour_names
from maps.tables import sheet_folder
from solar.cashflow import Terms, load_terms
from solar.money import MOUNTS, USES
from solar.storage import load_battery

from .attributing import attributions
from .errors import INPUT_ERRORS, StudyError
from .load_files import lay_bills, read_load
from .manifest import plain, read_manifest, write_json
from .messages import translate_all
from .metering import study_loads, study_tariffs
from .parcel_finding import find_parcels
from .products import data_flags, study_of
from .run_folder import changed_versions
from .study import Study, load_study

Floats = npt.NDArray[np.float64]
# How warnings begin that hold for each parcel, the weightiest first.
OF_EVERY_PARCEL = ("the weather is a stand-in", "no weather file", "known weakness of ")
# Roofs whose hours are written each in a column of their own.
MOST_COLUMNS = 60


@dataclass(frozen=True)
class Options:
    """What a user says of a parcel: load, class of use, connection, limits and aim of the variants, contract, and where the study lies."""

    load: Path | None = None
    use: str | None = None
    voltage_kv: float | None = None
    transformer_kva: float | None = None
    most_kw: float | None = None
    most_export_kw: float | None = None
    aim: str = "npv"
    study: Path | None = None
    roof_rent: float | None = None
    contract_discount: float | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown class of use and numbers that can be no voltage, power or rent."""
        if self.use is not None and self.use not in USES:
            raise StudyError(f"--use {self.use}: unknown class of use; known are: {', '.join(USES)}")
        above = {"--voltage-kv": self.voltage_kv, "--transformer-kva": self.transformer_kva}
        least = {"--most-kw": self.most_kw, "--most-export-kw": self.most_export_kw, "--roof-rent": self.roof_rent}
        for name, value in above.items():
            if value is not None and not 0.0 < value < np.inf:
                raise StudyError(f"{name} {value:g}: expected a number above 0")
        for name, value in least.items():
            if value is not None and not 0.0 <= value < np.inf:
                raise StudyError(f"{name} {value:g}: expected 0 or more")

    def terms(self, usual: Terms) -> Terms:
        """
        Replace terms of the run by what the user says of the contract.

        Parameters
        ----------
        usual
            Tax, loan and contract of the run.

        Returns
        -------
        Terms
            With his rent and discount.
        """
        said = {"roof_rent": self.roof_rent, "contract_discount": self.contract_discount}
        return load_terms({**usual.value, **{name: value for name, value in said.items() if value is not None}})


@dataclass(frozen=True)
class Site:
    """The buildings of a parcel that are assessed, and what stands around them."""

    rows: gpd.GeoDataFrame
    around: Surroundings


@dataclass(frozen=True)
class Assessed:
    """From what sheets are made: the folder with the tiles, model, study, buildings, warnings, and name and GHI [kWh/m2] of the weather."""

    work: Path
    model: Model
    study: Study
    buildings: gpd.GeoDataFrame
    warnings: Sequence[str]
    weather: str
    ghi: float
    lang: str


def parcel_sheets(
    out: Path, wanted: str | None, near: str | None, every: bool, options: Options, lang: str | None, told: list[str]
) -> list[Path]:
    """
    Write the sheets of parcels of a finished run.

    Parameters
    ----------
    out
        Run folder.
    wanted, near, every
        See `find_parcels`.
    options
        What the user says of the parcel.
    lang
        "zh" or "en"; the run's own by default.
    told
        What the user should know; appended to.

    Returns
    -------
    list of Path
        Folders parcels/ID.

    Raises
    ------
    StudyError
        If a parcel is not found, has no roofs, or the run cannot be looked into any more.
    """
    manifest = read_manifest(out)
    model_file = out / ".work" / "model.pickle"
    if not model_file.is_file():
        raise StudyError(f"{out.name}: .work, from which parcels are drawn, is gone or of a run that did not end; run the study again")
    buildings = gpd.read_parquet(out / "buildings.parquet")
    study = load_study(options.study or study_of(out))
    found = find_parcels(out, study, wanted, near, every, buildings, told)
    with model_file.open("rb") as stream:
        model: Model = pickle.load(stream)
    lang = lang or manifest["study"]["lang"]
    weather = manifest["notes"]["weather"]
    said = of_every_parcel(manifest["warnings_en"], lang)
    source = Assessed(out / ".work", model, study, buildings, said, weather["name"], weather["ghi_kwh_m2"], lang)
    if len(found) > 1 and (options.load is not None or options.transformer_kva is not None):
        raise StudyError(f"parcel: --load and --transformer-kva are of one parcel, and {len(found)} are meant; name one of them")
    folders = []
    for place, shares in found:
        if (
            shares.empty
            or not buildings.loc[buildings["building_id"].isin(shares.index), "status"].isin(["assessed", "no_usable_area"]).any()
        ):
            if not every:
                raise StudyError(f"parcel {place.id}: no assessed building lies in it; choose another or check the layer's coordinates")
            continue
        folder = out / "parcels" / sheet_folder(place.id)
        with _of_another_state(out):
            site = read_site(source.work, shares)
            result = again(site, source.model)
        _same_as_run(out, result, place.id)
        told += load_doubts(write_sheet(source, place, shares, site, result, options, folder))
        folders.append(folder)
    if len(folders) < len(found):
        told.append(f"{len(found) - len(folders)} of {len(found)} parcels have no assessed building and no sheet")
    return folders


def load_doubts(sheet: Mapping[str, Any]) -> list[str]:
    """
    Say again on the screen what a sheet doubts of its load.

    Parameters
    ----------
    sheet
        Content of sheet.json.

    Returns
    -------
    list of str
        A sentence where the unit is in doubt.
    """
    return [
        f"the unit of the load is in doubt: read as {values['mwh']:,.0f} MWh a year, by floor area {values['expected']:,.0f} MWh, to which "
        f"the other unit is nearer ({values['other_mwh']:,.0f} MWh); compare with the bills"
        for values in (note["values"] for note in sheet["notes"] if note["code"] == "load_unit_doubt")
    ]


def of_every_parcel(warnings: Sequence[str], lang: str) -> list[str]:
    """
    Choose the warnings that hold for each parcel of a study: weather and the known weakness of data, not those that count buildings.

    Parameters
    ----------
    warnings
        In English.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        In that language.
    """
    return translate_all([text for start in OF_EVERY_PARCEL for text in warnings if text.startswith(start)], lang)


def write_sheet(
    source: Assessed, place: Place, shares: pd.Series, site: Site, result: TileResult, options: Options, folder: Path
) -> dict[str, Any]:
    """
    Write sheet.html, sheet.json, layout.gpkg, layout.dxf and hourly.csv of one parcel.

    Parameters
    ----------
    source
        What the sheet is made from.
    place
        The parcel.
    shares
        Share of each building inside, by building_id.
    site
        Its buildings and what stands around.
    result
        Its roofs, with parts.
    options
        What the user says of the parcel.
    folder
        Target.

    Returns
    -------
    dict
        Content of sheet.json.
    """
    assert result.parts is not None
    buildings = source.buildings[source.buildings["building_id"].isin(shares.index)]
    laid = _laid(result, shares)
    meter, load = _meter(source, buildings, place.id, options)
    model, money = source.model, Money(source.model.finance, options.terms(source.model.terms), load_battery())
    modules = draw_modules(result.parts, model)
    content = sheet(
        place,
        laid,
        buildings,
        meter,
        load,
        Connection(options.voltage_kv, options.transformer_kva),
        money,
        model.carbon,
        load_hosting(source.study.hosting.rules),
        aim=options.aim,
        states=modules["state"].value_counts().to_dict(),
        warnings=source.warnings,
    )
    ways = {"chosen": laid} | _other_mounts(site, source.model, shares, result, laid)
    content["variants"] = variants(
        ways,
        meter,
        money,
        aim=options.aim,
        most_kw=options.most_kw,
        most_export_kw=options.most_export_kw,
        voltage_kv=options.voltage_kv,
    )
    if load.unknown_share and not meter.load.any() and options.aim not in LOADLESS_AIMS:
        content["variants"] = [row | {"best": False} for row in content["variants"]]  # what would be best depends on the load
    content["aim"] = options.aim
    module = model.system.module
    content["basis"] = {
        "w": module.pdc0_w,
        "length": module.length_m,
        "width": module.width_m,
        "dc_ac_ratio": model.system.inverter.dc_ac_ratio,
        "weather": source.weather,
        "ghi": source.ghi,
    }
    content["flags"] = data_flags(source.study, source.lang)
    content["sources"] = attributions(source.study)
    content["study"] = {"name": source.study.study.name, "as_of": str(source.study.study.as_of), "made_up": source.study.study.made_up}
    folder.mkdir(parents=True, exist_ok=True)
    layers = roof_layers(result.parts) | {
        "parcel": gpd.GeoDataFrame({"parcel_id": [place.id], "name": [place.name]}, geometry=[place.geometry], crs=buildings.crs),
        "modules": modules,
    }
    written: dict[str, Any] = plain(content)
    write_json(folder / "sheet.json", written)
    write_layout(layers, folder)
    _write_hours(laid, meter, folder / "hourly.csv")
    from maps.parcel_page import parcel_page

    parcel_page(written, layers, skylines_of(result, laid), folder / "sheet.html", source.lang, model.latitude)
    return written


def skylines_of(result: TileResult, laid: Laid) -> dict[str, Any]:
    """
    Give the skylines of the most and the least shaded roof.

    Parameters
    ----------
    result
        Roofs with parts.
    laid
        The same roofs with their hours.

    Returns
    -------
    dict
        "worst" and "best": roof_id, shading_loss, and `opaque` and `leafy` horizon of its points, shape (p, 72) [degrees], `leafy` None
        where no tree stands near; empty without modules.
    """
    assert result.parts is not None
    roofs = laid.roofs[laid.roofs["module_count"] > 0]
    if roofs.empty:
        return {}
    ordered = roofs.sort_values(["shading_loss", "roof_id"], kind="stable")
    found = {}
    for name, row in (("best", ordered.iloc[0]), ("worst", ordered.iloc[-1])):
        at = int(row["surface"])
        own = result.parts.skylines.take(slice(result.parts.start[at], result.parts.start[at + 1]))
        told = {"roof_id": str(row["roof_id"]), "shading_loss": float(row["shading_loss"])}
        found[name] = told | {"opaque": own.opaque, "leafy": own.leafy}
    return found


def read_site(work: Path, shares: pd.Series) -> Site:
    """
    Read the buildings of a parcel and what stands around.

    Parameters
    ----------
    work
        Folder with the tiles.
    shares
        Share of each building inside, by building_id.

    Returns
    -------
    Site
        The buildings that are assessed.

    Raises
    ------
    StudyError
        If none of them is.
    """
    rows = gpd.read_parquet(work / "tiles", filters=[("building_id", "in", list(shares.index))])
    rows = rows[rows["status"] == ""].drop(columns=["bbox"], errors="ignore")
    if rows.empty:
        raise StudyError("no building of this parcel was assessed; see the column status of buildings")
    return Site(rows, read_surroundings(work / "tiles", np.asarray(rows.total_bounds)))


def again(site: Site, model: Model, prefer: int | None = None) -> TileResult:
    """
    Assess the buildings of a parcel as the run did.

    Parameters
    ----------
    site
        Buildings and surroundings.
    model
        Of the run.
    prefer
        Mount that every roof takes where it allows it.

    Returns
    -------
    TileResult
        With its parts.
    """
    return assess_tile(site.rows, site.around, model, audit=0, keep=True, prefer=prefer)


@contextmanager
def _of_another_state(out: Path) -> Iterator[None]:
    """Say of a run that another state of the code made, and that this one cannot read, that it is old."""
    try:
        yield
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        changed = changed_versions(out)
        if isinstance(error, INPUT_ERRORS) or not changed:
            raise
        told = f"{out.name} was made by another version of wuding ({', '.join(changed)}); run the study again, then the parcel"
        raise StudyError(told) from error


def _same_as_run(out: Path, result: TileResult, name: str) -> None:
    """Refuse to draw what is not in the table: another version, other surroundings."""
    ids = list(result.roofs["building_id"].unique())
    kept = pd.read_parquet(out / "roofs", columns=["roof_id", "module_count", "energy_kwh"], filters=[("building_id", "in", ids)])
    again_made = result.roofs.set_index("roof_id")[["module_count", "energy_kwh"]].add_suffix("_new")
    both = kept.set_index("roof_id").join(again_made, how="outer")
    differ = (both["module_count"] != both["module_count_new"]) | ~np.isclose(
        both["energy_kwh"], both["energy_kwh_new"], rtol=1e-6, atol=1e-3
    )
    if differ.any():
        raise StudyError(
            f"parcel {name}: {int(differ.sum())} roofs come out differently from the run (another version?); run the study again"
        )


def _laid(result: TileResult, shares: pd.Series) -> Laid:
    assert result.parts is not None
    roofs = pd.DataFrame(result.roofs.drop(columns="geometry"))
    roofs["parcel_share"] = roofs["building_id"].map(shares)
    hours = result.parts.yields.hourly[roofs["surface"].to_numpy(dtype=np.int64)] * KWH
    return Laid(roofs, np.asarray(hours, dtype=np.float64))


def _other_mounts(site: Site, model: Model, shares: pd.Series, result: TileResult, laid: Laid) -> dict[str, Laid]:
    """Lay the roofs with each mount where they take it; what changes nothing is left out, unassessed where no roof could change."""
    assert result.parts is not None
    allowed = result.parts.offered.allowed & (result.parts.space.usable > 0)
    found = {}
    seen = [tuple(laid.roofs["mounting"].fillna(""))]
    for code, name in enumerate(MOUNTS):
        if not (allowed[code] & (result.parts.planes.mounting != code)).any():
            continue
        other = _laid(again(site, model, prefer=code), shares)
        mounts = tuple(other.roofs["mounting"].fillna(""))
        if mounts not in seen:
            seen.append(mounts)
            found[name] = other
    return found


def _meter(source: Assessed, buildings: gpd.GeoDataFrame, parcel: str, options: Options) -> tuple[Meter, LoadSource]:
    """Lay load and prices over the hours of the parcel's meter; a load that the study gives for it counts where the user gives none."""
    table = pd.DataFrame(buildings.drop(columns="geometry"))
    if options.use is not None:
        table = table.assign(use=options.use)
    loads, tariffs = study_loads(source.study), study_tariffs(source.study)
    member = pd.Series("parcel", index=table.index)
    found = area_loads(table, member, ["parcel"], loads, source.model.demand, {})
    weight = table[table["source"] == "buildings"].groupby("use")["footprint_area_m2"].sum().drop("unknown", errors="ignore")
    use = options.use or (str(weight.idxmax()) if len(weight) else "unknown")
    hours, kind, notes = found.hours[0], "class", []
    expected = float(hours.sum())
    of_study = [source.study.path(one.file) for one in source.study.load if one.area == parcel]
    file = options.load or (of_study[0] if of_study else None)
    if file is not None:
        read = read_load(file)
        shape = hours if hours.any() else loads.shape[USES.index(use)]
        hours, kind, notes = (lay_bills(read.hours, shape) if read.kind == "bills" else read.hours), read.kind, read.notes
    installed = float(np.nansum(table["installed_kwp"].to_numpy(dtype=np.float64, na_value=np.nan)))
    net = np.maximum(hours - installed * source.model.typical, 0.0)
    code = USES.index(use)
    return Meter(net, tariffs.retail[code], tariffs.spot, use), LoadSource(kind, notes, expected, float(found.unknown_share[0]))


def _write_hours(laid: Laid, meter: Meter, file: Path) -> None:
    plant = whole_plant(laid)
    used = np.minimum(plant.sun, meter.load)
    columns = {
        "local_time": hour_names(),
        "generation_kwh": plant.sun,
        "load_kwh": meter.load,
        "self_used_kwh": used,
        "exported_kwh": plant.sun - used,
        "bought_kwh": meter.load - used,
        "retail_cny_kwh": meter.retail,
        "spot_cny_kwh": meter.spot,
    }
    own = np.flatnonzero(laid.roofs["module_count"].to_numpy() > 0)
    if own.size <= MOST_COLUMNS:
        columns |= {str(laid.roofs["roof_id"].iloc[at]): laid.hours[at] for at in own}
    part = file.with_name(f"{file.name}.part")
    pd.DataFrame(columns).round(6).to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
    part.replace(file)
