"""Run the tests on the lowest and on the latest version of Inspect that is supported.

The range is the one in pyproject.toml. Each version gets an environment of its own under
build/, kept for the next time; the latest is upgraded when there is a later one. Arguments are
handed to pytest.
"""

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def supported_range() -> tuple[str, str]:
    """Return Inspect's requirement in pyproject.toml, whole, and the lowest version it allows."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    requirement = next(entry for entry in dependencies if re.match(r"inspect-ai\b", entry))
    lowest = re.search(r">=\s*([\w.]+)", requirement)
    if lowest is None:
        raise SystemExit(f"pyproject.toml names no lowest version: {requirement}")
    return requirement, lowest.group(1)


def run_tests(name: str, requirement: str, pytest_arguments: list[str]) -> bool:
    """Install a version of Inspect beside this checkout, run the tests, and tell if they passed.

    Args:
        name: The environment's name under build/.
        requirement: What pip is asked for.
        pytest_arguments: Handed to pytest.
    """
    environment = ROOT / "build" / f"inspect-{name}"
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    subprocess.run(
        [python, "-m", "pip", "install", "-qq", "--upgrade", "-e", f"{ROOT}[dev]", requirement],
        check=True,
    )
    shown = "from importlib.metadata import version; print(version('inspect-ai'))"
    version = subprocess.run([python, "-c", shown], check=True, capture_output=True, text=True)
    print(f"== inspect-ai {version.stdout.strip()} ({name})", flush=True)
    # Not `python -m pytest`: with the checkout on the path, Inspect's registry takes what is there
    # for another package's and drops the prefix of its names.
    pytest = environment / "bin" / "pytest"
    return subprocess.run([pytest, *pytest_arguments], cwd=ROOT).returncode == 0


def main() -> int:
    """Test both ends of the range, the second also when the first fails."""
    requirement, lowest = supported_range()
    ends = {"lowest": f"inspect-ai=={lowest}", "latest": requirement}
    passed = {name: run_tests(name, wanted, sys.argv[1:]) for name, wanted in ends.items()}
    for name, wanted in ends.items():
        print(f"{name} ({wanted}): {'passed' if passed[name] else 'FAILED'}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
