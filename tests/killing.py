"""A run on Inspect's command line that is killed in its middle."""

import os
import signal
import subprocess
import time
from pathlib import Path

from inspect_ai.log import EvalSampleSummary, read_eval_log_sample_summaries

from cli.calling import INSPECT, environment

FLUSHED = 20
"""Number of samples on disk before the run is killed."""

PATIENCE = 240
"""Seconds to wait for these samples; on two busy cores Inspect takes a while to start."""


def killed_run(folder: Path, *arguments: str) -> tuple[Path, list[EvalSampleSummary]]:
    """Run `kidney_evals/coin_flip` in a folder and kill it; return its log and its samples."""
    logs = folder / "logs"
    # One sample after the other, each written to the disk at once.
    options = ("--log-dir", "logs", "--display", "plain", "--max-samples", "1", "--log-buffer", "1")
    process = subprocess.Popen(
        [str(INSPECT), "eval", "kidney_evals/coin_flip", *arguments, *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + PATIENCE
        while len(_flushed(logs)) < FLUSHED:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    (path,) = logs.glob("*.eval")
    return path, _flushed(logs)


def _flushed(folder: Path) -> list[EvalSampleSummary]:
    """Return the samples in a log that is being written."""
    for path in folder.glob("*.eval"):
        try:
            return read_eval_log_sample_summaries(str(path))
        except Exception:
            # Between two flushes the file is no archive; Inspect has no error of its own for it.
            return []
    return []
