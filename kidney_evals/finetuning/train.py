"""Train low-rank adapters with TRL: from a folder of samples to a folder with an adapter.

A run works in `OUT.unfinished`, which holds a checkpoint of every pass. OUT appears once all its
files are complete.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kidney_evals import __version__
from kidney_evals.errors import UserError, first_line, unknown
from kidney_evals.finetuning.base import base_place, load, load_tokenizer
from kidney_evals.finetuning.data import CARD, TrainingData, sha256_of
from kidney_evals.finetuning.environment import PACKAGES, check_extra, load_env, quiet
from kidney_evals.finetuning.settings import Settings
from kidney_evals.finetuning.training_report import REPORT, passes_of, read_object, write_report
from kidney_evals.output_files import check_new_folder, new_folder


def train(
    data: TrainingData,
    base: str,
    out: Path,
    settings: Settings,
    *,
    samples: int | None = None,
    device: str | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train an adapter on the first samples of a folder; return the content of `training.json`.

    The loss covers the answers with their end token, not the questions. The result is the adapter
    of the pass with the lowest loss on the held-out samples.

    Args:
        data: The folder of samples.
        base: The base model, a folder or a Hub id.
        out: Folder of the adapter; must be empty or not exist yet.
        settings: Settings of the training.
        samples: Number of training samples; None for all.
        device: "cpu", "cuda" or "mps"; None for the best available device.
        resume: Whether to continue an unfinished run with the same arguments.
        say: Called with a line for each pass and for the result.

    Raises:
        UserError: A package is missing; an argument is not suitable; an unfinished run is in the
            way; the disk or the memory is full; the run was interrupted.
    """
    check_extra()
    load_env()
    count = len(data.train) if samples is None else samples
    if not 1 <= count <= len(data.train):
        raise UserError(f"{data.folder} holds {len(data.train)} training samples, not {count}")
    if not data.heldout:
        raise UserError(f"{data.folder} has no held-out samples, which end the training in time")
    check_new_folder(out)
    place = base_place(base)
    where = _device(device)
    quiet()
    tokenizer = load_tokenizer(place)
    work, inputs = unfinished(out), _inputs(data, place, count, settings)
    given = inputs | {"device": where}
    with _begun(work, given, resume) as checkpoint, _failures_explained(work):
        torch = import_module("torch")
        # Not on a CPU, where it was a fifth faster and learnt less: SmolLM2's held-out loss after
        # one step of four samples was .88, in float32 .64.
        half = where == "cuda" and torch.cuda.is_bf16_supported()
        model = load("model", place, dtype=torch.bfloat16 if half else torch.float32)
        trainer = _trainer(model, tokenizer, data, count, settings, work, where, half, say)
        lengths = [len(row["input_ids"]) for row in trainer.train_dataset]
        longest = max(*lengths, *(len(row["input_ids"]) for row in trainer.eval_dataset))
        most = getattr(model.config, "max_position_embeddings", None)
        if most is not None and longest > most:
            raise UserError(f"the longest sample has {longest} tokens, and {place} reads {most}")
        start = time.monotonic()
        trainer.train(resume_from_checkpoint=checkpoint)
        seconds = time.monotonic() - start
        passes = passes_of(trainer.state.log_history)
        # The time includes held-out samples and checkpoints; after a resume, only the last part.
        speed = sum(lengths) * (len(passes) - 1) / seconds
        report = {
            **inputs,
            "heldout": len(data.heldout),
            "device": torch.cuda.get_device_name() if where == "cuda" else where,
            "dtype": "bfloat16" if half else "float32",
            "seconds": round(seconds, 1),
            "resumed": checkpoint is not None,
            "tokens_of_a_pass": sum(lengths),
            "tokens_per_second": None if checkpoint else round(speed),
            "peak_memory_bytes": _peak_memory(where),
            "longest_sample": longest,
            "trained_parameters": trainer.model.get_nb_trainable_parameters()[0],
            "versions": {"kidney_evals": __version__} | {name: version(name) for name in PACKAGES},
        }
        with new_folder(out) as folder:
            trainer.model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            report = write_report(report, passes, data, settings, folder)
    shutil.rmtree(work)
    best, losses = report["kept_pass"], passes["heldout_loss"]
    say(
        f"kept pass {best} of {len(passes) - 1}: held-out loss {losses[best]:.3f}, "
        f"before training {losses[0]:.3f}"
    )
    say(f"adapter in {out}, SHA-256 {report['adapter_sha256'][:12]}, {report['seconds']:.0f} s")
    return report


