"""CSV, workbooks and YAML as sheets of plain cells. What a cell means is decided elsewhere.

Files come from people and from other systems, so each reader is bounded: no file is unpacked beyond
`IMPORT_UNPACKED_BYTES_MAX`, no YAML alias is followed, and whatever the parser may raise becomes `Unreadable`.
"""

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import openpyxl
import yaml
from msgspec import Struct, field

from domain.limits import (
    IMPORT_COLUMNS_MAX,
    IMPORT_DEPTH_MAX,
    IMPORT_PARTS_MAX,
    IMPORT_ROWS_MAX,
    IMPORT_UNPACKED_BYTES_MAX,
)

__all__ = ["ABSENT", "Cell", "Sheet", "Unreadable", "read_csv", "read_workbook", "read_yaml"]

Cell = str | None
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Absent(str):
    """Stands where a row does not speak of a column at all; an empty cell is None or an empty text."""

    __slots__ = ()


ABSENT: Final = _Absent()


class Sheet(Struct):
    """One table of a file: headers, then (row number, cells) as far as they go."""

    name: str
    headers: list[str]
    rows: Iterator[tuple[int, list[Cell]]]
    header_row: int | None = 1


class Unreadable(Exception):
    """The file, or the rest of a sheet, cannot be read."""

    def __init__(self, wrong: str, write: str, *, sheet: str = "", row: int | None = None) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.write = write
        self.sheet = sheet
        self.row = row


# --- CSV ----------------------------------------------------------------------------------------------------------


def read_csv(data: bytes, name: str) -> list[Sheet]:
    """One sheet. UTF-8 with or without a byte order mark, UTF-16 with one, or GB18030; comma, semicolon or tab."""
    text = _decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = _csv_rows(reader, name)
    _, headers = next(rows, (1, []))
    return [Sheet(name, [cell or "" for cell in headers], rows)]


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("is neither UTF-8 nor GB18030 text", "a CSV saved as UTF-8")


def _csv_rows(reader: Any, name: str) -> Iterator[tuple[int, list[Cell]]]:
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            write = "cells with line breaks or quotes inside double quotes"
            raise Unreadable(f"is not CSV: {error}", write, sheet=name, row=number) from error
        if len(cells) > IMPORT_COLUMNS_MAX:
            raise Unreadable(f"has {len(cells)} cells", f"at most {IMPORT_COLUMNS_MAX}", sheet=name, row=number)
        if number > IMPORT_ROWS_MAX + 1:
            raise Unreadable(f"has more than {IMPORT_ROWS_MAX} rows", "several smaller files", sheet=name, row=number)
        yield number, cells


# --- workbooks ------------------------------------------------------------------------------------------------------


def read_workbook(data: bytes) -> Iterator[Sheet]:
    """The sheets of an .xlsx file, values only: formulas count as what they last showed."""
    _check_parts(data)
    book = _guarded(
        lambda: openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False), ""
    )
    try:
        for sheet in book.worksheets:
            rows = _book_rows(sheet)
            _, headers = next(rows, (1, []))
            yield Sheet(str(sheet.title), [cell or "" for cell in headers], rows)
    finally:
        book.close()


