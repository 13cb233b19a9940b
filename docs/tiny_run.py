"""Run the fine-tuning loop on a model made on the spot and write its output into finetuning.md.

    PYTHONPATH=tests .venv/bin/python docs/tiny_run.py

Takes about ten minutes on two cores and needs the extra `finetune`. `finetuning.md` holds the
output between its markers, `finetuning-curve.svg` is the learning curve of the same run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from update_readme import replace

from finetuning.tiny_model import STUDY, answers_file, make_tiny_model
from kidney_evals.finetuning.sources import evaluated
from kidney_evals.studies.draw import draw_dilemmas

PAGE = Path(__file__).with_name("finetuning.md")
CURVE = Path(__file__).with_name("finetuning-curve.svg")

# Each command, and the text after which its output is shown: of several adapters only the last.
COMMANDS = {
    "kidney-evals sft export --samples 100 --heldout 96 --condition coin_flip "
    "--answers answers.csv --out samples": "",
    "kidney-evals sft train --base base --data samples --samples 32,100 --out adapters "
    "--learning-rate 2e-3 --rank 8 --alpha 16 --dropout .1 --batch 4 --steps 500 --patience 6": (
        "100 samples:\n"
    ),
    "kidney-evals sft evaluate --before base --after adapters --samples 0,32,100 "
    "--dilemmas 70 --max-tokens 8 --max-connections 300 --display none --out comparison": (
        "before -> 100 samples\n"
    ),
}


def _output(command: str, shown_from: str, folder: Path) -> str:
    program, *arguments = command.split()
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        # Sums over several threads differ in the last digit, and training makes much of it.
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = done.stdout
    if shown_from:
        text = f"[…]\n{shown_from}{text.split(shown_from)[-1]}"
    # Of the passes of training, the first and every fifth are shown.
    passes = re.compile(r"pass (?!1 )\d*[1-46-9] ")
    return "\n".join(one for one in text.strip("\n").splitlines() if not passes.match(one))


def main() -> None:
    """Run the commands and write their output into the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tiny_model(folder / "base")
        default = evaluated(STUDY)
        drawn = draw_dilemmas("respondent", STUDY.attributes, 500, 7)
        others = [one for one in drawn if not default.holds(one)]
        answers_file(folder / "answers.csv", others, "coin_flip")
        blocks = []
        for command, shown_from in COMMANDS.items():
            print(command, flush=True)
            text = f"$ {command}\n{_output(command, shown_from, folder)}"
            blocks.append(f"```text\n{text}\n```")
        shutil.copy(folder / "comparison" / "curve-agreement.svg", CURVE)
    for index, block in enumerate(blocks, start=1):
        replace(PAGE, f"run {index}", block)


if __name__ == "__main__":
    main()
