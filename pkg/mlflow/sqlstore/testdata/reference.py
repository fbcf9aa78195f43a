"""Records what MLflow's own store answers, for the test that replays it.

    pip install mlflow==3.17.2
    python reference.py reference.json

Each step is a call, its answer in the JSON of the REST API or the error, and, at
the end, the rows of the tables. A value that begins with $ is the id that an
earlier step returned; ids that differ from run to run are written so, too. A long
text of one letter is written as its letter and length, such as "x*600".
"""

import json
import re
import sys
import tempfile

import mlflow
import sqlalchemy as sa
from mlflow import entities as me
from mlflow.entities.logged_model_input import LoggedModelInput
from mlflow.entities.logged_model_output import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.store.tracking import sqlalchemy_store
from mlflow.utils.proto_json_utils import message_to_json

clock = 1_700_000_000_000
sqlalchemy_store.get_current_time_millis = lambda: clock

TABLES = {
    "experiments": "experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace",
    "experiment_tags": "experiment_id, key, value",
    "runs": "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id, deleted_time",
    "metrics": "run_uuid, key, value, timestamp, step, is_nan",
    "latest_metrics": "run_uuid, key, value, timestamp, step, is_nan",
    "params": "run_uuid, key, value",
    "tags": "run_uuid, key, value",
    "datasets": "experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile",
    "inputs": "source_type, source_id, destination_type, destination_id, step",
    "input_tags": "name, value",
    "logged_model_metrics": "model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest",
}


def number(v):
    return float(v)


def metrics(list_):
    return [
        me.Metric(m["key"], number(m["value"]), m.get("timestamp", 0), m.get("step", 0), m.get("model_id"), m.get("dataset_name"), m.get("dataset_digest"))
        for m in list_
    ]


def tags(cls, list_):
    return [cls(t["key"], t["value"]) for t in list_]


def proto(entity):
    return json.loads(message_to_json(entity.to_proto()))


class Calls:
    def __init__(self, store):
        self.s = store

    def create_experiment(self, name, artifact_location="", tags_=()):
        return self.s.create_experiment(name, artifact_location, tags(me.ExperimentTag, tags_))

    def get_experiment(self, id):
        return proto(self.s.get_experiment(id))

    def rename_experiment(self, id, name):
        self.s.rename_experiment(id, name)

    def set_experiment_tag(self, id, key, value):
        self.s.set_experiment_tag(id, me.ExperimentTag(key, value))

    def delete_experiment_tag(self, id, key):
        self.s.delete_experiment_tag(id, key)

    def delete_experiment(self, id):
        self.s.delete_experiment(id)

    def restore_experiment(self, id):
        self.s.restore_experiment(id)

    def create_run(self, experiment_id, name="", tags_=(), start_time=0, user_id=""):
        return proto(self.s.create_run(experiment_id, user_id, start_time, tags(me.RunTag, tags_), name))

    def get_run(self, run):
        return proto(self.s.get_run(run))

    def update_run(self, run, status="", end_time=None, name=None):
        status = me.RunStatus.from_string(status) if status else None
        return proto(self.s.update_run_info(run, status, end_time, name))

    def delete_run(self, run):
        self.s.delete_run(run)

    def restore_run(self, run):
        self.s.restore_run(run)

    def log_metric(self, run, **metric):
        self.s.log_metric(run, metrics([metric])[0])

    def log_param(self, run, key, value):
        self.s.log_param(run, me.Param(key, value))

    def set_tag(self, run, key, value):
        self.s.set_tag(run, me.RunTag(key, value))

    def delete_tag(self, run, key):
        self.s.delete_tag(run, key)

    def log_batch(self, run, metrics_=(), params=(), tags_=()):
        self.s.log_batch(run, metrics(metrics_), tags(me.Param, params), tags(me.RunTag, tags_))

    def log_inputs(self, run, datasets=(), models=()):
        inputs = [me.DatasetInput(me.Dataset(**d["dataset"]), tags(me.InputTag, d.get("tags", ()))) for d in datasets]
        self.s.log_inputs(run, inputs, [LoggedModelInput(m) for m in models])

    def log_outputs(self, run, models):
        self.s.log_outputs(run, [LoggedModelOutput(m["model_id"], m["step"]) for m in models])

    def history(self, run, key, max_results=None, page_token=None):
        page = self.s.get_metric_history(run, key, max_results, page_token)
        return {"metrics": [proto(m) for m in page], "token": (page.token or b"").decode()}

    def intervals(self, runs, key, max_results, start_step=None, end_step=None):
        points = self.s.get_metric_history_bulk_interval(runs, key, max_results, start_step, end_step)
        return [proto(m) for m in points]


