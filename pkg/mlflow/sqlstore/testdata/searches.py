"""Records what MLflow's own store finds, for the test that asks the same.

    pip install mlflow==3.17.2
    python searches.py | gzip -9n > searches.json.gz

The file holds the rows of the tables and, for each search, the ids of its pages
in order.
"""

import itertools
import json
import logging
import os
import random
import re
import sys
import tempfile
import uuid

logging.disable(logging.WARNING)

import mlflow
import sqlalchemy as sa
from mlflow import entities as me
from mlflow.entities import model_registry as mr
from mlflow.entities.logged_model_input import LoggedModelInput
from mlflow.entities.logged_model_output import LoggedModelOutput
from mlflow.store.model_registry import sqlalchemy_store as registry_store
from mlflow.store.tracking import sqlalchemy_store as tracking_store

chance = random.Random(4)
uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
ticks = itertools.count(1_700_000_000_000, 250)
clock = 0


def now():
    return clock


tracking_store.get_current_time_millis = now
registry_store.get_current_time_millis = now


def tick():
    global clock
    clock = next(ticks) // 1000 * 1000  # some times are equal


TABLES = [
    "experiments", "experiment_tags", "runs", "metrics", "latest_metrics", "params", "tags", "datasets", "inputs", "input_tags",
    "logged_models", "logged_model_metrics", "logged_model_params", "logged_model_tags",
    "registered_models", "registered_model_tags", "model_versions", "model_version_tags", "registered_model_aliases",
]


def fill(t, r, engine):
    names = ["alpha", "Alpha 2", "beta_1", "beta%2", "Gamma [x]", "delta*?", "ünï 🙂"]
    experiments = []
    for i, name in enumerate(names):
        tick()
        tags = [me.ExperimentTag("team", ["red", "Red", "blue"][i % 3])] if i != 3 else []
        if i % 2:
            tags.append(me.ExperimentTag("my key", f"v{i}"))
        experiments.append(t.create_experiment(name, tags=tags))
    t.delete_experiment(experiments[5])
    with engine.begin() as c:
        c.execute(sa.text("UPDATE experiments SET creation_time = NULL WHERE experiment_id = 5"))
    runs = []
    for i in range(48):
        tick()
        exp = experiments[[0, 0, 0, 1, 2][i % 5]]
        tags = [me.RunTag("kind", ["fit", "Fit", "tune"][i % 3])] if i % 7 else []
        tags += [me.RunTag("a b.c", str(i % 4))] if i % 3 == 0 else []
        run = t.create_run(exp, ["ann", "Bob", ""][i % 3], clock, tags, f"run_{i % 12}" if i % 2 else f"Run %{i}")
        runs.append(run.info.run_id)
        values = {"rmse": [1.5, 2.0, float("nan"), -3.25, float("inf"), 0.0, float("-inf"), 1e-9][i % 8]}
        if i % 10 == 9:
            del values["rmse"]
        if i % 3:
            values["mae"] = i / 4
        if i % 5 == 0:
            values["a b/c"] = 7.0
        params = {"lr": ["0.1", "0.01", "1e-3", "A_b", "a%b", "it's", 'say "x"', "back\\slash", "[x]", "*?", "Ünï", "ab?"][i % 12]}
        if i % 4 == 0:
            params["Model"] = ["xgboost", "XGBoost", "forest"][i % 3]
        t.log_batch(run.info.run_id, [me.Metric(k, v, clock, 0) for k, v in values.items()] + [me.Metric("mae", -1.0, clock + 5, 1)] * (i % 6 == 1), [me.Param(k, v) for k, v in params.items()], [])
        if i % 4 != 2:
            data = me.Dataset(["train.csv", "Train.csv", "test.csv"][i % 3], f"{'dtd'[i % 3]}{i % 5}", "local", "{}")
            context = [me.InputTag("mlflow.data.context", ["train", "eval", "Train"][i % 3])] if i % 5 else []
            t.log_inputs(run.info.run_id, [me.DatasetInput(data, context), *([me.DatasetInput(me.Dataset("extra", "x", "local", "{}"), [])] if i % 6 == 0 else [])])
        if i % 3:
            tick()
            status = ["FINISHED", "FAILED", "KILLED"][i % 4 % 3]
            t.update_run_info(run.info.run_id, me.RunStatus.from_string(status), clock, None)
        if i % 9 == 4:
            t.delete_run(run.info.run_id)
    models(t, experiments, runs)
    registry(r, runs)
    return runs


