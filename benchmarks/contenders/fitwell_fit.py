"""fitwell, used as a reader of its README would use it."""

from __future__ import annotations

from benchmarks.contenders.base import Contender, Job, Settings, Training
from benchmarks.contenders.keras_jax import KerasTraining, build_sequential, compile_arguments
from benchmarks.workloads import Workload


class Fitwell(Contender):
    """The plain Keras listing with `import fitwell`, nothing tuned."""

    name = "fitwell"
    title = "fitwell"
    packages = ("fitwell", "jax")

    def obstacle(self, workload: Workload) -> str | None:
        try:
            from fitwell import Sequential  # noqa: F401
        except ImportError as error:
            return f"fitwell cannot be imported: {error.msg}"
        return None

    def prepare(self) -> None:
        import fitwell  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        import fitwell as fw

        fw.utils.set_random_seed(job.seed)
        model = build_sequential(fw, job.workload)
        model.compile(**compile_arguments(fw, job.workload))
        return KerasTraining(model, job, {"callbacks": []})
