"""What stock MLflow says of the two model folders named xgboost and pipeline.

Prints JSON. Tried with MLflow 3.17.2 and XGBoost 3.2.0.
"""
import json
import warnings

import mlflow
import numpy as np
import pandas as pd
import xgboost as xgb
from mlflow.models import Model, get_model_info
from mlflow.models.utils import load_serving_example

warnings.simplefilter("ignore")


def refusal(call):
    try:
        call()
    except Exception as e:
        return f"{type(e).__name__}: {e}"
    return ""


def described(folder):
    model, info = Model.load(folder), get_model_info(folder)
    return {
        "flavors": sorted(model.flavors),
        "uuid": model.model_uuid,
        "model_id": model.model_id,
        "run_id": info.run_id,
        "artifact_path": info.artifact_path,
        "mlflow_version": info.mlflow_version,
        "created": info.utc_time_created,
        "size": model.model_size_bytes,
        "metadata": model.metadata,
        "inputs": [[c.name, c.type.name, c.required] for c in model.signature.inputs.inputs],
        "outputs": [[c.name, c.type.name, c.required] for c in model.signature.outputs.inputs],
        "requirements": len(open(f"{folder}/requirements.txt").readlines()) if "python_function" in model.flavors else 0,
        "python_env": mlflow.pyfunc._PythonEnv.from_yaml(f"{folder}/python_env.yaml").python if "python_function" in model.flavors else "",
    }


loaded = mlflow.pyfunc.load_model("xgboost")
native = mlflow.xgboost.load_model("xgboost")
example = loaded.input_example
served = pd.DataFrame(**json.loads(load_serving_example("xgboost"))["dataframe_split"], dtype="float64")
want = native.predict(example)
mixed = pd.DataFrame({"größe": np.float32([0.25, 0.5]), "store": np.int32([3, 40]), "more": ["a", "b"], "lag 1": [None, 0.5]})
missing = example.assign(**{"lag 1": np.nan})

print(
    json.dumps(
        {
            "xgboost": described("xgboost"),
            "pipeline": described("pipeline"),
            "class": type(native).__name__,
            "example": example.astype(object).where(example.notna(), None).values.tolist(),
            "answers": {
                "pyfunc": loaded.predict(example).tolist() == want.tolist(),
                "serving example": loaded.predict(served).tolist() == want.tolist(),
                "Booster": native.get_booster().predict(xgb.DMatrix(example)).tolist() == want.tolist(),
                "whole numbers, another order, a column too many": np.isfinite(loaded.predict(mixed)).all().item(),
                "all missing": np.isfinite(loaded.predict(missing)).all().item(),
            },
            "refusals": {
                "a column too few": refusal(lambda: loaded.predict(example.drop(columns=["lag 1"]))),
                "64-bit whole numbers": refusal(lambda: loaded.predict(example.assign(store=np.int64([3, 40])))),
                "text": refusal(lambda: loaded.predict(example.assign(store="seven"))),
                "pipeline": refusal(lambda: mlflow.pyfunc.load_model("pipeline")),
            },
        }
    )
)
