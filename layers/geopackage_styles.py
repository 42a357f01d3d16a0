"""Default styles of the GeoPackage's layers, as QGIS and as SLD readers know them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .codes import code_word
from .schema import USES, column, columns, region_table

# Sequential and readable in print and by the colour-blind (ColorBrewer YlOrRd and Blues, 5 classes); Set2 for kinds.
YIELD_COLOURS = ("#ffffb2", "#fecc5c", "#fd8d3c", "#f03b20", "#bd0026")
CAPACITY_COLOURS = ("#eff3ff", "#bdd7e7", "#6baed6", "#3182bd", "#08519c")
KIND_COLOURS = ("#66c2a5", "#fc8d62", "#8da0cb", "#e78ac3", "#a6d854", "#ffd92f", "#e5c494", "#80b1d3", "#b3b3b3")
# A county's roofs at once are a grey mass that takes minutes to draw: they show from this scale on, and regions are outlines there.
DETAIL_SCALE = 25_000
_OUTLINE = "#5a5a5a"
_SE = "http://www.opengis.net/se"
_SLD = "http://www.opengis.net/sld"
_OGC = "http://www.opengis.net/ogc"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Style:
    """
    A style of one layer: QGIS's own form and the open one.

    Attributes
    ----------
    layer
        Layer's name.
    name
        Short name of the style.
    title
        Title of the legend.
    qml, sld
        The style as XML.
    attribute
        Column that is shown.
    classes
        Classes of the legend, top to bottom.
    default
        Whether QGIS opens the layer with it.
    """

    layer: str
    name: str
    title: str
    qml: str
    sld: str
    attribute: str
    classes: tuple["Range | Kind", ...]
    default: bool = True

    def paint(self, values: pa.Array) -> tuple[pa.Array, pa.Array]:
        """
        Say label and colour of every value, for desktops that cannot read the style.

        Parameters
        ----------
        values
            Shape (n,), of the style's column.

        Returns
        -------
        tuple of Array
            Labels and colours, shape (n,), empty where no class holds the value.
        """
        limits = [item for item in self.classes if isinstance(item, Range)]
        if limits:
            numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
            found = np.searchsorted([item.upper for item in limits], numbers, side="left")
            where = pa.array(found, pa.int32(), mask=~(found < len(limits)) | ~np.isfinite(numbers))
        else:
            where = pc.index_in(
                values.cast(pa.string()), pa.array([item.value for item in self.classes if isinstance(item, Kind)], pa.string())
            )
        labels, colours = (pa.array([getattr(item, part) for item in self.classes], pa.string()) for part in ("label", "colour"))
        return labels.take(where), colours.take(where)


@dataclass(frozen=True)
class Kind:
    """
    A class of a style by kind.

    Attributes
    ----------
    value
        Value of the column; "" is any other or none.
    label
        Words in the legend.
    colour
        As #rrggbb.
    """

    value: str
    label: str
    colour: str


@dataclass(frozen=True)
class Range:
    """
    A class of a graduated style: values above `lower` up to `upper`, the first one with its lower end.

    Attributes
    ----------
    lower, upper
        Limits in the column's unit.
    label
        Words in the legend.
    colour
        As #rrggbb.
    """

    lower: float
    upper: float
    label: str
    colour: str


def class_breaks(values: np.ndarray, classes: int = 5) -> tuple[float, ...]:
    """
    Choose class limits that hold about equal numbers of rows and read well.

    Parameters
    ----------
    values
        Shape (n,); NaN is left out.
    classes
        Largest number of classes.

    Returns
    -------
    tuple of float
        Ascending limits, the outer ones at or beyond the extremes; (0, 1) where there is no value.
    """
    there = values[np.isfinite(values)]
    if not there.size:
        return (0.0, 1.0)
    low, high = float(there.min()), float(there.max())
    spread = high - low
    step = 10.0 ** math.floor(math.log10((spread or abs(high) or 1.0) / classes))
    inner = np.round(np.quantile(there, np.linspace(0, 1, classes + 1))[1:-1] / step) * step
    outer = (math.floor(low / step) * step, math.ceil(high / step) * step if spread else math.floor(low / step) * step + step)
    digits = max(0, -math.floor(math.log10(step)))
    return tuple(sorted({round(float(value), digits) for value in (*outer, *(v for v in inner if outer[0] < v < outer[1]))}))


def ranges(values: np.ndarray, colours: Sequence[str]) -> tuple[Range, ...]:
    """
    Cut values into labelled and coloured classes.

    Parameters
    ----------
    values
        Shape (n,); NaN is left out.
    colours
        As many as classes at most.

    Returns
    -------
    tuple of Range
        Ascending classes.
    """
    limits = class_breaks(values, len(colours))
    spread = np.linspace(0, len(colours) - 1, len(limits) - 1) if len(limits) > 2 else np.array([len(colours) // 2])
    pairs = zip(limits[:-1], limits[1:], spread, strict=True)
    return tuple(Range(a, b, f"{a:,.10g} – {b:,.10g}", colours[round(float(k))]) for a, b, k in pairs)


def default_styles(
    lang: str, specific_yield: np.ndarray, regions: Mapping[str, gpd.GeoDataFrame], statuses: Sequence[str]
) -> tuple[Style, ...]:
    """
    Make the styles of a run's layers.

    Parameters
    ----------
    lang
        Language of titles and legends, "zh" or "en".
    specific_yield
        Shape (n,), of all roofs [kWh/kWp]; NaN where there are no modules.
    regions
        Table `regions` by layer name.
    statuses
        Statuses that occur among the rejected buildings.

    Returns
    -------
    tuple of Style
        Roofs by yield (default) and by age, buildings by use, every region layer by capacity, rejected by reason.
    """
    shown = column("roofs", "specific_yield").label(lang)
    made = [graduated("roofs", "specific_yield", shown, ranges(specific_yield, YIELD_COLOURS), 1.0, lang)]
    new = (
        ("1", "新建" if lang == "zh" else "New"),
        ("0", "既有" if lang == "zh" else "Existing"),
        ("", "未知" if lang == "zh" else "Unknown"),
    )
    made.append(categorised("roofs", "is_new", column("roofs", "is_new").title(lang), new, lang, default=False, flag=True))
    uses = [(use, code_word("use", use, lang)) for use in USES]
    made.append(categorised("buildings", "use", column("buildings", "use").title(lang), uses, lang))
    for layer, frame in regions.items():
        measure = "kwp_per_km2" if layer == "grid" else "pdc0_kwp"
        inside = frame.loc[frame["kind"] == "region", measure].to_numpy(dtype=np.float64)
        made.append(graduated(layer, measure, column("regions", measure).label(lang), ranges(inside, CAPACITY_COLOURS), 0.7, lang))
    reasons = [(status, code_word("status", status, lang)) for status in statuses]
    made.append(categorised("rejected", "status", column("buildings", "status").title(lang), reasons, lang))
    return tuple(made)


def write_style_files(folder: Path, styles: Sequence[Style]) -> None:
    """
    Write every style as an SLD and a QML file, for ArcGIS, SuperMap, GeoServer and for QGIS with other files.

    Parameters
    ----------
    folder
        Folder of the files; styles of an earlier run in it are removed.
    styles
        The styles.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.sld"), *folder.glob("*.qml")):
        old.unlink()
    for style in styles:
        head = '<?xml version="1.0" encoding="UTF-8"?>\n'
        (folder / f"{style.name}.sld").write_text(head + style.sld, encoding="utf-8")
        (folder / f"{style.name}.qml").write_text(style.qml, encoding="utf-8")


