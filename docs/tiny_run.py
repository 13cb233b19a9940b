"""Run the fine-tuning loop on a model made on the spot and write what it printed into its page.

    PYTHONPATH=tests .venv/bin/python docs/tiny_run.py

Takes about ten minutes on two cores and needs the extra `finetune`. `finetuning.md` holds the
output between its markers, `finetuning-curve.svg` is the learning curve of the same run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from finetuning.tiny_model import STUDY, answers_file, make_tiny_model
from kidney_evals.finetuning.sources import evaluated
from kidney_evals.studies.draw import draw_dilemmas

PAGE = Path(__file__).with_name("finetuning.md")
CURVE = Path(__file__).with_name("finetuning-curve.svg")

COMMANDS = (
    "kidney-evals sft export --samples 100 --heldout 96 --condition coin_flip "
    "--answers answers.csv --out samples",
    "kidney-evals sft train --base base --data samples --samples 32,100 --out adapters "
    "--learning-rate 2e-3 --rank 8 --alpha 16 --dropout .1 --batch 4 --steps 500 --patience 6",
    "kidney-evals sft evaluate --before base --after adapters --samples 0,32,100 "
    "--dilemmas 70 --max-tokens 8 --max-connections 300 --display none --out comparison",
)

# Sums over several threads come out otherwise in the last digit, and training makes much of it.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def main() -> None:
    """Run the commands and write their output into the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tiny_model(folder / "base")
        default = evaluated(STUDY)
        drawn = draw_dilemmas("respondent", STUDY.attributes, 500, 7)
        others = [one for one in drawn if not default.holds(one)]
        answers_file(folder / "answers.csv", others, "coin_flip")
        for index, command in enumerate(COMMANDS, start=1):
            print(command, flush=True)
            _write(f"run {index}", f"$ {command}\n{_output(command, folder)}")
        CURVE.write_text(
            (folder / "comparison" / "curve-agreement.svg").read_text(encoding="utf-8"),
            encoding="utf-8",
        )


def _output(command: str, folder: Path) -> str:
    program, *arguments = command.split()
    place = Path(sys.executable).with_name(program)
    done = subprocess.run(
        [place, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    # Of several adapters only the last is shown, and of its passes every fifth.
    text = done.stdout.split("100 samples:\n")[-1] if " train " in command else done.stdout
    text = text.split("before -> 100 samples")[-1] if " evaluate " in command else text
    lines = [
        one
        for one in text.strip("\n").splitlines()
        if not re.match(r"pass \d*[1-46-9] ", one) or one.startswith("pass 1 ")
    ]
    if " train " in command:
        lines.insert(0, "[…]\n100 samples:")
    if " evaluate " in command:
        lines.insert(0, "[…]\nbefore -> 100 samples")
    return "\n".join(lines)


def _write(name: str, text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name}: written by docs/tiny_run.py -->\n", f"<!-- /{name} -->"
    before, rest = page.split(opening)
    _, after = rest.split(closing)
    PAGE.write_text(f"{before}{opening}```text\n{text}\n```\n{closing}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
