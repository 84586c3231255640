"""Whatever happens in whatever commits: the alerts as they stand are the fold of the journal."""

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from alerts.decision import Entry
from alerts.events import AlertRaised, NoteAdded, SignedIn
from alerts.ports import AlertQuery
from storage.database import open_database
from tests.contracts.builders import NOW_MS, acked, an_alert, closed, dead_letter, notify, raised, returned

SLOTS = [("EB-03", "p1"), ("EB-03", "p2"), ("FI-01", "p1")]


class JournalMachine(RuleBasedStateMachine):
    """Collects entries into commits of any size; the model is a dict."""

    @initialize()
    def begin(self):
        self.database = open_database("sqlite://")
        self.now_ms = NOW_MS
        self.model = {}
        self.committed = {}
        self.pending = []
        self.intents = []
        self.keys = set()
        self.lines = 0
        self.marks = {}
        self.committed_marks = {}

    def teardown(self):
        if hasattr(self, "database"):
            assert self.database.journal.verify() == (self.lines, None)
            self.database.close()

    def add(self, entry, finding_ms=None):
        self.pending.append(entry)
        if entry.alert is not None:
            self.model[entry.alert.id] = entry.alert
            self.intents.append(notify(entry.alert))
            if finding_ms is not None:
                self.marks[entry.alert.rule, entry.alert.target] = (entry.alert.id, finding_ms)

    def open_at(self, slot):
        return next((a for a in self.model.values() if a.open and (a.rule, a.target) == slot), None)

    @rule(slot=st.sampled_from(SLOTS), severity=st.integers(1, 4), text=st.text(max_size=20))
    def raise_or_change(self, slot, severity, text):
        self.now_ms += 1_000
        alert = self.open_at(slot)
        if alert is None:
            number = len(self.model) + 1
            made = an_alert(*slot, self.now_ms, severity=severity, no=f"GJ-20261118-{number:04d}", params={"t": text})
            self.add(raised(made), made.onset_ms)
        else:
            self.add(returned(alert, self.now_ms), self.now_ms)

    @rule(slot=st.sampled_from(SLOTS), what=st.sampled_from(["ack", "close", "note"]))
    def act(self, slot, what):
        self.now_ms += 1_000
        alert = self.open_at(slot)
        if alert is None:
            self.add(Entry(SignedIn("li", ok=False, origin="::1"), "system", self.now_ms))
        elif what == "ack":
            self.add(acked(alert, at_ms=self.now_ms, cmd=f"c-{self.now_ms}"))
        elif what == "close":
            self.add(closed(alert, self.now_ms))
        else:
            after = replace(alert, rev=alert.rev + 1, notes=alert.notes + 1, changed_ms=self.now_ms)
            self.add(Entry(NoteAdded(alert.id, "…"), "li", self.now_ms, after))

    @precondition(lambda self: self.pending or self.intents)
    @rule(letters=st.integers(0, 3))
    def commit(self, letters):
        dead = [dead_letter(bytes([n])) for n in range(letters)]
        self.lines += len(self.pending)
        assert self.database.journal.commit(self.pending, self.intents, dead, self.now_ms) == self.lines
        self.keys |= {intent.key for intent in self.intents}
        self.committed = dict(self.model)
        self.committed_marks = dict(self.marks)
        self.pending, self.intents = [], []

    @invariant()
    def alerts_are_the_fold_of_the_journal(self):
        if not hasattr(self, "database"):
            return
        journal, history = self.database.journal, self.database.history
        rows = journal.changes_after(0, 10_000)
        assert [row.seq for row in rows] == list(range(1, self.lines + 1))
        folded = {row.alert_id: row.alert for row in rows if row.alert is not None}
        stored = {alert.id: alert for alert in history.alerts(AlertQuery(limit=500)).items}
        assert stored == folded == self.committed
        opened = {alert.id for alert in journal.open_alerts()}
        assert opened == {alert.id for alert in folded.values() if alert.open}
        raised_here = {row.alert_id for row in rows if isinstance(row.event, AlertRaised)}
        assert raised_here == set(folded)
        marks = {(mark.rule, mark.target): (mark.alert_id, mark.at_ms) for mark in journal.slot_marks()}
        assert marks == self.committed_marks
        assert self.database.outbox.depth() == len(self.keys)
        numbers = [int(alert.no[-4:]) for alert in folded.values()]
        assert journal.last_number("20261118") == max(numbers, default=0)


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