def _check_parts(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Unreadable("is not a workbook", "an .xlsx file as Excel or WPS saves it") from error
    unpacked = sum(part.file_size for part in parts)
    if unpacked > IMPORT_UNPACKED_BYTES_MAX or len(parts) > IMPORT_PARTS_MAX:
        wrong = f"unpacks to {len(parts)} parts of {unpacked // 1_048_576} MB"
        raise Unreadable(wrong, f"a workbook of at most {IMPORT_UNPACKED_BYTES_MAX // 1_048_576} MB unpacked")
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable("is protected by a password", "an unprotected workbook")


def _book_rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    name = str(sheet.title)
    # What a sheet claims about its size is not to be trusted: one stray cell far out makes it a million rows long.
    rows = _guarded(
        lambda: iter(sheet.iter_rows(max_row=IMPORT_ROWS_MAX + 1, max_col=IMPORT_COLUMNS_MAX, values_only=True)), name
    )
    number = 0
    while True:
        number += 1
        row = _guarded(lambda: next(rows, None), name)
        if row is None:
            return
        yield number, [_cell(value) for value in row]


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    return str(value)


def _guarded(step: Callable[[], Any], sheet: str) -> Any:
    try:
        return step()
    except Exception as error:  # a broken workbook makes openpyxl raise almost anything
        wrong = f"cannot be read as a workbook ({type(error).__name__}: {str(error)[:200]})"
        raise Unreadable(wrong, "an .xlsx file as Excel or WPS saves it", sheet=sheet) from error


# --- YAML -------------------------------------------------------------------------------------------------------------


def read_yaml(data: bytes) -> list[Sheet]:
    """One sheet for each of the keys of a mapping (``places: [{id: …}]``); cells are the text as written."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("is not UTF-8 text", "a YAML file saved as UTF-8") from error
    try:
        _check_nesting(text)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            return _yaml_sheets(loader, root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else None
        raise Unreadable(f"is not YAML: {error.problem or error.context}", "well-formed YAML", row=line) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"is not YAML: {str(error)[:200]}", "well-formed YAML") from error


def _check_nesting(text: str) -> None:
    """Aliases can make a small file stand for a huge tree, and deep nesting exhausts the stack: neither is needed."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("has an alias (*)", "the value itself", row=_line(event))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > IMPORT_DEPTH_MAX:
                raise Unreadable("is nested too deeply", "a flat list of rows", row=_line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark is not None else None


class _Row(Struct):
    line: int
    cells: dict[str, Cell] = field(default_factory=dict)


def _yaml_sheets(loader: Any, root: Any) -> list[Sheet]:
    shape = "places:, organisations:, contracts: or devices:, each with a list of rows"
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise Unreadable("is not a mapping", shape, row=root.start_mark.line + 1)
    sheets = []
    for key, node in root.value:
        line = key.start_mark.line + 1
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not isinstance(node, yaml.SequenceNode):
            if _is_null(node):
                continue
            raise Unreadable(f"{name[:80]!r} is not a list", shape, row=line)
        rows = [_yaml_row(loader, item, name) for item in node.value]
        # An empty list is an empty table, not a table without columns.
        headers = list(dict.fromkeys(header for row in rows for header in row.cells)) or ["id"]
        if len(headers) > IMPORT_COLUMNS_MAX:
            wrong = f"has {len(headers)} different keys"
            raise Unreadable(wrong, f"at most {IMPORT_COLUMNS_MAX}", sheet=name, row=line)
        sheets.append(Sheet(name, headers, _placed(rows, headers), header_row=line))
    return sheets


def _placed(rows: list[_Row], headers: list[str]) -> Iterator[tuple[int, list[Cell]]]:
    for row in rows:
        yield row.line, [row.cells.get(header, ABSENT) for header in headers]


def _yaml_row(loader: Any, node: Any, sheet: str) -> _Row:
    row = _Row(node.start_mark.line + 1)
    if not isinstance(node, yaml.MappingNode):
        raise Unreadable("is not a row", "{id: …, name: …}", sheet=sheet, row=row.line)
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        for header, cell in _named(value, sheet, row.line) if name == "name" else ((name, value),):
            if header in row.cells:
                raise Unreadable(f"has {header[:80]!r} twice", "each key once", sheet=sheet, row=row.line)
            row.cells[header] = _yaml_cell(loader, cell)
    return row


def _named(node: Any, sheet: str, line: int) -> Iterator[tuple[str, Any]]:
    """A name is one text (Chinese), or one for each language."""
    if not isinstance(node, yaml.MappingNode):
        yield "name_zh", node
        return
    for language, text in node.value:
        known = {"zh": "name_zh", "en": "name_en"}.get(getattr(language, "value", ""))
        if known is None:
            raise Unreadable("a name has an unknown language", "name: {zh: …, en: …}", sheet=sheet, row=line)
        yield known, text


def _yaml_cell(loader: Any, node: Any) -> Cell:
    if _is_null(node):
        return None
    if isinstance(node, yaml.ScalarNode):
        # As written: 0477 is a telephone number, not an octal one.
        return str(node.value)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return ";".join(str(item.value) for item in node.value)
    tree = loader.construct_document(node)
    try:
        return json.dumps(tree, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        line = node.start_mark.line + 1
        raise Unreadable(
            f"has a value that JSON cannot hold: {error}", "text, numbers, true or false", row=line
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} {str(value)[:40]!r}")


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
