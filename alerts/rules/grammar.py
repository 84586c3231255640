"""Turns the tree of a pack file into cards and rules, with every error of the file collected."""

from collections.abc import Iterable
from typing import Any, Final

from alerts.rules.base import RuleInfo
from alerts.rules.nodes import Node, PackError
from alerts.rules.reader import Reader
from alerts.rules.rulegrammar import read_rule
from alerts.rules.spec import Pack, RuleSpec
from domain.ids import is_id
from domain.limits import RULES_MAX
from domain.places import Name

__all__ = ["cross_check", "read_pack"]

_PACK_KEYS: Final = ("pack", "version", "title", "cards", "rules")
_CARD_KEYS: Final = ("title", "steps", "edition")


def read_pack(tree: Node, file: str) -> tuple[Pack | None, list[PackError]]:
    """Reads one pack. The pack is None if there is no using it; otherwise it holds what was right."""
    reader = Reader(file)
    found = reader.mapping(tree, "the file", _PACK_KEYS, ("pack", "version", "rules"))
    if found is None:
        return None, reader.errors
    name = reader.text(found["pack"], "pack") if "pack" in found else None
    if name is not None and not is_id(name):
        reader.error(found["pack"], f"pack {name!r} is no id", "write 1 to 64 of A-Z a-z 0-9 _ -")
    version = reader.integer(found["version"], "version", 1, 1_000_000) if "version" in found else None
    if "title" in found:
        reader.name(found["title"], "title")
    cards = _cards(reader, found["cards"]) if "cards" in found else {}
    rules = _rules(reader, found["rules"], name or "", file) if "rules" in found else ()
    return Pack(name=name or "", version=version or 0, rules=rules, cards=cards, file=file), reader.errors


def _rules(reader: Reader, node: Node, pack: str, file: str) -> tuple[RuleSpec, ...]:
    items = reader.items(node, "rules") or ()
    if len(items) > RULES_MAX:
        reader.error(node, f"the pack has {len(items)} rules", f"split it: at most {RULES_MAX} in one pack")
        return ()
    rules: dict[str, RuleSpec] = {}
    for item in items:
        rule = read_rule(reader, item, pack, file)
        if rule is None:
            continue
        if rule.info.id in rules:
            first = rules[rule.info.id].info.line
            reader.error(item, f"rule {rule.info.id} is written twice (first in line {first})", "give it another id")
        rules[rule.info.id] = rule
    return tuple(rules.values())


def _cards(reader: Reader, node: Node) -> dict[str, dict[str, Any]]:
    found = reader.mapping(node, "cards", None) or {}
    cards: dict[str, dict[str, Any]] = {}
    for name, item in found.items():
        if not is_id(name):
            reader.error(item, f"card {name!r} is no id", "write 1 to 64 of A-Z a-z 0-9 _ -")
        entries = reader.mapping(item, f"card {name}", _CARD_KEYS, _CARD_KEYS)
        if entries is None or len(entries) < len(_CARD_KEYS):
            continue
        title = reader.name(entries["title"], f"title of card {name}") or Name("")
        edition = reader.text(entries["edition"], f"edition of card {name}") or ""
        steps = reader.mapping(entries["steps"], f"steps of card {name}", ("zh", "en"), ("zh", "en")) or {}
        texts = {key: list(reader.texts(steps[key], f"steps of card {name}")) for key in steps}
        if len({len(listed) for listed in texts.values()}) > 1:
            reader.error(entries["steps"], f"card {name} has not as many steps in en as in zh", "translate each step")
        cards[name] = {"title": {"zh": title.zh, "en": title.en}, "steps": texts, "edition": edition}
    return cards


def cross_check(
    packs: Iterable[Pack], known_cards: Iterable[str] = (), known_rules: Iterable[str] = ()
) -> list[PackError]:
    """What only several packs together can tell: ids used twice, cards and rules referred to but not written."""
    packs = list(packs)
    errors: list[PackError] = []
    cards: dict[str, str] = {}
    rules: dict[str, str] = {}
    for pack in packs:
        for card in pack.cards:
            if card in cards:
                errors.append(PackError(pack.file, 1, f"card {card} is also in {cards[card]}", "give one another id"))
            cards[card] = pack.file
        for rule in pack.rules:
            info = rule.info
            if info.id in rules:
                text = f"rule {info.id} is also in {rules[info.id]}"
                errors.append(PackError(info.file, info.line, text, "give one another id"))
            rules[info.id] = info.file
    all_cards, all_rules = {*cards, *known_cards}, {*rules, *known_rules}
    infos = {rule.info.id: rule.info for pack in packs for rule in pack.rules}
    for info in (rule.info for pack in packs for rule in pack.rules):
        reader = Reader(info.file)
        _check_references(reader, info, all_cards, all_rules)
        if info.yields_to in infos:
            _check_yielding(reader, info, infos[info.yields_to])
        errors.extend(reader.errors)
    return errors


def _check_references(reader: Reader, info: RuleInfo, cards: set[str], rules: set[str]) -> None:
    if info.card is not None and info.card not in cards:
        reader.error(info.line, f"rule {info.id}: there is no card {info.card!r}", reader.instead(info.card, cards))
    for other in (*info.symptom_of, info.yields_to):
        if other is not None and other not in rules:
            reader.error(info.line, f"rule {info.id}: there is no rule {other!r}", reader.instead(other, rules))


def _check_yielding(reader: Reader, info: RuleInfo, other: RuleInfo) -> None:
    """Whoever would be called by a rule that yields is called by the one it yields to, and that one never yields."""
    what = f"rule {info.id} cannot yield to {other.id}"
    if other.yields_to is not None:
        reader.error(info.line, f"{what}, which yields itself", "name the rule that speaks for all of them")
    if (other.kind, other.scope) != (info.kind, info.scope):
        reader.error(info.line, f"{what}: it is about something else", "name a rule of the same kind and scope")
    if info.life_safety and not other.life_safety:
        reader.error(info.line, f"{what}: it is no life-safety rule", "name one, or remove `yields_to`")
    if min(other.severities) > min(info.severities):
        reader.error(info.line, f"{what}: it is milder", "name a rule at least as grave, or remove `yields_to`")
    missing = ", ".join(sorted(set(info.recipients) - set(other.recipients)))
    if missing:
        reader.error(info.line, f"{what}: it does not call {missing}", f"add them to the recipients of {other.id}")
