"""Who runs a training, and whether that process still exists."""

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process with a ledger open.

    Attributes:
        id: unique among all owners ever.
        host: host within which `pid` means one process.
        pid: process id.
        process_started: when the process started, in units of no matter; with `pid` it means one process for good.
            Empty where the system does not tell.
    """

    id: str
    host: str
    pid: int
    process_started: str

    @classmethod
    def of_this_process(cls) -> "Owner":
        """A new owner in this process."""
        pid = os.getpid()
        return cls(id=uuid.uuid4().hex, host=_host(), pid=pid, process_started=_process_state(pid)[1])

    def exists(self) -> bool:
        """Whether the owner's process exists; to be asked on its host."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # another user's process
        state, started = _process_state(self.pid)
        # A zombie is dead, only not yet buried by its parent.
        is_dead = state in ("Z", "X")
        return not is_dead and (started == self.process_started or "" in (started, self.process_started))


def _host() -> str:
    # Containers may share the host's name, but each numbers its processes anew.
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()


def _process_state(pid: int) -> tuple[str, str]:
    """State letter and start of a process; empty where they cannot be read, as on systems without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "", ""
    # The name of the program, in brackets, may hold brackets and spaces itself; `proc(5)` counts from 1.
    values = stat.rpartition(")")[2].split()
    return values[0], f"{boot} {values[19]}"
