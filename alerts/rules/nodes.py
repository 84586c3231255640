"""What a pack file says, as a plain tree with line numbers: the form in which text reaches this floor."""

from msgspec import Struct

__all__ = ["Mapping", "Node", "PackError", "Scalar", "Sequence", "kind_of"]

Plain = str | int | float | bool | None


class Scalar(Struct, frozen=True):
    """A single value."""

    value: Plain
    line: int


class Sequence(Struct, frozen=True):
    """A list."""

    items: "tuple[Node, ...]"
    line: int


class Mapping(Struct, frozen=True):
    """A map as written: keys may repeat here, which the grammar then refuses by name."""

    entries: "tuple[tuple[Scalar, Node], ...]"
    line: int


Node = Scalar | Sequence | Mapping


class PackError(Struct, frozen=True):
    """One thing wrong with a pack or a test file, told so that its author can mend it."""

    file: str
    line: int
    what: str
    """What is wrong."""
    write: str
    """What to write instead."""

    def __str__(self) -> str:
        """The error in one line, in the form editors understand."""
        return f"{self.file}:{self.line}: {self.what}; {self.write}"


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
