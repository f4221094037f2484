"""The contenders: a function each that makes an estimator with its default parameters.

All get the same raw frame. What a library cannot read is prepared in a pipeline, whose time counts:
text columns become categories (trees, pytabkit), missing text a category of its own (CatBoost),
missing numbers the median and an indicator (pytabkit), and categories of more than 255 levels, for
which HistGradientBoosting has no room, their codes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.tabular.frames import Categories, Codes, Medians, Texts, texts
from benchmarks.tabular.variants import VARIANTS


class Setting(NamedTuple):
    """What an estimator is made for."""

    X: Any  # the training rows
    classification: bool
    seed: int
    threads: int = 1
    device: str = "cpu"


def mlpkit(setting: Setting, **options: Any) -> Any:
    """The estimators of mlpkit-tabular on the raw frame."""
    from mlpkit_tabular import TabularClassifier, TabularRegressor

    estimator = TabularClassifier if setting.classification else TabularRegressor
    return estimator(random_state=setting.seed, **options)


def gradient_boosting(setting: Setting) -> Any:
    """scikit-learn's boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    estimator = (
        HistGradientBoostingClassifier if setting.classification else HistGradientBoostingRegressor
    )
    return make_pipeline(
        Categories(),
        Codes(above=255),
        estimator(categorical_features="from_dtype", random_state=setting.seed),
    )


def lightgbm(setting: Setting) -> Any:
    """LightGBM on columns of categories."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.pipeline import make_pipeline

    estimator = LGBMClassifier if setting.classification else LGBMRegressor
    return make_pipeline(
        Categories(),
        estimator(random_state=setting.seed, n_jobs=setting.threads, verbose=-1),
    )


def catboost(setting: Setting) -> Any:
    """CatBoost, which is given the names of the text columns."""
    from catboost import CatBoostClassifier, CatBoostRegressor
    from sklearn.pipeline import make_pipeline

    estimator = CatBoostClassifier if setting.classification else CatBoostRegressor
    return make_pipeline(
        Texts(),
        estimator(
            random_seed=setting.seed,
            thread_count=setting.threads,
            cat_features=texts(setting.X),
            verbose=False,
            allow_writing_files=False,
        ),
    )


def pytabkit(setting: Setting, name: str) -> Any:
    """A network of pytabkit with its tuned defaults."""
    import pytabkit
    from sklearn.pipeline import make_pipeline

    kind = "Classifier" if setting.classification else "Regressor"
    estimator = getattr(pytabkit, f"{name}_{kind}")
    return make_pipeline(
        Medians(),
        Categories(),
        estimator(random_state=setting.seed, device=setting.device, n_threads=setting.threads),
    )


def realmlp(setting: Setting) -> Any:
    """RealMLP-TD of pytabkit."""
    return pytabkit(setting, "RealMLP_TD")


def tabm(setting: Setting) -> Any:
    """TabM-D of pytabkit."""
    return pytabkit(setting, "TabM_D")


PEERS: dict[str, Callable[[Setting], Any]] = {
    "HistGradientBoosting": gradient_boosting,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "RealMLP": realmlp,
    "TabM": tabm,
}
CONTENDERS = {"mlpkit": mlpkit, **PEERS}


def estimator(name: str, setting: Setting) -> Any:
    """Return the estimator of a contender, or of a variant of mlpkit."""
    if name in VARIANTS:
        return mlpkit(setting, **VARIANTS[name])
    return CONTENDERS[name](setting)
