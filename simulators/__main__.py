"""``python -m simulators``: the same as ``anju simulate``, without the rest of Anju in memory."""

from simulators.cli import simulate

if __name__ == "__main__":
    simulate()
