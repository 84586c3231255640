"""Positions in a list, as opaque text: the sort key of the last row seen, so that nothing shifts while one pages."""

import base64
import binascii
from typing import TypeVar

import msgspec

from domain.errors import Invalid
from domain.limits import PAGE_ROWS_MAX

__all__ = ["page_size", "position", "where_from"]

T = TypeVar("T")


def position(*key: int | str) -> str:
    """A cursor that stands behind the row with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def where_from(cursor: str, form: type[T]) -> T:
    """The sort key in `cursor`. Raises `Invalid` for text that `position` did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=form)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Invalid("cursor.malformed", f"{cursor!r} is not a cursor of this list") from error


def page_size(asked: int) -> int:
    """Rows of a page: what was asked for, within 1 … `PAGE_ROWS_MAX`."""
    return max(1, min(asked, PAGE_ROWS_MAX))
