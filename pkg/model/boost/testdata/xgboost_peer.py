"""Writes xgboost_peer.json: a small table and what XGBoost answers for it.

    pip install numpy==2.4.6 xgboost==3.2.0
    python xgboost_peer.py

Every feature of the table has fewer distinct values than max_bin, so that the
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
    "errors": errors,
}) + "\n")
