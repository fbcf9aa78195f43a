"""Answers of stock XGBoost for the model and the rows of every folder here.

A folder holds model.json and rows.f32 (little-endian float32, row by row).
Prints, by folder, what XGBoost reads of the model and the answers as the bits
of float32. Tried with XGBoost 3.2.0.
"""
import glob
import json
import os

import numpy as np
import xgboost as xgb


def bits(answers):
    return answers.astype("<f4").view("<u4").tolist()


said = {}
for folder in sorted(glob.glob("*/")):
    booster = xgb.Booster(model_file=folder + "model.json")
    regressor = xgb.XGBRegressor()
    regressor.load_model(folder + "model.json")
    rows = np.fromfile(folder + "rows.f32", "<f4").reshape(-1, booster.num_features())
    data = xgb.DMatrix(rows, feature_names=booster.feature_names, feature_types=booster.feature_types, enable_categorical=True)
    leaves = booster.predict(data, pred_leaf=True)
    said[folder.rstrip("/")] = {
        "names": booster.feature_names,
        "rounds": booster.num_boosted_rounds(),
        "booster": bits(booster.predict(data)),
        "regressor": bits(regressor.predict(rows)),
        "leaves": np.asarray(leaves).reshape(len(rows), -1).astype(int).tolist(),
        "contributions": booster.predict(data, pred_contribs=True).astype(float).tolist() if "c" in booster.feature_types else None,
        "gain": booster.get_score(importance_type="total_gain"),
    }
print(json.dumps(said))
