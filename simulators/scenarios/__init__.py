"""Scenarios: written timelines of what goes wrong, and what alerting owes for it. The format: docs/simulators.md."""

from simulators.scenarios.base import Declared, Owed, Scenario, Step, Where
from simulators.scenarios.loader import SCENARIOS, find_scenario, load_scenario
from simulators.scenarios.nodes import Fault, ScenarioErrors
from simulators.scenarios.play import Due, Expectations, Raised, Stage, Staged, begin, expectations, problems

__all__ = [
    "SCENARIOS",
    "Declared",
    "Due",
    "Expectations",
    "Fault",
    "Owed",
    "Raised",
    "Scenario",
    "ScenarioErrors",
    "Stage",
    "Staged",
    "Step",
    "Where",
    "begin",
    "expectations",
    "find_scenario",
    "load_scenario",
    "problems",
]
