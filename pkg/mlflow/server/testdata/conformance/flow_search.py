"""Search of experiments and runs: filters, orders, pages, and filters that are refused."""

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

RUN_FILTERS = [
    "", "metrics.rmse < 0.5", "metrics.rmse >= 0.5 and params.model = 'xgb'", "metric.rmse != 0.25", "metrics.`r mse` > 1",
    "params.model LIKE 'x%'", "params.model ILIKE 'X%'", "params.model IS NULL", "params.model IS NOT NULL", "params.model != 'xgb'",
    "tags.team = 'a'", "tags.team = \"b\"", "tags.`my tag` = 'it''s'", "tags.team LIKE '%'", "tags.team IS NULL",
    "attributes.run_name = 'run 3'", "run_name LIKE 'run %'", "attributes.`run name` = 'run 3'", "attribute.Created > 10002",
    "attributes.status = 'FINISHED'", "status != 'FINISHED'", "attributes.start_time > 10004", "start_time <= 10004 AND status = 'RUNNING'",
    "end_time > 0", "user_id = 'ann'", "attributes.artifact_uri LIKE '%artifacts'", "params.model = 'xgb' and tags.team = 'a' and metrics.rmse > 0",
    "run_id IN ('a', 'b')", "run_id NOT IN ('a')", "params.model = '100%'", "metrics.rmse = 1 and", "tags. = 'x'", "metrics.nan > 0", "params.model LIKE 'x_b'",
]
RUN_ORDERS = [
    ["metrics.rmse"], ["metrics.rmse DESC"], ["params.model ASC", "metrics.rmse DESC"], ["tags.team"], ["start_time"],
    ["attributes.start_time ASC"], ["run_name DESC"], ["attributes.status", "attributes.end_time DESC"], ["metrics.nan"],
    ["metrics.nan DESC"], ["metrics.none", "start_time DESC"], ["tags.`my tag` desc"], ["user_id", "params.`model`"],
]
REFUSED = [
    "metrics.rmse", "metrics.rmse = 'a'", "params.model = 3", "params.model > 'a'", "tags.team > 'a'", "attributes.nothing = 'a'",
    "nonsense.x = 1", "metrics.rmse = 1 or metrics.rmse = 2", "params.model = 'open", "status IN ('FINISHED')", "params.model IN ('xgb', 'rf')", "tags.team NOT IN ('a')",
    "attributes.start_time = 'late'", "params.model LIKE 3", "run_id IN (1, 2)", "metrics.rmse IS NULL", "=", "a b c",
    "dataset.nothing = 'x'", "dataset.name > 'x'", "metrics.rmse LIKE 'a'", "params.model IN 'a'", "(params.model = 'a')",
    "attributes.start_time LIKE 'x'", "run_name > 'a'", "params.model = model",
]


