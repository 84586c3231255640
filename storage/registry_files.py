"""Reads registry files (a folder of CSVs, one CSV, a workbook, YAML) into a draft, with every problem by row and cell.

Columns may come in any order, under Chinese or English headers, and only those that are given count: a column that is
absent leaves what the registry has, an empty cell clears it. Rows are found again by id.
"""

from collections.abc import Iterable
from copy import copy
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from domain.errors import NotFound
from domain.limits import IMPORT_BYTES_MAX, IMPORT_CELL_CHARS_MAX, IMPORT_PROBLEMS_MAX, IMPORT_ROWS_MAX
from storage.registry_columns import ATTRIBUTE, TABLES, Column, Table, Wrong, table_of
from storage.registry_sheets import ABSENT, Cell, Sheet, Unreadable, read_csv, read_workbook, read_yaml

__all__ = ["DraftRow", "Problem", "RegistryDraft", "parse_registry"]

ESCAPED: Final = ("'=", "'+", "'-", "'@", "'\t", "''")
"""An apostrophe before these was put there by the export, so that a spreadsheet does not run the cell as a formula."""


class Problem(Struct, frozen=True):
    """One thing that is wrong, where, and what to write instead."""

    file: str
    sheet: str
    row: int | None
    """As a spreadsheet counts: the header is row 1. In YAML, the line. None: the file or sheet as a whole."""
    column: str
    wrong: str
    write: str
    level: str = "error"
    """``error`` keeps the import from being applied; ``warning`` does not."""

    def __str__(self) -> str:
        where = [self.file]
        if self.sheet and self.sheet != Path(self.file).stem:
            where.append(self.sheet)
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.column:
            where.append(f"column {self.column}")
        return f"{', '.join(where)}: {self.wrong}; write {self.write}"


class DraftRow(Struct, frozen=True):
    """One row: the fields it gives, and where it stands."""

    id: str
    fields: dict[str, Any]
    file: str
    sheet: str
    row: int

    def problem(self, column: str, wrong: str, write: str, level: str = "error") -> Problem:
        """A problem of this row."""
        return Problem(self.file, self.sheet, self.row, column, wrong, write, level)


class RegistryDraft(Struct):
    """What the files say, before it is compared with the registry."""

    tables: dict[str, dict[str, DraftRow]] = field(default_factory=dict)
    """Table → id → row; only tables that the files have."""
    problems: list[Problem] = field(default_factory=list)
    """At most `IMPORT_PROBLEMS_MAX`, and how many more in `unlisted`."""
    unlisted: int = 0
    source: str = ""

    @property
    def ok(self) -> bool:
        """True when nothing is wrong; warnings do not count."""
        return not any(problem.level == "error" for problem in self.problems)

    def report(self, problem: Problem) -> None:
        """Adds a problem, or counts it where there are too many."""
        if len(self.problems) < IMPORT_PROBLEMS_MAX:
            self.problems.append(problem)
        else:
            self.unlisted += 1


def parse_registry(path: Path) -> RegistryDraft:
    """Reads `path`: a folder with ``places.csv`` …, one such file, ``.xlsx``, ``.yaml`` or ``.yml``.

    Never raises for what is in the files; raises `NotFound` if there is nothing at `path`.
    """
    draft = RegistryDraft(source=path.name)
    if path.is_dir():
        files = sorted(child for child in path.iterdir() if child.suffix.lower() == ".csv" and child.is_file())
        if not files:
            names = ", ".join(f"{name}.csv" for name in TABLES)
            draft.report(Problem(path.name, "", None, "", "has no CSV files", f"one or more of {names}"))
        if sum(file.stat().st_size for file in files) > IMPORT_BYTES_MAX:
            draft.report(_too_large(path))
            return draft
        for file in files:
            _read(file, draft)
    elif path.is_file():
        _read(path, draft)
    else:
        raise NotFound("registry.file", f"there is no file or folder {path}", path=str(path))
    return draft


def _read(path: Path, draft: RegistryDraft) -> None:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= IMPORT_BYTES_MAX else b""
    except OSError as error:
        draft.report(Problem(path.name, "", None, "", f"cannot be read: {error.strerror}", "a readable file"))
        return
    if size > IMPORT_BYTES_MAX:
        draft.report(_too_large(path))
        return
    try:
        for sheet in _sheets(path, data):
            _sheet(path.name, sheet, draft)
    except Unreadable as error:
        draft.report(Problem(path.name, error.sheet, error.row, "", error.wrong, error.write))


def _sheets(path: Path, data: bytes) -> Iterable[Sheet]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_csv(data, path.stem)
    if suffix in {".xlsx", ".xlsm"}:
        return read_workbook(data)
    if suffix in {".yaml", ".yml"}:
        return read_yaml(data)
    raise Unreadable(f"is of an unknown kind {suffix!r}", "a folder of .csv, a .csv, .xlsx, .yaml or .yml")


def _too_large(path: Path) -> Problem:
    most = IMPORT_BYTES_MAX // 1_048_576
    return Problem(path.name, "", None, "", f"is larger than {most} MB", "several smaller files, imported in turn")