def graduated(layer: str, attribute: str, title: str, classes: Sequence[Range], opacity: float, lang: str) -> Style:
    """
    Make a style that colours areas by a number.

    Parameters
    ----------
    layer
        Layer's name.
    attribute
        Column of the number.
    title
        Title of the legend.
    classes
        Classes in ascending order.
    opacity
        0 to 1.
    lang
        Language of the fields' titles, "zh" or "en".

    Returns
    -------
    Style
        The layer's default style.
    """
    renderer = ET.Element("renderer-v2", _RENDERER | {"type": "graduatedSymbol", "attr": attribute, "graduatedMethod": "GraduatedColor"})
    listed, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    rules = []
    for number, item in enumerate(classes):
        limits = {"lower": f"{item.lower:.15f}", "upper": f"{item.upper:.15f}"}
        ET.SubElement(listed, "range", limits | {"symbol": str(number), "label": item.label, "render": "true"})
        symbols.append(_symbol(str(number), item.colour, opacity, open_from=0 if layer == "roofs" else DETAIL_SCALE))
        rules.append(_rule(item.label, _between(attribute, item, first=number == 0), item.colour, opacity))
    return Style(layer, f"{layer}_{attribute}", title, _qml(renderer, layer, lang), _sld(layer, title, rules), attribute, tuple(classes))


