"""What an import changes, and what it refuses."""

import csv
import json
import random

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.devices import Device
from domain.errors import Conflict, Invalid
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry
from storage.registry_columns import TABLES
from storage.registry_export import FORMATS, export_registry
from storage.registry_files import parse_registry
from storage.registry_plan import apply_plan, plan

NAMES = TABLES.keys()


def a_registry(version=3):
    places = [
        Place("d1", "district", Name("东胜区", "Dongsheng"), code="0150602"),
        Place("s1", "street", Name("天骄街道"), "d1"),
        Place(
            "c1", "compound", Name("恒泰苑"), "s1", attrs={"households": 320, "high_rise": True, "坐标": [1, 2.5, None]}
        ),
        Place("c2", "compound", Name("祥和苑"), "s1"),
        Place("b1", "building", Name("1号楼", "=HYPERLINK(1)"), "c1"),
        Place("b2", "building", Name("2号楼"), "c1"),
        Place("z1", "zone", Name("1号楼8层"), "b1"),
    ]
    organisations = [
        Organisation("f1", "property_firm", Name('恒安, "物业"\n二部'), None, "+86 477-555", {"note": "'quoted"}),
        Organisation("st", "street", Name("'天骄", "@x"), "s1"),
    ]
    contracts = [
        Contract("k1", "f1", ["c1", "c2"], "2024-07-01", "2026-06-30", filed=True),
        Contract("k2", "f1", ["c1"], "2024-07-01", role="maint_fire"),
    ]
    devices = [
        Device("gw", "gateway", "c1", "c1", Name("网关"), "gateway", period_s=30.0),
        Device(
            "l1", "elevator", "c1", "b1", Name("1号梯"), "lift", gateway="gw", period_s=0.5, attrs={"rated_speed": 1.75}
        ),
        Device(
            "m1", "fire", "c1", "b1", Name("感烟"), "smoke", "z1", "gw", model="-5", in_service=False,
            overrides={"FC-05": {"low": 0.1, "on": True}},
        ),
    ]  # fmt: skip
    overrides = {"c1": {"EB-03": {"high": 65.5, "hold_s": 5}}}
    return Registry(places, organisations, contracts, devices, overrides, version)


def content(registry):
    return [list(getattr(registry, name).values()) for name in NAMES] + [registry.overrides]


def exported(registry, tmp_path, form):
    path = tmp_path / {"csv": "folder", "xlsx": "r.xlsx", "yaml": "r.yaml"}[form]
    export_registry(registry, path, form, replace=True)
    return path


def files(tmp_path, **tables):
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def planned(tmp_path, current=None, *, prune=False, **tables):
    return plan(current or a_registry(), parse_registry(files(tmp_path, **tables)), prune=prune)


def said(made):
    return [str(problem) for problem in made.problems]


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_imported_again_changes_nothing_and_makes_the_same_registry_elsewhere(tmp_path, form):
    registry = a_registry()
    path = exported(registry, tmp_path, form)
    again = plan(registry, parse_registry(path))
    assert said(again) == []
    assert again.changes == 0
    assert {name: part.unchanged for name, part in again.tables.items()} == {
        "places": 7,
        "organisations": 2,
        "contracts": 2,
        "devices": 3,
    }
    assert apply_plan(registry, again) is registry
    fresh = plan(Registry(), parse_registry(path))
    assert content(apply_plan(Registry(), fresh)) == content(registry)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=12).map(
    lambda text: text.strip(" \n\u3000\xa0\ufeff")
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
ATTRS = st.dictionaries(
    TEXT, SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXT, SCALARS, max_size=2), max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zh=TEXT.filter(bool), en=TEXT, code=TEXT, attrs=ATTRS, form=st.sampled_from(FORMATS),
    period=st.none() | st.floats(0.001, 604_800), overrides=st.dictionaries(TEXT, ATTRS, max_size=2),
)  # fmt: skip
def test_whatever_text_the_registry_holds_survives_export_and_import(
    tmp_path, zh, en, code, attrs, form, period, overrides
):
    registry = Registry(
        [Place("d", "district", Name(zh, en), code=code, attrs=attrs), Place("c", "compound", Name("x"), "d")],
        devices=[Device("l", "elevator", "c", "c", Name(zh, en), model=code, period_s=period, overrides=overrides)],
        version=1,
    )
    draft = parse_registry(exported(registry, tmp_path, form))
    assert said(draft) == []
    assert plan(registry, draft).changes == 0
    assert content(apply_plan(Registry(), plan(Registry(), draft))) == content(registry)


