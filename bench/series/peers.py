"""The peers of the series benchmark: statsforecast's models of the same names, on
the series of question.json, one after the other on one processor. Writes JSON: CPU
seconds in all and of the dearest series, mean sMAPE, failures. `go run
./bench/series` runs it."""

import json
import os
import sys
import time
import warnings

for variable in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]:
    os.environ[variable] = "1"

import numpy as np
from statsforecast.models import AutoARIMA, AutoETS, AutoTheta, DynamicOptimizedTheta

warnings.simplefilter("ignore")
MODELS = {
    "auto_arima": AutoARIMA,
    "auto_theta": AutoTheta,
    "dynamic_optimized_theta": DynamicOptimizedTheta,
    "ets": AutoETS,
}

question = json.load(open("question.json"))
options, steps = question["options"], question["steps"]
out = {}
for name in options["models"]:
    if name not in MODELS:
        continue
    warm = np.arange(60.0) + np.arange(60) % 7  # what is compiled on the first call is not counted
    MODELS[name](season_length=1).forecast(y=warm, h=steps)
    total = dearest = smape = 0.0
    failed = 0
    for values in question["series"]:
        y, held = np.array(values[:-steps]), np.array(values[-steps:])
        began = time.process_time()
        try:
            mean = MODELS[name](season_length=options["season"]).forecast(y=y, h=steps)["mean"]
        except Exception:
            mean = None
        took = time.process_time() - began
        total, dearest = total + took, max(dearest, took)
        if mean is None:
            failed += 1
            continue
        size = np.abs(mean) + np.abs(held)
        smape += np.mean(np.where(size > 0, 200 * np.abs(mean - held) / np.where(size > 0, size, 1), 0))
    out[name] = {"cpu": total, "dearest": dearest, "smape": smape / max(len(question["series"]) - failed, 1), "failed": failed}
json.dump(out, sys.stdout)
