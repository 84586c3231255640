"""Reads rule packs and their tests from YAML files into the plain trees that the rules floor understands."""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import yaml

from alerts.rules.book import Book
from alerts.rules.grammar import cross_check, read_pack
from alerts.rules.nodes import Mapping, Node, PackError, Scalar
from alerts.rules.nodes import Sequence as NodeList
from alerts.rules.spec import Pack
from alerts.rules.timeline import Suite, read_suite
from domain.errors import Invalid
from domain.limits import PACK_BYTES_MAX, PACK_DEPTH_MAX, PACK_NODES_MAX

__all__ = ["PackErrors", "load_packs", "load_rulebook", "load_suite", "parse_tree", "shipped_packs", "suites_in"]

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\Z")
_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "true": True, "false": False,
    ".nan": float("nan"), ".inf": float("inf"), "-.inf": float("-inf"),
}  # fmt: skip
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Parses a shipped pack in 5 ms where the library has its C part, in 100 ms without."""
_Open = tuple[bool, list[Node], int]


class PackErrors(Invalid):
    """One or more pack files cannot be used; nothing of them has taken effect."""

    def __init__(self, errors: Sequence[PackError]) -> None:
        self.errors = list(errors)
        first = str(errors[0]) if errors else ""
        rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__("rules.pack", f"{first}{rest}", errors=[str(error) for error in errors])


def parse_tree(data: bytes, file: str) -> Node:
    """Parses one YAML document. Raises `PackErrors` for what is no YAML, too large, too deep, or uses aliases.

    Plain words follow YAML 1.2: ``on``, ``yes`` and ``1:30`` are texts. Aliases are refused: a pack must read the same
    from top to bottom, and nine of them can unfold to a billion nodes.
    """
    if len(data) > PACK_BYTES_MAX:
        raise _refused(file, 1, f"the file has {len(data)} bytes", f"split it: at most {PACK_BYTES_MAX}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(file, line, "the file is not UTF-8", "save it as UTF-8") from error
    try:
        return _tree(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark if error.problem_mark is not None else error.context_mark
        line = 1 if mark is None else mark.line + 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise _refused(file, line, f"this is no YAML: {what}", "mend the syntax") from error
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise _refused(file, 1, f"this is no YAML: {text}", "remove control characters") from error


def _refused(file: str, line: int, what: str, write: str) -> PackErrors:
    return PackErrors([PackError(file, line, what, write)])


def _tree(text: str, file: str) -> Node:
    """Builds the tree from parser events with a stack of our own: no recursion, so depth cannot crash us."""
    stack: list[_Open] = []
    roots: list[Node] = []
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused(file, line, "the file uses a YAML anchor or alias", "write the value out in each place")
        if isinstance(event, yaml.NodeEvent):
            count += 1
            if count > PACK_NODES_MAX:
                raise _refused(file, line, f"the file has more than {PACK_NODES_MAX} values", "split it")
        if isinstance(event, yaml.DocumentStartEvent) and roots:
            raise _refused(file, line, "the file holds a second document", "write one document in each file")
        if isinstance(event, yaml.CollectionStartEvent):
            if len(stack) >= PACK_DEPTH_MAX:
                raise _refused(file, line, f"the file nests more than {PACK_DEPTH_MAX} deep", "flatten it")
            _untagged(event, line, file)
            stack.append((isinstance(event, yaml.MappingStartEvent), [], line))
        elif isinstance(event, yaml.CollectionEndEvent):
            _put(_closed(stack.pop(), file), stack, roots)
        elif isinstance(event, yaml.ScalarEvent):
            _put(_scalar(event, line, file), stack, roots)
    return roots[0] if roots else Scalar(None, 1)


def _put(node: Node, stack: list[_Open], roots: list[Node]) -> None:
    (stack[-1][1] if stack else roots).append(node)


def _closed(opened: _Open, file: str) -> Node:
    is_map, nodes, line = opened
    if not is_map:
        return NodeList(tuple(nodes), line)
    entries = []
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise _refused(file, key.line, "a key is a list or a map", "write a word as the key")
        entries.append((key, value))
    return Mapping(tuple(entries), line)


def _untagged(event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int, file: str) -> None:
    if event.tag is not None and event.tag != "!":
        raise _refused(file, line, f"the value has the tag {event.tag}", "remove it")


def _scalar(event: yaml.ScalarEvent, line: int, file: str) -> Scalar:
    value: str = event.value
    _untagged(event, line, file)
    if not event.implicit[0]:  # quoted, or a block
        return Scalar(value, line)
    if value.lower() in _WORDS and (value.islower() or not value or not value.isalpha()):
        return Scalar(_WORDS[value.lower()], line)
    if _INTEGER.match(value):
        return Scalar(int(value), line)
    return Scalar(float(value) if _FLOAT.match(value) else value, line)


def _listed(paths: Iterable[Path]) -> list[Path]:
    """The pack files at `paths`; a folder stands for the packs in it. Raises `PackErrors` where there is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix in {".yml", ".yaml"} and not _is_suite(p))
            if not inside:
                raise _refused(str(path), 1, "the folder holds no packs", "name a folder with .yml files")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _is_suite(path: Path) -> bool:
    return path.stem.endswith("_test")


