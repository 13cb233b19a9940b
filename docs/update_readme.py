"""Write the parts of README.md that are made from data.

python docs/update_readme.py            # the limits
python docs/update_readme.py --known    # and what known respondents score (minutes)
python docs/update_readme.py --check    # fail if the README differs, writing nothing
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from kidney_evals.limits import limits_and_use

README = Path(__file__).resolve().parent.parent / "README.md"


def limits() -> str:
    """What the evaluation is not for, as a quotation."""
    return "\n".join(f"> {line}" for line in limits_and_use().splitlines())


def known() -> str:
    """What known respondents get; runs them."""
    from kidney_evals.lab.known_table import markdown, run_known

    return markdown(run_known(200))


def replace(text: str, block: str, content: str) -> str:
    """Return the text with what stands between the marks of a block replaced."""
    pattern = re.compile(rf"(<!-- {block}:[^\n]*-->\n).*?(<!-- /{block} -->)", re.S)
    if not pattern.search(text):
        raise SystemExit(f"README.md has no block {block!r}")
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text)


def main() -> None:
    """Write or check README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    before = README.read_text(encoding="utf-8")
    after = replace(before, "limits", limits())
    if options.known:
        after = replace(after, "known", known())
    if options.check:
        sys.exit(0 if after == before else "README.md is not up to date")
    README.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
