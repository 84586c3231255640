"""Builds the wheel, installs it in a fresh environment and uses it from outside the tree, as a stranger would.

Run by ``make wheel`` and CI. Not collected by pytest: it needs the network and a minute.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_S = 90


def run(*command: str | Path, cwd: Path, **options: object) -> str:
    """Runs a command that must succeed and returns what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Exits with a message at the first thing that does not work."""
    with tempfile.TemporaryDirectory(prefix="anju-wheel-") as folder:
        away = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", away, ROOT, cwd=away)
        wheel = next(away.glob("anju-*.whl"))
        names = zipfile.ZipFile(wheel).namelist()
        for needed in ("api/console/index.html", "alerts/packs/fire.yml", "storage/migrations/env.py"):
            if needed not in names:
                sys.exit(f"{needed} is missing from the wheel")
        if strays := sorted({name.split("/")[0] for name in names} & {"tests", "benchmarks", "docs"}):
            sys.exit(f"{strays} do not belong in the wheel")

        venv.create(away / "env", with_pip=True)
        python, anju = away / "env/bin/python", away / "env/bin/anju"
        run(python, "-m", "pip", "install", "-q", "--require-hashes", "-r", ROOT / "locks/runtime.txt", cwd=away)
        run(python, "-m", "pip", "install", "-q", "--no-deps", wheel, cwd=away)
        print(run(anju, "--version", cwd=away).strip())
        print(run(anju, "rules", "check", cwd=away).strip().splitlines()[-1])
        print(run(anju, "rules", "test", cwd=away).strip().splitlines()[-1])
        _watch_a_demo(anju, away)
        print(run(anju, "journal", "verify", "--data", away / "data", cwd=away).strip())
    print("1 passed, 0 failed")


def _watch_a_demo(anju: Path, away: Path) -> None:
    """Starts the demo from the wheel and waits until a simulated alert is on the board."""
    log = away / "up.log"
    options = ["up", "--demo", "--data", str(away / "data"), "--http-port", "0", "--mqtt-port", "0", "--json"]
    with log.open("w") as out:
        service = subprocess.Popen([str(anju), *options], cwd=away, stdout=out, stderr=subprocess.STDOUT)
    try:
        give_up = time.monotonic() + START_S
        seen = 0
        while time.monotonic() < give_up and not seen:
            if service.poll() is not None:
                sys.exit(f"anju up ended by itself:\n{log.read_text()}")
            time.sleep(0.5)
            seen = _alerts_on_the_board(log)
        if not seen:
            sys.exit(f"no alert within {START_S} s:\n{log.read_text()}")
        print(f"the installed demo shows {seen} alert(s)")
    finally:
        service.send_signal(signal.SIGINT)
        try:
            code = service.wait(20)
        except subprocess.TimeoutExpired:
            os.kill(service.pid, signal.SIGKILL)
            sys.exit(f"anju up did not stop within 20 s:\n{log.read_text()}")
    if code != 0:
        sys.exit(f"anju up ended with {code}:\n{log.read_text()}")


def _alerts_on_the_board(log: Path) -> int:
    """Reads the address and password that ``up --json`` prints, signs in and counts."""
    started = next((json.loads(line) for line in log.read_text().splitlines() if line.startswith('{"url"')), None)
    if started is None:
        return 0
    body = json.dumps({"name": started["user"], "password": started["password"]}).encode()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    headers = {"Content-Type": "application/json"}
    opener.open(urllib.request.Request(f"{started['url']}/api/v1/session", body, headers), timeout=5)
    with opener.open(f"{started['url']}/api/v1/board", timeout=5) as answer:
        return len(json.load(answer)["alerts"])


if __name__ == "__main__":
    main()
