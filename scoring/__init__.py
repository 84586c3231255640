"""How good alerting is, measured against what really happened: ``anju score``. The numbers: docs/scoring.md."""