def test_cells_a_spreadsheet_would_run_are_exported_as_plain_text(tmp_path):
    folder = exported(a_registry(), tmp_path, "csv")
    cells = [
        cell for file in folder.glob("*.csv") for row in csv.reader(file.open(encoding="utf-8-sig")) for cell in row
    ]
    assert "'=HYPERLINK(1)" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    book = openpyxl.load_workbook(exported(a_registry(), tmp_path, "xlsx"))
    assert {cell.data_type for sheet in book for row in sheet for cell in row if cell.value is not None} == {"s"}


def test_an_export_does_not_replace_files_unless_told_to(tmp_path):
    exported(a_registry(), tmp_path, "yaml")
    with pytest.raises(Conflict):
        export_registry(a_registry(), tmp_path / "r.yaml", "yaml")
    with pytest.raises(Invalid):
        export_registry(a_registry(), tmp_path / "r.pdf", "pdf")


def test_columns_in_any_order_make_the_same_registry(tmp_path):
    folder = exported(a_registry(), tmp_path, "csv")
    rng = random.Random(4)
    for file in folder.glob("*.csv"):
        rows = list(csv.reader(file.open(encoding="utf-8-sig", newline="")))
        order = list(range(len(rows[0])))
        rng.shuffle(order)
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([row[index] for index in order] for row in rows)
    assert plan(a_registry(), parse_registry(folder)).changes == 0


def test_only_the_columns_given_change_and_an_empty_cell_clears(tmp_path):
    made = planned(tmp_path, devices="id,model,gateway\nl1,TK-9,\nm1,-5,gw\n", places="编号,属性.households\nc1,333\n")
    assert said(made) == []
    assert made.tables["devices"].unchanged == 1
    assert made.tables["devices"].missing == ["gw"]
    (change,) = made.tables["devices"].changed
    assert (change.id, change.fields) == ("l1", {"model": ("", "TK-9"), "gateway": ("gw", None)})
    after = apply_plan(a_registry(), made)
    assert after.devices["l1"] == Device(
        "l1", "elevator", "c1", "b1", Name("1号梯"), "lift", period_s=0.5, model="TK-9", attrs={"rated_speed": 1.75}
    )
    assert after.places["c1"].attrs == {"households": 333, "high_rise": True, "坐标": [1, 2.5, None]}
    assert after.version == 4
    assert after.overrides == a_registry().overrides


def test_new_rows_are_added_behind_the_others_with_defaults(tmp_path):
    made = planned(tmp_path, devices="id,类别,小区,位置,名称,报警区域\nm2,消防,c1,b1,感温,z1\n")
    assert made.tables["devices"].added == ["m2"]
    after = apply_plan(a_registry(), made)
    assert list(after.devices) == ["gw", "l1", "m1", "m2"]
    assert after.devices["m2"] == Device("m2", "fire", "c1", "b1", Name("感温"), zone="z1")