def models(t, experiments, runs):
    made = []
    for i in range(20):
        tick()
        m = t.create_logged_model(
            experiments[[0, 0, 1][i % 3]], ["forest", "Forest", "arima_1", "gb_t*"][i % 4] + ("" if i % 2 else str(i)),
            runs[i % 8] if i % 5 else None, [me.LoggedModelTag("stage", ["dev", "Dev", "prod"][i % 3])] if i % 4 else [],
            [me.LoggedModelParameter("depth", str(i % 3)), me.LoggedModelParameter("x y", "a'b")] if i % 3 else [], "sales" if i % 2 else None,
        )
        made.append(m.model_id)
        if i % 2:
            tick()
            t.finalize_logged_model(m.model_id, me.LoggedModelStatus.READY if i % 4 == 1 else me.LoggedModelStatus.FAILED)
    for i, m in enumerate(made):
        run = runs[5 if i % 2 else 0]
        points = []
        for j in range(i % 4):
            tick()
            name, digest = [("train.csv", "d0"), ("train.csv", "d1"), (None, None), ("test.csv", "d0")][(i + j) % 4]
            points.append(me.Metric("rmse", [i - j * 2.5, float("nan"), 4.0][(i + j) % 3 if i > 12 else 0], clock, j, m, name, digest))
        if points:
            t.log_batch(run, points, [], [])
        if i == 11:
            t.delete_logged_model(m)


def registry(r, runs):
    for i, name in enumerate(["Sales", "sales 2", "Sales-Forecasting", "XGB_Sales", "RF%Sales", "prompt one", "prompt two", "zeta", "Ünï 🙂", "empty"]):
        tick()
        tags = [mr.RegisteredModelTag("team", ["red", "Red", "blue"][i % 3])] if i % 4 else []
        if name.startswith("prompt"):
            tags.append(mr.RegisteredModelTag("mlflow.prompt.is_prompt", "true"))
        if name == "zeta":
            tags.append(mr.RegisteredModelTag("mlflow.prompt.is_prompt", "false"))
        r.create_registered_model(name, tags)
        for v in range([3, 1, 4, 2, 1, 2, 0, 3, 1, 0][i]):
            tick()
            vtags = [mr.ModelVersionTag("ok", ["yes", "Yes", "no"][v % 3])] if v != 1 else []
            if name.startswith("prompt"):
                vtags.append(mr.ModelVersionTag("mlflow.prompt.is_prompt", "true"))
            r.create_model_version(name, ["s3://b/%s", "S3://b/%s", "file:///%s"][v % 3] % v, runs[v + i] if v % 2 == 0 else None, vtags)
    tick()
    r.transition_model_version_stage("Sales-Forecasting", "2", "Production", False)
    r.update_model_version("Sales", "1", "changed")
    r.set_registered_model_alias("Sales", "champion", "2")
    tick()
    r.delete_model_version("zeta", "2")


