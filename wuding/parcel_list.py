"""The table of all parcels of a run: parcels.gpkg, parcels.xlsx and parcels.csv in the folder parcels."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from layers.codes import code_word
from layers.model import Model
from layers.parcel_table import COLUMNS, parcel_table
from layers.replacing import put_in_place

from .errors import StudyError

# Titles of the columns, Chinese and English, with their units.
TITLES = {
    "rank": ("排名（净现值）", "Rank (by NPV)"),
    "name": ("地块", "Parcel"),
    "kind": ("类型", "Kind"),
    "use": ("主要用途", "Main use"),
    "buildings": ("建筑数", "Buildings"),
    "buildings_with_modules": ("可装建筑数", "Buildings with modules"),
    "straddling": ("跨界建筑数", "Straddling buildings"),
    "footprint_area_m2": ("建筑基底面积 m²", "Footprint m²"),
    "usable_area_m2": ("可利用面积 m²", "Usable area m²"),
    "covered_area_m2": ("组件水平投影面积 m²", "Covered area m²"),
    "coverage": ("屋顶光伏覆盖率", "Coverage of the roofs"),
    "module_count": ("组件数量", "Modules"),
    "pdc0_kwp": ("装机容量（直流）kWp", "Capacity, DC, kWp"),
    "pac0_kw": ("备案容量（交流）kW", "Capacity, AC, kW"),
    "energy_kwh": ("年发电量 kWh", "Energy a year, kWh"),
    "specific_yield": ("年等效利用小时数", "Specific yield, kWh/kWp"),
    "load_kwh": ("年用电量（估算）kWh", "Load a year (estimated), kWh"),
    "self_use_share": ("自发自用率（类别缺省）", "Self-use (class default)"),
    "capex_cny": ("静态投资 元", "Capex, CNY"),
    "npv_cny": ("净现值 元", "NPV, CNY"),
    "irr": ("全投资内部收益率", "Project IRR"),
    "payback_years": ("投资回收期 年", "Payback, years"),
    "carbon_t": ("二氧化碳减排量 t/年", "CO₂ avoided, t/a"),
}


def write_parcel_table(out: Path, model: Model, lang: str) -> gpd.GeoDataFrame:
    """
    Rank all parcels of a run.

    Parameters
    ----------
    out
        Run folder.
    model
        Parameters of the run.
    lang
        "zh" or "en".

    Returns
    -------
    geopandas.GeoDataFrame
        The table, as written.

    Raises
    ------
    StudyError
        If the study had no parcels.
    """
    file = out / "regions" / "parcels.parquet"
    if not file.is_file():
        raise StudyError(f"{out.name}: the study had no parcels layer; add parcels under [regions]")
    buildings = gpd.read_parquet(out / "buildings.parquet")
    table = parcel_table(gpd.read_parquet(file), buildings, model.market, model.demand, model.finance, model.terms)
    folder = out / "parcels"
    folder.mkdir(exist_ok=True)
    part = folder / ".parcels.gpkg"
    part.unlink(missing_ok=True)
    pyogrio.write_dataframe(table, part, layer="parcels", driver="GPKG", promote_to_multi=True)
    put_in_place(part, folder / "parcels.gpkg")
    at = 0 if lang == "zh" else 1
    shown = pd.DataFrame(table[list(COLUMNS)])
    shown["use"] = [code_word("use", str(word), lang) for word in shown["use"]]
    shown["kind"] = [{"region": ("地块", "parcel")}.get(kind, ("地块外", "outside"))[at] for kind in shown["kind"]]
    titled = shown.rename(columns={name: titles[at] for name, titles in TITLES.items()})
    for name, write in ((".parcels.csv", _csv), (".parcels.xlsx", _xlsx)):
        write(titled, folder / name)
        put_in_place(folder / name, folder / name[1:])
    return table


def _csv(table: pd.DataFrame, file: Path) -> None:
    table.round(4).to_csv(file, index=False, encoding="utf-8-sig", lineterminator="\n")


def _xlsx(table: pd.DataFrame, file: Path) -> None:
    with pd.ExcelWriter(file, engine="openpyxl") as book:
        table.round(4).to_excel(book, sheet_name="parcels", index=False, freeze_panes=(1, 2))
        for column in book.sheets["parcels"].columns:
            book.sheets["parcels"].column_dimensions[column[0].column_letter].width = 16
