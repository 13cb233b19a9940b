"""An adapter and its base as one model."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

from kidney_evals.finetuning.base import check_adapter, load_model, load_tokenizer
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.extra import quiet
from kidney_evals.finetuning.training_report import DATA_CARD
from kidney_evals.whole import check_new, whole_folder


def merge_adapter(adapter: Path, out: Path) -> None:
    """Add an adapter to its base's weights and write the sum as a model of its own.

    Args:
        adapter: The adapter's folder, tokenizer included.
        out: Where to; it must not exist yet, or be empty.

    Raises:
        UserError: The adapter or its base cannot be loaded, or the model cannot be written.
    """
    check_new(out)
    load_env()
    quiet()
    base = check_adapter(adapter)
    tokenizer = load_tokenizer(str(adapter))
    model = import_module("peft").PeftModel.from_pretrained(load_model(base), str(adapter))
    merged = model.merge_and_unload()
    with whole_folder(out) as folder:
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        for name in (DATA_CARD, "README.md"):
            if (adapter / name).is_file():
                shutil.copy(adapter / name, folder / name)
