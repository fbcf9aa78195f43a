"""The peer of the ARIMA comparison: statsmodels' ARIMA(5,1,0) without a trend,
one model a store. Reads walmart.csv, writes JSON with the log-likelihoods and the
forecasts of the eight weeks that follow, by store. `go run ./bench/arima` runs it,
with the versions of bench/requirements.txt."""

import json
import os
import sys
import time
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one processor, and the faster for these small matrices

import pandas as pd
from statsmodels.tsa.arima.model import ARIMA

warnings.simplefilter("ignore")
table = pd.read_csv("walmart.csv")
table["Date"] = pd.to_datetime(table["Date"], format="%d-%m-%Y")
stores = {
    str(store): rows.sort_values("Date")["Weekly_Sales"].to_numpy()
    for store, rows in table.groupby("Store")
}

seconds = []
for _ in range(3):
    began = time.perf_counter()
    fits = {store: ARIMA(y, order=(5, 1, 0), trend="n").fit() for store, y in stores.items()}
    seconds.append(time.perf_counter() - began)
json.dump(
    {
        "seconds": sorted(seconds)[1],
        "stores": {
            store: {"llf": float(fit.llf), "forecast8": [float(v) for v in fit.forecast(8)]}
            for store, fit in fits.items()
        },
    },
    sys.stdout,
)
