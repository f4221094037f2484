"""What is measured: the parts of the comparison, and the questions of each part."""

from typing import NamedTuple

from benchmarks.cases import BUSY_CASES, CASES, LONG_CASES, SHORT_CASES, SPARSE_CASES

ARRAYS = ("mlpkit-numpy", "mlpkit-numba", "scikit-learn")
BACKENDS = ("mlpkit-numpy", "mlpkit-numba", "mlpkit-jax", "mlpkit-tensorflow", "mlpkit-torch")
# Keras on JAX compiles its step for each new number of rows: such a stream takes minutes
STREAMING = (*BACKENDS, "scikit-learn", "keras-tensorflow", "scikeras", "skorch")
LIBRARIES = (*STREAMING, "keras-jax")
TRAINING_LONG = (*BACKENDS, "scikit-learn", "keras-jax", "skorch")
FITTING = ("floor-numpy", "floor-xla", *LIBRARIES)
STREAM, QUICK_STREAM = "300 calls, 1 to 512 rows", "5 calls, 1 to 512 rows"
ONE_ROW = "300 calls, 1 row"
EPOCHS, FEW, MANY = (1, 2, 4, 8), 100, 700  # steps of an epoch, and numbers of epochs
FIRST, AGAIN = "default fit, first time", "default fit, second time"
IMPORT = "import of MLPClassifier"
COUNTED = ("digits, (100), 200", "784, (512, 512), 128")
MANY_ROWS = "100,000 rows"
PREDICTIONS = ("1 row", "1 row of a frame", MANY_ROWS, f"{MANY_ROWS} of a frame")
IDLE_OR_BUSY = (0, 1)  # other processes that keep a core busy
FILES, BUDGET = 4, "1GiB"  # GiB of files, and the memory that training on them may use
ON_REQUEST = ("files",)  # parts that take minutes and gigabytes of disk
THREADS = ("default threads", "one BLAS thread")


class Question(NamedTuple):
    """A measurement.

    Parameters
    ----------
    part : str
        The part of the comparison, such as "fit".
    name : str
        The case, or the kind of work.
    contenders : tuple of str
        Who is asked.
    repeat : int
        How often the work is done in one measurement, which gives the mean.
    neighbours : int
        The number of other processes that keep a core busy.
    threads : str
        "one BLAS thread" limits BLAS to one thread.
    """

    part: str
    name: str
    contenders: tuple[str, ...]
    repeat: int = 1
    neighbours: int = 0
    threads: str = THREADS[0]

    def __str__(self) -> str:
        conditions = f"; {self.threads}; {self.neighbours} busy" if self.part == "busy" else ""
        return f"{self.part}: {self.name}{conditions}"


def epochs_question(n_steps: int, n_epochs: int) -> Question:
    """A fit of many epochs with few steps on a tiny network."""
    asked = ("mlpkit-idle", *BACKENDS, "scikit-learn")
    return Question("epoch", f"{n_epochs} epochs of {n_steps} steps", asked)


def busy_question(name: str, threads: str, neighbours: int) -> Question:
    """A fit, or a prediction of many rows, while other processes keep cores busy."""
    return Question("busy", name, ARRAYS, 1, neighbours, threads)


def prediction_question(name: str) -> Question:
    """The class probabilities of one or of many rows; all backends share their code for frames."""
    asked = ARRAYS if name.endswith("frame") else LIBRARIES
    return Question("predict", name, asked, 50 if name.startswith("1 ") else 1)


PARTS: dict[str, tuple[Question, ...]] = {
    "fit": tuple(Question("fit", name, FITTING) for name in CASES),
    "long": tuple(Question("long", name, TRAINING_LONG) for name in LONG_CASES),
    "stream": (
        Question("stream", STREAM, STREAMING),
        Question("stream", ONE_ROW, STREAMING),
    ),
    "epoch": tuple(epochs_question(s, n) for s in EPOCHS for n in (FEW, MANY)),
    "predict": tuple(map(prediction_question, PREDICTIONS)),
    "start": (
        Question("start", IMPORT, ("mlpkit-numpy", "scikit-learn")),
        *(Question("start", n, (*BACKENDS[:4], "scikit-learn")) for n in (FIRST, AGAIN)),
    ),
    "sparse": tuple(Question("sparse", name, ARRAYS) for name in SPARSE_CASES),
    "memory": tuple(Question("memory", name, ARRAYS) for name in SPARSE_CASES),
    "busy": tuple(
        busy_question(name, threads, neighbours)
        for neighbours in IDLE_OR_BUSY
        for name in (*BUSY_CASES, MANY_ROWS)
        for threads in THREADS
    ),
    "counts": tuple(Question("counts", name, BACKENDS[:4]) for name in COUNTED),
    "files": (Question("files", f"{FILES} GiB of Parquet, {BUDGET}", BACKENDS[:1]),),
}
QUICK = (
    *(Question("fit", name, FITTING) for name in SHORT_CASES),
    Question("stream", QUICK_STREAM, STREAMING),
    Question("predict", "1 row", LIBRARIES, 10),
    *(Question("counts", name, BACKENDS[:4]) for name in SHORT_CASES),
)
