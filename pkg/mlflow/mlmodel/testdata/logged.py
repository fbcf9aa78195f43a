"""Made logged.MLmodel, with MLflow 3.17.2 and XGBoost 3.2.0; its path was shortened."""
import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb
from mlflow.models import infer_signature

rows = pd.DataFrame(np.random.default_rng(0).random((50, 3)), columns=list("abc"))
model = xgb.XGBRegressor(n_estimators=2, max_depth=2).fit(rows, rows["a"] * 2 + 1)
mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run():
    rows.iloc[0, 0] = np.nan
    mlflow.xgboost.log_model(
        model, name="xgboost_model", signature=infer_signature(rows, model.predict(rows)), input_example=rows.head(2),
        model_format="json", metadata={"unit": "x"},
    )
