"""The peers of bench/tune: a grid over scikit-learn's forest and XGBoost's hist, on
the folds and rows that lie beside it. Writes JSON with the CPU time of the whole
process, imports among it, and the winners. `go run ./bench/tune` runs it, with the
versions of bench/requirements.txt."""

import json
import os
import sys
import time

with open("task.json", encoding="utf-8") as f:
    task = json.load(f)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(task["jobs"])

import numpy as np  # noqa: E402 - the threads are counted when it is loaded
from sklearn.ensemble import RandomForestRegressor  # noqa: E402
from sklearn.model_selection import ParameterGrid  # noqa: E402
from xgboost import XGBRegressor  # noqa: E402

x = np.fromfile("x.bin", "<f4").reshape(-1, task["columns"])
y, scale, actual = (np.fromfile(name + ".bin", "<f8") for name in ("y", "scale", "actual"))
folds = [(np.array(a), np.array(b)) for a, b in task["folds"]]
learn = np.array(task["learn"])
chance = {"random_state": task["seed"], "n_jobs": task["jobs"]}


def made(model, params):
    params = {**task["fixed"][model], **params, **chance}
    if model == "rf":
        return RandomForestRegressor(**params)
    return XGBRegressor(tree_method="hist", **params)


def error(model, params, train, valid):
    fitted = made(model, params).fit(x[train], y[train])
    return float(np.mean((fitted.predict(x[valid]) * scale[valid] - actual[valid]) ** 2))


best, mean = {}, {}
for model, grid in task["grid"].items():
    for params in ParameterGrid(grid):
        score = sum(error(model, params, *fold) for fold in folds) / len(folds)
        if model not in best or score < mean[model]:
            best[model], mean[model] = params, score
    made(model, best[model]).fit(x[learn], y[learn])

json.dump({"seconds": time.process_time(), "best": best, "mean": mean}, sys.stdout)
