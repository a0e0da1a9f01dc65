"""The peers at their defaults, used as their makers advise, on one thread and with a fixed seed.

Boosting receives categories as categories and gaps as they are. pytabkit receives categories as they are, but rejects
gaps in numbers; they become the mean and an indicator, as in TabArena. scikit-learn's networks and linear models
receive one-hot categories and standardized numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.part import Part, Predictions

# HistGradientBoosting takes at most 255 categories a column; the rarest share the last.
MAX_HGB_CATEGORIES = 255
OTHER = "other categories"


def _fit_predict(model: Any, part: Part, train: Any, test: Any, **fit: Any) -> Predictions:
    model.fit(train, part.y, **fit)
    return np.asarray(model.predict_proba(test) if part.is_classes else model.predict(test), dtype=np.float64)


def categories(part: Part, most: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test with pandas categories; those absent from training become gaps in test.

    Columns are renamed `f0`, `f1` and on, because LightGBM and XGBoost reject some characters. At most `most`
    categories a column remain, and the rarest share one.
    """
    train, test = part.train.copy(), part.test.copy()
    for name in part.categorical:
        counts = train[name].value_counts()
        known = counts.index
        if most is not None and len(known) > most:
            kept = known[: most - 1]
            for frame in (train, test):
                rare = frame[name].isin(known) & ~frame[name].isin(kept)
                frame[name] = frame[name].mask(rare, OTHER)
            known = kept.append(pd.Index([OTHER]))
        kind = pd.CategoricalDtype(sorted(known))
        for frame in (train, test):
            frame[name] = frame[name].where(frame[name].isin(known)).astype(kind)
    names = [f"f{number}" for number in range(train.shape[1])]
    return train.set_axis(names, axis=1), test.set_axis(names, axis=1)


def catboost(part: Part) -> Predictions:
    """CatBoost; a gap in a category is a category."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    train, test = (
        frame.assign(**{name: frame[name].fillna("missing") for name in part.categorical})
        for frame in (part.train, part.test)
    )
    model = (CatBoostClassifier if part.is_classes else CatBoostRegressor)(
        thread_count=1, random_seed=0, verbose=0, allow_writing_files=False
    )
    return _fit_predict(model, part, train, test, cat_features=part.categorical)


def lightgbm(part: Part) -> Predictions:
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMClassifier if part.is_classes else LGBMRegressor)(n_jobs=1, random_state=0, verbose=-1)
    return _fit_predict(model, part, *categories(part))


def xgboost(part: Part) -> Predictions:
    """XGBoost."""
    from xgboost import XGBClassifier, XGBRegressor

    model = (XGBClassifier if part.is_classes else XGBRegressor)(
        n_jobs=1, random_state=0, enable_categorical=True
    )
    return _fit_predict(model, part, *categories(part))


def hist_gradient_boosting(part: Part) -> Predictions:
    """scikit-learn's HistGradientBoosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    model = (HistGradientBoostingClassifier if part.is_classes else HistGradientBoostingRegressor)(
        categorical_features="from_dtype", random_state=0
    )
    return _fit_predict(model, part, *categories(part, MAX_HGB_CATEGORIES))


def fill_numbers(part: Part) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test with the mean in place of gaps in numbers, and a column that marks them."""
    from sklearn.impute import SimpleImputer

    if not part.numeric or not part.train[part.numeric].isna().any(axis=None):
        means = part.train[part.numeric].mean()
        return part.train, part.test.fillna(means.to_dict())
    imputer = SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)
    imputer.set_output(transform="pandas").fit(part.train[part.numeric])
    train, test = (
        pd.concat([imputer.transform(frame[part.numeric]), frame[part.categorical]], axis=1)
        for frame in (part.train, part.test)
    )
    return train, test


def _pytabkit(part: Part, classifier: str, regressor: str) -> Predictions:
    import pytabkit

    model = getattr(pytabkit, classifier if part.is_classes else regressor)(
        device="cpu", n_threads=1, random_state=0, verbosity=0
    )
    train, test = fill_numbers(part)
    return _fit_predict(model, part, train, test, cat_col_names=part.categorical)


def realmlp(part: Part) -> Predictions:
    """RealMLP with its tuned defaults."""
    return _pytabkit(part, "RealMLP_TD_Classifier", "RealMLP_TD_Regressor")


def tabm(part: Part) -> Predictions:
    """TabM with its defaults."""
    return _pytabkit(part, "TabM_D_Classifier", "TabM_D_Regressor")


def _one_hot_pipeline(part: Part, model: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer(
        [("numbers", numbers, part.numeric), ("categories", one_hot, part.categorical)]
    )
    return make_pipeline(columns, model)


def sklearn_mlp(part: Part) -> Predictions:
    """scikit-learn's multilayer perceptron, with a standardized target."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    if part.is_classes:
        model = MLPClassifier(random_state=0)
    else:
        model = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    return _fit_predict(_one_hot_pipeline(part, model), part, part.train, part.test)


def linear(part: Part) -> Predictions:
    """Logistic regression or ridge regression."""
    from sklearn.linear_model import LogisticRegression, Ridge

    model = LogisticRegression(max_iter=1000) if part.is_classes else Ridge()
    return _fit_predict(_one_hot_pipeline(part, model), part, part.train, part.test)
