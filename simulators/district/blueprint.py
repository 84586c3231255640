"""What the demo district is made of: streets, communities, compounds and firms. Every name and number is invented."""

from typing import Final, NamedTuple

__all__ = [
    "COMMUNITIES",
    "COMPOUNDS",
    "DISTRICT_BODIES",
    "FIRMS",
    "SERVICE_FIRMS",
    "STREETS",
    "TOWERS",
    "Blueprint",
]


class Blueprint(NamedTuple):
    """One compound, in as few numbers as its buildings and devices can be derived from."""

    id: str
    zh: str
    en: str
    community: str
    firm: str | None
    """None: 无物业小区, the community answers."""
    elevator_firm: str | None
    fire_firm: str | None
    built: int
    buildings: tuple[tuple[int, int, int], ...]
    """For each building: floors above ground, basement floors, units (entrances). Lifts from seven floors up."""
    ports: int
    """Charging ports, in sheds of at most ten."""
    operator: str | None
    fire_floors: int = 2
    """Floors of each high building that have fire devices of their own; a real one has them on all."""


STREETS: Final = (
    ("tj", "天骄街道", "Tianjiao Street"),
    ("jt", "交通街道", "Jiaotong Street"),
    ("js", "建设街道", "Jianshe Street"),
    ("hlh", "诃额伦街道", "He'elun Street"),
)

COMMUNITIES: Final = (
    ("sq-xiangyun", "tj", "祥云社区", "Xiangyun Community"),
    ("sq-chenhui", "tj", "晨晖社区", "Chenhui Community"),
    ("sq-yinlin", "jt", "银林社区", "Yinlin Community"),
    ("sq-fuxing", "jt", "福兴社区", "Fuxing Community"),
    ("sq-minle", "js", "民乐社区", "Minle Community"),
    ("sq-qingshui", "js", "清水社区", "Qingshui Community"),
    ("sq-xincheng", "hlh", "新城社区", "Xincheng Community"),
    ("sq-baiyun", "hlh", "白云社区", "Baiyun Community"),
)

FIRMS: Final = (
    ("pf-hengan", "恒安邻里物业服务有限公司", "Heng'an Property Services"),
    ("pf-jinhe", "金禾物业服务有限公司", "Jinhe Property Services"),
    ("pf-qinglan", "青岚物业管理有限公司", "Qinglan Property Management"),
    ("pf-mingyue", "明悦家园物业服务有限公司", "Mingyue Property Services"),
    ("pf-guotou", "东胜国有物业兜底服务中心", "Dongsheng State Fallback Property Service"),
)

SERVICE_FIRMS: Final = (
    ("me-tengyun", "maint_elevator", "腾云电梯维保有限公司", "Tengyun Elevator Maintenance"),
    ("me-anda", "maint_elevator", "安达电梯工程服务有限公司", "Anda Elevator Services"),
    ("me-beijiang", "maint_elevator", "北疆电梯技术服务有限公司", "Beijiang Elevator Technical Services"),
    ("mf-huwei", "maint_fire", "护卫消防技术服务有限公司", "Huwei Fire Technical Services"),
    ("mf-pingan", "maint_fire", "平川消防工程维保有限公司", "Pingchuan Fire Maintenance"),
    ("co-lvchong", "charge_operator", "绿冲充电运营有限公司", "Lvchong Charging"),
    ("co-yidian", "charge_operator", "易点智充科技有限公司", "Yidian Smart Charging"),
)

DISTRICT_BODIES: Final = (
    ("housing-center", "housing_center", "东胜区住房保障综合服务中心", "Housing Security Service Centre"),
    ("housing-bureau", "housing_bureau", "东胜区住房和城乡建设局", "Housing and Construction Bureau"),
    ("market-reg", "market_reg", "东胜区市场监督管理局", "Market Regulation Bureau"),
    ("fire-brigade", "fire_brigade", "东胜区消防救援大队", "Fire and Rescue Brigade"),
    ("power-co", "power_co", "东胜供电公司", "Dongsheng Power Supply"),
    ("police", "police", "东胜区公安分局", "Public Security Branch"),
    ("urban-mgmt", "urban_mgmt", "东胜区城市管理综合执法局", "Urban Management Bureau"),
    ("gov-service", "gov_service", "东胜区行政审批和政务服务局", "Government Services Bureau"),
    ("emergency-bureau", "emergency_bureau", "东胜区应急管理局", "Emergency Management Bureau"),
    ("supervision", "supervision", "东胜区政府督查室", "Government Supervision Office"),
)

