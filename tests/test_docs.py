"""What the documentation says works: its code blocks are run, its commands exist, its generated pages are fresh."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs.generate import openapi_text, rules_text
from runtime.cli import COMMANDS, anju

ROOT = Path(__file__).resolve().parent.parent
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
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


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_every_command_a_readme_names_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"^\s*anju (\w+)", text, re.MULTILINE) + re.findall(r"`anju (\w+)", text)
    assert named
    assert set(named) <= set(COMMANDS), set(named) - set(COMMANDS)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "docs/architecture.md", "docs/extending.md"])
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
