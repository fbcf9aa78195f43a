"""Writes xgboost_peer.json: a small table and what XGBoost answers for it.

    pip install numpy==2.4.6 xgboost==3.2.0
    python xgboost_peer.py

The objectives are compared on targets in thousands, so that huber_slope is a number
at hand. Every feature of the table has fewer distinct values than max_bin, so that the
hist method looks at all of its splits. A second table, of more values, is a
formula that the Go test repeats; of it only the errors are kept, as the mean
over some values of max_bin, which are as good as each other.
"""

import json
import pathlib

import numpy as np
import xgboost

rng = np.random.default_rng(7)
rows, train = 600, 450
x = np.column_stack([
    rng.integers(0, 45, rows),
    rng.integers(1, 53, rows),
    rng.integers(0, 2, rows),
    rng.integers(0, 200, rows) / 8,
    rng.integers(0, 150, rows) - 75,
    np.round(rng.normal(0, 12, rows)),
]).astype(np.float32)
y = 400_000 + 9_000 * x[:, 0] + 60_000 * np.sin(x[:, 1] / 8) + 30_000 * x[:, 2] * (x[:, 3] > 12)
y = np.round(y + 5_000 * np.abs(x[:, 5]) + rng.normal(0, 10_000, rows), 2)
for column, share in ((3, 0.1), (5, 0.25)):
    x[rng.random(rows) < share, column] = np.nan
weight = rng.integers(1, 5, rows) / 3

cases = [
    {"name": "defaults", "params": {}},
    {"name": "shallow and slow", "params": {"max_depth": 3, "learning_rate": 0.1, "n_estimators": 200}},
    {"name": "no penalty", "params": {"reg_lambda": 0, "min_child_weight": 5}},
    {"name": "gamma", "params": {"gamma": 2e8, "max_depth": 8}},
    {"name": "no depth limit", "params": {"max_depth": 0, "n_estimators": 20}},
    {"name": "weights", "params": {"min_child_weight": 10}, "weighted": True},
]
for case in cases:
    case["params"]["base_score"] = 500_000
    model = xgboost.XGBRegressor(tree_method="hist", max_bin=256, n_jobs=1, **{"n_estimators": 100, **case["params"]})
    model.fit(x[:train], y[:train], sample_weight=weight[:train] if case.get("weighted") else None)
    case["predictions"] = model.predict(x[train:]).astype(float).tolist()

categories = ["c", "q", "c", "q", "q", "q"]  # the kinds of the columns, where a case has them
for name, params, more in (
    ("reg_alpha", {"reg_alpha": 300_000}, {}),
    ("max_delta_step", {"max_delta_step": 9_000, "reg_alpha": 20_000}, {}),
    ("absolute error", {"objective": "reg:absoluteerror"}, {}),
    ("absolute error, weights", {"objective": "reg:absoluteerror", "reg_lambda": 3}, {"weighted": True}),
    ("absolute error, penalties", {"objective": "reg:absoluteerror", "reg_alpha": 2, "gamma": 3, "min_child_weight": 8}, {}),
    ("median of an even number", {"objective": "reg:absoluteerror", "max_depth": 1, "n_estimators": 3}, {}),
    ("quantile 0.9", {"objective": "reg:quantileerror", "quantile_alpha": 0.9}, {}),
    ("quantile 0.1, weights", {"objective": "reg:quantileerror", "quantile_alpha": 0.1, "learning_rate": 0.1}, {"weighted": True}),
    ("quantile beyond the smallest", {"objective": "reg:quantileerror", "quantile_alpha": 0.001, "n_estimators": 5}, {}),
    ("quantile beyond the largest", {"objective": "reg:quantileerror", "quantile_alpha": 0.999, "n_estimators": 5}, {}),
    ("pseudo-Huber", {"objective": "reg:pseudohubererror", "huber_slope": 20, "base_score": 500}, {"thousands": True}),
    ("pseudo-Huber, weights", {"objective": "reg:pseudohubererror", "huber_slope": 5, "base_score": 600, "min_child_weight": 0.01}, {"weighted": True, "thousands": True}),
    ("pseudo-Huber, own base", {"objective": "reg:pseudohubererror", "huber_slope": 1_500}, {"thousands": True}),
    ("pseudo-Huber, own base, weights", {"objective": "reg:pseudohubererror", "huber_slope": 2_000}, {"weighted": True, "thousands": True}),
    ("mean, weights", {}, {"weighted": True}),
    ("categories", {"enable_categorical": True}, {"categorical": True}),
    ("categories one by one", {"enable_categorical": True, "max_cat_to_onehot": 99, "n_estimators": 30}, {"categorical": True}),
    ("few categories a set", {"enable_categorical": True, "max_cat_threshold": 5, "n_estimators": 30}, {"categorical": True, "weighted": True}),
    ("categories, absolute error", {"enable_categorical": True, "objective": "reg:absoluteerror", "reg_alpha": 1}, {"categorical": True}),
):
    target = np.round(y / 1_000, 3) if more.get("thousands") else y
    model = xgboost.XGBRegressor(tree_method="hist", max_bin=256, n_jobs=1, feature_types=categories if more.get("categorical") else None,
                                 **{"n_estimators": 100, **params})
    model.fit(x[:train], target[:train], sample_weight=weight[:train] if more.get("weighted") else None)
    cases.append({"name": name, "params": params, **more, "predictions": model.predict(x[train:]).astype(float).tolist()})