# Searches: filter and order, None is none at all. $3 is the id of the fourth run.
EXPERIMENTS = [
    (None, None), (None, ["name"]), (None, ["name DESC"]), (None, ["creation_time ASC"]), (None, ["last_update_time DESC"]),
    (None, ["creation_time DESC", "name"]), (None, ["experiment_id"]), (None, ["experiment_id DESC"]), (None, ["attribute.name"]), (None, ["last_update_time", "experiment_id ASC"]),
    *[(f, None) for f in [
        "name = 'alpha'", "name != 'alpha'", "name LIKE 'A%'", "name LIKE 'a%'", "name ILIKE 'a%'", "name LIKE '%\\%%'", "name LIKE 'beta_1'", "name LIKE 'beta__'",
        "name LIKE '%[x]'", "name LIKE '%*?'", "name LIKE '%🙂'", "name LIKE '___ _'", "name ILIKE 'GAMMA%'", "name LIKE ''", "name ILIKE '%'",
        "attribute.name = 'beta%2'", "tags.team = 'red'", "tags.team = 'Red'", "tags.team != 'red'", "tags.team LIKE '%ed'", "tags.team ILIKE 'RED'", "tag.`my key` = 'v1'",
        "tags.team IS NULL", "tags.team IS NOT NULL", "tags.Team = 'red'", "tags.team = 'red' AND tags.`my key` LIKE 'v%'", "tags.none = ''", "tags.none IS NULL AND name = 'alpha'",
        "experiment_id = '1'", "experiment_id != '1'", "experiment_id IN ('0', '2', '99')", "experiment_id NOT IN ('0', '2')", "creation_time > 1700000000000", "creation_time <= 1700000001000",
        "last_update_time >= 0", "creation_time != 0", "name = 'nope'",
    ]],
]

RUNS = [
    *[(f, None) for f in [
        None, "", "metrics.rmse > 1", "metrics.rmse >= 1.5", "metrics.rmse < 0", "metrics.rmse <= 0", "metrics.rmse = 1.5", "metrics.rmse = 0", "metrics.rmse != 1.5", "metrics.rmse != 0",
        "metrics.rmse > 1e300", "metrics.rmse < -1e300", "metrics.rmse < 1e-8", "metrics.mae = -1", "metrics.mae > 2 AND metrics.mae < 8", "metrics.`a b/c` = 7", "metrics.RMSE > 0", "metrics.none != 3",
        "params.lr = '0.1'", "params.lr != '0.1'", "params.lr LIKE 'a%'", "params.lr LIKE 'A%'", "params.lr ILIKE 'a_B'", "params.lr LIKE '%\\%'", "params.lr LIKE 'back\\slash'", "params.lr LIKE '[x]'", "params.lr LIKE '*?'", "params.lr LIKE '0._'",
        "params.lr = \"it's\"", "params.lr = 'say \"x\"'", "params.lr = 'a_b'", "params.lr LIKE 'Ü%'", "params.Model = 'xgboost'", "params.model = 'xgboost'", "params.Model ILIKE 'XGB%'", "params.Model IS NULL", "params.Model IS NOT NULL",
        "tags.kind = 'fit'", "tags.kind = 'Fit'", "tags.kind != 'fit'", "tags.kind LIKE '%it'", "tags.kind ILIKE '%IT'", "tags.kind IS NULL", "tags.kind IS NOT NULL AND params.Model IS NULL", "tags.`a b.c` = '0'", "tags.\"a b.c\" != '0'",
        "tags.mlflow.runName LIKE 'run%'", "run_name = 'run_1'", "run_name != 'run_1'", "run_name LIKE 'Run \\%%'", "run_name LIKE 'run__'", "run_name ILIKE 'RUN%'", "attributes.`Run name` = 'run_3'", "run_name = 'Run %0'",
        "status = 'RUNNING'", "status != 'RUNNING'", "attributes.status LIKE 'F%'", "status ILIKE 'fin%'", "user_id = 'Bob'", "user_id != ''", "user_id LIKE '%n%'", "artifact_uri LIKE '%/artifacts'",
        "start_time > 1700000005000", "start_time <= 1700000005000", "start_time = 1700000005000", "created != 1700000005000", "attributes.end_time > 0", "end_time < 1700000009000.5", "start_time > 0.5",
        "run_id = '$3'", "run_id IN ('$3', '$5', 'x')", "run_id NOT IN ('$3')", "run_id LIKE 'a%'", "run_id != '$3'", "run_id ILIKE 'A%'",
        "dataset.name = 'train.csv'", "dataset.name != 'train.csv'", "dataset.name IN ('Train.csv', 'test.csv')", "dataset.name NOT IN ('train.csv')", "datasets.name ILIKE 'TRAIN%'", "dataset.name LIKE 't%'", "dataset.digest = 'd1'", "dataset.digest LIKE 'd%'",
        "dataset.context = 'train'", "dataset.context != 'train'", "dataset.context ILIKE 'TRAIN'", "dataset.context IN ('eval')", "dataset.name = 'train.csv' AND dataset.context = 'train'", "dataset.name = 'extra' AND dataset.digest = 'd0'",
        "metrics.rmse > 1 AND params.lr LIKE '0%' AND tags.kind = 'fit' AND status = 'FINISHED'", "metrics.rmse > 1 AND metrics.rmse < 2", "params.lr = '0.1' AND params.lr = '0.01'", "params.lr = '' AND status = 'RUNNING'",
    ]],
    *[(None, o) for o in [
        ["start_time"], ["start_time DESC"], ["attributes.start_time ASC"], ["created DESC"], ["end_time"], ["end_time DESC"], ["run_id"], ["run_id DESC"], ["run_name"], ["run_name DESC"], ["status", "end_time DESC"],
        ["user_id"], ["artifact_uri DESC"], ["metrics.rmse"], ["metrics.rmse DESC"], ["metric.mae ASC"], ["metrics.mae DESC"], ["metrics.`a b/c`", "metrics.rmse DESC"], ["metrics.none"], ["metrics.rmse", "metrics.mae DESC", "params.lr"],
        ["params.lr"], ["params.lr DESC"], ["params.Model DESC", "start_time"], ["tags.kind"], ["tags.kind DESC", "run_id DESC"], ["tags.`a b.c`"], ["status DESC", "metrics.rmse", "start_time"], ["params.none", "tags.none"],
    ]],
    ("metrics.rmse > 0", ["metrics.rmse DESC"]), ("params.Model IS NOT NULL", ["params.Model", "metrics.rmse"]), ("dataset.context = 'train'", ["metrics.mae"]), ("dataset.name LIKE '%'", ["params.lr DESC"]), ("status = 'FINISHED'", ["end_time DESC"]),
]

