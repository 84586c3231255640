"""A real Chromium in front of the real API; only the station behind it is the tests' own (tests/support/console_*)."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from api.app import create_app
from api.server import ApiServer
from tests.console.shoot import ARGUMENTS
from tests.support.console_server import PASSWORD, Scene, doors, furnish

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_S = 40
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package `chromium` to run the console's tests")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield opened
        opened.close()


class Serving:
    """A console server in this process, with the same doors as the one of its own process."""

    def __init__(self, folder, seed):
        self.house = Scene(folder)
        furnish(self.house, seed)
        self.app = create_app(self.house.ports())
        doors(self.app, self.house)
        self._server = ApiServer(self.app)
        self._server.start()
        self.url = self._server.url

    def post(self, path, **body):
        return call(self.url, path, body)

    def state(self):
        return call(self.url, "state")

    def stop(self):
        self._server.stop()
        self.house.close()


class Process:
    """A console server in a process of its own, which may be stopped, killed and started again over the same store."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.child = None
        self.start()

    def start(self, *more):
        command = [sys.executable, "-m", "tests.support.console_server", "--folder", str(self.folder)]
        command += ["--port", str(self.port), "--seed", str(self.seed), *more]
        self.child = subprocess.Popen(command, cwd=ROOT)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                call(self.url, "state")
            except OSError:
                assert self.child.poll() is None, "the console server did not start"
                time.sleep(0.1)  # between two attempts to connect, bounded by START_S
            else:
                return
        pytest.fail("the console server did not answer in time")

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def post(self, path, **body):
        return call(self.url, path, body)

    def state(self):
        return call(self.url, "state")

    def stop(self):
        self.thaw()
        self.kill()


def call(url, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/test/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def server(tmp_path, request):
    """In this process, with the seed that the mark ``seed(n)`` asks for (fifty-six alerts otherwise)."""
    serving = Serving(tmp_path, seed_of(request))
    yield serving
    serving.stop()


@pytest.fixture
def process(tmp_path, request):
    serving = Process(tmp_path, seed_of(request))
    yield serving
    serving.stop()


def seed_of(request):
    return getattr(request, "param", 56)


def until(page, question, arg=None, timeout=8):
    """Waits until the JavaScript function `question` is true. The page's own policy forbids Playwright's way, which
    evaluates strings inside the page."""
    end = time.monotonic() + timeout
    while not page.evaluate(question, arg):
        assert time.monotonic() < end, f"never true: {question}"
        page.wait_for_timeout(30)


class Watched(list):
    """Errors a page has reported; a test that causes some on purpose takes them away again."""


def watch(page):
    page.faults = Watched()
    page.on("console", lambda message: message.type == "error" and page.faults.append(message.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))


@pytest.fixture
def visitor(browser):
    """Makes signed-in pages: ``visitor(server, user="wxy", path="/", **context options)``."""
    contexts = []

    def visit(server, user="wxy", path="/?lang=zh&theme=light", **options):
        options = {"viewport": {"width": 1920, "height": 1080}, "reduced_motion": "reduce"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        answer = context.request.post(f"{server.url}/api/v1/session", data={"user": user, "password": PASSWORD})
        assert answer.ok, answer.text()
        page = context.new_page()
        watch(page)
        page.goto(server.url + path)
        page.wait_for_selector("[data-phase=ready]")
        return page

    yield visit
    faults = [fault for context in contexts for page in context.pages for fault in getattr(page, "faults", ())]
    for context in contexts:
        context.close()
    assert faults == [], "the console reported errors"


@pytest.fixture
def page(server, visitor):
    return visitor(server)


@pytest.fixture
def rows():
    """The drawn rows of a page, in the order of the list."""

    def read(page):
        return page.evaluate(
            """() => [...document.querySelectorAll('.list [role=row][data-id]')].map((row) => ({
                id: row.dataset.id, level: Number(row.dataset.level), state: row.dataset.state, index:
                Number(row.ariaRowIndex ?? row.getAttribute('aria-rowindex')), section: row.dataset.section,
                y: row.getBoundingClientRect().top, gone: row.classList.contains('gone')}))
                .sort((a, b) => a.index - b.index)"""
        )

    return read


@pytest.fixture
def everything():
    """All rows of the list, also those that have to be scrolled to: (id, level, state, section) in order."""

    def read(page):
        return page.evaluate(
            """async () => {
              const found = new Map();
              const list = document.querySelector('.vlist');
              const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              for (let y = 0; ; y += 300) {
                list.scrollTop = y;
                await frame();
                for (const row of document.querySelectorAll('.list [role=row][data-id]')) found.set(
                  Number(row.getAttribute('aria-rowindex')),
                  [row.dataset.id, Number(row.dataset.level), row.dataset.state, row.dataset.section]);
                if (y > list.scrollHeight) break;
              }
              list.scrollTop = 0;
              await frame();
              return [...found].sort((a, b) => a[0] - b[0]).map(([, row]) => row);
            }"""
        )

    return read
