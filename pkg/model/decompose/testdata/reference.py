"""Writes reference.json: the seasonal indices of statsmodels' seasonal_decompose.

    python reference.py > reference.json

statsmodels 0.15.0, numpy 2.4.6.
"""

import json
import sys

import numpy as np
from statsmodels.tsa.seasonal import seasonal_decompose

rng = np.random.default_rng(7)
out = []
for season, n in [(4, 8), (4, 31), (7, 40), (12, 100), (52, 143)]:
    t = np.arange(n)
    y = np.round((50 + t) * (1 + 0.3 * np.sin(2 * np.pi * t / season)) + rng.normal(size=n), 3)
    row = {"season": season, "y": y.tolist()}
    for model in ["additive", "multiplicative"]:
        row[model] = seasonal_decompose(y, model=model, period=season).seasonal[:season].tolist()
    out.append(row)
json.dump(out, sys.stdout, separators=(",", ":"))
print()
