"""Tells everything that a server knows, writes a little of everything, also into what
earlier turns made, and tells again: python turn.py http://host:port LABEL

Each line of standard output is a JSON object, and an empty line divides the two
tellings. Nothing is left out or replaced: the same database must give the same lines
from any server.
"""

import json
import sys

import mlflow
from answers import plain
from flow_artifacts import tree
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import RestException


def write(c, label):
    experiment = c.create_experiment(f"turn {label}", tags={"by": label})
    run = c.create_run(experiment, run_name=label, tags={"by": label}).info.run_id
    runs = c.search_runs([e.experiment_id for e in c.search_experiments(filter_string="name LIKE 'turn %'")])
    assert run in [r.info.run_id for r in runs]
    for r in runs:
        c.log_batch(r.info.run_id, [Metric("turns", len(runs), 5, len(runs))], [Param(label, "wrote")], [RunTag("last", label)])
        c.log_text(r.info.run_id, label, f"by/{label}.txt")
    try:
        c.create_registered_model("Turned")
    except RestException as e:
        assert e.error_code == "RESOURCE_ALREADY_EXISTS", e
    for model in c.search_logged_models([r.info.experiment_id for r in runs]):
        c.set_logged_model_tags(model.model_id, {label: "wrote"})
    model = c.create_logged_model(experiment, name=label, source_run_id=run, params={"by": label})
    version = c.create_model_version("Turned", f"models:/{model.model_id}", run, {"by": label}, model_id=model.model_id)
    c.set_registered_model_alias("Turned", "champion", version.version)
    c.transition_model_version_stage("Turned", version.version, "Production", archive_existing_versions=True)


def known(c):
    """Goes through everything, in an order that does not depend on the server."""
    experiments = c.search_experiments(ViewType.ALL, order_by=["experiment_id"])
    for e in experiments:
        yield e
        for run in c.search_runs([e.experiment_id], run_view_type=ViewType.ALL, order_by=["start_time", "run_id"]):
            yield run
            for key in sorted(run.data.metrics):
                yield key, c.get_metric_history(run.info.run_id, key)
            if not e.artifact_location.startswith("s3:"):
                yield tree(c, run.info.run_id)
        yield c.search_logged_models([e.experiment_id], order_by=[{"field_name": "model_id"}], max_results=50)
    for model in c.search_registered_models():
        yield model
        yield c.search_model_versions(f"name = '{model.name}'", order_by=["version_number"])


def tell(c, lines):
    for value in known(c):
        print(json.dumps(plain(value), sort_keys=True, allow_nan=False), file=lines)


def main(uri, label):
    lines, sys.stdout = sys.stdout, sys.stderr
    mlflow.set_tracking_uri(uri)
    c = MlflowClient()
    tell(c, lines)
    print(file=lines)
    write(c, label)
    tell(c, lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
