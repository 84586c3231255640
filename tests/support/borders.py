"""A little district with two streets, three firms and a lift company: a world in which people have borders."""

import io

from PIL import Image

from alerts.inputs import DeclareMaintenance
from alerts.orders.commands import OpenOrder, StepOrder
from domain.devices import Device
from domain.orders import Evidence, OrderStep
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry
from tests.support.ports import PASSWORD, START_MS, House

COMPOUNDS = {"c1": "s1", "c2": "s1", "c3": "s2", "c4": "s2"}
KINDS = ("elevator", "fire", "ebike")
HANDS = {
    "f1": ({"c1"}, None),
    "f2": ({"c2", "c3"}, None),
    "f9": (set(), None),  # its contract has ended
    "lifts": ({"c1", "c3"}, {"elevator"}),
    "street1": ({"c1", "c2"}, None),
    "street2": ({"c3", "c4"}, None),
    "bureau": (set(COMPOUNDS), None),
    "market": (set(COMPOUNDS), {"elevator"}),
}
"""Organisation → what it has to do with, written down by hand."""


def registry():
    """Every id and name of a thing in a compound has the compound's id in it, so that a leak shows."""
    places = [Place("d1", "district", Name("区"))]
    places += [Place(s, "street", Name(s), "d1") for s in ("s1", "s2")]
    devices = []
    for compound, street in COMPOUNDS.items():
        places.append(Place(compound, "compound", Name(f"名{compound}x", f"Name {compound}x"), street))
        places.append(Place(f"{compound}-b1", "building", Name(f"楼{compound}x"), compound))
        for kind in KINDS:
            name = f"{compound}-{kind}"
            devices.append(Device(name, kind, compound, f"{compound}-b1", Name(f"机{name}"), type="x"))
        devices.append(Device(f"{compound}-gw", "gateway", compound, compound, Name(f"网{compound}x"), type="gateway"))
    organisations = [
        Organisation("f1", "property_firm", Name("甲物业")),
        Organisation("f2", "property_firm", Name("乙物业")),
        Organisation("f9", "property_firm", Name("前物业")),
        Organisation("lifts", "maint_elevator", Name("电梯维保")),
        Organisation("street1", "street", Name("一街道"), "s1"),
        Organisation("street2", "street", Name("二街道"), "s2"),
        Organisation("bureau", "housing_bureau", Name("住建局"), "d1"),
        Organisation("market", "market_reg", Name("市场监管局"), "d1"),
    ]
    contracts = [
        Contract("k1", "f1", ["c1"], "2020-01-01"),
        Contract("k2", "f2", ["c2", "c3"], "2020-01-01"),
        Contract("k9", "f9", ["c1"], "2010-01-01", "2019-12-31"),
        Contract("k3", "lifts", ["c1", "c3"], "2020-01-01", role="maint_elevator"),
    ]
    return Registry(places, organisations, contracts, devices, {"c4": {"EB-03": {"limit": 61}}}, version=3)


def _photo():
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, "PNG")
    return written.getvalue()


def district(folder):
    """The house of this district, with an alert, an order and a maintenance window for every kind in every compound."""
    house = House(folder, registry_=registry())
    house.state.book.wanted = True
    for compound in COMPOUNDS:
        for kind in KINDS:
            name = f"{compound}-{kind}"
            house.raised(
                id=f"a{name}", kind=kind, compound=compound, place=f"{compound}-b1", device=name, target=name,
                rule="EL-01" if kind == "elevator" else "EB-03", evidence=None,
            )  # fmt: skip
            order = house.submit(
                OpenOrder(
                    actor="boss",
                    severity=3,
                    compound=compound,
                    place=f"{compound}-b1",
                    subject=f"题{name}",
                    kind=kind,
                    alert_id=f"a{name}",
                    device=name,
                    cmd=f"made-{name}",
                    note=f"注{name}",
                )
            ).result()
            photo = Evidence("p1", *house.evidence.keep(_photo()), "before", "boss", START_MS)
            wish = StepOrder(order_id=order.id, actor="boss", step=OrderStep.ATTACH, evidence=(photo,))
            house.submit(wish).result()  # fmt: skip
            house.submit(
                DeclareMaintenance(
                    window=f"w-{name}", target=name, from_ms=START_MS, until_ms=START_MS + 3_600_000,
                    reason=f"因{name}", actor="boss",
                )
            ).result()  # fmt: skip
    house.database.users.create("boss", PASSWORD, ["admin"], START_MS)
    return house
