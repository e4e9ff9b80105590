"""The scripts that tests fork end, and are told of, as those that are started."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from .forked import PRELOADED, ForkedRanks, ForkedScript, run_forked


@pytest.fixture
def write_script(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / "script.py").write_text(text)
        return tmp_path / "script.py"

    return write


def test_all_that_is_to_be_there_is_imported_before(write_script) -> None:
    script = write_script(f"import sys\nprint(sorted(set({PRELOADED!r}) - set(sys.modules)))")
    assert run_forked(script, environment=os.environ).stdout == "[]\n"


def test_it_has_the_words_folder_and_environment_that_were_given(write_script, tmp_path: Path) -> None:
    script = write_script("import os, sys\nprint(sys.argv, os.getcwd(), dict(os.environ), __name__)\nsys.exit(3)")
    ended = run_forked(script, 1, "b c", environment={"NAME": "value"}, cwd=tmp_path)
    assert ended.stdout == f"{[str(script), '1', 'b c']} {tmp_path} {{'NAME': 'value'}} __main__\n"
    assert (ended.returncode, ended.stderr) == (3, "")


def test_an_error_is_printed(write_script) -> None:
    ended = run_forked(write_script("raise ValueError('told')"), environment=os.environ)
    assert ended.returncode == 1 and ended.stderr.endswith("ValueError: told\n")


def test_signals_end_it_and_come_too_late_without_harm(write_script) -> None:
    script = ForkedScript(
        write_script("import time\nprint('there', flush=True)\ntime.sleep(60)"), environment=os.environ
    )
    script.wait_for("there")
    script.send_signal(signal.SIGTERM)
    assert script.wait().returncode == -signal.SIGTERM
    script.send_signal(signal.SIGTERM)
    with pytest.raises(AssertionError, match="there"):
        script.wait_for("what it has not printed")


def test_one_that_does_not_end_is_killed(write_script) -> None:
    script = ForkedScript(write_script("import time\ntime.sleep(60)"), environment=os.environ)
    with pytest.raises(subprocess.TimeoutExpired):
        script.wait(timeout=0.2)
    assert script.returncode == -signal.SIGKILL


def test_ranks_that_wait_for_one_that_broke_tell_of_both(write_script) -> None:
    text = """
import os, time
print("rank", os.environ["RANK"], flush=True)
if os.environ["RANK"] == "1":
    raise OSError("gone")
time.sleep(60)
"""
    ranks = ForkedRanks(write_script(text), environment=os.environ)
    with pytest.raises(subprocess.TimeoutExpired, match=r"exit codes \[None, 1\]") as caught:
        ranks.wait(timeout=2)
    assert "rank 0" in caught.value.output and "gone" in caught.value.stderr
