# What stock MLflow (3.17.2) makes and reads; peer_test.go runs it.
#   peer.py make URI    logs a run with a model folder and registers it
#   peer.py check URI   loads the same, wherever it lies
import os
import sys
import tempfile

import mlflow
from mlflow.models import Model

NAME = "Stock Model"


class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[float]) -> list[float]:
        return [2 * x for x in model_input]


def make(client):
    mlflow.set_experiment("stock/größe 📈")
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"depth": 6})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_text("a plot", "plots/a plot.txt")
        info = mlflow.pyfunc.log_model(name="doubler", python_model=Doubler(), registered_model_name=NAME)
        mlflow.log_metric("rmse", 0.5, model_id=info.model_id)
        with mlflow.start_run(run_name="child", nested=True):
            pass
    # As MLflow 2 did: a model folder among the run's files.
    with tempfile.TemporaryDirectory() as folder:
        Model(artifact_path="old", run_id=parent.info.run_id, flavors={"python_function": {"loader_module": "x"}}).save(
            os.path.join(folder, "MLmodel"))
        client.log_artifacts(parent.info.run_id, folder, "old")
    client.create_model_version(NAME, parent.info.artifact_uri + "/old", parent.info.run_id)
    client.set_registered_model_alias(NAME, "champion", 1)
    client.copy_model_version(f"models:/{NAME}/1", "Copy")


def check(client):
    version = client.get_model_version_by_alias(NAME, "champion")
    run = client.get_run(version.run_id)
    assert run.data.tags["salesctl.imported_from"] != run.info.run_id
    assert run.data.params == {"depth": "6"} and run.info.status == "FINISHED", run
    assert [m.value for m in client.get_metric_history(run.info.run_id, "loss")] == [1, 1 / 2, 1 / 3]
    (child,) = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert child.info.run_name == "child"
    (logged,) = client.search_logged_models([run.info.experiment_id])
    assert logged.source_run_id == run.info.run_id and version.source == f"models:/{logged.model_id}", version
    assert ("rmse", 0.5, run.info.run_id) in [(m.key, m.value, m.run_id) for m in logged.metrics], logged.metrics
    assert [m.model_id for m in run.outputs.model_outputs] == [logged.model_id]
    for uri in [f"models:/{NAME}@champion", f"models:/{NAME}/1", "models:/Copy/1", f"models:/{logged.model_id}"]:
        info = mlflow.models.get_model_info(uri)
        assert (info.model_id, info.run_id) == (logged.model_id, run.info.run_id), (uri, info.model_id, info.run_id)
        assert info.artifact_path == logged.artifact_location, (info.artifact_path, logged.artifact_location)
        assert mlflow.pyfunc.load_model(uri).predict([1.5, 2.0]) == [3.0, 4.0]
    old = mlflow.artifacts.download_artifacts(f"models:/{NAME}/2")
    assert Model.load(os.path.join(old, "MLmodel")).run_id == run.info.run_id
    text = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="plots/a plot.txt")
    assert open(text).read() == "a plot"


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[2])
    {"make": make, "check": check}[sys.argv[1]](mlflow.MlflowClient())