stops = []  # rounds that early stopping keeps, on the last rows as they come
for params in ({"learning_rate": 0.5}, {"objective": "reg:absoluteerror", "learning_rate": 0.2},
               {"objective": "reg:quantileerror", "quantile_alpha": 0.8, "learning_rate": 0.4},
               {"objective": "reg:pseudohubererror", "huber_slope": 10, "base_score": 500, "min_child_weight": 0.01}):
    target = np.round(y / 1_000, 3)
    params = {"early_stopping_rounds": 5, "n_estimators": 500, **params}
    model = xgboost.XGBRegressor(tree_method="hist", max_bin=256, n_jobs=1, **params)
    model.fit(x[:train], target[:train], sample_weight=weight[:train], verbose=False,
              eval_set=[(x[train:], target[train:])], sample_weight_eval_set=[weight[train:]])
    stops.append({"params": params, "rounds": model.best_iteration + 1})

own_base = xgboost.XGBRegressor(tree_method="hist", max_bin=256, n_jobs=1, n_estimators=100).fit(x[:train], y[:train])
cases.append({"name": "base score is the mean", "params": {}, "predictions": own_base.predict(x[train:]).astype(float).tolist()})


def formula(rows):
    i = np.arange(1, rows + 1, dtype=np.float64)
    u = [np.mod(i * a, 1) for a in (0.6180339887498949, 0.7548776662466927, 0.5698402909980532, 0.8191725133961645, 0.7320508075688772)]
    target = 1000 + 300 * u[0] * u[1] + 200 * (u[2] - 0.5) * (u[2] - 0.5) + 50 * (u[3] > 0.3) + 40 * u[4]
    return np.column_stack(u[:4]).astype(np.float32), target


u, target = formula(3_000)
errors = []
for params in ({}, {"max_depth": 3, "learning_rate": 0.1, "n_estimators": 200}, {"subsample": 0.7, "colsample_bytree": 0.5}):
    misses = []
    for seed in range(20):
        model = xgboost.XGBRegressor(tree_method="hist", max_bin=240 + seed, n_jobs=1, random_state=seed, **{"n_estimators": 100, **params})
        misses.append(model.fit(u[:2_000], target[:2_000]).predict(u[2_000:]) - target[2_000:])
    errors.append({"params": params, "rmse": float(np.mean([np.sqrt(np.mean(m**2)) for m in misses]))})

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "versions": {"xgboost": xgboost.__version__, "numpy": np.__version__},
    "train": train,
    "x": [[None if np.isnan(v) else float(v) for v in row] for row in x],
    "y": y.tolist(),
    "weight": weight.tolist(),
    "cases": cases,
    "stops": stops,
    "errors": errors,
}) + "\n")
