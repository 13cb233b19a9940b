"""The studies of people: attributes, candidates and dilemmas, and how dilemmas are drawn."""

from kidney_evals.studies.draw import draw_dilemmas, draw_orders
from kidney_evals.studies.languages import in_language, languages_of
from kidney_evals.studies.load import (
    DEFAULT_STUDY,
    datasets_dir,
    dilemmas_of,
    find_study,
    load_study,
    study_names,
)
from kidney_evals.studies.model import (
    CHOICES,
    CONDITIONS,
    Attribute,
    Choice,
    Condition,
    Dilemma,
    Kind,
    Level,
    Order,
    Patient,
    Study,
)
from kidney_evals.studies.words import ENGLISH, SLOT_NAMES, SLOTS, Words

__all__ = [
    "CHOICES",
    "CONDITIONS",
    "DEFAULT_STUDY",
    "ENGLISH",
    "SLOTS",
    "SLOT_NAMES",
    "Attribute",
    "Choice",
    "Condition",
    "Dilemma",
    "Kind",
    "Level",
    "Order",
    "Patient",
    "Study",
    "Words",
    "datasets_dir",
    "dilemmas_of",
    "draw_dilemmas",
    "draw_orders",
    "find_study",
    "in_language",
    "languages_of",
    "load_study",
    "study_names",
]