MODELS = [
    *[(f, None, None) for f in [
        None, "name = 'forest1'", "name LIKE 'forest%'", "name LIKE 'Forest%'", "name ILIKE 'FOREST%'", "name != 'Forest'", "name IN ('arima_1', 'Forest')", "name NOT IN ('arima_1')", "name LIKE 'gb_t*'", "name LIKE 'arima__'",
        "model_type = 'sales'", "model_type != 'sales'", "source_run_id != ''", "model_id LIKE 'm-%'", "status = 'READY'", "status = '2'", "status = 2", "status != 2", "status_message = 'x'", "artifact_location LIKE '%/artifacts%'", "experiment_id = '1'", "experiment_id != 1", "lifecycle_stage = 'active'",
        "creation_timestamp > 1700000012000", "creation_time <= 1700000014000", "last_updated_timestamp >= 1700000014000", "attributes.creation_timestamp_ms != 0", "creation_timestamp = 1.5",
        "metrics.rmse > 3", "metrics.rmse <= 4", "metrics.rmse = 4", "metrics.rmse != 4", "metrics.rmse > nan", "metrics.rmse < inf", "metrics.none = 1", "metrics.rmse > 3 AND metrics.rmse < 10",
        "params.depth = '1'", "params.depth != '1'", "params.depth = 1", "params.`x y` LIKE 'a%'", "params.depth IN ('0', '1')", "params.depth NOT IN ('0')", "tags.stage = 'dev'", "tags.stage ilike 'DEV'", "tags.stage != 'dev'", "tags.stage = dev", "tags.stage = 'prod' AND params.depth = '2'", "model_id IN ()",
    ]],
    *[(None, [o] if isinstance(o, dict) else o, None) for o in [
        {"field_name": "name"}, {"field_name": "name", "ascending": False}, {"field_name": "creation_time"}, {"field_name": "creation_timestamp", "ascending": False}, {"field_name": "model_id"}, {"field_name": "last_updated_timestamp", "ascending": False}, {"field_name": "model_type"}, {"field_name": "source_run_id", "ascending": False}, {"field_name": "status"},
        {"field_name": "metrics.rmse"}, {"field_name": "metrics.rmse", "ascending": False}, {"field_name": "metrics.rmse", "dataset_name": "train.csv"}, {"field_name": "metrics.rmse", "ascending": False, "dataset_name": "train.csv", "dataset_digest": "d0"}, {"field_name": "metrics.none"},
        [{"field_name": "model_type", "ascending": False}, {"field_name": "metrics.rmse"}, {"field_name": "name"}], [{"field_name": "metrics.rmse"}, {"field_name": "metrics.rmse", "dataset_name": "test.csv", "ascending": False}],
    ]],
    *[(f, None, d) for f in [None, "metrics.rmse > 2", "name LIKE '%o%'"] for d in [[{"dataset_name": "train.csv"}], [{"dataset_name": "train.csv", "dataset_digest": "d0"}], [{"dataset_name": "train.csv", "dataset_digest": "d1"}, {"dataset_name": "test.csv"}], [{"dataset_name": "none"}]]],
]