def steps():
    """The calls: name, arguments, and the name by which later ones mean the id."""
    long = "x" * 600
    yield "create_experiment", {"name": "first"}, "e1"
    yield "create_experiment", {"name": "first"}, None
    yield "create_experiment", {"name": ""}, None
    yield "create_experiment", {"name": long}, None
    yield "create_experiment", {"name": "far", "artifact_location": "l" * 2049}, None
    yield "create_experiment", {"name": "a/b \u00e4 \U0001f600", "artifact_location": "s3://bucket/a?x=1", "tags_": [{"key": "k", "value": "v"}]}, "e2"
    yield "create_experiment", {"name": "bad tag", "tags_": [{"key": "a/../b", "value": "v"}]}, None
    yield "create_experiment", {"name": "path", "artifact_location": "/srv/a?b"}, "e3"
    for id in "$e1", "$e2", "$e3", "", "77", "x1", "1.5":
        yield "get_experiment", {"id": id}, None
    yield "rename_experiment", {"id": "$e1", "name": "First"}, None
    yield "rename_experiment", {"id": "$e1", "name": "path"}, None
    yield "rename_experiment", {"id": "$e1", "name": ""}, None
    yield "rename_experiment", {"id": "77", "name": "x"}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "a", "value": "1"}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "a", "value": "2"}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "b", "value": "v" * 20001}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "k" * 251, "value": "v"}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "c", "value": "v" * 20000}, None
    yield "delete_experiment_tag", {"id": "$e1", "key": "c"}, None
    yield "delete_experiment_tag", {"id": "$e1", "key": "c"}, None
    yield "create_run", {"experiment_id": "$e1", "name": "one", "start_time": 5, "user_id": "me"}, "r1"
    yield "create_run", {"experiment_id": "$e2", "tags_": [{"key": "mlflow.runName", "value": "two"}, {"key": "t", "value": "1"}]}, "r2"
    yield "create_run", {"experiment_id": "$e3", "name": "three", "tags_": [{"key": "mlflow.runName", "value": "three"}]}, "r3"
    yield "create_run", {"experiment_id": "$e1", "name": "a", "tags_": [{"key": "mlflow.runName", "value": "b"}]}, None
    yield "create_run", {"experiment_id": "$e1", "name": "twice", "tags_": [{"key": "t", "value": "b"}, {"key": "t", "value": "c"}]}, None
    yield "create_run", {"experiment_id": "77", "name": "a"}, None
    yield "create_run", {"experiment_id": "0", "name": "default", "start_time": 7}, "r0"
    yield "update_run", {"run": "$r1", "status": "FINISHED", "end_time": 9, "name": "uno"}, None
    yield "update_run", {"run": "$r1"}, None
    yield "update_run", {"run": "$r1", "name": ""}, None
    yield "update_run", {"run": "nope", "status": "FAILED"}, None
    for step, timestamp, value in (1, 10, 1.0), (1, 10, 2.0), (1, 9, 5.0), (0, 99, 9.0), (1, 10, "nan"), (1, 10, -1.0), (2, 1, "nan"), (2, 1, -3.0), (2, 1, 0.5):
        yield "log_metric", {"run": "$r1", "key": "m", "value": value, "timestamp": timestamp, "step": step}, None
    yield "log_metric", {"run": "$r1", "key": "m", "value": 0.5, "timestamp": 1, "step": 2}, None
    yield "log_metric", {"run": "$r1", "key": "inf", "value": "inf", "timestamp": 1, "step": 2}, None
    yield "log_metric", {"run": "$r1", "key": "inf", "value": "-inf", "timestamp": 1, "step": 3}, None
    yield "log_metric", {"run": "$r1", "key": "nan", "value": "nan", "timestamp": 1}, None
    yield "log_metric", {"run": "$r1", "key": "edge", "value": 1e308, "timestamp": 2**63 - 1, "step": 2**63 - 1}, None
    yield "log_metric", {"run": "$r1", "key": "edge", "value": 5e-324, "timestamp": 0, "step": -(2**63)}, None
    yield "log_metric", {"run": "$r1", "key": "late", "value": 1, "timestamp": -1}, None
    yield "log_metric", {"run": "$r1", "key": "late", "value": 1e22, "timestamp": -12, "step": 3}, None
    for key in "", "a/b", "/a", "a//b", "a/", "..", "../a", ".", "..a", "//a", "///a", "a b:c.d-e", "a#b", "\u00e4\u00f6 \u6f22", "\U0001f600", "a\n", "a\nb", "it's", 'q"', "a\\b", "m" * 251:
        yield "log_metric", {"run": "$r1", "key": key, "value": 1}, None
    yield "log_metric", {"run": "nope", "key": "m", "value": 1}, None
    yield "log_metric", {"run": "$r1", "key": "of", "value": 1, "model_id": "$m1", "dataset_name": "d", "dataset_digest": "x"}, None
    yield "log_metric", {"run": "$r1", "key": "of", "value": "nan", "step": 1, "model_id": "$m1"}, None
    yield "log_param", {"run": "$r1", "key": "p", "value": "1"}, None
    yield "log_param", {"run": "$r1", "key": "p", "value": "1"}, None
    yield "log_param", {"run": "$r1", "key": "p", "value": "2"}, None
    yield "log_param", {"run": "$r1", "key": "empty", "value": ""}, None
    yield "log_param", {"run": "$r1", "key": "long", "value": "\u00e4" * 6001}, None
    yield "log_param", {"run": "$r1", "key": "k" * 251, "value": "1"}, None
    yield "log_param", {"run": "$r1", "key": "a/../b", "value": "1"}, None
    yield "log_param", {"run": "nope", "key": "p", "value": "1"}, None
    yield "set_tag", {"run": "$r1", "key": "t", "value": "1"}, None
    yield "set_tag", {"run": "$r1", "key": "t", "value": "2"}, None
    yield "set_tag", {"run": "$r1", "key": "long", "value": "v" * 8001}, None
    yield "set_tag", {"run": "$r1", "key": "k" * 251, "value": "v"}, None
    yield "set_tag", {"run": "$r1", "key": "mlflow.runName", "value": "renamed"}, None
    yield "set_tag", {"run": "$r1", "key": "mlflow.runName", "value": ""}, None
    yield "set_tag", {"run": "$r1", "key": "a%", "value": ""}, None
    yield "delete_tag", {"run": "$r1", "key": "t"}, None
    yield "delete_tag", {"run": "$r1", "key": "t"}, None
    yield "delete_tag", {"run": "nope", "key": "t"}, None
    batch = [{"key": f"b{i}", "value": i / 4, "timestamp": i, "step": i % 3} for i in range(100)]
    yield "log_batch", {"run": "$r2", "metrics_": batch + batch[:5], "params": [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}], "tags_": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}, {"key": "mlflow.runName", "value": "batch"}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": "p", "value": "9"}, {"key": "q", "value": "it's"}, {"key": "new", "value": "x"}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": "p", "value": "1"}, {"key": "z", "value": "1"}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": f"p{i}", "value": "1"} for i in range(101)]}, None
    yield "log_batch", {"run": "$r2", "tags_": [{"key": f"p{i}", "value": "1"} for i in range(101)]}, None
    yield "log_batch", {"run": "$r2", "metrics_": [{"key": f"p{i}", "value": 1} for i in range(1001)]}, None
    yield "log_batch", {"run": "$r2", "metrics_": [{"key": f"p{i}", "value": 1} for i in range(999)], "tags_": [{"key": "c", "value": "1"}, {"key": "d", "value": "1"}]}, None
    yield "log_batch", {"run": "$r2", "metrics_": [{"key": "ok", "value": 1}, {"key": "no*", "value": 1}]}, None
    yield "log_batch", {"run": "$r2", "metrics_": [{"key": "ok", "value": 1, "timestamp": -4}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": "../x", "value": "1"}]}, None
    yield "log_batch", {"run": "$r2", "params": [{"key": "k" * 251, "value": "1"}]}, None
    yield "log_batch", {"run": "$r2", "tags_": [{"key": "k" * 251, "value": "1"}]}, None
    yield "log_batch", {"run": "$r2"}, None
    yield "log_batch", {"run": "no/pe"}, None
    yield "log_batch", {"run": "nope"}, None
    data = {"name": "d", "digest": "x", "source_type": "local", "source": "{}", "schema": "{}", "profile": None}
    other = {**data, "digest": "y", "schema": None}
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": data, "tags": [{"key": "mlflow.data.context", "value": "training"}]}, {"dataset": other}, {"dataset": data}], "models": ["$m1"]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": data, "tags": [{"key": "mlflow.data.context", "value": "eval"}]}], "models": ["$m1"]}, None
    yield "log_inputs", {"run": "$r2", "datasets": [{"dataset": data}]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": {**data, "name": "n" * 501}}]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": {**data, "digest": "n" * 37}}]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": {**data, "source": "n" * 65536}}]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": data, "tags": [{"key": "k" * 256, "value": "v"}]}]}, None
    yield "log_inputs", {"run": "$r1", "datasets": [{"dataset": data, "tags": [{"key": "k", "value": "v" * 501}]}]}, None
    yield "log_inputs", {"run": "nope"}, None
    yield "log_outputs", {"run": "$r1", "models": [{"model_id": "$m1", "step": 3}, {"model_id": "other", "step": 0}]}, None
    yield "log_outputs", {"run": "$r1", "models": [{"model_id": "$m1", "step": 4}]}, None
    yield "log_outputs", {"run": "nope", "models": []}, None
    for i in range(0, 300, 100):
        yield "log_batch", {"run": "$r3", "metrics_": [{"key": "h", "value": (i + j) % 7, "timestamp": (i + j) // 3, "step": (i + j) // 2} for j in range(100)]}, None
    yield "history", {"run": "$r3", "key": "h", "max_results": 4}, None
    yield "history", {"run": "$r3", "key": "h", "max_results": 4, "page_token": "eyJvZmZzZXQiOiA0fQ=="}, None
    yield "history", {"run": "$r3", "key": "h", "max_results": 300}, None
    yield "history", {"run": "$r1", "key": "m"}, None
    yield "history", {"run": "$r1", "key": "none"}, None
    yield "history", {"run": "nope", "key": "m"}, None
    for limit in 1, 2, 7, 11, 64, 299, 300, 301:
        yield "intervals", {"runs": ["$r3"], "key": "h", "max_results": limit}, None
    yield "intervals", {"runs": ["$r1", "$r3"], "key": "h", "max_results": 5, "start_step": 3, "end_step": 40}, None
    yield "intervals", {"runs": ["$r3"], "key": "h", "max_results": 5, "start_step": 3}, None
    yield "intervals", {"runs": ["$r1", "nope"], "key": "m", "max_results": 3}, None
    for run in "$r0", "$r1", "$r2":
        yield "get_run", {"run": run}, None
    yield "get_run", {"run": "nope"}, None
    yield "delete_run", {"run": "$r2"}, None
    yield "delete_run", {"run": "nope"}, None
    yield "log_metric", {"run": "$r2", "key": "m", "value": 1}, None
    yield "log_param", {"run": "$r2", "key": "m", "value": "1"}, None
    yield "log_batch", {"run": "$r2"}, None
    yield "update_run", {"run": "$r2", "status": "KILLED"}, None
    yield "restore_run", {"run": "$r2"}, None
    yield "restore_run", {"run": "nope"}, None
    yield "delete_run", {"run": "$r2"}, None
    yield "delete_experiment", {"id": "$e1"}, None
    yield "delete_experiment", {"id": "$e1"}, None
    yield "delete_experiment", {"id": "77"}, None
    yield "create_experiment", {"name": "First"}, None
    yield "rename_experiment", {"id": "$e1", "name": "x"}, None
    yield "set_experiment_tag", {"id": "$e1", "key": "a", "value": "1"}, None
    yield "create_run", {"experiment_id": "$e1", "name": "x"}, None
    yield "update_run", {"run": "$r1", "status": "FAILED"}, None
    yield "set_tag", {"run": "$r1", "key": "a", "value": "1"}, None
    yield "get_run", {"run": "$r1"}, None
    yield "restore_experiment", {"id": "$e1"}, None
    yield "restore_experiment", {"id": "$e1"}, None
    yield "delete_experiment", {"id": "$e3"}, None
    yield "get_experiment", {"id": "$e3"}, None


def short(value):
    """The value with long texts of one letter written as the letter and the length."""
    if isinstance(value, dict):
        return {short(k): short(v) for k, v in value.items()}
    if isinstance(value, list):
        return [short(v) for v in value]
    if isinstance(value, str):
        return re.sub(r"(.)\1{199,}", lambda m: f"{m[1]}*{len(m[0])}", value)
    return value


def main():
    with tempfile.TemporaryDirectory() as scratch:
        store = sqlalchemy_store.SqlAlchemyStore(f"sqlite:///{scratch}/a.db", "s3://root")
        calls, ids = Calls(store), {}
        model = store.create_logged_model("0", "model")
        ids["$m1"] = model.model_id

        def real(value):
            text = json.dumps(value)
            for name, id in ids.items():
                text = text.replace(json.dumps(name), json.dumps(id))
            return json.loads(text)

        def known(value):
            text = json.dumps(value)
            for name, id in ids.items():
                if len(id) > 20:  # an experiment's id is a number, the same in both stores
                    text = text.replace(id, name)
            return json.loads(text)

        record = []
        for call, args, name in steps():
            step = {"call": call, "args": args}
            try:
                result = getattr(calls, call)(**real(args))
                if name:
                    ids["$" + name] = result if isinstance(result, str) else result["info"]["run_id"]
                    step["as"] = "$" + name
                if result is not None:
                    step["result"] = known(result)
            except MlflowException as e:
                message = re.sub(r"^\(raised as a result of [^\n]*\n?", "", e.message.split("\n[SQL")[0], flags=re.S)
                step["error"] = {"error_code": e.error_code, "message": known(message)}
            record.append(step)
        with store.engine.connect() as c:
            rows = {t: sorted(known([list(r) for r in c.execute(sa.text(f"SELECT {f} FROM {t}")).all()]), key=json.dumps) for t, f in TABLES.items()}
    out = {"release": mlflow.__version__, "clock": clock, "steps": record, "tables": TABLES, "rows": rows}
    with open(sys.argv[1], "w") as f:
        f.write(json.dumps(short(out), ensure_ascii=False).replace('{"call"', '\n{"call"') + "\n")
    print(f"{len(record)} steps")


main()
