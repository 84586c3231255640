"""The house rules, held by reading the source."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "alerts", "ingest", "storage", "dispatch", "api", "runtime", "scoring", "simulators")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SCRIPTS = sorted(
    path for path in (ROOT / "api" / "console").rglob("*.js") if "vendor" not in path.relative_to(ROOT).parts
)
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=name)
def test_file_fits_on_a_few_screens(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= FILE_LINES_MAX, f"{name(path)} has {lines} lines; split it by duty"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short_and_errors_are_named(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{name(path)}:{node.lineno} {node.name} has {length} lines"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{name(path)}:{node.lineno} catches everything without saying so"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[len(ROOT.parts)] in {"domain", "alerts"}], ids=name)
def test_the_core_reads_no_clock(path):
    text = path.read_text(encoding="utf-8")
    found = re.search(r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.(time|monotonic|perf_counter)", text)
    assert found is None, f"{name(path)} reads a clock: {found.group() if found else ''}"


def test_every_package_is_on_a_floor_and_in_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(project["importlinter"]["root_packages"]) == set(PACKAGES)
    assert set(project["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "docs", "benchmarks"}
    assert on_disk == set(PACKAGES)


def test_every_device_kind_file_is_in_the_table():
    from domain.kinds import KINDS

    files = {path.stem for path in (ROOT / "domain" / "kinds").glob("*.py")} - {"__init__", "base"}
    assert files == set(KINDS)


def test_every_channel_file_is_in_the_table():
    from dispatch.channels import KINDS

    files = {path.stem for path in (ROOT / "dispatch" / "channels").glob("*.py")} - {"__init__", "base"}
    assert files == {kind.name for kind in KINDS}


def test_no_limit_hides_outside_the_one_file():
    pattern = re.compile(r"^[A-Z][A-Z0-9_]*_(MAX|LIMIT)\b", re.MULTILINE)
    for path in SOURCES:
        if name(path) != "domain/limits.py":
            found = pattern.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{name(path)} keeps {found.group() if found else ''}; it belongs in domain/limits.py"


def test_no_path_of_a_machine_is_written_down():
    suffixes = {".py", ".js", ".md", ".toml", ".yml", ".yaml", ".sh", ".txt", ".json"}
    homes = re.compile(r"/(home|root|Users)/[a-z]|/work/")
    skipped = {".venv", "data", "dist", "vendor", ".git"}
    for path in ROOT.rglob("*"):
        parts = set(path.relative_to(ROOT).parts)
        if path.suffix in suffixes and path.is_file() and not parts & skipped and path != Path(__file__).resolve():
            found = homes.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name(path)}: {found.group() if found else ''}"
