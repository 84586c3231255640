"""A scenario file as a plain tree with line numbers, so that every error can name the line it is about."""

import math
import re
from typing import Any, Final

import yaml
from msgspec import Struct

from domain.errors import Invalid
from domain.limits import SCENARIO_BYTES_MAX, SCENARIO_DEPTH_MAX, SCENARIO_NODES_MAX

__all__ = ["Fault", "Mapping", "Node", "Scalar", "ScenarioErrors", "Sequence", "kind_of", "parse"]

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,15}\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]{1,15}(\.[0-9]{0,15})?)([eE][-+]?[0-9]{1,2})?\Z")
_WORDS: Final[dict[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(Struct, frozen=True):
    """A single value."""

    value: str | int | float | bool | None
    line: int


class Sequence(Struct, frozen=True):
    """A list."""

    items: "tuple[Node, ...]"
    line: int


class Mapping(Struct, frozen=True):
    """A map as written; keys may repeat here."""

    entries: "tuple[tuple[Scalar, Node], ...]"
    line: int


Node = Scalar | Sequence | Mapping


class Fault(Struct, frozen=True):
    """One thing wrong with a scenario file, told so that its author can mend it."""

    file: str
    line: int
    what: str
    """What is wrong."""
    write: str
    """What to write instead."""

    def __str__(self) -> str:
        """In one line, in the form that editors understand."""
        return f"{self.file}:{self.line}: {self.what}; {self.write}"


class ScenarioErrors(Invalid):
    """A scenario cannot be played as it is written."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        rest = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__("scenario.file", f"{faults[0]}{rest}", errors=[str(fault) for fault in faults])


def kind_of(node: Node) -> str:
    """What `node` is, in words of the author."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return f"the boolean {str(node.value).lower()}"
    if isinstance(node.value, str):
        return f"the text {node.value[:40]!r}"
    return f"the number {node.value}"


def parse(data: bytes, file: str) -> Node:
    """Parses one YAML document. Raises `ScenarioErrors` for what is no YAML, too large or too deep, or uses anchors.

    Plain words follow YAML 1.2: ``on``, ``yes``, a time and ``1:30`` are texts.
    """
    if len(data) > SCENARIO_BYTES_MAX:
        raise _refused(file, 1, f"the file has {len(data)} bytes", f"split it: at most {SCENARIO_BYTES_MAX}")
    try:
        return _tree(data.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(file, line, "the file is not UTF-8", "save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark if error.problem_mark is not None else error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise _refused(file, 1 if mark is None else mark.line + 1, f"this is no YAML: {what}", "mend it") from error
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise _refused(file, 1, f"this is no YAML: {text}", "remove control characters") from error


def _refused(file: str, line: int, what: str, write: str) -> ScenarioErrors:
    return ScenarioErrors([Fault(file, line, what, write)])


def _tree(text: str, file: str) -> Node:
    """Builds the tree from the parser's events with a stack of its own: depth cannot exhaust that of the program."""
    stack: list[tuple[bool, list[Node], int]] = []
    roots: list[Node] = []
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        count += 1
        fancy = _fancy(event)
        if fancy is None and isinstance(event, yaml.DocumentStartEvent) and roots:
            fancy = ("the file holds a second document", "write one document in each file")
        elif count > SCENARIO_NODES_MAX:
            fancy = (f"the file has more than {SCENARIO_NODES_MAX} values", "split it")
        elif len(stack) > SCENARIO_DEPTH_MAX:
            fancy = (f"the file nests more than {SCENARIO_DEPTH_MAX} deep", "flatten it")
        if fancy is not None:
            raise _refused(file, line, *fancy)
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append((isinstance(event, yaml.MappingStartEvent), [], line))
            continue
        node = None
        if isinstance(event, yaml.CollectionEndEvent):
            node = _closed(*stack.pop(), file)
        elif isinstance(event, yaml.ScalarEvent):
            node = _scalar(event, line)
        if node is not None:
            (stack[-1][1] if stack else roots).append(node)
    return roots[0] if roots else Scalar(None, 1)


def _fancy(event: Any) -> tuple[str, str] | None:
    """What of YAML is not needed here, and makes a file read otherwise than from top to bottom."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        return "the file uses a YAML anchor or alias", "write the value out in each place"
    if getattr(event, "tag", None) not in {None, "!"}:
        return f"the value has the tag {event.tag}", "remove it"
    return None


def _closed(is_map: bool, nodes: list[Node], line: int, file: str) -> Node:
    if not is_map:
        return Sequence(tuple(nodes), line)
    entries = []
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise _refused(file, key.line, "a key is a list or a map", "write a word as the key")
        entries.append((key, value))
    return Mapping(tuple(entries), line)


def _scalar(event: Any, line: int) -> Scalar:
    text: str = event.value
    if event.style:
        return Scalar(text, line)
    if text.lower() in _WORDS:
        return Scalar(_WORDS[text.lower()], line)
    if _INTEGER.match(text):
        return Scalar(int(text), line)
    if _FLOAT.match(text) and math.isfinite(number := float(text)):
        return Scalar(number, line)
    return Scalar(text, line)
