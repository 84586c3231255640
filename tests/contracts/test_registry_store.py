"""What every registry store promises."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from alerts.events import RegistryImported
from alerts.inputs import Record
from domain.devices import Device
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry
from storage.database import open_database


def a_registry(devices: int = 3) -> Registry:
    places = [
        Place("d-1", "district", Name("示范区", "Demo district"), code="310100"),
        Place(
            "c-01", "compound", Name("安居苑"), "d-1", attrs={"high_rise": True, "households": 812, "出口": [1, 2.5]}
        ),
        Place("c-01-b1", "building", Name("1号楼", "Building 1"), "c-01"),
    ]
    organisations = [
        Organisation("o-1", "property_firm", Name("好邻物业"), None, "021-1234", {"licence": None}),
        Organisation("o-2", "street", Name("街道办"), "d-1"),
    ]
    contracts = [
        Contract("k-1", "o-1", ["c-01"], "2026-01-01", None, filed=True),
        Contract("k-2", "o-1", ["c-01", "c-02"], "2020-01-01", "2025-12-31", "maint_elevator"),
    ]
    overrides = {"c-01": {"EB-03": {"high": 65.5, "hold_s": 5, "codes": ["a", "b"], "off": False, "none": None}}}
    made = [
        Device(
            f"port-{number}",
            "ebike",
            "c-01",
            "c-01-b1",
            Name(f"{number}号插座"),
            "port",
            gateway="gw-1",
            period_s=30 if number % 2 else None,
            in_service=number != 2,
            overrides={"EB-03": {"high": 60}},
            attrs={"installed": "2025-06-01"},
        )
        for number in reversed(range(devices))
    ]
    return Registry(places, organisations, contracts, made, overrides)


def same(one: Registry, other: Registry) -> bool:
    parts = ("places", "organisations", "contracts", "devices")
    return all(list(getattr(one, p).items()) == list(getattr(other, p).items()) for p in parts) and (
        one.overrides == other.overrides
    )


def test_an_empty_store_holds_an_empty_registry_of_version_0(database):
    found = database.registry.load()
    assert found.version == 0
    assert same(found, Registry())


def test_a_registry_comes_back_as_it_was_and_in_its_order(database):
    registry = a_registry()
    assert database.registry.apply(registry) == 1
    found = database.registry.load()
    assert same(found, registry)
    assert found.version == 1
    assert list(found.devices) == ["port-2", "port-1", "port-0"]


def test_each_import_is_one_version_and_replaces_the_whole(database):
    database.registry.apply(a_registry())
    smaller = a_registry(devices=1)
    changed = Registry(
        smaller.places.values(),
        [],
        smaller.contracts.values(),
        smaller.devices.values(),
        {"c-01": {"EB-03": {"high": 70}}},
    )
    assert database.registry.apply(changed) == 2
    found = database.registry.load()
    assert same(found, changed)
    assert found.version == 2


def test_applying_the_same_registry_again_changes_nothing_but_the_version(database):
    database.registry.apply(a_registry())
    assert database.registry.apply(a_registry()) == 2
    assert same(database.registry.load(), a_registry())


def test_rows_can_be_asked_for_with_plain_sql(database):
    database.registry.apply(a_registry())
    with database._access.read() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM devices WHERE compound = 'c-01' AND in_service"))
        assert count.scalar_one() == 2


def test_journal_lines_of_imports_are_owed_in_order_until_they_are_written(database):
    def line(version):
        return Record(RegistryImported(version, 3, 2, 1, f"{version}.xlsx"), f"cli:p{version}")

    for number in range(1, 12):
        assert database.registry.apply(a_registry(), line if number != 2 else None) == number
    assert database.registry.owed(11) == [line(1), *map(line, range(3, 12))]
    assert database.registry.owed(3) == [line(1), line(3)]
    database.registry.settle(10)
    assert database.registry.owed(11) == [line(11)]
    assert database.registry.load().version == 11


def test_imports_at_once_get_a_version_each(database, where):
    others = [database] if where == "sqlite://" else [database, open_database(where)]
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda number: others[number % len(others)].registry.apply(a_registry()), range(8)))
    assert sorted(versions) == list(range(1, 9))
    for other in others[1:]:
        other.close()


def test_readers_see_one_registry_or_the_other_and_never_a_mixture(database):
    small, large = a_registry(3), a_registry(60)
    database.registry.apply(small)

    def write():
        for number in range(10):
            database.registry.apply(large if number % 2 == 0 else small)

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write)
        while not writing.done():
            found = database.registry.load()
            assert len(found.devices) == (3 if found.version % 2 else 60), found.version
        writing.result()
