"""Writes reference.json: what statsmodels' ETSModel and statsforecast's AutoETS
make of series of the sample and generated ones.

    python reference.py ../../../../testdata/walmart.csv > reference.json

statsmodels' multiplicative seasons are updated by the new level, which is not
Hyndman et al.'s recursion; those are taken from statsforecast.
statsmodels 0.15.0, statsforecast 2.1.1, numpy 2.4.6, pandas 2.3.3.
"""

import csv
import json
import sys
import time
import warnings

import numpy as np
from statsforecast.ets import ets_f, forecast_ets
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

warnings.filterwarnings("ignore")
STEPS = 12
WORD = {"N": None, "A": "add", "M": "mul"}


def sample():
    sales = {}
    with open(sys.argv[1]) as f:
        for row in list(csv.reader(f))[1:]:
            sales.setdefault(row[0], []).append(float(row[2]))
    for store in ["1", "4", "20", "33", "44"]:
        yield f"store {store}, weekly", 1, sales[store]
    for store in ["4", "20"]:
        yield f"store {store}, yearly season", 52, sales[store]


def generated():
    rng = np.random.default_rng(21)

    def make(n, season, level, trend, strength, noise):
        t = np.arange(n)
        wave = 1 + strength * np.sin(2 * np.pi * t / season) + strength / 2 * np.cos(4 * np.pi * t / season)
        walk = np.cumsum(rng.normal(0, noise / 3, n))
        return np.round((level + trend * t + level * walk) * wave + level * noise * rng.normal(size=n), 4).tolist()

    yield "quarterly", 4, make(60, 4, 100, 1, 0.2, 0.03)
    yield "monthly", 12, make(96, 12, 1000, 5, 0.3, 0.04)
    yield "weekly, four years", 52, make(208, 52, 5000, -3, 0.2, 0.05)
    yield "short", 1, make(10, 4, 50, 2, 0.0, 0.1)
    yield "trending", 1, make(80, 4, 10, 4, 0.0, 0.05)
    yield "long", 1, make(900, 52, 300, 0.2, 0.1, 0.05)
    yield "around zero", 4, (np.array(make(64, 4, 100, 0, 0.4, 0.1)) - 100).round(4).tolist()


def stats(y, season, form, damped):
    """One form by statsmodels."""
    model = ETSModel(y, error=WORD[form[0]], trend=WORD[form[1]], seasonal=WORD[form[2]], damped_trend=damped,
                     seasonal_periods=season if form[2] != "N" else None)
    r = model.fit(disp=False, maxiter=2000)
    p = dict(zip(r.param_names, np.asarray(r.params)))
    out = {
        "form": form[0] + form[1] + ("d" if damped else "") + form[2],
        "alpha": p["smoothing_level"], "beta": p.get("smoothing_trend", 0.0), "gamma": p.get("smoothing_seasonal", 0.0),
        "phi": p.get("damping_trend", 1.0), "level": p["initial_level"], "growth": p.get("initial_trend", 0.0),
        "season": [p[f"initial_seasonal.{season - 1 - i}"] for i in range(season)] if form[2] != "N" else [],
        "llf": r.llf, "forecast": np.asarray(r.forecast(STEPS)).tolist(),
    }
    try:
        out["variance"] = (np.asarray(r.mse) * r._relative_forecast_variance(np.arange(1, STEPS + 1))).tolist()
    except NotImplementedError:
        pass
    return out


def nixtla(y, season, model, damped=None):
    """One form, or the choice of one, by statsforecast. Its likelihood lacks constants."""
    f = ets_f(y, m=season, model=model, damped=damped)
    error, trend, seasonal, damp = f["components"]
    n, par = len(y), f["par"]
    states = par[4:]
    at = 1 + (trend != "N")
    return {
        "form": error + trend + ("d" if damp == "D" else "") + seasonal,
        "alpha": par[0], "beta": par[1] if trend != "N" else 0.0, "gamma": par[2] if seasonal != "N" else 0.0,
        "phi": par[3] if damp == "D" else 1.0, "level": states[0], "growth": states[1] if trend != "N" else 0.0,
        "season": states[at:][::-1].tolist() if seasonal != "N" else [],
        "llf": f["loglik"] - n / 2 * (np.log(2 * np.pi / n) + 1), "forecast": forecast_ets(f, STEPS)["mean"].tolist(),
    }


def main():
    out = []
    for name, season, values in [*sample(), *generated()]:
        y, fits, started = np.array(values), [], time.time()
        long = season > 24
        for form in ["ANN", "AAN", "MNN", "MAN"] + ["ANA", "AAA", "MNA", "MAA"] * (season > 1):
            for damped in [False, True]:
                if (damped and form[1] == "N") or (form[0] == "M" and min(y) <= 0) or (long and form[2] == "N"):
                    continue
                if long and damped:
                    continue
                fits.append({"by": "statsmodels"} | stats(y, season, form, damped))
        if season > 1 and min(y) > 0 and not long:
            for form in ["MNM", "MAM"]:
                fits.append({"by": "statsforecast"} | nixtla(y, season, form, False))
            fits.append({"by": "statsforecast"} | nixtla(y, season, "MAM", True))
        fits.append({"by": "AutoETS"} | nixtla(y, season, "ZZZ"))
        print(name, time.time() - started, fits[-1]["form"], file=sys.stderr)
        out.append({"name": name, "season_length": season, "y": values, "fits": fits})
    json.dump(out, sys.stdout, separators=(",", ":"), default=float)
    print()


main()
