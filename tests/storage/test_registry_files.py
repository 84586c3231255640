"""Registry files as people and spreadsheets make them."""

import datetime as dt
import io
import string
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from storage import registry_files, registry_sheets
from storage.registry_columns import TABLES, header_key, table_of
from storage.registry_files import parse_registry

CHINESE = """编号,上级,名称,类型,属性.households,属性.建成
d1,,东胜区,区,,
s1,d1,天骄街道,街道,,
c1,s1,恒泰苑,小区,320,2013年
"""


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def said(draft):
    return [str(problem) for problem in draft.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_chinese_headers_in_any_order_are_read_in_every_usual_encoding(tmp_path, encoding, delimiter):
    path = written(tmp_path, "places.csv", CHINESE.replace(",", delimiter).encode(encoding))
    draft = parse_registry(path)
    assert said(draft) == []
    compound = draft.tables["places"]["c1"]
    assert compound.fields == {
        "parent": "s1",
        "name_zh": "恒泰苑",
        "kind": "compound",
        "attrs.": {"households": 320, "建成": "2013年"},
    }
    assert compound.row == 4
    assert draft.tables["places"]["d1"].fields["parent"] is None


def test_a_folder_of_csvs_may_carry_chinese_names_and_other_files(tmp_path):
    written(tmp_path, "场所.csv", "id,kind,name\nd1,district,东胜区\n")
    written(tmp_path, "合同.csv", "编号,单位,小区,起始日期,到期日期,备案\nk1,f1,c1;c2、c3,2026/1/5,2027年12月31日,是\n")
    written(tmp_path, "notes.txt", "nothing")
    written(tmp_path, "other.csv", "a,b\n1,2\n")
    draft = parse_registry(tmp_path)
    assert set(draft.tables) == {"places", "contracts"}
    assert draft.tables["contracts"]["k1"].fields == {
        "organisation": "f1",
        "compounds": ["c1", "c2", "c3"],
        "valid_from": "2026-01-05",
        "valid_until": "2027-12-31",
        "filed": True,
    }
    assert draft.ok
    assert [problem.level for problem in draft.problems] == ["warning"]


def test_a_single_csv_with_any_name_is_known_by_its_headers(tmp_path):
    path = written(tmp_path, "导出(3).csv", "id,kind,compound,place,name,gateway\nl1,电梯,c1,b1,1号梯,\n")
    assert parse_registry(path).tables["devices"]["l1"].fields["kind"] == "elevator"


@pytest.mark.parametrize(
    ("table", "header", "row", "words"),
    [
        ("places", "id,kind,name", "d 1,district,区", "row 2, column id: 'd 1' is not an id; write 1–64 of"),
        ("places", "id,kind,name", "d1,galaxy,区", "column kind: 'galaxy' is no kind of place; write one of district"),
        ("places", "id,kind,name", "d1,district,", "column name: is empty; write the name_zh (名称)"),
        ("places", "id,kind,name,attrs", 'd1,district,区,"{"', "column attrs: is not JSON"),
        ("places", "id,kind,name,attrs", 'd1,district,区,"[1]"', "column attrs: is not a JSON object"),
        ("places", "id,kind,name,attrs", 'd1,district,区,"{""a"": NaN}"', "column attrs: is not JSON"),
        ("places", "id,kind,name", "d1,district,\x01", "column name: contains a control character"),
        ("contracts", "id,valid_from", "k1,2026-02-30", "'2026-02-30' is not in the calendar; write a day as"),
        ("contracts", "id,valid_from", "k1,next year", "'next year' is not a day"),
        ("contracts", "id,filed", "k1,maybe", "'maybe' is neither yes nor no"),
        ("contracts", "id,compounds", "k1,c1;c/2", "'c/2' is not an id"),
        ("contracts", "id,role", "k1,police", "'police' is no role; write one of property_firm"),
        ("devices", "id,period_s", "l1,-3", "'-3' is not a period; write seconds, more than 0"),
        ("devices", "id,period_s", "l1,nan", "'nan' is not a period"),
        ("devices", "id,type", "l1,teapot", "'teapot' is no type of device; write one of lift"),
        ("devices", "id,overrides", 'l1,"{""EB-03"": 1}"', "'EB-03' has no parameters; write rule"),
        ("devices", "kind,name", "电梯,1号", "has no column id (编号)"),
        ("devices", "id,编号", "l1,l2", "column 编号: means the same as column 'id'; write each column once"),
    ],
)
def test_what_is_wrong_is_said_with_file_row_column_and_what_to_write(tmp_path, table, header, row, words):
    draft = parse_registry(written(tmp_path, f"{table}.csv", f"{header}\n{row}\n"))
    assert not draft.ok
    assert any(words in text and text.startswith(f"{table}.csv") for text in said(draft)), said(draft)


def test_the_second_row_with_an_id_is_told_where_the_first_is(tmp_path):
    draft = parse_registry(written(tmp_path, "places.csv", "id,name\na,x\nb,y\n\na,z\n"))
    assert said(draft) == [
        "places.csv, row 5, column id: 'a' is there already (places.csv places row 2); write each id once"
    ]
    assert draft.tables["places"]["a"].fields == {"name_zh": "x"}


def test_an_unknown_column_is_left_out_with_a_warning(tmp_path):
    draft = parse_registry(written(tmp_path, "places.csv", "id,colour,name\na,red,x\n"))
    assert draft.ok
    assert "column colour: is not known and is left out" in said(draft)[0]


def test_one_bad_row_does_not_hide_the_others(tmp_path):
    draft = parse_registry(written(tmp_path, "devices.csv", "id,period_s\nok-1,30\nbad 1,30\nbad-2,x\nok-2,\n"))
    assert list(draft.tables["devices"]) == ["ok-1", "ok-2"]
    assert [problem.row for problem in draft.problems] == [3, 4]


def test_problems_beyond_the_limit_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_files, "IMPORT_PROBLEMS_MAX", 3)
    draft = parse_registry(written(tmp_path, "devices.csv", "id,period_s\n" + "a b,1\n" * 10))
    assert len(draft.problems) == 3
    assert draft.unlisted == 7


