"""The drill panel: what can be let happen in the simulated world, what is happening, and how to end it.

There is one only where the service was started with a simulated world. What follows goes the way of any other message:
over MQTT, through ingest and rules; alerts of simulated places say that they are.
"""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.events import SimulationCommanded
from alerts.inputs import DeclareMaintenance, Record
from api.auth import Caller, Principal, needing
from api.context import Context
from api.encode import Json
from api.ports import Simulation
from api.schemas import IdPath, InjectBody, PlayBody, Problem
from domain.access import Right
from domain.errors import NotFound, Rejected

__all__ = ["router"]

router = APIRouter(
    prefix="/simulation",
    tags=["simulation"],
    responses={404: {"model": Problem, "description": "Nothing is simulated here, or no such name."}},
)


def _world(api: Context) -> Simulation:
    simulation = api.ports.simulation()
    if simulation is None:
        raise NotFound("simulation.off", "nothing is simulated here: start the service with --demo")
    return simulation


World = Annotated[Simulation, Depends(_world)]
Actor = Annotated[Principal, needing(Right.SIMULATE)]


@router.get("", operation_id="simulationOffer")
async def offer(_: Caller, world: World) -> dict[str, Any]:
    """Scenarios and incidents that can be let happen, and the parameters they take."""
    return Json(dict(await run_in_threadpool(world.offer)))  # type: ignore[return-value] # an open object, sent as it is


@router.post("/incidents", status_code=201, operation_id="injectIncident", responses={409: {"model": Problem}})
async def inject(api: Context, who: Actor, world: World, body: InjectBody) -> dict[str, Any]:
    """Lets one incident begin now. Answers with the truth: what happens where, and which alerts it must lead to."""
    truth = await run_in_threadpool(world.inject, body.incident, body.device, body.params)
    await api.submit(Record(SimulationCommanded("inject", body.incident, truth.get("device")), who.name))
    return Json(dict(truth), 201)  # type: ignore[return-value] # likewise


@router.get("/runs", operation_id="listRuns")
async def runs(_: Caller, world: World) -> dict[str, Any]:
    """Scenarios that were let begin, newest first, with what has happened in each so far."""
    return Json({"items": [dict(one) for one in await run_in_threadpool(world.runs)], "cursor": None})  # type: ignore[return-value] # likewise


@router.post("/runs", status_code=201, operation_id="playScenario", responses={409: {"model": Problem}})
async def play(api: Context, who: Actor, world: World, body: PlayBody) -> dict[str, Any]:
    """Lets a scenario begin now, in the devices there are. Drills and work that belong to it are declared with it."""
    run = dict(await run_in_threadpool(world.play, body.scenario))
    await api.submit(Record(SimulationCommanded("play", body.scenario, run=run["id"]), who.name))
    refused = []
    for number, one in enumerate(run.get("declares", ())):
        wish = DeclareMaintenance(window=f"{run['id']}-{number}-{secrets.token_hex(4)}", actor=who.name, **one)
        try:
            await api.submit(wish)
        except (NotFound, Rejected) as error:
            # Muting life safety asks for a second person, whom a scenario does not have.
            refused.append({"target": wish.target, "code": error.code, "text": error.text})
    return Json({**run, "not_declared": refused}, 201)  # type: ignore[return-value] # likewise


@router.post("/runs/{run}/stop", operation_id="stopRun")
async def stop(api: Context, who: Actor, world: World, run: IdPath) -> Response:
    """What is still to come of the run does not come; what lasts goes on to its end."""
    stopped = await run_in_threadpool(world.stop, run)
    await api.submit(Record(SimulationCommanded("stop", stopped["scenario"], run=run), who.name))
    return Json(dict(stopped))