REGISTERED = [
    (None, None), (None, ["name DESC"]), (None, ["timestamp"]), (None, ["timestamp DESC"]), (None, ["last_updated_timestamp", "name DESC"]), (None, ["name ASC"]),
    *[(f, None) for f in [
        "name = 'Sales'", "name != 'Sales'", "name LIKE 'Sales%'", "name LIKE 's%'", "name ILIKE 'SALES%'", "name LIKE '%\\%%'", "name LIKE '%_Sales'", "name IN ('Sales', 'zeta')", "name NOT IN ('Sales')", "name LIKE 'Ü%'",
        "tags.team = 'red'", "tags.team != 'red'", "tags.team LIKE '%ed'", "tags.team ILIKE 'RED'", "tag.team = 'Red' AND name LIKE '%a%'", "tags.team = 'red' AND tags.team != 'blue'", "tags.none = 'x'",
        "tag.`mlflow.prompt.is_prompt` != 'true'", "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` = 'false'", "tags.`mlflow.prompt.is_prompt` != 'false'", "tags.`mlflow.prompt.is_prompt` LIKE 't%'", "tags.`mlflow.prompt.is_prompt` = 'TRUE'",
        "name ILIKE '%e%' AND tag.`mlflow.prompt.is_prompt` != 'true'", "name LIKE 'prompt%'", "tags.`mlflow.prompt.is_prompt` = 'true' AND tags.team = 'blue'", "tags.`mlflow.prompt.is_prompt` != 'true' AND tags.team = 'red'",
    ]],
]

VERSIONS = [
    (None, None), *[(None, o) for o in [["name"], ["name DESC", "version_number"], ["version_number"], ["version_number DESC", "name"], ["creation_timestamp"], ["creation_timestamp DESC"], ["last_updated_timestamp"], ["last_updated_timestamp DESC", "version_number ASC"]]],
    *[(f, None) for f in [
        "name = 'Sales'", "name = 'SALES'", "name != 'Sales'", "name LIKE 'S%'", "name ILIKE 's%'", "name IN ('Sales', 'sales 2')", "name NOT IN ('Sales')", "version_number = 1", "version_number > 1", "version_number != 2", "version_number <= '2'", "name = 'Sales' AND version_number >= 2",
        "source_path = 's3://b/0'", "source_path LIKE 's3%'", "source_path ILIKE 'S3%'", "source_path != 's3://b/0'", "run_id = '$2'", "run_id != '$2'", "run_id LIKE '%'", "run_id IN ('$2', '$4')", "run_id NOT IN ('$2')",
        "tags.ok = 'yes'", "tags.ok != 'yes'", "tags.ok ILIKE 'YES'", "tags.ok LIKE 'Y%'", "tags.ok = 'yes' AND name LIKE 'S%'", "name LIKE 'prompt%'", "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'", "tag.`mlflow.prompt.is_prompt` = 'false'", "name = 'zeta'", "name = 'none'",
    ]],
]


