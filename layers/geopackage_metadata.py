"""What a GeoPackage says of its tables in the standard's own metadata: titles and meanings in both languages, as ISO 19139."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_GMD, _GCO, _XSI = "http://www.isotc211.org/2005/gmd", "http://www.isotc211.org/2005/gco", "http://www.w3.org/2001/XMLSchema-instance"
_CODES = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"
_EXTENSION = "http://www.geopackage.org/spec121/#extension_metadata"
_TABLES = """
create table gpkg_metadata (id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
    md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '');
create table gpkg_metadata_reference (reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
    timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
    CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
    CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
"""


@dataclass(frozen=True)
class Told:
    """Title and meaning of a table in both languages."""

    title_zh: str
    title_en: str
    meaning_zh: str
    meaning_en: str


def add_metadata(db: sqlite3.Connection, tables: Mapping[str, Told]) -> None:
    """
    Describe tables with the metadata extension of the standard.

    Parameters
    ----------
    db
        The open GeoPackage with its table gpkg_extensions.
    tables
        What is said of each table; fields are described by gpkg_data_columns.
    """
    db.executescript(_TABLES)
    db.executemany(
        "insert into gpkg_extensions values (?, NULL, 'gpkg_metadata', ?, 'read-write')",
        [(name, _EXTENSION) for name in ("gpkg_metadata", "gpkg_metadata_reference")],
    )
    for number, (name, told) in enumerate(tables.items(), start=1):
        db.execute("insert into gpkg_metadata values (?, 'dataset', ?, 'text/xml', ?)", (number, _GMD, _record(name, told)))
        db.execute("insert into gpkg_metadata_reference (reference_scope, table_name, md_file_id) values ('table', ?, ?)", (name, number))


def _record(name: str, told: Told) -> str:
    for prefix, uri in (("gmd", _GMD), ("gco", _GCO), ("xsi", _XSI)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{_GMD}}}MD_Metadata")
    _text(_in(root, "fileIdentifier"), name)
    _code(_in(root, "language"), "LanguageCode", "zho")
    _code(_in(root, "characterSet"), "MD_CharacterSetCode", "utf8")
    _code(_in(root, "hierarchyLevel"), "MD_ScopeCode", "dataset")
    for part in ("contact", "dateStamp"):
        _in(root, part).set(f"{{{_GCO}}}nilReason", "missing")
    locale = _in(_in(root, "locale"), "PT_Locale", id="EN")
    _code(_in(locale, "languageCode"), "LanguageCode", "eng")
    _code(_in(locale, "characterEncoding"), "MD_CharacterSetCode", "utf8")
    data = _in(_in(root, "identificationInfo"), "MD_DataIdentification")
    citation = _in(_in(data, "citation"), "CI_Citation")
    _both(_in(citation, "title"), told.title_zh, told.title_en)
    _in(citation, "date").set(f"{{{_GCO}}}nilReason", "missing")
    _both(_in(data, "abstract"), told.meaning_zh, told.meaning_en)
    _code(_in(data, "language"), "LanguageCode", "zho")
    return ET.tostring(root, encoding="unicode")


def _in(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{_GMD}}}{name}", attributes)


def _text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, f"{{{_GCO}}}CharacterString").text = text


def _code(parent: ET.Element, name: str, value: str) -> None:
    _in(parent, name, codeList=f"{_CODES}#{name}", codeListValue=value).text = value


def _both(parent: ET.Element, zh: str, en: str) -> None:
    parent.set(f"{{{_XSI}}}type", "gmd:PT_FreeText_PropertyType")
    _text(parent, zh)
    _in(_in(_in(parent, "PT_FreeText"), "textGroup"), "LocalisedCharacterString", locale="#EN").text = en
