"""Write the parts of README.md that are made from data.

python docs/update_readme.py            # the limits
python docs/update_readme.py --known    # and what known respondents score (minutes)
"""

import re
import sys
from pathlib import Path

from kidney_evals.lab.known_table import markdown, run_known
from kidney_evals.limits import limits_and_use

README = Path(__file__).resolve().parent.parent / "README.md"


def replace(text: str, block: str, content: str) -> str:
    """Return the text with new content between the marks of a block."""
    pattern = re.compile(rf"(<!-- {block}:[^\n]*-->\n).*?(<!-- /{block} -->)", re.S)
    made, count = pattern.subn(lambda match: f"{match[1]}{content}\n{match[2]}", text)
    if not count:
        raise SystemExit(f"README.md has no block {block!r}")
    return made


if __name__ == "__main__":
    limits = "\n".join(f"> {line}" for line in limits_and_use().splitlines())
    made = replace(README.read_text(encoding="utf-8"), "limits", limits)
    if "--known" in sys.argv:
        made = replace(made, "known", markdown(run_known(200)))
    README.write_text(made, encoding="utf-8")
