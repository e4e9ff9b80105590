"""A PostgreSQL server of the tests' own, which may die and come back."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = "nobody"


class PostgresqlServer:
    """Listens on a Unix socket in its folder, for the user `ada`.

    Args:
        fsync: whether what is committed is on the disk.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        # Not pytest's folder: it is closed to the user that the server runs as, and too long for the name of a socket.
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam(NOBODY)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.folder.chmod(0o755)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._data = str(self.folder / "data")
        self._fsync = "on" if fsync else "off"
        self._run("initdb", "-D", self._data, "-U", "ada", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("initdb") is not None and shutil.which("pg_ctl") is not None

    @classmethod
    @contextmanager
    def running(cls, *, fsync: bool = False) -> Iterator["PostgresqlServer"]:
        """A started server, stopped and removed at the end."""
        server = cls(fsync=fsync)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(server.folder)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync={self._fsync}"
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, "-l", str(self.folder / "server.log"), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """Kills the first process of the server; the others, which notice it, end."""
        os.kill(int(Path(self._data, "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def _run(self, program: str, *words: str) -> None:
        command = [shutil.which(program) or program, *words]
        with (self.folder / "commands.log").open("ab") as log:  # a pipe would be held open by the server
            subprocess.run(command, check=True, cwd=self.folder, stdout=log, stderr=log, **self._as_user)
