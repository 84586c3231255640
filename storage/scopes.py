"""What somebody may see, as conditions of a query: rows outside a scope never leave the database."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from domain.access import Scope

__all__ = ["orders_within", "within"]

_GATEWAY = "gateway"


def within(columns: Any, scope: Scope) -> list[ColumnElement[bool]]:
    """Conditions for rows with a ``compound`` and a device ``kind``; see `Scope.holds`."""
    found: list[ColumnElement[bool]] = []
    if scope.compounds is not None:
        found.append(columns.compound.in_(sorted(scope.compounds)))
    if scope.kinds is not None:
        found.append(columns.kind.in_(sorted({_GATEWAY, *scope.kinds})))
    return found


def orders_within(columns: Any, scope: Scope) -> list[ColumnElement[bool]]:
    """Conditions for work orders; see `Scope.holds_order`."""
    if scope.everything:
        return []
    there: list[ColumnElement[bool]] = []
    if scope.compounds is not None:
        there.append(columns.compound.in_(sorted(scope.compounds)))
    if scope.kinds is not None:
        there.append(columns.kind.in_(sorted(scope.kinds)))
    if scope.organisation is None:
        return there
    return [or_(and_(*there), columns.organisation == scope.organisation, columns.lead == scope.organisation)]