def is_trained(
    folder: Path, data: TrainingData, base: str, samples: int, settings: Settings
) -> bool:
    """Return whether a folder holds an adapter that was trained with these arguments.

    Raises:
        UserError: There is no model at `base`.
    """
    wanted = _inputs(data, base_place(base), samples, settings)
    return wanted.items() <= read_object(folder / REPORT).items()


def unfinished(out: Path) -> Path:
    """Return the folder of the run that will write `out`, until it is finished."""
    return out.with_name(out.name + ".unfinished")


def _inputs(data: TrainingData, base: str, samples: int, settings: Settings) -> dict[str, Any]:
    card = sha256_of(data.folder / CARD)
    given = {"base": base, "samples": samples, "settings": asdict(settings)}
    return given | {"data_card_sha256": card}


@contextmanager
def _begun(work: Path, started_with: dict[str, Any], resume: bool) -> Iterator[str | None]:
    """Lock the folder of an unfinished run, and return the checkpoint to continue from."""
    if resume and not work.exists():
        raise UserError(f"there is no unfinished run at {work}: start it without --resume")
    known, lock = work / "run.json", FileLock(work / "lock")
    try:
        work.mkdir(parents=True, exist_ok=True)
        if not known.exists() and any(path.name != "lock" for path in work.iterdir()):
            raise UserError(f"{work} is no unfinished run; delete it, or name another --out")
        with lock.acquire(timeout=0):
            folders = sorted(work.glob("checkpoint-*"), key=lambda one: int(one.name.split("-")[1]))
            # An incompletely written checkpoint lacks the file that is written last.
            whole = [one for one in folders if (one / "trainer_state.json").is_file()]
            checkpoint = str(whole[-1]) if whole else None
            before = read_object(known)
            if checkpoint is None:
                for path in folders:
                    shutil.rmtree(path)
                known.write_text(json.dumps(started_with, indent=2), encoding="utf-8")
            elif not before:
                raise UserError(f"{known} cannot be read; delete {work}, or name another --out")
            elif not resume:
                raise UserError(
                    f"an unfinished run is at {work}: go on with --resume, or delete it"
                )
            elif differ := [one for one in started_with if before.get(one) != started_with[one]]:
                raise UserError(
                    f"the unfinished run at {work} has another {differ[0]} "
                    f"({before.get(differ[0])}); resume it with that, or delete it"
                )
            yield checkpoint
    except Timeout:
        raise UserError(f"another process is training in {work}: wait for it") from None
    except OSError as error:
        raise UserError(f"cannot write {work} ({error.strerror or error})") from error