def test_missing_rows_stay_unless_pruned_and_pruning_what_is_still_named_is_refused(tmp_path):
    keep = "id\nl1\nm1\n"
    made = planned(tmp_path, devices=keep)
    assert made.tables["devices"].missing == ["gw"]
    assert made.changes == 0
    made = planned(tmp_path, devices=keep, prune=True)
    assert made.tables["devices"].removed == ["gw"]
    assert [text for text in said(made) if "column gateway: there is no device 'gw'" in text]
    made = planned(tmp_path, devices="id,gateway\nl1,\nm1,\n", prune=True)
    assert list(apply_plan(a_registry(), made).devices) == ["l1", "m1"]
    made = planned(tmp_path, devices="id\n", places="id\nd1\ns1\nc2\n", contracts="id,compounds\nk1,c2\n", prune=True)
    assert said(made) == []
    assert apply_plan(a_registry(), made).overrides == {}


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        (
            "places",
            "id,kind,name,parent\nx,building,9号楼,nowhere",
            "row 2, column parent: there is no place 'nowhere'",
        ),
        ("places", "id,kind,name\nx,street,街道", "column parent: 'x' hangs at nothing"),
        ("places", "id,kind,name,parent\nx,unit,1单元,s1", "column parent: is in no compound"),
        ("places", "id,parent\ns1,c1", "column parent: is above itself: s1 → c1 → s1"),
        ("places", 'id,overrides\nb1,"{""EB-03"": {}}"', "column overrides: only compounds and devices"),
        ("places", "id,name\nnew,x", "column kind: 'new' is new and has none; write a column kind (类型)"),
        ("organisations", "id,place\nf1,nowhere", "column place: there is no place 'nowhere'"),
        ("contracts", "id,organisation\nk1,nobody", "column organisation: there is no organisation 'nobody'"),
        ("contracts", "id,compounds\nk1,c1;b1", "column compounds: there is no compound 'b1'"),
        ("contracts", "id,valid_until\nk1,2020-01-01", "ends on 2020-01-01, before it begins on 2024-07-01"),
        ("devices", "id,compound,place\nl1,c2,c2", "'l1' would move from 'c1' to 'c2'; write a new id"),
        ("devices", "id,kind,type\nl1,ebike,port", "'l1' would turn from elevator into ebike"),
        ("devices", "id,place\nl1,c2", "column place: 'c2' is not in 'c1'"),
        ("devices", "id,place\nl1,nowhere", "column place: there is no place 'nowhere'"),
        ("devices", "id,type\nl1,smoke", "column type: 'smoke' is no type of elevator; write one of lift"),
        ("devices", "id,gateway\nl1,m1", "column gateway: 'm1' is of kind fire, not a gateway"),
        ("devices", "id,gateway\nl1,gone", "column gateway: there is no device 'gone'"),
        ("devices", "id,gateway\ngw,gw", "column gateway: is its own gateway"),
        ("devices", "id,zone\nm1,b1", "column zone: 'b1' is a building, not an alarm zone"),
        ("devices", "id,place\nm1,b2", "column zone: zone 'z1' is in another building ('b1', not 'b2')"),
        ("devices", "id,kind,compound,place,name\nc2,fire,c1,b1,x", "column id: 'c2' is the id of a place too"),
        ("devices", "id,kind,compound,place,name\nx,fire,b1,b1,x", "column compound: there is no compound 'b1'"),
    ],
)
def test_a_registry_that_would_not_hold_together_is_refused(tmp_path, table, text, words):
    made = planned(tmp_path, **{table: text + "\n"})
    assert any(words in line and line.startswith(f"{table}.csv") for line in said(made)), said(made)
    assert not made.ok
    with pytest.raises(Invalid, match="cannot be imported"):
        apply_plan(a_registry(), made)


def test_contracts_that_overlap_are_a_warning_and_import(tmp_path):
    made = planned(tmp_path, contracts="id,organisation,compounds,valid_from\nk9,f1,c1,2026-06-30\n")
    assert made.ok
    assert [problem.level for problem in made.problems] == ["warning"]
    assert "overlaps 'k1' for 'c1' as property_firm" in said(made)[0]
    assert "k9" in apply_plan(a_registry(), made).contracts


def test_a_plan_made_for_another_version_is_a_conflict(tmp_path):
    made = planned(tmp_path, devices="id,model\nl1,new\n")
    with pytest.raises(Conflict):
        apply_plan(a_registry(version=4), made)


def test_true_and_one_are_told_apart_in_attributes(tmp_path):
    made = planned(
        tmp_path,
        places="id,attrs\nc1,"
        + json.dumps({"households": 320, "high_rise": 1, "坐标": [1, 2.5, None]})
        .replace('"', "'")
        .replace("'", '""')
        .join(['"', '"'])
        + "\n",
    )
    assert [change.id for change in made.tables["places"].changed] == ["c1"]


def test_the_demo_district_imports_without_a_word(tmp_path):
    from simulators.district import DEMO_DISTRICT

    made = plan(Registry(), parse_registry(DEMO_DISTRICT))
    assert said(made) == []
    registry = apply_plan(Registry(), made)
    assert len(registry.devices) > 500
    for form in FORMATS:
        again = plan(registry, parse_registry(exported(registry, tmp_path, form)))
        assert (again.changes, said(again)) == (0, [])
