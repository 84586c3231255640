"""HTTP routes, one file for each resource. A new resource is one file here and one line in `ROUTERS`."""

from typing import Final

from fastapi import APIRouter

from api.routes import (
    alerts,
    board,
    commands,
    deadletters,
    devices,
    evidence,
    journal,
    maintenance,
    orders,
    people,
    places,
    rules,
    session,
    simulation,
)

__all__ = ["ROUTERS"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    board.router,
    alerts.router,
    commands.router,
    orders.router,
    evidence.router,
    devices.router,
    places.router,
    rules.router,
    maintenance.router,
    deadletters.router,
    journal.router,
    simulation.router,
    session.router,
    people.router,
    people.own,
)
"""Everything under ``/api/v1``."""
