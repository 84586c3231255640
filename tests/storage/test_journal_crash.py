"""kill -9 in the middle of writing: what was answered is there, and only whole lines are."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.database import open_database

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 10

CHILD = """
import sys
from storage.database import open_database
from tests.contracts.builders import NOW_MS, acked, an_alert, dead_letter, notify, raised
from alerts.ports import Checkpoint

database = open_database(sys.argv[1])
number = database.journal.seq
while True:
    alert = an_alert(target=f"p-{number}", params={"filling": "x" * (number * 37 % 3000)})
    entries = [raised(alert), acked(alert)]
    number = database.journal.commit(entries, [notify(alert)], [dead_letter(str(number).encode())], NOW_MS)
    # One write: a line that the parent reads is a line that was answered.
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    owed = database.outbox.claim(NOW_MS, 1)
    database.outbox.settle_many([row.key for row in owed], NOW_MS)
    if number % 10 == 0:
        database.journal.save_checkpoint(Checkpoint(number, NOW_MS, bytes(300_000), str(number).encode()))
"""


@pytest.mark.slow
def test_every_answered_line_survives_kill_9_and_the_journal_stays_whole(tmp_path):
    path = tmp_path / "anju.db"
    random_ = random.Random(20261118)
    open_database(path).close()
    before = 0
    for _ in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        assert child.stdout is not None
        acknowledged = before
        for _ in range(random_.randrange(1, 40)):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        # What it still managed to print was answered too; a torn last line was not.
        rest = child.stdout.read()
        child.wait()
        acknowledged = max([acknowledged, *(int(line) for line in rest.split("\n")[:-1])])

        database = open_database(path)
        journal = database.journal
        assert journal.seq >= acknowledged > before
        assert journal.verify() == (journal.seq, None)
        assert journal.seq % 2 == 0, "a commit is there whole or not at all"
        assert len(journal.open_alerts()) == journal.seq // 2
        assert sum(database.history.dead_letter_counts().values()) == journal.seq // 2
        checkpoint = journal.latest_checkpoint()
        assert checkpoint is None or checkpoint.gate == str(checkpoint.batch).encode()
        before = journal.seq
        database.close()
    # What was owed is still owed, or was settled by a courier that said so.
    database = open_database(path)
    done = sum(
        row.state == "done" for alert in database.journal.open_alerts() for row in database.outbox.deliveries(alert.id)
    )
    assert database.outbox.depth() + done == before // 2
    database.close()
