"""The shipped district is what the script makes, and makes sense as a registry."""

from collections import Counter

import pytest

from domain.errors import Invalid
from domain.ids import is_id
from domain.kinds import KINDS
from domain.organisations import ORGANISATION_KINDS
from domain.places import PLACE_KINDS
from simulators.devices import MODELS
from simulators.district import DEMO_DISTRICT, load_district
from simulators.district.build import rendered


def test_committed_file_is_what_the_script_makes():
    assert DEMO_DISTRICT.read_text(encoding="utf-8") == rendered()


def test_district_has_the_promised_size(district):
    kinds = Counter(place.kind for place in district.places.values())
    assert kinds["street"] == 4
    assert kinds["compound"] == 12
    assert 550 <= len(district.devices) <= 700
    assert {device.kind for device in district.devices.values()} == set(KINDS)


def test_ids_are_well_formed_and_places_hang_together(district):
    for place in district.places.values():
        assert is_id(place.id)
        assert place.kind in PLACE_KINDS
        assert place.name.zh
        assert place.name.en
        assert [p.kind for p in district.above(place.id)][-1] == "district", place.id
    for organisation in district.organisations.values():
        assert organisation.kind in ORGANISATION_KINDS
        assert organisation.phone.startswith("0477-555-")
        assert organisation.place is None or organisation.place in district.places


def test_every_device_has_a_place_in_its_compound_a_gateway_and_a_model(district):
    for device in district.devices.values():
        assert is_id(device.id)
        assert district.nearest(device.place, "compound").id == device.compound
        assert device.type in MODELS
        if device.type != "gateway":
            assert district.devices[device.gateway].type == "gateway"
            assert district.devices[device.gateway].compound == device.compound
        if device.zone is not None:
            assert district.places[device.zone].kind == "zone"


def test_every_alarm_zone_with_smoke_detectors_has_two(district):
    zones = Counter(device.zone for device in district.devices.values() if device.type == "smoke")
    assert zones
    assert set(zones.values()) == {2}


def test_one_compound_has_no_firm_and_the_community_answers_for_it(district):
    compounds = [place.id for place in district.places.values() if place.kind == "compound"]
    without = [c for c in compounds if district.contracted(c, "property_firm", "2026-11-22") is None]
    assert without == ["jt-fx"]
    assert district.responsible("jt-fx", "2026-11-22").kind == "community"


def test_every_lift_has_a_maintenance_firm_and_every_port_an_operator(district):
    for device in district.devices.values():
        role = {"lift": "maint_elevator", "port": "charge_operator", "smoke": "maint_fire"}.get(device.type)
        if role is not None:
            assert district.contracted(device.compound, role, "2026-11-22").kind == role, device.id


def test_schematic_draws_every_building_and_site_apart_from_each_other(district):
    for place in district.places.values():
        if place.kind != "compound":
            continue
        drawing = place.attrs["schematic"]
        inside = {p.id for p in district.places.values() if p.parent == place.id and p.kind in {"building", "site"}}
        boxes = drawing["buildings"] + drawing["sites"]
        assert {box["id"] for box in boxes} == inside
        for i, a in enumerate(boxes):
            assert 0 <= a["x"] <= drawing["width"] - a["w"]
            assert 0 <= a["y"] <= drawing["height"] - a["h"]
            for b in boxes[i + 1 :]:
                apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                assert apart_x or apart_y, (a["id"], b["id"])


@pytest.mark.parametrize("text", ["places: [", "places: [{id: 3}]", "rooms: []", "devices: [{id: a, kind: b}]"])
def test_unreadable_district_is_refused_with_its_path(tmp_path, text):
    path = tmp_path / "district.yaml"
    path.write_text(text)
    with pytest.raises(Invalid, match=r"district\.yaml"):
        load_district(path)
