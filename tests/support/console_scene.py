"""A small street for the console's tests: compounds, firms, rules with cards, and fifty-six alerts in every state."""

import math

from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Evidence, Suppression
from alerts.rules.base import RuleInfo
from domain.devices import Device
from domain.kinds.ebike import EbikeValues
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.readings import Reading
from domain.registry import Registry

COMPOUNDS = (
    ("qd", "桥东花园", "Qiaodong Garden", "aj", "qdhy"),
    ("cx", "晨曦家园", "Chenxi Home", "hs", "cxjy"),
    ("ht", "和泰雅苑", "Hetai Court", "hx", "htyy"),
    ("rj", "瑞景名邸", "Ruijing Manor", "aj", "rjmd"),
    ("bc", "北城新居", "Beicheng New Homes", "hs", "bcxj"),
    ("ah", "安和里", "Anhe Lane", "", "ahl"),
    ("jy", "金叶小区", "Jinye Estate", "hx", "jyxq"),
    ("tj", "团结佳苑", "Tuanjie Court", "hs", "tjjy"),
    ("tr", "天骄嘉园", "Tianjiao Garden", "aj", "tjjy"),
    ("dy", "东苑小区", "Dongyuan Estate", "", "dyxq"),
    ("xf", "学府里", "Xuefu Lane", "hx", "xfl"),
    ("jx", "锦绣苑", "Jinxiu Court", "aj", "jxy"),
)
FIRMS = (
    ("aj", "安居物业", "Anju Property"),
    ("hs", "和顺物业", "Heshun Property"),
    ("hx", "恒信物业", "Hengxin Property"),
)
SITES = {
    "elevator": ("1 单元·2 号梯", "Unit 1 · Lift 2"),
    "fire": ("地下一层消防泵房", "Basement pump room"),
    "ebike": ("2 号充电棚·07 仓", "Shed 2 · Slot 07"),
    "gateway": ("弱电间网关", "Riser gateway"),
}

# id, kind, severities, zh, en, signal, limit, direction, card, life safety
RULES = (
    ("EL-01", "elevator", (1,), "电梯困人", "Passengers trapped", None, None, None, "entrapment", True),
    ("EL-07", "elevator", (3,), "电梯门反复开关", "Lift door cycling", "door_cycles", 8.0, "high", "door", False),
    ("EL-09", "elevator", (2,), "电动车进入电梯", "E-bike in a lift", None, None, None, "door", False),
    ("FR-02", "fire", (1,), "烟感报警 两只联动", "Two smoke detectors", "smoke", 2.5, "high", "smoke", True),
    ("FR-05", "fire", (2, 3), "末端试水压力偏低", "Sprinkler pressure low", "p_sprinkler", 0.05, "low", "water", False),
    ("FR-08", "fire", (2,), "配电箱进线过热", "Cable hot", "cable_temp", 70.0, "high", "cable", False),
    ("FR-11", "fire", (3,), "防火门常开", "Fire door open", None, None, None, "door", False),
    ("EB-03", "ebike", (2,), "充电仓温升异常", "Charging slot hot", "temp_socket", 60.0, "high", "charger", False),
    (
        "EB-05",
        "ebike",
        (2,),
        "充电桩漏电保护动作",
        "Leakage protection tripped",
        "leakage",
        30.0,
        "high",
        "charger",
        False,
    ),
    ("EB-09", "ebike", (4,), "充电占位超时", "Slot occupied too long", "session_s", 14_400.0, "high", None, False),
    ("SY-02", "gateway", (3,), "网关离线", "Gateway offline", None, None, None, "gateway", False),
)
STEPS = {
    "charger": (
        "充电仓过热",
        "Charging slot too hot",
        (
            ("确认充电桩已自动断电", "Check that the slot has cut its power"),
            ("电话物业值班，确认棚内有无人员与烟雾", "Call the duty desk: people or smoke in the shed?"),
            ("微型消防站携灭火毯到场，3 分钟内", "Micro fire station to the shed with a fire blanket within 3 min"),
            ("冒烟或 ≥ 80 ℃：拨打 119，升级为一级", "Smoke or ≥ 80 ℃: call 119"),
        ),
    ),
    "entrapment": (
        "电梯困人",
        "Passengers trapped",
        (
            ("五方通话安抚乘客，勿扒门", "Talk to the passengers: do not force the doors"),
            ("通知维保单位，30 分钟内到场", "Call the lift firm: on site within 30 min"),
        ),
    ),
}

