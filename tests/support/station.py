"""The smallest station: decide, keep what a journal would keep, evolve. With a crash at any point."""

from alerts.alert import Alert
from alerts.checkpoint import restore, snapshot
from alerts.decision import Decision, Entry
from alerts.engine import decide, evolve
from alerts.events import MaintenanceDeclared, MaintenanceEnded
from alerts.inputs import Input, answered
from alerts.ports import JournalRow, SlotMark
from alerts.rules.base import Rulebook
from alerts.state import EngineState
from alerts.times import local_day
from domain.readings import Batch
from domain.registry import Registry


class LittleStation:
    """Commits to lists; `crash` rebuilds the state from them and the last checkpoint, as a restart would."""

    def __init__(self, registry: Registry, book: Rulebook, *, source_marks: bool = True) -> None:
        self.registry, self.book = registry, book
        self.state = EngineState.fresh(registry, book)
        self.entries: list[Entry] = []
        self.intents = []
        self.values = []
        self.alerts: dict[str, Alert] = {}
        self.stored: list[Batch] = []
        self.saved: tuple[int, bytes] | None = None
        self.source_marks = source_marks

    def take(self, entry: Input, now_ms: int | None = None, *, store: bool = True) -> Decision:
        """One input through the one path. `store=False`: the crash comes before telemetry has the batch."""
        now = entry.received_ms if now_ms is None and isinstance(entry, Batch) else now_ms
        decision = decide(self.state, entry, now)
        self._commit(decision)
        evolve(self.state, decision)
        if isinstance(entry, Batch) and store:
            self.stored.append(entry)
        return decision

    def _commit(self, decision: Decision) -> None:
        self.entries += decision.entries
        self.intents += decision.intents
        self.values += decision.values
        for entry in decision.entries:
            if entry.alert is not None:
                before = self.alerts.get(entry.alert.id)
                assert entry.alert.rev == (1 if before is None else before.rev + 1), "rev must rise by one"
                self.alerts[entry.alert.id] = entry.alert
        slots = [(alert.rule, alert.target) for alert in self.alerts.values() if alert.open]
        assert len(slots) == len(set(slots)), "two open alerts for one (rule, target)"

    def checkpoint(self) -> None:
        self.saved = (len(self.stored), snapshot(self.state))

    def answers(self):
        found = {}
        for entry in self.entries:
            if entry.cmd is not None:
                found.setdefault(entry.cmd, answered(entry.event, entry.actor))
        return found

    def crash(self, now_ms: int) -> None:
        """Forgets the state; recovers from journal, checkpoint and stored telemetry."""
        marks = {}
        numbers = [0]
        for alert in self.alerts.values():
            newest = max([alert.onset_ms, *(at for source, (at, _) in alert.marks.items() if source != "clock")])
            sources = alert.marks if self.source_marks else {}
            marks[alert.rule, alert.target] = SlotMark(alert.rule, alert.target, alert.id, newest, sources)
            if alert.no.startswith(f"GJ-{local_day(now_ms)}-"):
                numbers.append(int(alert.no[-4:]))
        self.state = EngineState.fresh(
            self.registry, self.book, open_alerts=[a for a in self.alerts.values() if a.open], marks=marks.values(),
            maintenance=self.windows(), answers=self.answers(),
            last_number=max(numbers), number_day=local_day(now_ms),
        )  # fmt: skip
        after = 0
        if self.saved is not None:
            after, image = self.saved
            restore(self.state, image)
        self.state.catching_up = True
        for stored in self.stored[after:]:
            decision = decide(self.state, stored, stored.received_ms)
            assert decision.entries == [], "stored telemetry has been judged before"
            evolve(self.state, decision)
        self.state.catching_up = False

    def windows(self) -> list[MaintenanceDeclared]:
        found = {}
        for entry in self.entries:
            if isinstance(entry.event, MaintenanceDeclared):
                found[entry.event.window] = entry.event
            elif isinstance(entry.event, MaintenanceEnded):
                found.pop(entry.event.window)
        return list(found.values())

    def rows(self, alert_id: str) -> list[JournalRow]:
        rows = []
        for seq, entry in enumerate(self.entries, 1):
            if entry.alert is not None and entry.alert.id == alert_id:
                kind = entry.event.__struct_config__.tag
                rows.append(
                    JournalRow(seq, entry.at_ms, entry.actor, kind, entry.event, alert_id, entry.cmd, entry.alert)
                )
        return rows

    def only(self) -> Alert:
        assert len(self.alerts) == 1, sorted(self.alerts)
        return next(iter(self.alerts.values()))

    def of(self, rule: str, target: str | None = None) -> list[Alert]:
        return [a for a in self.alerts.values() if a.rule == rule and target in (None, a.target)]

    def kinds(self) -> list[str]:
        return [entry.event.__struct_config__.tag for entry in self.entries]
