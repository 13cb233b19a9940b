"""Fine-tuning on answers: export samples, train or submit, and evaluate the effect.

Each step is in a module of its own, since not every step needs the extra `finetune`:

    from kidney_evals.finetuning.sources import Request
    from kidney_evals.finetuning.export import export
    data = export(Path("samples"), Request(samples=128, condition="coin_flip"))

    from kidney_evals.finetuning.settings import settings
    from kidney_evals.finetuning.train import train
    train(data, "owner/base", Path("adapter"), settings(rank=8))

    from kidney_evals.finetuning.hosted import prepare, submit
    from kidney_evals.finetuning.hosted_service import Service
    submit(prepare(Path("samples"), base="gpt-4.1-mini"), Service(), Path("job.json"), print)

    from kidney_evals.finetuning.arms import arms_of
    from kidney_evals.finetuning.evaluate import evaluate
    from kidney_evals.finetuning.comparison_report import write_results
    write_results(evaluate(arms_of("hf/owner/base", ["adapter"]), Path("out")), Path("out"))
"""
