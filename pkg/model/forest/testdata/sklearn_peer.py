"""Writes sklearn_peer.json: a small table and what scikit-learn answers for it.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python sklearn_peer.py

The columns have at most 255 distinct values, so that binning loses nothing. The
trees are compared one to one, on new rows only where no two features tie: then
scikit-learn lets chance decide. Of the forest, whose random numbers are its own,
only the error is compared.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(3)
rows, train = 900, 250
x = np.round(rng.normal(0, 30, (rows, 4)), 1)
x = np.column_stack([x, rng.integers(0, 9, rows)]).astype(np.float32)
for c in range(4):
    values = np.unique(x[:, c])
    if len(values) > 250:  # every value to the nearest of 250
        kept = values[np.linspace(0, len(values) - 1, 250).astype(int)]
        x[:, c] = kept[np.abs(x[:, c][:, None] - kept).argmin(axis=1)]
y = 1_000 + 20 * x[:, 0] + x[:, 1] * x[:, 4] + 0.5 * x[:, 2] ** 2 + rng.normal(0, 60, rows)
weight = rng.integers(1, 4, rows).astype(float)

trees = []
for name, params, weighted in (
    ("to the end", {}, False),
    ("leaves of five", {"min_samples_leaf": 5}, False),
    ("splits of twenty", {"min_samples_split": 20}, False),
    ("depth four", {"max_depth": 4}, False),
    ("weights", {"min_samples_leaf": 6}, True),
    ("impurity", {"min_impurity_decrease": 900.0}, False),
    ("impurity, weights", {"min_impurity_decrease": 2_000.0}, True),
):
    tree = DecisionTreeRegressor(random_state=0, **params)
    tree.fit(x[:train], y[:train], sample_weight=weight[:train] if weighted else None)
    trees.append({"name": name, "params": params, "weighted": weighted,
                  "ties": not params or "min_impurity_decrease" in params, "leaves": int(tree.get_n_leaves()), "predictions": tree.predict(x).tolist()})

forests = []
for extra, params in (
    (False, {}),
    (False, {"min_samples_leaf": 3}),
    (False, {"min_samples_leaf": 3, "max_features": 0.4}),
    (False, {"max_depth": 5}),
    (False, {"min_samples_leaf": 2, "max_features": "sqrt", "oob_score": True}),
    (False, {"max_samples": 0.5, "max_features": 3, "oob_score": True}),
    (True, {}),
    (True, {"min_samples_leaf": 3, "max_features": 0.6}),
    (True, {"min_samples_split": 8, "max_features": "log2"}),
    (True, {"min_samples_leaf": 2, "bootstrap": True, "oob_score": True}),
):
    found = {"rmse": [], "mae": [], "oob": []}
    for seed in range(20):
        forest = (ExtraTreesRegressor if extra else RandomForestRegressor)(random_state=seed, **params).fit(x[:train], y[:train])
        missed = forest.predict(x[train:]) - y[train:]
        found["rmse"].append(np.sqrt(np.mean(missed**2)))
        found["mae"].append(np.mean(np.abs(missed)))
        found["oob"].append(forest.oob_score_ if params.get("oob_score") else 0)
    forests.append({"params": params, "extra": extra, **{name: float(np.mean(v)) for name, v in found.items()}, "sd": float(np.std(found["mae"]))})

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "train": train,
    "x": x.astype(float).tolist(),
    "y": y.tolist(),
    "weight": weight.tolist(),
    "trees": trees,
    "forests": forests,
}) + "\n")
