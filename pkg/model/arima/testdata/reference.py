"""Writes reference.json: log-likelihood, AIC, BIC and forecasts of statsmodels'
ARIMA at given parameters, for the first 60 weeks of store 4 with gaps.

    pip install statsmodels==0.15.0 pandas==3.1.1
    python reference.py > reference.json

The file in the repository was made with the versions that it names.
"""
import json
import pathlib
import warnings

import numpy as np
import pandas as pd
import statsmodels
from statsmodels.tsa.arima.model import ARIMA

warnings.simplefilter("ignore")
csv = next(p / "testdata" / "walmart.csv" for p in pathlib.Path(__file__).resolve().parents
           if (p / "testdata" / "walmart.csv").exists())
table = pd.read_csv(csv)
store = table[table.Store == 4].Weekly_Sales.to_numpy()[:60]

CASES = [
    ((5, 1, 0), [-0.31, -0.28, -0.26, 0.06, -0.15, 2.2e10], []),
    ((5, 1, 0), [-0.31, -0.28, -0.26, 0.06, -0.15, 2.2e10], [1, 9, 10, 30, 31, 32, 33, 34, 35, 36, 50]),
    ((5, 1, 0), [0.2, -0.1, 0.3, 0.0, 0.1, 4e5], [3, 58, 59]),
    ((1, 1, 0), [0.4, 1e6], [2, 20]),
    ((3, 0, 0), [0.5, 0.3, 0.15, 5e10], [1, 25, 26]),
    ((0, 1, 0), [3e10], [7]),
    ((0, 0, 0), [4e12], [7]),
]

out = []
for order, params, missing in CASES:
    y = store.copy()
    y[missing] = np.nan
    res = ARIMA(y, order=order, trend="n").filter(params)
    out.append({
        "p": order[0], "d": order[1], "params": params, "missing": missing,
        "llf": res.llf, "aic": res.aic, "bic": res.bic, "forecast": list(res.forecast(8)),
    })
print(json.dumps({
    "statsmodels": statsmodels.__version__, "pandas": pd.__version__, "numpy": np.__version__,
    "cases": out,
}, indent=1))
