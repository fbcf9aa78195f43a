"""Writes peers.json: errors of forecasts as utilsforecast has them, in our units,
and tests between forecasts as statsmodels has them.

    pip install utilsforecast==0.2.17 statsmodels==0.15.0 pandas==3.1.1 numpy==2.4.6
    python peers.py > peers.json

Percentages are 100 times utilsforecast's shares, sMAPE is 200 times.
"""
import importlib.metadata as metadata
import json

import numpy as np
import pandas as pd
import utilsforecast.losses as ufl
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.stattools import diebold_mariano_test

rng = np.random.default_rng(20120427)


def errors(season, n, h, level):
    t = np.arange(n + h)
    y = level * (1 + 0.2 * np.sin(2 * np.pi * t / season)) + rng.normal(0, 0.05 * level, n + h)
    if level < 10:
        y = np.maximum(0, np.round(y))
    f = y[n:] * rng.normal(1, 0.06, h) + rng.normal(0, 0.01 * level, h)
    lo, hi = f - 0.06 * level, f + 0.05 * level
    frame = pd.DataFrame({"unique_id": "a", "ds": t[n:], "y": y[n:], "m": f, "m-lo-80": lo, "m-hi-80": hi})
    train = pd.DataFrame({"unique_id": "a", "ds": t[:n], "y": y[:n]})

    def one(loss, factor=1.0, models=("m",), **more):
        models = models if isinstance(models, dict) else list(models)
        return factor * float(loss(frame, models=models, **more)["m"].iloc[0])

    scaled = {"seasonality": season, "train_df": train}
    return {
        "season": season, "history": y[:n].tolist(), "actual": y[n:].tolist(), "forecast": f.tolist(),
        "lower": lo.tolist(), "upper": hi.tolist(),
        "scores": {
            "mae": one(ufl.mae), "mse": one(ufl.mse), "rmse": one(ufl.rmse), "bias": one(ufl.bias),
            "mape": one(ufl.mape, 100), "smape": one(ufl.smape, 200), "wape": one(ufl.wape, 100),
            "mase": one(ufl.mase, **scaled), "rmsse": one(ufl.rmsse, **scaled),
            "coverage": one(ufl.coverage, 100, level=80),
            "pinball10": one(ufl.quantile_loss, models={"m": "m-lo-80"}, q=0.1),
            "pinball90": one(ufl.quantile_loss, models={"m": "m-hi-80"}, q=0.9),
        },
    }


def contest(n, horizon, lags, criterion):
    y = 100 + np.cumsum(rng.normal(0, 1, n))
    noise = np.convolve(rng.normal(0, 1, n + horizon - 1), np.ones(horizon), "valid")
    a, b = y + noise, y + 1.2 * noise + rng.normal(0.2, 1, n)
    r = diebold_mariano_test(y, a, b, lags=lags, criterion=criterion, harvey_adj=True, horizon=horizon)
    return {"actual": y.tolist(), "a": a.tolist(), "b": b.tolist(), "horizon": horizon,
            "lags": -1 if lags is None else lags, "criterion": criterion,
            "statistic": float(r.statistic), "p": float(r.pvalue), "used": int(r.lags)}


p = rng.uniform(0, 0.2, 9)
print(json.dumps({
    "versions": {k: metadata.version(k) for k in ("utilsforecast", "statsmodels", "pandas", "numpy")},
    "errors": [errors(52, 120, 8, 1.2e6), errors(52, 143, 30, 4e4), errors(7, 30, 14, 3), errors(1, 12, 5, 50)],
    "contests": [contest(*c) for c in [
        (8, 1, None, "mae"), (27, 1, None, "mse"), (32, 8, None, "mae"), (64, 4, None, "mape"), (143, 8, 7, "mse"),
        (40, 3, 0, "mae"), (11, 10, None, "mse"), (10, 2, 20, "mae")]],
    "holm": {"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()},
}, separators=(",", ":")))
