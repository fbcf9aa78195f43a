"""The peers of the tree comparison: one model, one process, one JSON object on
standard output. Called as peers.py FOLDER JOB THREADS SEED, with the tables that
`go run ./bench/trees` has written to the folder: train.f32 and test.f32, rows of
float32 with the target last. CPU seconds are those of the fit, with everything
that the library does to the table, and of all threads; memory is the process's."""

import json
import os
import resource
import sys
import time

folder, job, threads, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)

import numpy as np


def table(name):
    width = int(open(os.path.join(folder, "width")).read())
    rows = np.fromfile(os.path.join(folder, name), dtype=np.float32).reshape(-1, width)
    return np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy()


def model():
    if job == "sklearn":
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(n_estimators=100, n_jobs=threads, random_state=seed)
    if job == "xgboost":
        import xgboost

        return xgboost.XGBRegressor(n_estimators=100, tree_method="hist", n_jobs=threads, random_state=seed, subsample=0.8)
    if job == "xgboost-big":
        import xgboost

        return xgboost.XGBRegressor(n_estimators=100, max_depth=6, learning_rate=0.1, tree_method="hist", n_jobs=threads)
    import lightgbm

    return lightgbm.LGBMRegressor(
        n_estimators=100, max_depth=6, num_leaves=64, learning_rate=0.1, n_jobs=threads, random_state=seed, verbose=-1
    )


def cpu():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def predict_seconds(m, x):
    """Seconds for 10,000 rows, on one thread; the least of many, of the faster way in."""
    x = x[np.arange(10_000) % len(x)]
    if job.startswith("xgboost"):
        b = m.get_booster()
        b.set_param({"nthread": 1})
        ways = [lambda: b.inplace_predict(x), lambda: m.predict(x)]
    else:
        ways = [lambda: m.predict(x)]
    best = float("inf")
    for way in ways:
        for _ in range(10):
            began = time.perf_counter()
            way()
            best = min(best, time.perf_counter() - began)
    return best


m = model()
x, y = table("train.f32")
c, w = cpu(), time.perf_counter()
m.fit(x, y)
c, w = cpu() - c, time.perf_counter() - w
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
x, y = table("test.f32")
p = m.predict(x)
json.dump(
    {
        "cpu": c,
        "seconds": w,
        "memory": memory,
        "mae": float(np.mean(np.abs(p - y))),
        "r2": float(1 - np.sum((p - y) ** 2, dtype=np.float64) / np.sum((y - y.mean(dtype=np.float64)) ** 2, dtype=np.float64)),
        "predict": predict_seconds(m, x),
    },
    sys.stdout,
)