COMPOUNDS: Final = (
    Blueprint("tj-hty", "恒泰苑", "Hengtai Garden", "sq-xiangyun", "pf-hengan", "me-tengyun", "mf-huwei", 2013,
              ((18, 1, 2), (18, 1, 2), (24, 1, 1)), 12, "co-lvchong"),
    Blueprint("tj-zxj", "紫薇家园", "Ziwei Homes", "sq-xiangyun", "pf-hengan", "me-tengyun", "mf-huwei", 2015,
              ((26, 2, 1), (26, 2, 1)), 10, "co-lvchong"),
    Blueprint("tj-kh", "康和丽舍", "Kanghe Residence", "sq-chenhui", "pf-jinhe", "me-anda", "mf-pingan", 2010,
              ((11, 1, 2), (11, 1, 2), (11, 1, 2)), 10, "co-yidian"),
    Blueprint("jt-jy", "交通佳苑", "Jiaotong Court", "sq-yinlin", "pf-jinhe", "me-anda", "mf-pingan", 2008,
              ((12, 1, 2), (12, 1, 2)), 8, "co-yidian"),
    Blueprint("jt-yl", "银林雅居", "Yinlin Residence", "sq-yinlin", "pf-qinglan", "me-beijiang", "mf-huwei", 2017,
              ((32, 2, 1), (32, 2, 1)), 12, "co-lvchong"),
    Blueprint("jt-fx", "福兴新村", "Fuxing New Village", "sq-fuxing", None, None, "mf-pingan", 1998,
              ((6, 0, 4), (6, 0, 4), (6, 0, 3)), 8, "co-yidian"),
    Blueprint("js-jj", "建设嘉园", "Jianshe Homes", "sq-minle", "pf-mingyue", "me-tengyun", "mf-huwei", 2012,
              ((18, 1, 2), (18, 1, 2)), 10, "co-lvchong"),
    Blueprint("js-ml", "民乐花苑", "Minle Garden", "sq-minle", "pf-mingyue", "me-tengyun", "mf-huwei", 2011,
              ((16, 1, 2), (16, 1, 1)), 8, "co-lvchong"),
    Blueprint("js-qs", "清水湾", "Qingshui Bay", "sq-qingshui", "pf-qinglan", "me-beijiang", "mf-pingan", 2019,
              ((27, 2, 1), (27, 2, 1), (18, 1, 1)), 12, "co-yidian"),
    Blueprint("hlh-xc", "诃额伦新城", "He'elun New Town", "sq-xincheng", "pf-hengan", "me-anda", "mf-huwei", 2016,
              ((30, 2, 1), (30, 2, 1), (18, 1, 1)), 12, "co-lvchong"),
    Blueprint("hlh-jh", "金晖雅苑", "Jinhui Court", "sq-xincheng", "pf-qinglan", "me-beijiang", "mf-pingan", 2014,
              ((22, 1, 1), (22, 1, 1)), 8, "co-yidian"),
    Blueprint("hlh-by", "白云小区", "Baiyun Estate", "sq-baiyun", "pf-guotou", None, "mf-pingan", 2001,
              ((6, 0, 4), (6, 0, 4)), 6, "co-yidian"),
)  # fmt: skip

TOWERS: Final = (
    Blueprint("jt-sj", "盛景天城", "Shengjing Towers", "sq-yinlin", "pf-qinglan", "me-beijiang", "mf-huwei", 2021,
              ((32, 1, 1),) * 9, 10, "co-yidian", 30),
)  # fmt: skip
"""One compound of nine towers with detectors on every floor: more than 500 of them, for a storm of alarms."""
