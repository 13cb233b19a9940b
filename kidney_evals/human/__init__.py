"""People's answers, the reference of every comparison, read from a study's tables.

```python
from kidney_evals.human import load_reference
from kidney_evals.studies import dilemmas_of, load_study

study = load_study("mcelfresh_2021")
people = load_reference(study, "coin_flip")
people.shares(dilemmas_of(study, 3, None))  # first, second, coin; shape (3, 3)
people.importance                           # signed shares of the attributes, shape (k,)
people.person("flip_rate")                  # single persons: median, 5 % and 95 % quantile
```
"""

from kidney_evals.human.people_tables import LatentModel, PeopleModel, PeopleSpread, read_spread
from kidney_evals.human.reference import REFERENCE_FOLDER, Reference, load_reference
from kidney_evals.human.sources import ListedShares, ModelShares, ProfileShares, differences
from kidney_evals.human.tables import NO_BAND, Band

__all__ = [
    "NO_BAND",
    "REFERENCE_FOLDER",
    "Band",
    "LatentModel",
    "ListedShares",
    "ModelShares",
    "PeopleModel",
    "PeopleSpread",
    "ProfileShares",
    "Reference",
    "differences",
    "load_reference",
    "read_spread",
]
