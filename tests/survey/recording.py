"""A process that stores answers until it is killed: `python recording.py URL STUDY`.

It prints a line only after something is stored: the person's code, then each position.
"""

import sys

from kidney_evals.studies import load_study
from kidney_evals.survey.settings import own_settings
from kidney_evals.survey.store import Store


def main(url: str, name: str) -> None:
    study = load_study(name)
    store = Store(url, study, own_settings(study, "yes"))
    while True:
        person = store.begin("en", "forced_choice")
        print(person.code, flush=True)
        for item in store.plan(person):
            store.record(person, item.position, "first")
            print(item.position, flush=True)
        store.finish(person)
        print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
