"""The place tree: district → sector → street → community → compound → building → unit → floor (domain.md §1.1)."""

from typing import Any, Final

from msgspec import Struct, field

__all__ = ["PLACE_KINDS", "Name", "Place"]

PLACE_KINDS: Final = (
    "district", "sector", "street", "community", "compound", "building", "unit", "floor", "zone", "site",
)  # fmt: skip
"""`zone` is an alarm zone (报警区域); `site` is a shed, pump room, gate, control room or other spot in a compound."""


class Name(Struct, frozen=True, gc=False):
    """A name for people: Chinese first, English beside it where someone has written one."""

    zh: str
    en: str = ""

    def in_language(self, language: str) -> str:
        """The name in `language` (``zh`` or ``en``), falling back to Chinese."""
        return self.en if language == "en" and self.en else self.zh


class Place(Struct, frozen=True):
    """A node of the place tree."""

    id: str
    kind: str
    """One of `PLACE_KINDS`."""
    name: Name
    parent: str | None = None
    """Id of the place above; None only for a district."""
    code: str = ""
    """Administrative code as text (GB/T 2260 and statistical codes), where there is one."""
    attrs: dict[str, Any] = field(default_factory=dict)
    """Facts rules and the console read: ``high_rise`` (bool), ``households`` (int), ``schematic`` (metres), …"""