def test_yaml_scalars_are_taken_as_written_and_problems_name_the_line(tmp_path):
    text = """
organisations:
- {id: f1, kind: property_firm, name: {zh: 恒安物业, en: Heng'an}, phone: 0477}
- id: f2
  kind: property_firm
  name: 金禾
  attrs: {since: 2024-07-01, grade: AAA}
  place: null
contracts:
- {id: k1, organisation: f1, compounds: [c1, c2], valid_from: 2024-07-01, filed: yes}
- {id: k2, organisation: f1, compounds: c1, valid_from: someday}
"""
    draft = parse_registry(written(tmp_path, "r.yaml", text))
    firms = draft.tables["organisations"]
    assert firms["f1"].fields == {"kind": "property_firm", "name_zh": "恒安物业", "name_en": "Heng'an", "phone": "0477"}
    assert firms["f2"].fields["attrs"] == {"since": "2024-07-01", "grade": "AAA"}
    assert firms["f2"].fields["place"] is None
    assert draft.tables["contracts"]["k1"].fields["compounds"] == ["c1", "c2"]
    assert said(draft) == [
        "r.yaml, contracts, row 11, column valid_from: 'someday' is not a day; write a day as 2026-11-22"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "has an alias (*); write the value itself"),
        ("places: " + "[" * 200 + "]" * 200, "is nested too deeply"),
        ("places:\n- {id: a\n", "is not YAML"),
        ("- a\n", "is not a mapping; write places:, organisations:"),
        ("places: 5\n", "'places' is not a list"),
        ("places: [5]\n", "is not a row"),
        ("places: [{id: a, id: b}]\n", "has 'id' twice"),
        ("places: [{id: a, name: {fr: x}}]\n", "a name has an unknown language"),
        ("places: [{id: a, attrs: !!set {x, y}}]\n", "has a value that JSON cannot hold"),
        ("places: [{id: a, attrs: {x: .nan}}]\n", "has a value that JSON cannot hold"),
        ("places: [{id: a, name: !!python/object:os.system x}]\n", ""),
        ("\x00", "is not YAML"),
    ],
)
def test_yaml_that_is_not_the_format_is_refused_with_words(tmp_path, text, words):
    draft = parse_registry(written(tmp_path, "r.yaml", text))
    assert words == "" or any(words in line for line in said(draft)), said(draft)


