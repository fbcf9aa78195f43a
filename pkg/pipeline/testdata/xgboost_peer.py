"""Answers of stock XGBoost for models that Go wrote.

Reads rf.json, gbt.json, names.json and rows.f32 (little-endian float32, row by
row) in the working directory; prints, by model and way of loading it, the
answers as the bits of float32.
"""
import json

import numpy as np
import pandas as pd
import xgboost as xgb

names = json.load(open("names.json"))
rows = np.fromfile("rows.f32", "<f4").reshape(-1, len(names))
frame = pd.DataFrame(rows.astype("float64"), columns=names)  # as a CSV would give it


def bits(answers):
    return answers.astype("<f4").view("<u4").tolist()


said = {}
for model in ("rf", "gbt"):
    booster = xgb.Booster(model_file=f"{model}.json")
    regressor = xgb.XGBRegressor()
    regressor.load_model(f"{model}.json")
    said[model] = {
        "rounds": booster.num_boosted_rounds(),
        "names": booster.feature_names,
        "answers": {
            "Booster": bits(booster.predict(xgb.DMatrix(frame))),
            "Booster, in place": bits(booster.inplace_predict(frame)),
            "XGBRegressor": bits(regressor.predict(frame)),
            "XGBRegressor, a row at a time": bits(np.concatenate([regressor.predict(frame[i : i + 1]) for i in range(50)])),
        },
        "explained": float(np.abs(booster.predict(xgb.DMatrix(frame[:200]), pred_contribs=True).sum(1) / booster.predict(xgb.DMatrix(frame[:200])) - 1).max()),
    }
print(json.dumps({"version": xgb.__version__, "models": said}))
