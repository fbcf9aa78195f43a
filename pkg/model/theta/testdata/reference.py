"""Writes reference.json: what statsforecast's four theta models and AutoTheta,
and statsmodels' ThetaModel, make of series of the sample and generated ones.

    python reference.py ../../../../testdata/walmart.csv > reference.json

statsforecast 2.1.1, statsmodels 0.15.0, numpy 2.4.6, pandas 2.3.3.
"""

import csv
import json
import sys
import warnings

import numpy as np
from statsforecast.theta import auto_theta, forecast_theta
from statsmodels.tsa.forecasting.theta import ThetaModel

warnings.filterwarnings("ignore")
STEPS = 12
VARIANTS = {"theta": "STM", "optimized_theta": "OTM", "dynamic_theta": "DSTM",
            "dynamic_optimized_theta": "DOTM", "auto_theta": None}


def sample():
    sales = {}
    with open(sys.argv[1]) as f:
        for row in list(csv.reader(f))[1:]:
            sales.setdefault(row[0], []).append(float(row[2]))
    for store in ["1", "4", "20", "33", "44"]:
        yield f"store {store}, weekly", 1, sales[store]
        yield f"store {store}, yearly season", 52, sales[store]
    yield "store 4, 110 weeks", 52, sales["4"][:110]


def generated():
    rng = np.random.default_rng(20)

    def make(n, season, level, trend, strength, noise, power=1.0):
        t = np.arange(n)
        wave = 1 + strength * np.sin(2 * np.pi * t / season) + strength / 2 * np.cos(4 * np.pi * t / season)
        walk = np.cumsum(rng.normal(0, noise / 3, n))
        return np.round((level + trend * t + level * walk) ** power * wave + level * noise * rng.normal(size=n), 4).tolist()

    yield "quarterly", 4, make(60, 4, 100, 1, 0.2, 0.03)
    yield "monthly", 12, make(96, 12, 1000, 5, 0.3, 0.04)
    yield "weekly, four years", 52, make(208, 52, 5000, -3, 0.2, 0.05)
    yield "short", 1, make(7, 4, 50, 2, 0.0, 0.1)
    yield "shortest", 1, make(5, 4, 50, 2, 0.0, 0.1)
    yield "trending", 1, make(80, 4, 10, 4, 0.0, 0.05)
    yield "falling", 1, make(80, 4, 500, -4, 0.0, 0.02)
    yield "long", 1, make(900, 52, 300, 0.2, 0.1, 0.05)
    yield "around zero", 4, (np.array(make(64, 4, 100, 0, 0.4, 0.1)) - 100).round(4).tolist()


def main():
    out = []
    for name, season, values in [*sample(), *generated()]:
        y = np.array(values)
        one = {"name": name, "season": season, "fits": {}}
        one["y"] = values
        for variant, kind in VARIANTS.items():
            for decomposition in ["multiplicative", "additive"]:
                f = auto_theta(y, m=season, model=kind, decomposition_type=decomposition)
                one["fits"][f"{variant} {decomposition}"] = {
                    "variant": {v: k for k, v in VARIANTS.items()}[f["modeltype"]],
                    "seasonal": bool(f.get("decompose", False)),
                    "alpha": float(f["par"]["alpha"]), "theta": float(f["par"]["theta"]),
                    "level": float(f["par"]["initial_smoothed"]), "mse": float(f["mse"]),
                    "forecast": forecast_theta(f, STEPS)["mean"].tolist(),
                }
        if len(y) > 50:
            r = ThetaModel(y, period=season, deseasonalize=False).fit()
            one["statsmodels"] = {"alpha": float(r.params["alpha"]), "slope": float(r.params["b0"]),
                                  "forecast": r.forecast(STEPS).tolist()}
        out.append(one)
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
