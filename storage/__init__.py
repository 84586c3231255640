"""Floor 3: keeps things: journal, registry, outbox, history (SQL) and telemetry."""
