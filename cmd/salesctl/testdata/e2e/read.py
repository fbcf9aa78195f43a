"""Reads back with stock MLflow what salesctl logged to a tracking server.

Standard input is a JSON object: uri, experiments (names), files (names of runs
whose artifacts are wanted), models (registered names, asked under their alias
champion) and features (a CSV that `salesctl predict --features` wrote). Standard
output is another: runs by experiment, versions and aliases by registered model,
and what each model says of the features.
"""

import json
import sys

import mlflow
import pandas as pd

job = json.load(sys.stdin)
mlflow.set_tracking_uri(job["uri"])
client = mlflow.MlflowClient()


def files(run_id, folder=None):
    """Yields path and text of a run's artifacts; of a model only the path."""
    for item in client.list_artifacts(run_id, folder):
        if item.is_dir:
            yield from files(run_id, item.path)
        else:
            text = mlflow.artifacts.load_text(f"runs:/{run_id}/{item.path}") if item.path.endswith(".csv") else ""
            yield item.path, text


def runs(experiment):
    """Lists all runs of an experiment."""
    for run in mlflow.search_runs(experiment_names=[experiment], output_format="list", max_results=10_000):
        yield {
            "id": run.info.run_id,
            "name": run.info.run_name,
            "status": run.info.status,
            "parent": run.data.tags.get("mlflow.parentRunId", ""),
            "artifact_uri": run.info.artifact_uri,
            "params": run.data.params,
            "metrics": run.data.metrics,
            "tags": run.data.tags,
            "datasets": [d.dataset.name for d in run.inputs.dataset_inputs],
            "models": sorted(client.get_logged_model(m.model_id).name for m in run.outputs.model_outputs),
            "files": dict(files(run.info.run_id)) if run.info.run_name in job["files"] else {},
        }


def registered(name):
    """Tells what stands in the registry under a name."""
    return {
        "aliases": client.get_registered_model(name).aliases,
        "versions": sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'")),
    }


def answers(name, rows):
    """Asks the champion, by each of its URIs that there is."""
    by_alias = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    version = client.get_model_version_by_alias(name, "champion")
    by_version = mlflow.pyfunc.load_model(f"models:/{name}/{version.version}")
    said, again = by_alias.predict(rows), by_version.predict(rows)
    assert said.dtype == "float32" and (said == again).all()
    example = by_alias.input_example
    assert list(example.columns) == list(rows.columns) and len(by_alias.predict(example)) == len(example)
    return {"output": by_alias.metadata.metadata["output"], "said": [float(x) for x in said]}


out = {"runs": {name: list(runs(name)) for name in job["experiments"]}, "registered": {}, "answers": {}}
for name in job["models"]:
    out["registered"][name] = registered(name)
if job["features"]:
    rows = pd.read_csv(job["features"], dtype=float)
    for name in job["models"]:
        if name != "Sales-Forecasting":
            out["answers"][name] = answers(name, rows)
json.dump(out, sys.stdout, allow_nan=False)