def pages(search, key):
    """Follows the tokens to the end."""
    out, token = [], None
    while True:
        found = search(token)
        out.append([key(x) for x in found])
        token = found.token
        if not token:
            return out


def main():
    with tempfile.TemporaryDirectory() as d:
        uri = "sqlite:///" + os.path.join(d, "x.db")
        t, r = tracking_store.SqlAlchemyStore(uri, "mlflow-artifacts:/"), registry_store.SqlAlchemyStore(uri)
        engine = sa.create_engine(uri)
        runs = fill(t, r, engine)
        searches = []

        def ask(kind, search, key, **query):
            if query["filter_string"]:
                query["filter_string"] = re.sub(r"\$(\d+)", lambda m: runs[int(m[1])], query["filter_string"])
            def call(token):
                return search(**{k: v for k, v in query.items() if v is not None}, page_token=token)
            searches.append({"kind": kind, **{k: v for k, v in query.items() if v is not None}, "pages": pages(call, key)})

        for i, (f, o) in enumerate(EXPERIMENTS):
            view = "DELETED_ONLY" if i % 13 == 7 else ["ACTIVE_ONLY", "ALL"][i % 3 % 2]
            ask("experiments", lambda view_type, **k: t.search_experiments(view_type=me.ViewType.from_string(view_type.lower()), **k), lambda e: e.experiment_id,
                filter_string=f, order_by=o, view_type=view, max_results=[1000, 3][i % 2])
        for i, (f, o) in enumerate(RUNS):
            view = "DELETED_ONLY" if i % 13 == 7 else ["ACTIVE_ONLY", "ALL"][i % 3 % 2]
            ask("runs", lambda experiment_ids, filter_string="", run_view_type=None, max_results=None, order_by=None, page_token=None: t.search_runs(
                experiment_ids, filter_string, me.ViewType.from_string(run_view_type.lower()), max_results, order_by, page_token), lambda x: x.info.run_id,
                experiment_ids=[["1", "2", "3"], ["1"], ["1", "2", "3", "4"], []][0 if i % 11 else i // 11 % 4], filter_string=f, order_by=o, run_view_type=view, max_results=[1000, 7][i % 2])
        for i, (f, o, ds) in enumerate(MODELS):
            ask("logged models", t.search_logged_models, lambda m: m.model_id, experiment_ids=[["1", "2"], ["1"]][i % 7 == 3], filter_string=f, order_by=o, datasets=ds, max_results=[100, 4][i % 2])
        for i, (f, o) in enumerate(REGISTERED):
            ask("registered models", r.search_registered_models, lambda m: m.name, filter_string=f, order_by=o, max_results=[100, 2][i % 2])
        for i, (f, o) in enumerate(VERSIONS):
            ask("versions", r.search_model_versions, lambda v: f"{v.name}/{v.version}", filter_string=f, order_by=o, max_results=[100, 4][i % 2])
        datasets = {}
        for ids in (["1"], ["2", "3"], ["99"]):
            datasets[",".join(ids)] = sorted([s.experiment_id, s.name, s.digest, s.context or ""] for s in t._search_datasets(ids))
        rows = {}
        with engine.connect() as c:
            for table in TABLES:
                found = c.execute(sa.text(f"SELECT * FROM {table}"))
                rows[table] = {"columns": list(found.keys()), "rows": [list(x) for x in found]}
        json.dump({"mlflow": mlflow.__version__, "tables": rows, "searches": searches, "datasets": datasets}, sys.stdout, ensure_ascii=False)


main()
