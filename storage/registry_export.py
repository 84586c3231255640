"""Writes a registry as CSVs, a workbook or YAML: the import's own format, so that importing it changes nothing."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import openpyxl
import yaml
from openpyxl.cell import WriteOnlyCell

from domain.errors import Conflict, Invalid, Unavailable
from domain.registry import Registry
from storage.registry_columns import TABLES, Column, Table

__all__ = ["FORMATS", "export_registry"]

FORMATS: Final = ("csv", "xlsx", "yaml")
RISKY: Final = ("=", "+", "-", "@", "\t", "'")
"""A spreadsheet may run a cell that begins so; the import takes off the apostrophe that keeps it from that."""


def export_registry(registry: Registry, path: Path, form: str, *, replace: bool = False) -> list[Path]:
    """Writes `registry` to `path`: a folder for ``csv``, a file for ``xlsx`` and ``yaml``. Returns the files.

    Raises `Conflict` if a file exists and `replace` is not set, `Invalid` for an unknown form, `Unavailable` if
    nothing can be written. Each file appears whole or not at all.
    """
    if form == "csv":
        files = {path / f"{table.name}.csv": _csv(registry, table) for table in TABLES.values()}
    elif form == "xlsx":
        files = {path: _workbook(registry)}
    elif form == "yaml":
        files = {path: _yaml(registry)}
    else:
        raise Invalid("registry.format", f"format {form!r} must be one of {', '.join(FORMATS)}")
    standing = [str(file) for file in files if file.exists()]
    if standing and not replace:
        raise Conflict("registry.exists", f"{', '.join(standing)} exists already")
    try:
        for file, data in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(file.name + ".part")
            part.write_bytes(data)
            part.replace(file)
    except OSError as error:
        raise Unavailable("registry.export", f"{path} cannot be written: {error}") from error
    return list(files)


def _rows(registry: Registry, table: Table) -> Iterator[list[tuple[Column, Any]]]:
    things: dict[str, Any] = getattr(registry, table.name)
    for thing in things.values():
        yield [(column, _value(registry, table, thing, column.key)) for column in table.columns]


def _value(registry: Registry, table: Table, thing: Any, key: str) -> Any:
    if key == "name_zh":
        return thing.name.zh
    if key == "name_en":
        return thing.name.en
    if table.name == "places" and key == "overrides":
        return registry.overrides.get(thing.id, {})
    return getattr(thing, key)


def _text(column: Column, value: Any) -> str:
    text = "" if value is None or value == column.empty else column.write(value)
    return f"'{text}" if text.startswith(RISKY) else text


def _csv(registry: Registry, table: Table) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.key for column in table.columns])
    for row in _rows(registry, table):
        writer.writerow([_text(column, value) for column, value in row])
    # The mark makes Excel read it as UTF-8.
    return out.getvalue().encode("utf-8-sig")


def _workbook(registry: Registry) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    for table in TABLES.values():
        sheet = book.create_sheet(table.name)
        sheet.freeze_panes = "A2"
        sheet.append([column.key for column in table.columns])
        for row in _rows(registry, table):
            cells = []
            for column, value in row:
                text = _text(column, value)
                cell = WriteOnlyCell(sheet, value=text or None)
                if text:
                    cell.data_type = "s"  # text, whatever it looks like: never a formula, never a number
                    cell.number_format = "@"
                cells.append(cell)
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return _undated(out.getvalue())


def _undated(data: bytes) -> bytes:
    """The same workbook without the times of its making: equal registries give equal files."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            if part.filename != "docProps/core.xml":
                target.writestr(zipfile.ZipInfo(part.filename), source.read(part), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _yaml(registry: Registry) -> bytes:
    parts = ["# Anju registry. Import with: anju registry import <this file> --dry-run\n"]
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    for table in TABLES.values():
        rows = [_yaml_row(row) for row in _rows(registry, table)]
        parts.append(f"{table.name}:\n" if rows else f"{table.name}: []\n")
        for row in rows:
            line = yaml.dump(
                row, Dumper=dumper, allow_unicode=True, sort_keys=False, default_flow_style=True, width=1_000_000
            )
            parts.append(f"- {line}")
    return "".join(parts).encode()


def _yaml_row(row: list[tuple[Column, Any]]) -> dict[str, Any]:
    found = {column.key: value for column, value in row if column.required or value != column.empty}
    name = {"zh": found.pop("name_zh"), "en": found.pop("name_en", "")} if "name_zh" in found else None
    if name is None:
        return found
    spoken = {language: text for language, text in name.items() if text}
    return {"id": found.pop("id"), "kind": found.pop("kind"), "name": spoken, **found}
