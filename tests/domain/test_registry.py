"""Questions asked of the registry."""

from domain.devices import Device
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry


def place(place_id, kind, parent=None):
    return Place(place_id, kind, Name(place_id), parent)


def district(contracts=()):
    return Registry(
        places=[
            place("d", "district"),
            place("s1", "street", "d"),
            place("m1", "community", "s1"),
            place("c1", "compound", "m1"),
            place("c2", "compound", "s1"),
            place("b1", "building", "c1"),
            place("u1", "unit", "b1"),
        ],
        organisations=[
            Organisation("street", "street", Name("街道"), "s1"),
            Organisation("community", "community", Name("社区"), "m1"),
            Organisation("firm-a", "property_firm", Name("甲物业")),
            Organisation("firm-b", "property_firm", Name("乙物业")),
        ],
        contracts=contracts,
        devices=[
            Device("gw", "gateway", "c1", "c1", Name("网关")),
            Device("lift", "elevator", "c1", "u1", Name("1 号梯"), gateway="gw", period_s=5),
        ],
    )


def test_the_nearest_place_of_a_kind_is_found_upwards_and_includes_the_place_itself():
    registry = district()
    assert registry.nearest("u1", "building").id == "b1"
    assert registry.nearest("b1", "building").id == "b1"
    assert registry.nearest("c1", "building") is None


def test_a_ring_in_the_place_tree_ends_instead_of_hanging():
    registry = Registry(places=[place("a", "building", "b"), place("b", "building", "a")])
    assert [p.id for p in registry.above("a")] == ["a", "b"]


def test_responsibility_follows_the_contract_in_force_on_the_day():
    registry = district(
        [
            Contract("k1", "firm-a", ["c1"], "2024-01-01", "2025-12-31"),
            Contract("k2", "firm-b", ["c1", "c2"], "2026-01-01"),
        ]
    )
    assert registry.responsible("c1", "2025-12-31").id == "firm-a"
    assert registry.responsible("c1", "2026-01-01").id == "firm-b"
    assert registry.responsible("c2", "2025-12-31").id == "street"


def test_a_compound_without_a_firm_goes_to_its_community_and_without_one_to_its_street():
    registry = district()
    assert registry.responsible("c1", "2026-01-01").id == "community"
    assert registry.responsible("c2", "2026-01-01").id == "street"


def test_the_newest_of_overlapping_contracts_counts():
    registry = district(
        [Contract("k1", "firm-a", ["c1"], "2024-01-01"), Contract("k2", "firm-b", ["c1"], "2025-06-01")]
    )
    assert registry.responsible("c1", "2025-05-31").id == "firm-a"
    assert registry.responsible("c1", "2025-06-01").id == "firm-b"


def test_devices_are_found_by_compound_and_by_gateway_and_know_their_period():
    registry = district()
    assert [d.id for d in registry.devices_in("c1")] == ["gw", "lift"]
    assert [d.id for d in registry.devices_behind("gw")] == ["lift"]
    assert registry.period_s(registry.devices["lift"]) == 5
    assert registry.period_s(registry.devices["gw"]) == 30
