"""Reference pages made from the code: every column, command and study key; `python -m wuding.reference docs/reference` writes them."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from layers.codes import code_word
from layers.exports import short_names
from layers.schema import USES, columns

from .study import Study
from .templates import STUDY_TEMPLATE

_TABLES = ("roofs", "buildings", "regions", "parcels", "legend")
_TITLES = {
    "roofs": "roofs 屋顶：每个屋面一行 A row per roof surface",
    "buildings": "buildings 建筑：每个输入要素一行 A row per input feature",
    "regions": "区域图层 region layers",
    "parcels": "parcels 地块：区域字段之外另有排名、覆盖率、自用与投资 Regions, and rank, coverage, self-use and money beside",
    "legend": "GeoPackage 另有 added in the GeoPackage",
}


def reference_pages() -> dict[str, str]:
    """
    Make the reference pages from what the code says of itself.

    Returns
    -------
    dict of str to str
        Markdown by file name.
    """
    return {"columns.md": _columns(), "commands.md": _commands(), "study.md": _study()}


def write_reference(folder: Path) -> list[Path]:
    """
    Write the reference pages.

    Parameters
    ----------
    folder
        Folder to write into.

    Returns
    -------
    list of Path
        The pages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, text in reference_pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        made.append(folder / name)
    return made


def _grid(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows), ""]


def _columns() -> str:
    parts = ["# 字段 Columns", "", "“short”为 Shapefile 中的字段名（最多十个字母）。 *short* is the name in Shapefiles.", ""]
    for table in _TABLES:
        parts += [f"## {_TITLES[table]}", ""]
        rows = (
            (f"`{c.name}`", f"`{short_names().get(c.name, c.name)}`", c.dtype, c.unit, c.zh, c.meaning_zh, f"{c.en}: {c.meaning_en}")
            for c in columns(table)
        )
        parts += _grid(("column", "short", "type", "unit", "名称", "含义", "meaning"), rows)
    return "\n".join(parts)


def _commands() -> str:
    """Walk the command line as its own help does."""
    from typer.main import get_command

    from .cli import app

    parts = ["# 命令 Commands", "", "退出码 exit codes: 0 完成 done; 2 输入有误 the input is wrong; 1 程序错误 a fault of ours.", ""]
    for name, command in getattr(get_command(app), "commands", {}).items():
        parts += [f"## wuding {name}", "", str(command.help or ""), ""]
        rows = (
            ("`" + ", ".join(option.opts) + "`" if option.param_type_name == "option" else (option.name or "").upper(), _shown(option))
            for option in command.params
        )
        parts += _grid(("选项 option", "含义 meaning"), rows)
    return "\n".join(parts)


def _shown(option: Any) -> str:
    default = option.default
    text = str(getattr(option, "help", "") or "")
    return text if default in (None, False, ...) or callable(default) else f"{text} （{default}）"


def _study() -> str:
    schema = Study.model_json_schema()
    defined: Mapping[str, Any] = schema.get("$defs", {})
    rows = sorted(_keys(schema, defined, ""))
    heads = ("键 key", "类型 type", "缺省 default")
    parts = [
        "# 研究文件 Study file",
        "",
        "路径相对于研究文件；不认识的键是错误。 Paths are relative to the file; an unknown key is an error.",
        "",
    ]
    parts += _grid(heads, ((f"`{key}`", kind, default) for key, kind, default in rows))
    uses = "、".join(f"`{use}` {code_word('use', use, 'zh')}" for use in USES)
    return "\n".join(
        [*parts, f"建筑用途 classes of use: {uses}", "", "## 示例 Example", "", "```toml", STUDY_TEMPLATE.rstrip("\n"), "```", ""]
    )


def _keys(node: Mapping[str, Any], defined: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """List the keys of a model and of the models inside it."""
    for name, field in node.get("properties", {}).items():
        if not prefix and name in ("folder", "file"):
            continue  # not of the file: where it lies
        key = f"{prefix}{name}"
        inner = [defined[ref] for ref in _refs(field)]
        if not inner:
            default = "" if "default" not in field else str(field["default"])
            yield key, _kind(field), "—" if default == "None" else default
        for model in inner:
            many = field.get("type") == "array"
            named = "additionalProperties" in field
            yield from _keys(model, defined, f"{key}{'[]' if many else ''}{'.NAME' if named else ''}.")


def _refs(field: Mapping[str, Any]) -> list[str]:
    found = [field.get("$ref"), field.get("items", {}).get("$ref")]
    found += [choice.get("$ref") for choice in (*field.get("anyOf", ()), *field.get("allOf", ()))]
    more = field.get("additionalProperties")
    found += [more.get("$ref")] if isinstance(more, Mapping) else []
    return [ref.rsplit("/", 1)[1] for ref in found if ref]


def _kind(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " / ".join(str(value) for value in field["enum"])
    if "const" in field:
        return str(field["const"])
    if "anyOf" in field:
        return " / ".join(_kind(choice) for choice in field["anyOf"] if choice.get("type") != "null")
    return str(field.get("format") or field.get("type") or "")


if __name__ == "__main__":
    for page in write_reference(Path(sys.argv[1])):
        print(page.name)
