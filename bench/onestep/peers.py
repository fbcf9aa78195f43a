"""The peers of the one-step table: scikit-learn's and XGBoost's default models
on the features of the Python original. Reads walmart.csv and rows.csv, writes
JSON with the predictions by store and then date. `go run ./bench/onestep` runs
it, with the versions of bench/requirements.txt."""

import json
import sys
import time

import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from xgboost import XGBRegressor

data = pd.read_csv("walmart.csv")
data["Date"] = pd.to_datetime(data["Date"], format="%d-%m-%Y")
held = pd.read_csv("rows.csv", parse_dates=["Date"])

began = time.perf_counter()
data = data.sort_values(["Store", "Date"]).reset_index(drop=True)
sales = data.groupby("Store")["Weekly_Sales"]
x = data[["Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"]].copy()
for lag in (1, 2):
    x[f"lag_{lag}"] = sales.shift(lag)
x["day_of_week"] = data["Date"].dt.day_of_week
x["month"] = data["Date"].dt.month
x["week"] = data["Date"].dt.isocalendar().week.astype(int)
x = x.join(pd.get_dummies(data["Store"], prefix="store", dtype=float))
y = data["Weekly_Sales"]
key = pd.MultiIndex.from_frame(data[["Store", "Date"]])
test = key.isin(pd.MultiIndex.from_frame(held[["Store", "Date"]]))
train = ~test & x["lag_2"].notna()


def answers(model):
    return [float(v) for v in model.fit(x[train], y[train]).predict(x[test])]


forest = answers(RandomForestRegressor(random_state=42, n_jobs=-1))
boost = answers(XGBRegressor(random_state=42, n_jobs=-1))
seconds = time.perf_counter() - began
json.dump({"forest": forest, "boost": boost, "seconds": seconds}, sys.stdout)
