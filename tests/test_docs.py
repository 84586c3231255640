"""What the documentation says works: its code blocks are run, its commands exist, its generated pages are fresh."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docs.generate import openapi_text, orders_text, rules_text, simulators_text
from runtime.cli import COMMANDS, anju
from simulators.scenarios import load_scenario

ROOT = Path(__file__).resolve().parent.parent
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SIMULATORS = (ROOT / "docs" / "simulators.md").read_text(encoding="utf-8")
READMES = ["README.md", "README.zh-CN.md"]
INDENTED = re.compile(r"^ *```(\w+)(?: file=(\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_of_extending_runs(folder):
    ran = {"python": 0, "yaml": 0, "sh": 0}
    for language, file, text in BLOCK.findall(EXTENDING):
        ran[language] += 1
        if file:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, "docs/extending.md", "exec"), {"__name__": "extending"})
        else:
            for line in text.splitlines():
                run(line)
    assert ran == {"python": 3, "yaml": 2, "sh": 1}


def run(line):
    words = shlex.split(line)
    assert words[0] == "anju", line
    result = CliRunner().invoke(anju, words[1:])
    assert result.exit_code == 0, f"{line}\n{result.output}"


def test_the_rule_test_of_the_page_can_fail(folder):
    for _, file, text in BLOCK.findall(EXTENDING):
        if file:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text.replace("temp_machine_room: 43", "temp_machine_room: 23"), encoding="utf-8")
    result = CliRunner().invoke(anju, ["rules", "test", "my-rules/noise_test.yml"])
    assert result.exit_code == 1, result.output


@pytest.mark.parametrize("page", READMES)
def test_every_command_a_readme_names_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"^\s*anju (\w+)", text, re.MULTILINE) + re.findall(r"`anju (\w+)", text)
    assert named
    assert set(named) <= set(COMMANDS), set(named) - set(COMMANDS)


def commands_of(page):
    """The ``anju`` lines of a README, without comments and what the shell makes of the rest."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [
        line.strip() for language, _, block in INDENTED.findall(text) if language == "sh" for line in block.splitlines()
    ]
    found = [re.sub(r"\s+#.*", "", line) for line in lines]
    found += re.findall(r"`(anju [^`]+)`", text) + re.findall(r"\$\((anju [^)]+)\)", text)
    return [shlex.split(part) for line in found for part in line.split("&&") if part.strip().startswith("anju ")]


@pytest.mark.parametrize("page", READMES)
def test_every_option_a_readme_names_exists(page):
    found = commands_of(page)
    assert len(found) > 12
    for words in found:
        command, known, rest = anju, set(), words[1:]
        while rest and isinstance(command, click.Group):
            command = command.get_command(click.Context(command), rest.pop(0))
            assert command is not None, words
            known |= {name for param in command.params for name in param.opts}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= known, f"{' '.join(words)}: {given - known}"


def test_both_readmes_name_the_same_commands():
    english, chinese = (sorted(map(tuple, commands_of(page))) for page in READMES)
    assert english == chinese


@pytest.mark.parametrize("page", READMES)
def test_a_readme_is_short_and_names_what_operators_need(page):
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 110
    assert max(map(len, lines)) <= 120
    text = "\n".join(lines)
    for name in ("--incident entrapment", "SIGHUP", "ANJU_DATA", "ANJU_TOKEN", "/-/healthy", "/-/ready", "/metrics"):
        assert name in text, name
    assert {"/-/healthy", "/-/ready", "/metrics"} <= set(json.loads(openapi_text())["paths"])


@pytest.mark.parametrize(("page", "languages"), [("README.md", ("zh-CN", "en")), ("README.zh-CN.md", ("zh-CN",))])
def test_a_readme_uses_the_words_of_the_console(page, languages):
    text = (ROOT / page).read_text(encoding="utf-8")
    for language in languages:
        words = json.loads((ROOT / "api" / "console" / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
        for key in ("shift.start", "why.title", "theme.dark"):
            assert words[key] in text, f"{page} does not say {words[key]!r}, as the page does"


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "README.zh-CN.md",
        "docs/architecture.md",
        "docs/extending.md",
        "docs/scoring.md",
        "docs/simulators.md",
    ],
)
def test_every_link_leads_to_a_file(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(anju, [command, "--help"], env={"ANJU_TOKEN": "none"})
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


def test_generated_pages_are_fresh():
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == rules_text(), "run make docs"
    assert (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8") == openapi_text(), "run make docs"
    for name, renewed in (("simulators.md", simulators_text), ("orders.md", orders_text)):
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert page == renewed(page), "run make docs"


def test_scenario_and_python_of_the_page_on_simulators_work(folder):
    blocks = {language: text for language, _, text in BLOCK.findall(SIMULATORS)}
    (folder / "lift_and_leak.yml").write_text(blocks["yaml"], encoding="utf-8")
    assert load_scenario(folder / "lift_and_leak.yml").name == "lift_and_leak"
    exec(compile(blocks["python"], "docs/simulators.md", "exec"), {"__name__": "simulators_page"})
