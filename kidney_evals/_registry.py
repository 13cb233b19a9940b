"""The objects that Inspect looks up by name in this package.

Every Inspect evaluation in an environment with this package imports this module. Therefore neither
this module nor its imports may load numpy, scipy or pandas.
"""

# ruff: noqa: F401

import os
import sys
from importlib.util import find_spec

from kidney_evals import tasks
from kidney_evals.elicitation import solvers
from kidney_evals.respondents import kidney
from kidney_evals.scorers import est, human_alignment, predictions, stated

# Inspect Scout also looks up scanners here. It loads pandas, so an evaluation does not import it.
# Exceptions: Scout is running, or a command names a scanner of this package (`inspect eval …
# --scanner kidney_evals/rationale`), which Inspect looks up here before it loads Scout.
_named = (*sys.argv, os.environ.get("INSPECT_EVAL_SCANNER", ""))
if "inspect_scout" in sys.modules or (
    any("kidney_evals/rationale" in text for text in _named) and find_spec("inspect_scout")
):
    from kidney_evals.reasons.scanners import rationale, rationale_llm
