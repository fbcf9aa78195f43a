"""The peers of bench/tune: a grid over scikit-learn's forest and XGBoost's hist, on
the folds and rows that lie beside it, tracked by MLflow as the train command tracks
it: a run a candidate inside one run, the winners' models logged and registered, four
pictures. Writes JSON with the CPU time of the whole process and of the processes
that it starts, what the search alone took of it, and the winners. `go run
./bench/tune` runs it, with the versions of bench/requirements.txt."""

import json
import os
import sys
import time

with open("task.json", encoding="utf-8") as f:
    task = json.load(f)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(task["jobs"])

os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import numpy as np  # noqa: E402 - the threads are counted when it is loaded
from sklearn.ensemble import RandomForestRegressor  # noqa: E402
from sklearn.model_selection import ParameterGrid  # noqa: E402
from xgboost import XGBRegressor  # noqa: E402

searching = time.process_time()  # without what follows only for tracking

import logging  # noqa: E402

import matplotlib  # noqa: E402
import mlflow  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

logging.disable(logging.WARNING)


def cpu():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


# The tables of a new database are made once in its life: that is not counted.
began = cpu()
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("tune")
once = cpu() - began

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


def answers(fitted, rows):
    return fitted.predict(x[rows]) * scale[rows]


def error(model, params, train, valid):
    fitted = made(model, params).fit(x[train], y[train])
    return float(np.mean((answers(fitted, valid) - actual[valid]) ** 2))


def searched(model, params):
    """The mean error on the folds, and the CPU time that it took."""
    began = time.process_time()
    scores = [error(model, params, *fold) for fold in folds]
    took = time.process_time() - began
    with mlflow.start_run(run_name=f"{model}-candidate", nested=True):
        mlflow.log_params(params)
        for i, score in enumerate(scores):
            mlflow.log_metric("fold_mse", score, step=i)
        mlflow.log_metric("mse", sum(scores) / len(scores))
    return sum(scores) / len(scores), took


def pictures(model, fitted):
    said, came = answers(fitted, learn), actual[learn]
    fig, ax = plt.subplots()
    ax.scatter(came, said, s=4)
    mlflow.log_figure(fig, f"plots/{model}_predicted_vs_actual.png")
    plt.close(fig)
    fig, ax = plt.subplots()
    top = np.argsort(fitted.feature_importances_)[-20:]
    ax.barh([str(c) for c in top], fitted.feature_importances_[top])
    mlflow.log_figure(fig, f"plots/{model}_importance.png")
    plt.close(fig)


best, mean = {}, {}
with mlflow.start_run(run_name="train"):
    for model, grid in task["grid"].items():
        for params in ParameterGrid(grid):
            score, took = searched(model, params)
            searching += took
            if model not in best or score < mean[model]:
                best[model], mean[model] = params, score
        began = time.process_time()
        fitted = made(model, best[model]).fit(x[learn], y[learn])
        searching += time.process_time() - began
        mlflow.log_metric(model + "_mse", mean[model])
        pictures(model, fitted)
        flavor = mlflow.sklearn if model == "rf" else mlflow.xgboost
        how = {"serialization_format": "cloudpickle"} if model == "rf" else {}
        flavor.log_model(fitted, name=model, registered_model_name=model, input_example=x[:5], **how)

json.dump({"seconds": cpu() - once, "search": searching, "best": best, "mean": mean}, sys.stdout)
