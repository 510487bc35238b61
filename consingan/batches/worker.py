"""A process of the local pool: reads a job on stdin, and writes its outcome on stdout, as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading


def main() -> None:
    """Do one job; end at once when the pool's process has ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print is no answer
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_pool, daemon=True).start()
    from consingan.batches.work import do_job

    print(json.dumps(do_job(job)), file=answers, flush=True)
    os._exit(0)  # the other thread waits for stdin


def _end_with_the_pool() -> None:
    """Wait until stdin is closed. What is saved so far is whole, so the end may be sudden."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
