"""What stock XGBoost and MLflow say of the model folders in the working directory.

rows.f32 holds the rows to ask for (little-endian float32, row by row), and
about.json the names of their columns, the folders and the numbers of the rows to
explain. Prints JSON: by folder and way of loading it, the answers as the bytes of
float32, and XGBoost's contributions. Tried with XGBoost 3.2.0 and MLflow 3.17.2.
"""
import base64
import json
import warnings

import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb

warnings.simplefilter("ignore")
about = json.load(open("about.json"))
rows = np.fromfile("rows.f32", "<f4").reshape(-1, len(about["features"]))
frame = pd.DataFrame(rows.astype("float64"), columns=about["features"])  # as a CSV would give it
explained = frame.iloc[about["explained"]]


def more(booster):
    """Rows to boost on with."""
    return xgb.DMatrix(rows[:200], np.linspace(0.5, 1.5, 200), feature_names=booster.feature_names, feature_types=booster.feature_types)


def said(folder):
    booster = xgb.Booster(model_file=f"{folder}/model.json")
    regressor = xgb.XGBRegressor()
    regressor.load_model(f"{folder}/model.json")
    native = mlflow.xgboost.load_model(folder)
    answers = {
        "Booster": booster.predict(xgb.DMatrix(frame)),
        "Booster, in place": booster.inplace_predict(frame),
        "XGBRegressor": regressor.predict(frame),
        "mlflow.xgboost": native.predict(frame),
        "mlflow.pyfunc": mlflow.pyfunc.load_model(folder).predict(frame),
    }
    saved = json.loads(booster.save_raw("json"))["learner"]
    return {
        "rounds": booster.num_boosted_rounds(),
        "names": booster.feature_names,
        "objective": saved["objective"],
        "class": type(native).__name__,
        "answers": {how: base64.b64encode(a.astype("<f4").tobytes()).decode() for how, a in answers.items()},
        "contributions": booster.predict(xgb.DMatrix(explained), pred_contribs=True).tolist(),
        "boosted on": json.loads(xgb.train({}, more(booster), 1, xgb_model=booster).save_raw("json"))["learner"]["objective"],
    }


print(json.dumps({folder: said(folder) for folder in about["folders"]}))
