"""Writes stl.json: trend, season and weights of statsmodels' STL and MSTL.

    pip install statsmodels==0.15.0 numpy==2.4.6
    python stl.py > stl.json
"""
import json

import numpy as np
from statsmodels.tsa.seasonal import MSTL, STL

rng = np.random.default_rng(1990)


def series(n, *seasons):
    t = np.arange(n)
    y = 200 + 0.3 * t + sum(20 * np.sin(2 * np.pi * t / m) + 5 * np.cos(4 * np.pi * t / m) for m in seasons)
    y = y + rng.normal(0, 4, n)
    y[rng.integers(0, n, n // 25)] += 60
    return np.round(y, 3)


def stl(n, m, inner=None, outer=None, **options):
    y = series(n, m)
    r = STL(y, period=m, **options).fit(inner_iter=inner, outer_iter=outer)
    return {"y": y.tolist(), "season": m, "options": options, "inner": inner or 0, "outer": outer or 0,
            "trend": r.trend.tolist(), "seasonal": r.seasonal.tolist(), "weights": r.weights.tolist()}


def mstl(n, seasons, windows=None, iterate=2, robust=False):
    y = series(n, *seasons)
    r = MSTL(y, periods=seasons, windows=windows, iterate=iterate, stl_kwargs={"robust": robust}).fit()
    return {"y": y.tolist(), "seasons": list(seasons), "windows": windows, "rounds": iterate, "robust": robust,
            "trend": r.trend.tolist(), "seasonal": r.seasonal.T.reshape(len(seasons), n).tolist(),
            "remainder": r.resid.tolist()}


print(json.dumps({
    "versions": {"statsmodels": "0.15.0", "numpy": np.__version__},
    "stl": [
        stl(48, 12), stl(25, 12), stl(143, 52), stl(143, 52, robust=True), stl(120, 7, seasonal=13, robust=True),
        stl(90, 12, seasonal=9, trend=21, low_pass=15), stl(60, 4, seasonal_deg=0, trend_deg=0, low_pass_deg=0),
        stl(80, 12, inner=3, outer=4), stl(50, 2), stl(100, 12, seasonal=1001, seasonal_deg=0),
    ],
    "mstl": [mstl(143, (52,)), mstl(200, (7, 30)), mstl(200, (30, 7), windows=[9, 21], iterate=4), mstl(150, (4, 13), robust=True)],
}, separators=(",", ":")))
