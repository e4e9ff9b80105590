"""The process that speaks with W&B: reads messages from standard input, a JSON object a line, until it ends.

A process of its own, since the client asks the server now and then and waits for it: so no trouble with W&B can delay
or stop a study. It answers on standard output, a JSON object a line as well: `mode` ("online", "offline" or "disabled",
with `where` or `why`), `lost` once if the server stops answering, and `finished` (with `is_complete`).

    start    mode, project, entity, group, name, program, folder, config
    log      data
    table    key, path of a CSV file
    chart    key, title, x, columns, rows
    image    key, path
    training name, config, points: a run of its own in the group
    artifact name, paths
    finish   exit_code, seconds that it may take

Runs of single trainings wait until nothing else is left to send.
"""

import json
import os
import queue
import sys
import threading
import time
from collections import deque

from lit_idim.tracking.server import ANSWER_SECONDS
from lit_idim.tracking.wandb_run import FINISH_SECONDS, Message, WandbRun

_PROBE_SECONDS = 60.0  # between two looks whether an idle server still answers
_BROKEN_OFF_EXIT_CODE = 255


def main() -> int:
    """Reads, sends, and ends with the study: also if the study was killed, when its end of the pipe closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the client and its processes print is no answer
    messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages,), daemon=True).start()
    first = messages.get()
    if first is None:
        return 0
    run = WandbRun(first, answers)
    if not run.open():
        return 0
    finish: Message = {"exit_code": _BROKEN_OFF_EXIT_CODE, "seconds": FINISH_SECONDS}
    trainings: deque[Message] = deque()
    while True:
        try:
            message = messages.get(timeout=0 if trainings else _PROBE_SECONDS)
        except queue.Empty:
            if trainings:
                run.send(trainings.popleft())
            else:
                run.idle()
            continue
        if message is None:
            break
        if message["kind"] == "finish":
            finish = message
            break
        if message["kind"] == "training":
            trainings.append(message)
        else:
            run.send(message)
    end = time.monotonic() + finish["seconds"]
    while trainings and time.monotonic() < end - 2 * ANSWER_SECONDS:
        run.send(trainings.popleft())
    run.has_missed = run.has_missed or bool(trainings)
    if not run.finish(finish["exit_code"], max(0.0, end - time.monotonic())):
        os._exit(0)  # the client would wait at the end of the process for a server that is gone
    return 0


def _read(messages: "queue.SimpleQueue[Message | None]") -> None:
    for line in sys.stdin:
        messages.put(json.loads(line))
    messages.put(None)


if __name__ == "__main__":
    sys.exit(main())
