"""Only the commands of the lab import `kidney_evals.lab`, and only when they are called."""

import subprocess
import sys


def test_no_command_line_starts_with_the_lab() -> None:
    # The order of the rooms keeps every room but `cli` and `_registry` from importing it at all.
    names = "[one for one in sys.modules if one.startswith('kidney_evals.lab')]"
    code = f"import sys, kidney_evals.cli.lab, kidney_evals._registry; assert not {names}"
    subprocess.run([sys.executable, "-c", code], check=True)