CURVES = {
    "high": (0.52, 0.53, 0.52, 0.54, 0.53, 0.55, 0.58, 0.66, 0.78, 0.91, 1.0, 1.03),
    "low": (1.6, 1.58, 1.61, 1.6, 1.57, 1.5, 1.31, 1.05, 0.86, 0.72, 0.64, 0.6),
}
"""The last samples before an alert, as shares of its limit."""


def registry() -> Registry:
    places = [
        Place("d1", "district", Name("东胜区", "Dongsheng")),
        Place("s1", "street", Name("天骄街道", "Tianjiao"), "d1"),
    ]
    devices = []
    for key, zh, en, _, initials in COMPOUNDS:
        places.append(Place(key, "compound", Name(zh, en), "s1", attrs={"initials": initials}))
        places.append(Place(f"{key}-b3", "building", Name("3 号楼", "Building 3"), key))
        for kind, (zh_site, en_site) in SITES.items():
            site = f"{key}-{kind}"
            places.append(Place(site, "site", Name(zh_site, en_site), f"{key}-b3"))
            devices.append(Device(f"{key}-{kind}-1", kind, key, site, Name(zh_site, en_site)))
    firms = [
        Organisation(key, "property_firm", Name(zh, en), phone=f"0477-810{n}021")
        for n, (key, zh, en) in enumerate(FIRMS)
    ]
    contracts = [
        Contract(f"k-{firm}", firm, [key for key, _, _, who, _ in COMPOUNDS if who == firm], "2020-01-01")
        for firm, _, _ in FIRMS
    ]
    return Registry(places, firms, contracts, devices, version=1)


def said(rule, signal, limit, way):
    """The condition of a rule as its pack would write it."""
    return f"{signal} {'<=' if way == 'low' else '>='} {limit}" if signal else f"event {rule}"


class Rules:
    """A rulebook that judges nothing: the tests raise what they need."""

    digest = "scene"

    def __init__(self):
        self.rules = {
            key: RuleInfo(
                id=key,
                version=3,
                pack=kind,
                title=Name(zh, en),
                kind=kind,
                types=(),
                scope="device",
                severities=levels,
                condition=f"{levels[0]}: {said(key, signal, limit, way)}",
                signal=signal,
                card=card,
                recipients=("property_firm",),
                basis="GB 42296-2022 5.3",
                life_safety=life,
            )
            for key, kind, levels, zh, en, signal, limit, way, card, life in RULES
        }
        self.cards = {
            key: {"title": {"zh": zh, "en": en}, "steps": [{"zh": a, "en": b} for a, b in steps]}
            for key, (zh, en, steps) in STEPS.items()
        }

    def for_device(self, device, compound_overrides):
        return ()


