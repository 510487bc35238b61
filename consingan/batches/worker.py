"""A process of the local pool: reads a job on stdin, and answers on stdout, as lines of JSON.

`do` does the job, and answers with its outcome. `time` says `ready`, waits for another line, and
answers with a forecast of the training's seconds and of its bytes of memory.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, TextIO


def main(task: str) -> None:
    """Do one job, or time it; end at once when the pool's process has ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print is no answer
    job = json.loads(sys.stdin.buffer.readline())
    answer = _time(job, answers) if task == "time" else _do(job)
    print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # a thread waits for stdin


def _do(job: dict[str, Any]) -> dict[str, Any]:
    threading.Thread(target=_end_with_the_pool, daemon=True).start()
    from consingan.batches.work import do_job

    return do_job(job)


def _time(job: dict[str, Any], answers: TextIO) -> dict[str, float]:
    from consingan.api import plan

    print("ready", file=answers, flush=True)
    if not sys.stdin.buffer.readline():
        os._exit(1)
    threading.Thread(target=_end_with_the_pool, daemon=True).start()
    options = {"preset": job["preset"], "device": job["device"], **job["options"]}
    found = plan(job["picture"], job["mode"], **options)
    return {"seconds": found.seconds, "memory": found.memory}


def _end_with_the_pool() -> None:
    """Wait until stdin is closed. What is saved so far is whole, so the end may be sudden."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