def categorised(
    layer: str, attribute: str, title: str, values: Sequence[tuple[str, str]], lang: str, *, default: bool = True, flag: bool = False
) -> Style:
    """
    Make a style that colours areas by kind.

    Parameters
    ----------
    layer
        Layer's name.
    attribute
        Column of the kind.
    title
        Title of the legend.
    values
        Value and label of every kind; the value "" is any other or none.
    lang
        Language of the fields' titles, "zh" or "en".
    default
        Whether QGIS opens the layer with it.
    flag
        Whether the column is yes or no, with the values "1" and "0".

    Returns
    -------
    Style
        The style.
    """
    renderer = ET.Element("renderer-v2", _RENDERER | {"type": "categorizedSymbol", "attr": attribute})
    listed, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    rules = []
    kinds = [Kind(value, label, KIND_COLOURS[number % len(KIND_COLOURS)]) for number, (value, label) in enumerate(values)]
    for number, kind in enumerate(kinds):
        value = _QGIS_FLAGS.get(kind.value, kind.value) if flag else kind.value
        ET.SubElement(listed, "category", {"value": value, "symbol": str(number), "label": kind.label, "render": "true"})
        symbols.append(_symbol(str(number), kind.colour, 0.8))
        rules.append(_rule(kind.label, _equal(attribute, kind.value, flag=flag), kind.colour, 0.8))
    sld = _sld(layer, title, rules)
    return Style(layer, f"{layer}_{attribute}", title, _qml(renderer, layer, lang), sld, attribute, tuple(kinds), default)


_QGIS_FLAGS = {"1": "true", "0": "false"}  # the texts by which QGIS knows the values of a column of yes and no
_RENDERER = {"enableorderby": "0", "forceraster": "0", "symbollevels": "0"}


def _rgba(colour: str, opacity: float = 1.0) -> str:
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + f",{round(255 * opacity)}"


def _symbol(name: str, colour: str, opacity: float, open_from: int = 0) -> ET.Element:
    """Fill an area; from a scale on, where given, only its outline is drawn, so that what lies in it is seen."""
    symbol = ET.Element("symbol", {"name": name, "type": "fill", "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"})
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", {"type": "Map"})
    looks = {
        "color": _rgba(colour, opacity),
        "style": "solid",
        "outline_color": _rgba(_OUTLINE),
        "outline_style": "solid",
        "outline_width": "0.2" if open_from else "0.1",
        "outline_width_unit": "MM",
    }
    for key, value in looks.items():
        ET.SubElement(options, "Option", {"name": key, "type": "QString", "value": value})
        ET.SubElement(layer, "prop", {"k": key, "v": value})  # QGIS before 3.26 reads these
    if open_from:
        _defined(layer, "fillStyle", f"if(@map_scale < {open_from}, 'no', 'solid')")
    return symbol


def _defined(layer: ET.Element, name: str, expression: str) -> None:
    """Let QGIS reckon a property of a symbol's layer while it draws."""
    whole = ET.SubElement(ET.SubElement(layer, "data_defined_properties"), "Option", {"type": "Map"})
    ET.SubElement(whole, "Option", {"name": "name", "type": "QString", "value": ""})
    one = ET.SubElement(ET.SubElement(whole, "Option", {"name": "properties", "type": "Map"}), "Option", {"name": name, "type": "Map"})
    for key, kind, value in (("active", "bool", "true"), ("expression", "QString", expression), ("type", "int", "3")):
        ET.SubElement(one, "Option", {"name": key, "type": kind, "value": value})
    ET.SubElement(whole, "Option", {"name": "type", "type": "QString", "value": "collection"})