def corpus(c, experiment):
    models, values = ["xgb", "rf", "ridge", "100%"], [0.5, 0.25, 1e9, -3, 0.75]
    for i in range(12):
        run = c.create_run(experiment, start_time=10000 + i, run_name=f"run {i}", tags={"mlflow.user": "ann" if i % 2 else "bob"}).info.run_id
        metrics = [Metric("rmse", values[i % 5], i, 0)] if i != 7 else []
        if i % 3 == 0:
            metrics += [Metric("nan", [float("nan"), 2, float("inf"), float("-inf")][i // 3], i, 0), Metric("r mse", i, i, 0)]
        params = [Param("model", models[i % 4])] if i < 10 else []
        tags = [RunTag("team", "ab"[i % 2]), RunTag("my tag", "it's")][: 1 + (i % 4 == 0)] if i % 5 else []
        c.log_batch(run, metrics, params, tags)
        if i % 3 == 1:
            c.set_terminated(run, ["FINISHED", "FAILED", "KILLED"][i // 4], 20000 - i)


def names(runs):
    return [run.info.run_name for run in runs]


def runs(r):
    c = MlflowClient()
    e = c.create_experiment("search runs")
    corpus(c, e)
    for text in RUN_FILTERS:
        r.step(f"runs where {text}", lambda: names(c.search_runs([e], text)))
    for order in RUN_ORDERS:
        r.step(f"runs by {order}", lambda: names(c.search_runs([e], order_by=order)))
    r.pages("runs in pages", c.search_runs, experiment_ids=[e], max_results=5, order_by=["params.model", "metrics.rmse DESC"])
    r.pages("filtered runs in pages", c.search_runs, experiment_ids=[e], max_results=2, filter_string="metrics.rmse < 1")
    r.step("no experiment", c.search_runs, [])
    r.step("an experiment that is not there", c.search_runs, ["987654"])
    r.step("several experiments", lambda: len(c.search_runs([e, "0"], "attributes.run_name LIKE 'run %'")))
    frame = mlflow.search_runs([e], order_by=["start_time"])
    r.step("as a table", lambda: frame[sorted(set(frame.columns) - {"end_time", "start_time", "run_id"})].astype(str))


def runs_refused(r):
    c = MlflowClient()
    for text in REFUSED:
        r.refuse(f"runs where {text}", c.search_runs, ["0"], text)
    for order in ("nonsense", "metrics.x UP", "attributes.nothing", "metrics.a b"):
        r.refuse(f"runs by {order}", c.search_runs, ["0"], order_by=[order])
    for n in (0, -1, 50001):
        r.refuse(f"{n} runs a page", c.search_runs, ["0"], max_results=n)
    r.refuse("a token that nobody gave", c.search_runs, ["0"], page_token="nonsense")
    r.refuse("half a token", c.search_runs, ["0"], page_token="abc")


def experiments(r):
    c = MlflowClient()
    for i, name in enumerate(["Alpha", "alpha two", "Beta", "gamma_x", "gammaYx"]):
        id = c.create_experiment("find " + name, tags={"k": f"v{i % 2}", "o dd": "yes"} if i else None)
        if name == "Beta":
            c.delete_experiment(id)
    for text in (
        "name = 'find Alpha'", "name != 'find Alpha' and name LIKE 'find %'", "name LIKE 'find a%'", "name ILIKE 'FIND A%'",
        "attribute.name LIKE 'find gamma_x'", "tags.k = 'v1' and name LIKE 'find %'", "tags.k != 'v1' and name LIKE 'find %'",
        "tag.k LIKE 'V%'", "tags.k ILIKE 'V%'", "tags.`o dd` = 'yes'", "creation_time > 0 and name LIKE 'find %'",
        "last_update_time < 1000", "tags.k IS NULL and name LIKE 'find %'", "tags.k IS NOT NULL and name LIKE 'find %'",
    ):
        r.step(f"experiments where {text}", lambda: [e.name for e in c.search_experiments(filter_string=text, order_by=["name"])])
    for order in (["name"], ["name DESC"], ["attribute.name asc"], ["creation_time", "name"], ["experiment_id DESC"], ["last_update_time DESC", "name"]):
        r.step(f"experiments by {order}", lambda: [e.name for e in c.search_experiments(filter_string="name LIKE 'find %'", order_by=order)])
    for view in (ViewType.DELETED_ONLY, ViewType.ALL):
        r.step(f"experiments {ViewType.to_string(view)}", c.search_experiments, view, filter_string="name LIKE 'find %'", order_by=["name"])
    r.pages("experiments in pages", c.search_experiments, filter_string="name LIKE 'find %'", order_by=["name"], max_results=2)
    for text in ("name = 3", "absent = 'x'", "name > 'a'", "creation_time LIKE 'x'", "creation_time = 'x'", "name = 'a' OR name = 'b'", "metrics.x = 1", "tags.k IN ('a')", "name IN ('a')", "name IS NULL"):
        r.refuse(f"experiments where {text}", c.search_experiments, filter_string=text)
    for order in ("absent", "name UP", "tags.k", "attributes.name"):
        r.refuse(f"experiments by {order}", c.search_experiments, order_by=[order])
    for n in (0, -1, 50001):
        r.refuse(f"{n} experiments a page", c.search_experiments, max_results=n)


PARTS = [runs, runs_refused, experiments]