def alert(
    rule: str, compound: str, number: int, now_ms: int, *, ago_s: float = 60, level: int | None = None, **changes
) -> Alert:
    """An alert of `rule` in `compound`, raised `ago_s` seconds ago and not yet acknowledged."""
    _, kind, levels, _, _, signal, limit, way, card, life = next(row for row in RULES if row[0] == rule)
    severity = level or levels[0]
    at = round(now_ms - ago_s * 1000)
    value = None if limit is None else limit * (0.6 if way == "low" else 1.03)
    device = f"{compound}-{kind}-1"
    samples = (
        []
        if limit is None
        else [(at - (11 - i) * 5000, round(limit * shape, 3)) for i, shape in enumerate(CURVES[way])]
    )
    evidence = Evidence(
        rule,
        3,
        f"{signal} {'<=' if way == 'low' else '>='} {limit}" if signal else f"event {rule}",
        {signal or "event": value if signal else "entrapment"},
        {} if limit is None else {"limit": limit, "hold_s": 10},
        {"limit": f"device:{device}"} if number % 2 and limit else {},
        window_from_ms=at - 60_000,
        window_until_ms=at,
        samples=samples,
        sources=[device],
    )
    target = {1: 60, 2: 120, 3: 600, 4: 0}[severity]
    base = Alert(
        id=f"a{number:012}",
        no=f"GJ-20261122-{number:04}",
        rule=rule,
        rule_version=3,
        target=f"t{number}",
        target_kind="device",
        kind=kind,
        severity=severity,
        state=AlertState.UNACKNOWLEDGED,
        rev=1,
        onset_ms=at,
        raised_ms=at,
        compound=compound,
        place=f"{compound}-{kind}",
        device=device,
        code=rule,
        value=value,
        signal=signal,
        limit=limit,
        direction=way,
        evidence=evidence,
        card=card if card in STEPS else None,
        recipients=["property_firm"],
        last_occurrence_ms=at,
        life_safety=life,
        due_ms=at + target * 1000 if target else None,
        changed_ms=at,
    )
    return replace(base, **changes)


def acked(one: Alert, who: str, ago_s: float, now_ms: int) -> Alert:
    return replace(
        one, state=AlertState.ACKNOWLEDGED, acked_by=who, acked_ms=round(now_ms - ago_s * 1000), due_ms=now_ms + 900_000
    )


def fifty_six(now_ms: int) -> list[Alert]:
    """Six waiting (1, 2, 3 of levels 1–3), forty-six in hand, four returned; and three shelved beside them."""
    keys = [row[0] for row in COMPOUNDS]
    made: list[Alert] = []

    def add(rule: str, compound: str, **more) -> Alert:
        made.append(alert(rule, compound, len(made) + 1, now_ms, **more))
        return made[-1]

    add("EL-01", "qd", ago_s=42)
    add("EB-03", "ht", ago_s=102)
    add("EL-09", "rj", ago_s=69)
    add("FR-05", "ah", ago_s=73, level=3)
    add("FR-11", "jy", ago_s=62)
    add("EL-07", "tj", ago_s=29, flags=["flapping"], occurrences=9)
    hands = (("FR-02", None), ("FR-08", None), ("EB-05", None), ("FR-05", 2)) + (
        ("FR-05", 3),
        ("FR-11", None),
        ("SY-02", None),
        ("EL-07", None),
    ) * 3
    hands += (("EB-09", None),) * 30
    for n, (rule, level) in enumerate(hands):
        add(rule, keys[(n + 1) % 11], ago_s=174 + 211 * n, level=level)
        made[-1] = acked(made[-1], ("李建国", "孙伟", "张志强", "周凯")[n % 4], 120 + 200 * n, now_ms)
    for n, rule in enumerate(("FR-05", "EL-07", "EB-09", "SY-02")):
        latched = acked(add(rule, keys[n], ago_s=1200 + n, level=4 if rule == "EB-09" else 3), "孙伟", 1000, now_ms)
        made[-1] = replace(latched, state=AlertState.RETURNED_LATCHED, cleared_ms=now_ms - 100_000, latching=True)
    for n in range(3):
        shelf = Suppression("shelved", "known_fault", until_ms=now_ms + (n + 1) * 1_800_000, actor="王晓燕")
        add("FR-11", keys[n + 4], ago_s=3000 + n)
        made[-1] = replace(acked(made[-1], "王晓燕", 2900, now_ms), suppressed=[shelf])
    return made


def warming(device: str, now_ms: int) -> list[Reading]:
    """Half an hour of a charging slot that gets hot, one reading every 15 s."""
    found = []
    for n in range(120):
        share = n / 119
        temperature = 31 + 2 * share + (28 / (1 + math.exp(-(share - 0.85) * 30)))
        at = round(now_ms - (119 - n) * 15_000)
        found.append(
            Reading(device, "ebike", at, at, EbikeValues(temp_socket=round(temperature, 2), current=3.9), seq=n + 1)
        )
    return found