def workbook(sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_by_sheet_with_numbers_and_days_as_people_type_them(tmp_path):
    data = workbook(
        {
            "设备": [["编号", "类别", "上报周期(秒)", "在用", "型号"], ["l1", "电梯", 30, True, 7.0], [None] * 5],
            "contracts": [["id", "valid_from"], ["k1", dt.datetime(2026, 3, 1)]],  # noqa: DTZ001 - as Excel has it
            "说明": [["how to fill this in"]],
        }
    )
    draft = parse_registry(written(tmp_path, "r.xlsx", data))
    assert draft.tables["devices"]["l1"].fields == {
        "kind": "elevator",
        "period_s": 30.0,
        "in_service": True,
        "model": "7",
    }
    assert draft.tables["contracts"]["k1"].fields == {"valid_from": "2026-03-01"}
    assert [problem.level for problem in draft.problems] == ["warning"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)
    monkeypatch.setattr(registry_sheets, "IMPORT_UNPACKED_BYTES_MAX", 1_000_000)
    called = []
    monkeypatch.setattr(registry_sheets.openpyxl, "load_workbook", lambda *a, **k: called.append(a))
    draft = parse_registry(written(tmp_path, "r.xlsx", out.getvalue()))
    assert "unpacks to 1 parts of" in said(draft)[0]
    assert called == []


def test_a_stray_cell_far_out_does_not_make_a_sheet_endless(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "places"
    sheet.append(["id", "name"])
    sheet.append(["a", "x"])
    sheet.cell(row=1_048_576, column=16_384, value="stray")
    out = io.BytesIO()
    book.save(out)
    draft = parse_registry(written(tmp_path, "r.xlsx", out.getvalue()))
    assert list(draft.tables["places"]) == ["a"]


def test_limits_of_size_rows_and_columns_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_files, "IMPORT_ROWS_MAX", 2)
    draft = parse_registry(written(tmp_path, "places.csv", "id\na\nb\nc\n"))
    assert "has more than 2 rows" in said(draft)[0]
    draft = parse_registry(written(tmp_path, "places.csv", "id" + "," * 300 + "\na\n"))
    assert "has 301 cells; write at most 200" in said(draft)[0]
    monkeypatch.setattr(registry_files, "IMPORT_BYTES_MAX", 3)
    assert "is larger than" in said(parse_registry(tmp_path / "places.csv"))[0]
    assert "is larger than" in said(parse_registry(tmp_path))[0]


def test_an_unknown_kind_of_file_an_empty_folder_and_a_missing_path_are_told_apart(tmp_path):
    assert "is of an unknown kind '.pdf'" in said(parse_registry(written(tmp_path, "a.pdf", b"")))[0]
    (tmp_path / "empty").mkdir()
    assert "has no CSV files" in said(parse_registry(tmp_path / "empty"))[0]
    with pytest.raises(NotFound):
        parse_registry(tmp_path / "nothing")


def test_every_header_and_table_name_means_one_thing():
    for table in TABLES.values():
        names = [header_key(name) for column in table.columns for name in (column.key, *column.names)]
        assert len(names) == len(set(names)), table.name
        assert all(table_of(name) is table for name in (table.name, *table.names))


CELLS = st.text(alphabet=string.printable + "编号区小\ufeff\x00'=+", max_size=12)
CSVS = st.lists(st.lists(CELLS, max_size=5), max_size=6).map(lambda rows: "\n".join(",".join(row) for row in rows))
HEADERS = st.sampled_from(["id,kind,name\n", "编号,类型,名称,attrs\n", "id,compounds,valid_from,filed\n", ""])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.tuples(HEADERS, CSVS).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
        st.text(alphabet="places: -[]{}id,&*!|>\n\t'\"#0é", max_size=80).map(str.encode),
        st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail),
    ),
    name=st.sampled_from(["places.csv", "devices.csv", "x.csv", "r.yaml", "r.xlsx"]),
)
def test_no_bytes_whatever_make_the_parser_raise(tmp_path, content, name):
    draft = parse_registry(written(tmp_path, name, content))
    assert all(problem.wrong and problem.write for problem in draft.problems)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_workbook_is_a_problem_not_a_crash(tmp_path, at, byte, cut):
    data = bytearray(WORKBOOK)
    at %= len(data)
    data[at] = byte
    parse_registry(written(tmp_path, "r.xlsx", bytes(data[:at] if cut else data)))


WORKBOOK = workbook({"places": [["id", "kind", "name"], ["d1", "district", "东胜区"]], "devices": [["id"], ["l1"]]})