def _qml(renderer: ET.Element, layer: str, lang: str) -> str:
    root = ET.Element("qgis", {"version": "3.22.0", "styleCategories": "Symbology|Fields"})
    root.append(renderer)
    # GDAL before 3.7 does not tell QGIS the titles of gpkg_data_columns.
    titles = ET.SubElement(root, "aliases")
    table = "roofs" if layer == "roofs" else "buildings" if layer in ("buildings", "rejected") else region_table(layer)
    for number, c in enumerate((*columns(table), *columns("legend")), start=1):
        if c.name != "geometry":
            ET.SubElement(titles, "alias", {"index": str(number), "field": c.name, "name": c.label(lang)})
    ET.SubElement(root, "blendMode").text = "0"
    ET.SubElement(root, "featureBlendMode").text = "0"
    ET.SubElement(root, "layerGeometryType").text = "2"
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode")


def _compare(kind: str, attribute: str, value: str) -> ET.Element:
    test = ET.Element(f"{{{_OGC}}}{kind}")
    ET.SubElement(test, f"{{{_OGC}}}PropertyName").text = attribute
    ET.SubElement(test, f"{{{_OGC}}}Literal").text = value
    return test


def _between(attribute: str, item: Range, *, first: bool) -> ET.Element:
    both = ET.Element(f"{{{_OGC}}}And")
    both.append(_compare("PropertyIsGreaterThanOrEqualTo" if first else "PropertyIsGreaterThan", attribute, repr(item.lower)))
    both.append(_compare("PropertyIsLessThanOrEqualTo", attribute, repr(item.upper)))
    return both


def _equal(attribute: str, value: str, *, flag: bool = False) -> ET.Element:
    if value and flag:  # QGIS asks the file for 1 and itself for true
        either = ET.Element(f"{{{_OGC}}}Or")
        either.extend(_compare("PropertyIsEqualTo", attribute, word) for word in (value, _QGIS_FLAGS[value]))
        return either
    if value:
        return _compare("PropertyIsEqualTo", attribute, value)
    empty = ET.Element(f"{{{_OGC}}}PropertyIsNull")
    ET.SubElement(empty, f"{{{_OGC}}}PropertyName").text = attribute
    return empty


def _rule(label: str, chosen: ET.Element, colour: str, opacity: float) -> ET.Element:
    rule = ET.Element(f"{{{_SE}}}Rule")
    ET.SubElement(rule, f"{{{_SE}}}Name").text = label
    ET.SubElement(ET.SubElement(rule, f"{{{_SE}}}Description"), f"{{{_SE}}}Title").text = label
    ET.SubElement(rule, f"{{{_OGC}}}Filter").append(chosen)
    area = ET.SubElement(rule, f"{{{_SE}}}PolygonSymbolizer")
    for part, looks in (
        ("Fill", {"fill": colour, "fill-opacity": f"{opacity:g}"}),
        ("Stroke", {"stroke": _OUTLINE, "stroke-width": "0.4"}),
    ):
        drawn = ET.SubElement(area, f"{{{_SE}}}{part}")
        for key, value in looks.items():
            ET.SubElement(drawn, f"{{{_SE}}}SvgParameter", {"name": key}).text = value
    return rule


def _sld(layer: str, title: str, rules: Sequence[ET.Element]) -> str:
    for prefix, uri in (("sld", _SLD), ("se", _SE), ("ogc", _OGC), ("xlink", _XLINK)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{_SLD}}}StyledLayerDescriptor", {"version": "1.1.0"})
    named = ET.SubElement(root, f"{{{_SLD}}}NamedLayer")
    ET.SubElement(named, f"{{{_SE}}}Name").text = layer
    user = ET.SubElement(named, f"{{{_SLD}}}UserStyle")
    ET.SubElement(user, f"{{{_SE}}}Name").text = title
    ET.SubElement(user, f"{{{_SE}}}FeatureTypeStyle").extend(rules)
    return ET.tostring(root, encoding="unicode")
