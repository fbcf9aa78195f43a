"""Writes reference.json: errors as scikit-learn defines them, of cases that
metrics_test.go reads back.

    pip install scikit-learn==1.9.1 numpy==2.4.6
    python reference.py > reference.json

Measures that scikit-learn lacks (WAPE, RMSE as percent, bias, MASE) are spelled
out in numpy. The seasonal naive scale follows Hyndman and Koehler (2006).
"""
import json
import platform

import numpy as np
import sklearn
from sklearn import metrics as m


def case(name, history, season, actual, forecast):
    a, f, h = (np.asarray(v, dtype=float) for v in (actual, forecast, history))
    scale = float(np.mean(np.abs(h[season:] - h[:-season])))
    return {
        "name": name,
        "history": h.tolist(),
        "season": season,
        "actual": a.tolist(),
        "forecast": f.tolist(),
        "scale": scale,
        "mae": m.mean_absolute_error(a, f),
        "mse": m.mean_squared_error(a, f),
        "rmse": m.root_mean_squared_error(a, f),
        "r2": m.r2_score(a, f),
        "mape": 100 * m.mean_absolute_percentage_error(a, f),
        "wape": float(100 * np.sum(np.abs(f - a)) / np.sum(np.abs(a))),
        "rmse_pct": float(100 * m.root_mean_squared_error(a, f) / np.abs(np.mean(a))),
        "mase": float(np.mean(np.abs(f - a) / scale)),
        "bias": float(np.mean(f - a)),
    }


rng = np.random.default_rng(20121026)
weekly = 1.05e6 + 2e5 * np.sin(np.arange(200) * 2 * np.pi / 52) + rng.normal(0, 4e4, 200)
cases = [
    case("weekly sales", weekly[:160], 52, weekly[160:].round(2),
         (weekly[160:] * rng.normal(1, 0.04, 40)).round(2)),
    case("worse than the mean", [1, 2, 4], 1, [3, -0.5, 2, 7], [-9, 14, 0, 8]),
    case("large level, small spread", [1e9, 1e9 + 1], 1, [1e9 + 1, 1e9 + 2, 1e9 + 4],
         [1e9 + 2, 1e9 + 2, 1e9 + 3]),
    case("equal actuals, an error", [5, 6], 1, [5, 5], [5, 6]),
    case("equal actuals, no error", [5, 6], 1, [5, 5], [5, 5]),
]
print(json.dumps({
    "versions": {"python": platform.python_version(), "scikit-learn": sklearn.__version__,
                 "numpy": np.__version__},
    "cases": cases,
}, indent=1))
