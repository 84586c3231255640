"""Fits out one compound: its places with a schematic in metres, and the devices that hang there."""

import random
from typing import Any, Final

from simulators.district.blueprint import Blueprint

__all__ = ["FLOOR_HEIGHT_M", "Fitter"]

FLOOR_HEIGHT_M: Final = 2.9
HOUSEHOLDS_PER_FLOOR: Final = 3
CABINET_FROM_PORTS: Final = 12
"""The larger compounds have a cabinet for swapping batteries at their gate."""
PORTS_PER_SHED: Final = 10

Row = dict[str, Any]


def _name(zh: str, en: str) -> Row:
    return {"zh": zh, "en": en}


class Fitter:
    """Collects the rows of one compound. `rng` only chooses which floors and which models, so ids never move."""

    def __init__(self, plan: Blueprint, rng: random.Random) -> None:
        self.plan = plan
        self.places: list[Row] = []
        self.devices: list[Row] = []
        self._rng = rng
        self._sites: list[Row] = []
        self._drawn: list[Row] = []
        widest = 20 + 12 * max(units for _, _, units in plan.buildings)
        self._column_m = widest + 12
        self._edge_m = 10 + 2 * self._column_m

    def fit(self) -> None:
        """Fills `places` and `devices`."""
        plan = self.plan
        high = any(floors >= 10 for floors, _, _ in plan.buildings)
        households = sum(floors * units * HOUSEHOLDS_PER_FLOOR for floors, _, units in plan.buildings)
        compound: Row = {
            "id": plan.id,
            "kind": "compound",
            "name": _name(plan.zh, plan.en),
            "parent": plan.community,
            "attrs": {"high_rise": high, "households": households, "built": plan.built},
        }
        self.places.append(compound)
        self._gateways(high)
        for number, (floors, base, units) in enumerate(plan.buildings, 1):
            self._building(number, floors, base, units)
        self._control_room(high)
        if high:
            self._pump_room()
        self._gate()
        self._sheds()
        height, right = 24 + 34 * max(2, (len(plan.buildings) + 1) // 2), self._edge_m + 24
        compound["attrs"]["schematic"] = {
            "width": right + 4,
            "height": height,
            "buildings": self._drawn,
            "sites": self._sites,
            "lanes": [[[4, 6], [right, 6], [right, height - 6], [4, height - 6], [4, 6]]],
        }

    def _place(self, suffix: str, kind: str, zh: str, en: str, parent: str, **attrs: Any) -> str:
        row: Row = {"id": f"{self.plan.id}-{suffix}", "kind": kind, "name": _name(zh, en), "parent": parent}
        if attrs:
            row["attrs"] = attrs
        self.places.append(row)
        return str(row["id"])

    def _device(self, suffix: str, kind: str, place: str, names: tuple[str, str], **more: Any) -> None:
        row: Row = {"id": f"{self.plan.id}-{suffix}", "kind": kind, "compound": self.plan.id, "place": place}
        self.devices.append(row | {"name": _name(*names)} | more)

    def _site(self, suffix: str, zh: str, en: str, box: tuple[int, int, int, int], use: str) -> str:
        place = self._place(suffix, "site", zh, en, self.plan.id, use=use)
        x, y, w, h = box
        self._sites.append({"id": place, "use": use, "x": x, "y": y, "w": w, "h": h})
        return place

    # --- the boxes that connect everything -----------------------------------------------------------------------
    def _gateways(self, high: bool) -> None:
        wanted = [("gw-fire", "消防网关", "Fire gateway"), ("gw-charge", "充电网关", "Charging gateway")]
        if high:
            wanted.insert(0, ("gw-lift", "电梯网关", "Lift gateway"))
        for suffix, zh, en in wanted:
            names = (f"{self.plan.zh}{zh}", f"{self.plan.en} {en.lower()}")
            self._device(suffix, "gateway", self.plan.id, names, type="gateway", period_s=30)

    def _behind(self, use: str) -> str:
        return f"{self.plan.id}-gw-{use}"

    # --- buildings -----------------------------------------------------------------------------------------------
    def _building(self, number: int, floors: int, base: int, units: int) -> None:
        row, column = divmod(number - 1, 2)
        box: Row = {"x": 10 + self._column_m * column, "y": 14 + 34 * row, "w": 20 + 12 * units, "h": 14}
        attrs = {"floors": floors, "base": -base, "units": units, "high_rise": floors >= 10}
        building = self._place(f"b{number}", "building", f"{number}号楼", f"Building {number}", self.plan.id, **attrs)
        self._drawn.append({"id": building, **box, "floors": floors, "base": -base, "units": units})
        for unit in range(1, units + 1):
            place = self._place(f"b{number}-u{unit}", "unit", f"{unit}单元", f"Unit {unit}", building)
            if floors >= 7:
                self._lifts(number, unit, place, floors, base)
        if floors >= 10:
            for floor in sorted(self._rng.sample(range(2, floors), self.plan.fire_floors)):
                self._fire_floor(number, floor, building)
            self._garage(number, building)
            self._electrics(number, building, cable=True)
            self._top_hydrant(number, floors, building)
        else:
            self._stairwell(number, building)
            self._electrics(number, building, cable=False)
        lobby = (f"{number}号楼门厅摄像机", f"Building {number} lobby camera")
        self._device(f"b{number}-cam1", "ebike", f"{building}-u1", lobby, type="zone_camera", period_s=300,
                     gateway=self._behind("charge"))  # fmt: skip

    def _lifts(self, number: int, unit: int, place: str, floors: int, base: int) -> None:
        each = 2 if floors >= 18 else 1
        for car in range(1, each + 1):
            lift = (unit - 1) * each + car
            which = f"{car}号电梯" if each > 1 else "电梯"
            names = (f"{number}号楼{unit}单元{which}", f"Building {number} unit {unit} lift {car}")
            attrs = {
                "rated_speed": 2.5 if floors >= 26 else 1.75 if floors >= 16 else 1.0,
                "floors": floors,
                "base": -base,
                "floor_height": FLOOR_HEIGHT_M,
                "capacity_kg": 1000 if car == 1 else 800,
                "registration": f"梯11蒙K{self._rng.randrange(10_000, 99_999)}({self.plan.built % 100:02d})",
                "installed": f"{self.plan.built}-{self._rng.randint(3, 11):02d}-15",
                # The first car of each pair has a camera: second source of presence, and the e-bike detector.
                "camera": car == 1,
            }
            self._device(f"b{number}-lift{lift}", "elevator", place, names, type="lift", attrs=attrs,
                         gateway=self._behind("lift"), model=self._rng.choice(("TK-24476", "MX-Cat1")))  # fmt: skip

    def _detector(self, suffix: str, place: str, zone: str, names: tuple[str, str], kind: str, **more: Any) -> None:
        self._device(suffix, "fire", place, names, type=kind, zone=zone, gateway=self._behind("fire"),
                     period_s=300, **more)  # fmt: skip

    def _fire_floor(self, number: int, floor: int, building: str) -> None:
        at, zh, en = f"b{number}-f{floor:02d}", f"{number}号楼{floor}层", f"Building {number} floor {floor}"
        place = self._place(at, "floor", f"{floor}层", f"Floor {floor}", building, floor=floor)
        zone = self._place(f"b{number}-z{floor:02d}", "zone", f"{zh}报警区域", f"{en} alarm zone", place)
        self._detector(f"{at}-smoke1", place, zone, (f"{zh}前室感烟", f"{en} lobby smoke detector"), "smoke")
        self._detector(f"{at}-smoke2", place, zone, (f"{zh}走道感烟", f"{en} corridor smoke detector"), "smoke")
        self._detector(f"{at}-mcp", place, zone, (f"{zh}手报", f"{en} manual call point"), "manual_call_point")
        self._detector(f"{at}-hb", place, zone, (f"{zh}消火栓按钮", f"{en} hydrant button"), "hydrant_button")

    def _garage(self, number: int, building: str) -> None:
        zh, en = f"{number}号楼地下一层", f"Building {number} basement 1"
        place = self._place(f"b{number}-fb1", "floor", "地下一层", "Basement 1", building, floor=-1)
        zone = self._place(f"b{number}-zb1", "zone", f"{zh}报警区域", f"{en} alarm zone", place)
        for index in (1, 2):
            names = (f"{zh}{index}号感温", f"{en} heat detector {index}")
            self._detector(f"b{number}-fb1-heat{index}", place, zone, names, "heat")
        if number == 1:
            names = (f"{zh}喷淋末端压力", f"{en} sprinkler end pressure")
            self._device(f"b{number}-spr", "fire", place, names, type="sprinkler_pressure", period_s=300,
                         gateway=self._behind("fire"))  # fmt: skip
            flow = (f"{zh}水流指示器", f"{en} water-flow switch")
            self._device(f"b{number}-flow", "fire", place, flow, type="flow_switch", zone=zone, period_s=300,
                         gateway=self._behind("fire"))  # fmt: skip
            door = (f"{zh}防火门", f"{en} fire door")
            self._device(f"b{number}-fd", "fire", place, door, type="fire_door", period_s=300,
                         gateway=self._behind("fire"))  # fmt: skip

    def _stairwell(self, number: int, building: str) -> None:
        zh, en = f"{number}号楼1单元楼道", f"Building {number} unit 1 stairwell"
        zone = self._place(f"b{number}-z01", "zone", f"{zh}报警区域", f"{en} alarm zone", f"{building}-u1")
        for index in (1, 2):
            names = (f"{zh}{index}号独立烟感", f"{en} standalone smoke detector {index}")
            self._detector(f"b{number}-smoke{index}", f"{building}-u1", zone, names, "smoke", model="NB-SD1")

    def _electrics(self, number: int, building: str, *, cable: bool) -> None:
        zh, en, fire = f"{number}号楼", f"Building {number}", self._behind("fire")
        names = (f"{zh}总配电剩余电流", f"{en} main residual current")
        self._device(f"b{number}-rcd", "fire", building, names, type="residual_current", gateway=fire, period_s=120)
        if cable:
            names = (f"{zh}总配电线缆温度", f"{en} main cable temperature")
            self._device(f"b{number}-cable", "fire", building, names, type="cable_temp", gateway=fire, period_s=120)

    def _top_hydrant(self, number: int, floors: int, building: str) -> None:
        place = self._place(f"b{number}-ftop", "floor", f"{floors}层", f"Floor {floors}", building, floor=floors)
        names = (f"{number}号楼顶层最不利点消火栓压力", f"Building {number} top-floor hydrant pressure")
        self._device(f"b{number}-hyd", "fire", place, names, type="hydrant_pressure", gateway=self._behind("fire"),
                     period_s=300)  # fmt: skip

    # --- spots in the compound -----------------------------------------------------------------------------------
    def _control_room(self, high: bool) -> None:
        zh, en = ("消控室", "Fire control room") if high else ("值班室", "Duty room")
        place = self._site("control", zh, en, (self._edge_m, 14, 12, 8), "control_room")
        names = (f"{self.plan.zh}火灾报警控制器", f"{self.plan.en} fire alarm panel")
        self._device("panel", "fire", place, names, type="panel", gateway=self._behind("fire"), period_s=120)

    def _pump_room(self) -> None:
        fire = self._behind("fire")
        place = self._site("pump", "消防泵房", "Fire pump room", (self._edge_m, 28, 12, 8), "pump_room")
        level = ("消防水池液位", "Fire pool level")
        self._device("pool", "fire", place, level, type="tank", gateway=fire, period_s=300, attrs={"required_m": 3.2})
        pump = ("1号消火栓泵", "Hydrant pump 1")
        self._device("pump1", "fire", place, pump, type="pump", gateway=fire, period_s=300)
        roof = f"{self.plan.id}-b1-ftop"
        self._device("tank", "fire", roof, ("1号楼屋顶水箱液位", "Building 1 roof tank level"), type="tank",
                     gateway=fire, period_s=300, attrs={"required_m": 1.6})  # fmt: skip
        names = ("消防泵房温度", "Fire pump-room temperature")
        self._device("pumptemp", "fire", place, names, type="pump_room", gateway=fire, period_s=300)

    def _gate(self) -> None:
        place = self._site("gate", "主出入口", "Main gate", (60, 2, 10, 6), "gate")
        names = ("主出入口消防车通道摄像机", "Main gate fire-lane camera")
        self._device("lane1", "fire", place, names, type="lane_camera", gateway=self._behind("fire"), period_s=60)

    def _sheds(self) -> None:
        charge, left, shed = self._behind("charge"), self.plan.ports, 0
        while left > 0:
            shed += 1
            count = min(PORTS_PER_SHED, left) if left != PORTS_PER_SHED + 2 else 6
            left -= count
            box = (self._edge_m, 42 + 12 * (shed - 1), 16, 6)
            place = self._site(f"shed{shed}", f"{shed}号充电棚", f"Charging shed {shed}", box, "shed")
            zone = self._place(f"shed{shed}-z", "zone", f"{shed}号充电棚报警区域", f"Shed {shed} alarm zone", place)
            air = (f"{shed}号充电棚烟感与环境温度", f"Shed {shed} smoke and air temperature")
            self._device(f"shed{shed}-air", "ebike", place, air, type="shed", gateway=charge, zone=zone)
            total = (f"{shed}号充电棚总表", f"Shed {shed} station meter")
            self._device(f"shed{shed}-meter", "ebike", place, total, type="station", gateway=charge,
                         attrs={"contract_w": 500 * count})  # fmt: skip
            for port in range(1, count + 1):
                names = (f"{shed}号充电棚{port:02d}号端口", f"Shed {shed} port {port}")
                self._device(f"shed{shed}-p{port:02d}", "ebike", place, names, type="port", gateway=charge)
        if self.plan.ports >= CABINET_FROM_PORTS:
            names = ("1号换电柜", "Battery cabinet 1")
            self._device("cabinet1", "ebike", f"{self.plan.id}-gate", names, type="cabinet", gateway=charge)
