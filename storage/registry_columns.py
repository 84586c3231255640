"""The columns of the registry's import format: names in Chinese and English, and what may stand in a cell.

One table here serves reading and writing, so that an export is always an import that changes nothing.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, NamedTuple

from alerts.rules.conditions import DEVICE_TYPES
from domain.ids import is_id
from domain.kinds import KINDS
from domain.limits import IMPORT_CELL_CHARS_MAX, IMPORT_DEPTH_MAX
from domain.organisations import ORGANISATION_KINDS
from domain.places import PLACE_KINDS

__all__ = ["TABLES", "Column", "Table", "Wrong", "header_key", "table_of"]

ATTRIBUTE: Final = "attrs."
"""A column ``attrs.households`` (or ``属性.households``) is one attribute, for those who fill in tables by hand."""
PERIOD_S_LONGEST: Final = 7 * 86_400


class Wrong(ValueError):
    """A cell cannot be read: what is wrong with it, and what to write instead."""

    def __init__(self, wrong: str, write: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.write = write


class Column(NamedTuple):
    """One column: its key in files, other names people give it, and how a cell is read and written.

    `read` takes text that is not empty; an empty cell means `empty`. `write` is the opposite of `read`.
    """

    key: str
    names: tuple[str, ...]
    read: Callable[[str], Any]
    empty: Any = None
    required: bool = False
    write: Callable[[Any], str] = str


class Table(NamedTuple):
    """One table of the registry."""

    name: str
    names: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, header: str) -> Column | None:
        """The column a header means, in Chinese or English; None if it means nothing known."""
        key = header_key(header)
        for column in self.columns:
            if key in {header_key(name) for name in (column.key, *column.names)}:
                return column
        return None


def header_key(text: str) -> str:
    """A header without what people write differently: case, spaces, underscores, brackets, stars."""
    return re.sub(r"[\s_\-*()()【】\[\]::]+", "", text).casefold()


def _text(text: str) -> str:
    bad = next((char for char in text if ord(char) < 32 and char not in "\t\n"), None)
    if bad is not None or "\ufffe" in text or "\uffff" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Wrong("contains a control character", "printable text")
    if len(text) > IMPORT_CELL_CHARS_MAX:
        raise Wrong(f"has {len(text)} characters", f"at most {IMPORT_CELL_CHARS_MAX} characters")
    return text


def _id(text: str) -> str:
    if not is_id(text):
        raise Wrong(f"{text[:80]!r} is not an id", "1–64 of A–Z a–z 0–9 _ -")
    return text


def _choice(table: dict[str, str], what: str) -> Callable[[str], str]:
    known = {header_key(name): key for key, zh in table.items() for name in (zh, key)}

    def read(text: str) -> str:
        found = known.get(header_key(text))
        if found is None:
            raise Wrong(f"{text[:80]!r} is no {what}", "one of " + ", ".join(table))
        return found

    return read


def _flag(text: str) -> bool:
    key = text.casefold()
    if key in {"true", "yes", "y", "1", "是", "有", "√", "已备案"}:
        return True
    if key in {"false", "no", "n", "0", "否", "无", "×", "未备案"}:
        return False
    raise Wrong(f"{text[:80]!r} is neither yes nor no", "true or false (是 or 否)")


def _day(text: str) -> str:
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]00:00(?::00)?)?", text)
    found = found or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text)
    if found is None:
        raise Wrong(f"{text[:80]!r} is not a day", "a day as 2026-11-22")
    try:
        return date(*(int(part) for part in found.groups())).isoformat()
    except ValueError as error:
        raise Wrong(f"{text!r} is not in the calendar", "a day as 2026-11-22") from error


def _period(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= PERIOD_S_LONGEST:
        raise Wrong(f"{text[:80]!r} is not a period", f"seconds, more than 0 and at most {PERIOD_S_LONGEST}")
    return number


def _ids(text: str) -> list[str]:
    found = [part for part in re.split(r"[\s;;,,、|]+", text) if part]
    for part in found:
        _id(part)
    return list(dict.fromkeys(found))


def _object(text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Wrong("is not JSON", 'a JSON object such as {"households": 320}') from error
    if not isinstance(tree, dict):
        raise Wrong("is not a JSON object", 'a JSON object such as {"households": 320}')
    if _depth(tree) > IMPORT_DEPTH_MAX:
        raise Wrong("is nested too deeply", "a flat object")
    return tree


def _depth(tree: Any) -> int:
    """Levels of nesting, counted without recursion; stops one beyond the limit."""
    level, depth = [tree], 0
    while level and depth <= IMPORT_DEPTH_MAX:
        inside = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [child for part in inside for child in part]
        depth += bool(inside)
    return depth


def _overrides(text: str) -> dict[str, dict[str, Any]]:
    tree = _object(text)
    for rule, params in tree.items():
        if not isinstance(params, dict):
            raise Wrong(f"{rule!r} has no parameters", 'rule → parameter → value, such as {"EB-03": {"high": 65}}')
    return tree


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _json(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False, allow_nan=False)


def _yes(flag: Any) -> str:
    return "true" if flag else "false"


def _number(value: Any) -> str:
    return repr(float(value)).removesuffix(".0")


_PLACES: Final = dict(
    zip(PLACE_KINDS, ("区", "片区", "街道", "社区", "小区", "楼栋", "单元", "楼层", "报警区域", "场地"), strict=True)
)
_ORGANISATIONS: Final = dict(
    zip(
        ORGANISATION_KINDS,
        (
            "物业服务企业", "业主委员会", "社区居委会", "街道办事处", "区住房保障综合服务中心", "区住建局",
            "区市场监督管理局", "区消防救援大队", "微型消防站", "电梯维保单位", "消防维保单位", "充电设施运营企业",
            "供电公司", "公安分局", "城管执法局", "区行政审批和政务服务局", "应急管理局", "区政府督查室",
        ),
        strict=True,
    )
)  # fmt: skip
_ROLES: Final = {
    key: _ORGANISATIONS[key] for key in ("property_firm", "maint_elevator", "maint_fire", "charge_operator")
}
_TYPES: Final = dict.fromkeys(DEVICE_TYPES, "") | {
    "lift": "电梯", "smoke": "感烟", "heat": "感温", "manual_call_point": "手报", "hydrant_button": "消火栓按钮",
    "panel": "火灾报警控制器", "hydrant_pressure": "消火栓压力", "sprinkler_pressure": "喷淋压力", "tank": "水箱",
    "residual_current": "剩余电流", "cable_temp": "线缆温度", "pump_room": "泵房", "lane_camera": "车道摄像机",
    "fire_door": "防火门", "port": "充电端口", "shed": "车棚", "zone_camera": "区域摄像机", "station": "充电站",
    "cabinet": "换电柜", "gateway": "网关",
}  # fmt: skip


def _known(table: dict[str, str]) -> dict[str, str]:
    return {key: zh or key for key, zh in table.items()}


_ID: Final = Column("id", ("编号", "编码", "标识"), _id, required=True)
_ZH: Final = Column("name_zh", ("名称", "中文名称", "中文名", "name"), _text, required=True)
_EN: Final = Column("name_en", ("英文名称", "英文名"), _text, "")
_ATTRS: Final = Column("attrs", ("属性",), _object, {}, write=_json)
_OVERRIDES: Final = Column("overrides", ("阈值", "阈值覆盖", "规则参数"), _overrides, {}, write=_json)

TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "places",
            ("场所", "地点", "区域", "空间"),
            (
                _ID,
                Column("kind", ("类型", "级别", "场所类型"), _choice(_PLACES, "kind of place"), required=True),
                _ZH,
                _EN,
                Column("parent", ("上级", "上级编号", "所属", "上级场所"), _id),
                Column("code", ("行政区划代码", "区划代码", "代码"), _text, ""),
                _ATTRS,
                _OVERRIDES,
            ),
        ),
        Table(
            "organisations",
            ("组织", "机构", "组织机构", "单位", "organizations"),
            (
                _ID,
                Column("kind", ("类型", "单位类型"), _choice(_ORGANISATIONS, "kind of organisation"), required=True),
                _ZH,
                _EN,
                Column("place", ("辖区", "所在场所", "负责区域"), _id),
                Column("phone", ("电话", "值班电话", "联系电话"), _text, ""),
                _ATTRS,
            ),
        ),
        Table(
            "contracts",
            ("合同", "服务合同", "物业合同"),
            (
                _ID,
                Column("organisation", ("组织", "单位", "企业", "服务单位", "organization"), _id, required=True),
                Column("compounds", ("小区", "服务小区", "小区编号"), _ids, [], required=True, write=";".join),
                Column("valid_from", ("起始日期", "开始日期", "生效日期"), _day, required=True),
                Column("valid_until", ("终止日期", "结束日期", "截止日期", "到期日期"), _day),
                Column("role", ("角色", "服务类型"), _choice(_ROLES, "role"), "property_firm"),
                Column("filed", ("备案", "已备案", "是否备案"), _flag, empty=False, write=_yes),
            ),
        ),
        Table(
            "devices",
            ("设备", "设备清单"),
            (
                _ID,
                Column(
                    "kind",
                    ("类别", "设备类别"),
                    _choice({name: kind.zh for name, kind in KINDS.items()}, "kind of device"),
                    required=True,
                ),
                Column("compound", ("小区", "小区编号", "所属小区"), _id, required=True),
                Column("place", ("位置", "安装位置", "场所", "位置编号"), _id, required=True),
                _ZH,
                _EN,
                Column("type", ("类型", "设备类型"), _choice(_known(_TYPES), "type of device"), ""),
                Column("zone", ("报警区域", "报警分区"), _id),
                Column("gateway", ("网关", "网关编号"), _id),
                Column("period_s", ("上报周期", "上报周期秒", "周期"), _period, write=_number),
                Column("model", ("型号",), _text, ""),
                Column("in_service", ("在用", "投用", "启用"), _flag, empty=True, write=_yes),
                _OVERRIDES,
                _ATTRS,
            ),
        ),
    )
}


def table_of(name: str) -> Table | None:
    """The table that a file or sheet name means, in Chinese or English; None if it means none."""
    key = header_key(name)
    for table in TABLES.values():
        if key in {header_key(known) for known in (table.name, *table.names)}:
            return table
    return None