def _trainer(
    model: Any,
    tokenizer: Any,
    data: TrainingData,
    count: int,
    settings: Settings,
    work: Path,
    device: str,
    half: bool,
    say: Callable[[str], None],
) -> Any:
    trl, peft, transformers = map(import_module, ("trl", "peft", "transformers"))
    passes = settings.passes(count)
    train, heldout = (
        import_module("datasets").Dataset.from_list(
            [{"prompt": one.messages[:-1], "completion": one.messages[-1:]} for one in part]
        )
        for part in (data.train[:count], data.heldout)
    )
    arguments = trl.SFTConfig(
        output_dir=str(work),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.batch,
        num_train_epochs=passes,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=half,
        use_cpu=device == "cpu",
        # Questions and answers are short: time matters more than memory.
        gradient_checkpointing=False,
        # No truncation: the longest sample is checked against the model's limit instead.
        max_length=None,
        completion_only_loss=True,
        eval_strategy="epoch",
        eval_on_start=True,
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        save_total_limit=2,
        disable_tqdm=True,
        report_to=[],
    )
    transformers.set_seed(settings.seed)
    torch = import_module("torch")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # No tensor is read before it is written, and filling all of them takes 8 % of a CPU's time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    trainer = _trainer_class(trl.SFTTrainer, model, device)(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=heldout,
        processing_class=tokenizer,
        peft_config=peft.LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[
            transformers.EarlyStoppingCallback(early_stopping_patience=settings.patience),
            _progress(transformers.TrainerCallback, passes, say),
        ],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _trainer_class(kind: Any, model: Any, device: str) -> Any:
    """Return TRL's trainer `kind`; away from GPUs with the loss of `_answer_loss`.

    TRL computes the logits of every token there, and of the answers alone on GPUs.
    """
    takes = signature(model.forward).parameters
    # The loss of a mixture of experts has a second part, which only TRL computes.
    has_experts = hasattr(model.config, "router_aux_loss_coef")
    if device == "cuda" or has_experts or "logits_to_keep" not in takes:
        return kind
    return type("_Trainer", (kind,), {"compute_loss": _answer_loss})


def _answer_loss(
    trainer: Any,
    model: Any,
    inputs: Any,
    return_outputs: bool = False,
    num_items_in_batch: Any = None,
) -> Any:
    """Return the mean loss of the answers' tokens, from the logits after the shortest question."""
    labels = inputs["labels"]
    is_answer = labels != -100
    first = int(is_answer.any(dim=0).nonzero()[0])
    outputs = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        use_cache=False,
        # The token before an answer predicts the answer's first token.
        logits_to_keep=labels.shape[1] - first + 1,
    )
    total = import_module("torch").nn.functional.cross_entropy(
        outputs.logits[:, :-1].flatten(0, 1).float(), labels[:, first:].flatten(), reduction="sum"
    )
    loss = total / (is_answer.sum() if num_items_in_batch is None else num_items_in_batch)
    return (loss, outputs) if return_outputs else loss


def _progress(kind: Any, passes: int, say: Callable[[str], None]) -> Any:
    """Return a callback that reports each pass."""

    def on_evaluate(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        last = passes_of(state.log_history).iloc[-1]
        loss = f"loss {last['loss']:.3f}, " if last.name else ""
        held = f"{loss}held-out loss {last['heldout_loss']:.3f}"
        say(f"pass {last.name} of at most {passes}: {held}")

    return type("_Progress", (kind,), {"on_evaluate": on_evaluate})()


def _device(asked: str | None) -> str:
    """Return the device `asked`; if None, the best available device."""
    torch = import_module("torch")
    devices = {"cuda": torch.cuda, "mps": torch.backends.mps, "cpu": torch.cpu}
    available = [name for name, one in devices.items() if one.is_available()]
    if asked is not None and asked not in available:
        raise unknown("device", asked, available)
    return asked or available[0]


def _peak_memory(device: str) -> int | None:
    """Return the peak memory in bytes, on a CPU that of the whole process; None if unknown."""
    if device == "cuda":
        return int(import_module("torch").cuda.max_memory_allocated())
    if device != "cpu" or sys.platform == "win32":
        return None
    resource = import_module("resource")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but bytes on macOS.
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def _failures_explained(work: Path) -> Iterator[None]:
    """Convert an interruption, a full disk or full memory to an error of one line."""
    unwritten = (OSError, import_module("safetensors").SafetensorError)
    try:
        yield
    except UserError:
        raise
    except (KeyboardInterrupt, *unwritten, RuntimeError, MemoryError) as error:
        why = first_line(error)
        if isinstance(error, MemoryError) or "out of memory" in why.lower():
            why = f"the memory is full ({why}): take a smaller batch or a smaller base"
        elif isinstance(error, unwritten) or "write" in why.lower():
            why = f"cannot write {work} ({why}): make room"
        elif isinstance(error, KeyboardInterrupt):
            why = "interrupted"
        else:
            raise
        raise UserError(
            f"{why}; no adapter was written; whole passes are kept in {work}: go on with --resume"
        ) from error