def _sheet(file: str, sheet: Sheet, draft: RegistryDraft) -> None:
    headers = [header.strip() for header in sheet.headers]
    table = table_of(sheet.name) or _guess(headers)
    if table is None:
        if headers:
            names = ", ".join(f"{name} ({known.names[0]})" for name, known in TABLES.items())
            draft.report(
                Problem(file, sheet.name, None, "", "is no table of the registry and is left out", names, "warning")
            )
        return
    columns = _columns(file, sheet, table, headers, draft)
    rows = draft.tables.setdefault(table.name, {})
    if columns is None:
        return
    for number, cells in sheet.rows:
        if sum(map(len, draft.tables.values())) >= IMPORT_ROWS_MAX:
            wrong = f"has more than {IMPORT_ROWS_MAX} rows"
            draft.report(Problem(file, sheet.name, number, "", wrong, "several smaller files, imported in turn"))
            return
        row = _row(file, sheet.name, number, cells, columns, draft)
        if row is None:
            continue
        first = rows.get(row.id)
        if first is not None:
            where = f"{first.file} {first.sheet} row {first.row}"
            draft.report(row.problem("id", f"{row.id!r} is there already ({where})", "each id once"))
            continue
        rows[row.id] = row


def _guess(headers: list[str]) -> Table | None:
    """The one table that knows all these headers, for a file called ``Export(3).csv``."""
    found = [
        table
        for table in TABLES.values()
        if headers
        and all(table.column(header) or _attribute(header) for header in headers if header)
        and {column.key for column in table.columns if column.required}
        <= {column.key for column in map(table.column, headers) if column is not None}
    ]
    return found[0] if len(found) == 1 else None


def _attribute(header: str) -> str | None:
    for prefix in (ATTRIBUTE, "属性."):
        if header.startswith(prefix) and len(header) > len(prefix):
            return header[len(prefix) :]
    return None


def _columns(
    file: str, sheet: Sheet, table: Table, headers: list[str], draft: RegistryDraft
) -> list[tuple[int, str, Column | None]] | None:
    """(place in the row, header, column) of each known column; None for an attribute of its own."""
    found: list[tuple[int, str, Column | None]] = []
    seen: dict[str, str] = {}
    for index, header in enumerate(headers):
        column = table.column(header)
        if not header:
            continue
        if column is None and _attribute(header) is None:
            known = ", ".join(f"{known.key} ({known.names[0]})" for known in table.columns)
            wrong = "is not known and is left out"
            draft.report(Problem(file, sheet.name, sheet.header_row, header[:80], wrong, f"one of {known}", "warning"))
            continue
        key = column.key if column is not None else header
        if key in seen:
            wrong = f"means the same as column {seen[key]!r}"
            draft.report(Problem(file, sheet.name, sheet.header_row, header[:80], wrong, "each column once"))
            return None
        seen[key] = header
        found.append((index, header, column))
    if "id" not in seen:
        wrong = "has no column id (编号)"
        draft.report(Problem(file, sheet.name, sheet.header_row, "", wrong, "a column id with a stable id in each row"))
        return None
    return found


def _row(
    file: str,
    sheet: str,
    number: int,
    cells: list[Cell],
    columns: list[tuple[int, str, Column | None]],
    draft: RegistryDraft,
) -> DraftRow | None:
    given = [
        (header, column, cells[index] if index < len(cells) else None)
        for index, header, column in columns
        if index >= len(cells) or cells[index] is not ABSENT
    ]
    if not any(cell for _, _, cell in given):
        return None
    fields: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    sound = True
    for header, column, cell in given:
        try:
            text = _plain(cell)
            if column is not None:
                fields[column.key] = _value(column, text)
            elif text:
                attributes[_attribute(header) or header] = _scalar(text)
        except Wrong as error:
            draft.report(Problem(file, sheet, number, header[:80], error.wrong, error.write))
            sound = False
    if sound and "id" not in fields:
        draft.report(Problem(file, sheet, number, "id", "is missing", "a stable id"))
    if not sound or "id" not in fields:
        return None
    if attributes:
        fields["attrs."] = attributes
    return DraftRow(fields.pop("id"), fields, file, sheet, number)


def _value(column: Column, text: str) -> Any:
    if text:
        return column.read(text)
    if column.required:
        raise Wrong("is empty", f"the {column.key} ({column.names[0]})")
    return copy(column.empty)


def _plain(cell: Cell) -> str:
    text = "" if cell is None else str(cell).replace("\r\n", "\n").replace("\r", "\n").strip(" \n\u3000\xa0\ufeff")
    if len(text) > IMPORT_CELL_CHARS_MAX:
        raise Wrong(f"has {len(text)} characters", f"at most {IMPORT_CELL_CHARS_MAX} characters")
    return text[1:] if text.startswith(ESCAPED) else text


def _scalar(text: str) -> Any:
    """An attribute written as a cell: a number or true/false where it looks like one and nothing would be lost."""
    if text in {"true", "false", "是", "否"}:
        return text in {"true", "是"}
    for kind in (int, float):
        try:
            number: int | float = kind(text)
        except ValueError:
            continue
        if str(number) == text and abs(number) < 2**53:
            return number
    return text
