"""Child processes: how one ends with its parent, and how to wait for one that is not our child."""

import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["die_with_parent", "ends_within", "is_running"]

PR_SET_PDEATHSIG: Final = 1

_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent: int) -> Callable[[], None]:
    """For `preexec_fn`: the kernel kills the child when the thread that forks it ends, however that comes about."""

    def arrange() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)

    return arrange


def ends_within(pid: int, timeout_s: float, child: "subprocess.Popen[bytes] | None" = None) -> bool:
    """Waits for a process to end. Works for processes that are not children of this one."""
    if child is not None:
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout_s) * 1000))
    finally:
        os.close(descriptor)


def is_running(pid: int, argument: str) -> bool:
    """True if process `pid` runs and has `argument` on its command line (a pid alone may stand for another by now)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z" and argument.encode() in words