def suites_in(paths: Iterable[Path]) -> list[Path]:
    """The test files for `paths`: ``fire_test.yml`` for ``fire.yml``, all of a folder, a test file itself."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix in {".yml", ".yaml"} and _is_suite(p))
        else:
            found.append(path if _is_suite(path) else path.with_name(f"{path.stem}_test{path.suffix}"))
    return list(dict.fromkeys(found))


def _read(path: Path, label: str) -> Node:
    try:
        with path.open("rb") as stream:
            data = stream.read(PACK_BYTES_MAX + 1)
    except OSError as error:
        raise _refused(label, 1, f"the file cannot be read: {error.strerror}", "name a readable file") from error
    return parse_tree(data, label)


def shipped_packs() -> list[Path]:
    """The packs that come with Anju."""
    with as_file(files("alerts.packs")) as folder:
        return sorted(path for path in folder.iterdir() if path.suffix == ".yml" and not _is_suite(path))


def load_packs(paths: Sequence[Path] | None) -> tuple[list[Pack], list[PackError]]:
    """Reads packs (None: the shipped ones) and tells everything that is wrong with them.

    Packs may refer to cards and rules of the shipped packs.
    """
    packs: list[Pack] = []
    errors: list[PackError] = []
    try:
        listed = _listed(shipped_packs() if paths is None else paths)
    except PackErrors as refused:
        return [], refused.errors
    for path in listed:
        try:
            label = str(path) if paths is not None else f"alerts/packs/{path.name}"
            pack, found = read_pack(_read(path, label), label)
        except PackErrors as refused:
            errors += refused.errors
            continue
        errors += found
        if pack is not None:
            packs.append(pack)
    if errors or paths is None:
        return packs, errors + ([] if errors else cross_check(packs))
    shipped, _ = load_packs(None)
    cards = [card for pack in shipped for card in pack.cards]
    return packs, cross_check(packs, cards, [rule.info.id for pack in shipped for rule in pack.rules])


def load_rulebook(paths: Sequence[Path] | None = None) -> Book:
    """Loads the rules in force: the packs at `paths` (files or folders), or the shipped ones. Raises `PackErrors`.

    A pack that uses a card of the shipped packs finds it in `Book.cards`.
    """
    packs, errors = load_packs(paths)
    if errors:
        raise PackErrors(errors)
    if paths is None:
        return Book(packs)
    own = {card for pack in packs for card in pack.cards}
    used = {rule.info.card for pack in packs for rule in pack.rules} - own
    shipped = [pack for pack in load_packs(None)[0] if used & set(pack.cards)]
    borrowed = [
        Pack(
            name=pack.name,
            version=pack.version,
            cards={c: b for c, b in pack.cards.items() if c in used},
            file=pack.file,
        )
        for pack in shipped
    ]
    return Book([*packs, *borrowed])


def load_suite(path: Path) -> Suite:
    """Reads the rule tests of one file. Raises `PackErrors`."""
    suite, errors = read_suite(_read(path, str(path)), str(path))
    if errors:
        raise PackErrors(errors)
    return suite
