"""Logged models, autologging, and models loaded by every form of URI."""

import mlflow
import numpy as np
import pandas as pd
import xgboost
from flow_artifacts import tree
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV

REQUIREMENTS = ["scikit-learn", "xgboost"]


def frame():
    n = np.arange(40.0)
    return pd.DataFrame({"week": n, "wave": np.sin(n), "holiday": n % 7 == 0}), 3 * n + np.sin(n) * 10


def logged(r):
    c = MlflowClient()
    e = c.create_experiment("logged models")
    run = c.create_run(e, run_name="source").info.run_id
    model = r.step("create", c.create_logged_model, e, "classic", run, {"a": "1"}, {"depth": "3"}, "tree").model_id
    r.step("without a name", c.create_logged_model, e)
    r.step("get", c.get_logged_model, model)
    r.step("set tags", c.set_logged_model_tags, model, {"a": "2", "b": ""})
    r.step("delete a tag", c.delete_logged_model_tag, model, "b")
    r.step("log params", c.log_model_params, model, {"width": "4", "long": "v" * 6000})
    r.step("a metric of a model", c.log_metric, run, "rmse", 0.5, timestamp=5, step=2, model_id=model, dataset_name="test", dataset_digest="abc")
    r.step("finish", c.finalize_logged_model, model, LoggedModelStatus.READY)
    r.step("finish as failed", c.finalize_logged_model, model, "FAILED")
    r.step("changed", c.get_logged_model, model)
    open("weights.txt", "w").write("1 2 3")
    r.step("a file of the model", c.log_model_artifact, model, "weights.txt")
    r.step("its files", c.list_logged_model_artifacts, model)
    r.step("delete", c.delete_logged_model, model)
    r.refuse("deleted", c.get_logged_model, model)
    r.refuse("no such model", c.get_logged_model, "m-" + "0" * 32)
    r.refuse("no such experiment", c.create_logged_model, "987654")
    r.refuse("tags of no model", c.set_logged_model_tags, "m-" + "0" * 32, {"a": "b"})
    r.refuse("a tag that is not there", c.delete_logged_model_tag, c.create_logged_model(e).model_id, "none")
    for name in ("a/b", "a:b", "a\"b"):
        r.refuse(f"the name {name!r}", c.create_logged_model, e, name)
    r.step("an empty name", c.create_logged_model, e, "")
    r.step("a name of 500 letters", c.create_logged_model, e, "x" * 500)
    r.step("a param of 6001 letters", c.create_logged_model, e, "long", params={"p": "v" * 6001})


def search(r):
    c = MlflowClient()
    e = c.create_experiment("search models")
    run = c.create_run(e, run_name="many").info.run_id
    for i in range(7):
        model = c.create_logged_model(e, f"m{i}", run if i % 2 else None, {"team": "ab"[i % 2]}, {"depth": str(i)}, ["tree", "linear"][i % 2])
        for data in ("train", "test"):
            c.log_batch(run, [Metric("rmse", i * (2 if data == "test" else 1), len(data), i, model_id=model.model_id, dataset_name=data, dataset_digest="d")])
        if i < 5:
            c.finalize_logged_model(model.model_id, ["READY", "FAILED"][i % 2])
    find = lambda **q: [m.name for m in c.search_logged_models([e], **q)]
    for text in (
        "name = 'm1'", "name LIKE 'm%'", "model_type = 'tree'", "status = 'READY'", "attributes.status != 'READY'", "params.depth = '3'",
        "tags.team = 'a' AND metrics.rmse > 2", "metrics.rmse <= 3", "creation_timestamp > 0", "name IN ('m1', 'm2')",
        f"source_run_id = '{run}'", "params.depth LIKE '_'", "tags.team != 'a'", "last_updated_timestamp > 0", "name ILIKE 'M1'", "name = 3",
    ):
        r.step(f"models where {text.replace(run, 'RUN')}", find, filter_string=text, order_by=[{"field_name": "name"}])
    for by in (
        [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.rmse"}], [{"field_name": "creation_timestamp"}],
        [{"field_name": "metrics.rmse", "dataset_name": "test", "ascending": False}], None,
        [{"field_name": "metrics.rmse", "dataset_name": "train", "dataset_digest": "d"}],
    ):
        r.step(f"models by {by}", find, order_by=by)
    r.step("with a dataset", find, filter_string="metrics.rmse > 7", datasets=[{"dataset_name": "test", "dataset_digest": "d"}])
    r.step("a whole model", c.search_logged_models, [e], "name = 'm4'")
    r.pages("models in pages", c.search_logged_models, experiment_ids=[e], max_results=3, order_by=[{"field_name": "name"}])
    for text in ("params.depth > 3", "metrics.rmse LIKE 'x'", "name = 'a' OR name = 'b'", "metrics.rmse"):
        r.refuse(f"models where {text}", c.search_logged_models, [e], text)
    r.refuse("models by nonsense", c.search_logged_models, [e], order_by=[{"field_name": "nonsense"}])


def log_model(r):
    mlflow.set_experiment("log_model")
    x, y = frame()
    fitted = LinearRegression().fit(x, y)
    with mlflow.start_run(run_name="linear") as run:
        info = mlflow.sklearn.log_model(
            fitted, name="model", registered_model_name="Linear", input_example=x.head(2), pip_requirements=REQUIREMENTS,
            signature=mlflow.models.infer_signature(x, y), metadata={"output": "dollars"}, params={"fit": "yes"}, tags={"t": "1"},
            skops_trusted_types=None, serialization_format="cloudpickle")
        mlflow.log_metric("rmse", 1.5, timestamp=1, model_id=info.model_id)
    c = MlflowClient()
    r.step("the run", c.get_run, run.info.run_id)
    r.step("the logged model", c.get_logged_model, info.model_id)
    r.step("its files", c.list_logged_model_artifacts, info.model_id)
    r.step("files of the run", tree, c, run.info.run_id)
    r.step("the version", c.get_model_version, "Linear", 1)
    r.step("where its files are", c.get_model_version_download_uri, "Linear", 1)
    c.set_registered_model_alias("Linear", "champion", 1)
    c.transition_model_version_stage("Linear", "1", "Production")
    for uri in (f"runs:/{run.info.run_id}/model", f"models:/{info.model_id}", "models:/Linear/1", "models:/Linear@champion",
                "models:/Linear/latest", "models:/Linear/Production", c.get_model_version_download_uri("Linear", 1)):
        r.step(f"predict with {uri}", lambda: mlflow.pyfunc.load_model(uri).predict(x))
    r.step("the fitted object", lambda: mlflow.sklearn.load_model("models:/Linear@champion").coef_)
    r.step("what is known of it", lambda: mlflow.models.get_model_info("models:/Linear@champion").signature.to_dict())
    r.step("its example", lambda: mlflow.pyfunc.load_model("models:/Linear/1").input_example)
    r.step("register it again", lambda: mlflow.register_model(f"models:/{info.model_id}", "Linear", tags={"again": "yes"}))
    r.step("register by the run", lambda: mlflow.register_model(f"runs:/{run.info.run_id}/model", "Linear by run"))
    r.step("the model's versions", lambda: c.get_logged_model(info.model_id).tags)
    r.step("versions of the run", c.search_model_versions, f"run_id = '{run.info.run_id}'", order_by=["name", "version_number"])
    r.refuse("no such version", mlflow.pyfunc.load_model, "models:/Linear/9")
    r.refuse("no such alias", mlflow.pyfunc.load_model, "models:/Linear@none")
    r.refuse("no such stage", mlflow.pyfunc.load_model, "models:/Linear/Staging")
    r.refuse("no such model", mlflow.pyfunc.load_model, "models:/Nobody/1")
    r.refuse("no such id", mlflow.pyfunc.load_model, "models:/m-" + "0" * 32)
    r.refuse("no such path", mlflow.pyfunc.load_model, f"runs:/{run.info.run_id}/none")


def xgboost_model(r):
    mlflow.set_experiment("xgboost")
    x, y = frame()
    booster = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(x.astype(float), y), 5)
    with mlflow.start_run(run_name="boosted") as run:
        info = mlflow.xgboost.log_model(booster, name="booster", model_format="json", pip_requirements=REQUIREMENTS, registered_model_name="Boosted")
    c = MlflowClient()
    r.step("the run", c.get_run, run.info.run_id)
    r.step("its files", c.list_logged_model_artifacts, info.model_id)
    for uri in ("models:/Boosted/1", info.model_uri):
        r.step(f"predict with {uri}", lambda: mlflow.pyfunc.load_model(uri).predict(x.astype(float)))
    r.step("versions of the model", c.search_model_versions, "name = 'Boosted'")


def autolog_sklearn(r):
    mlflow.set_experiment("autolog scikit-learn")
    mlflow.sklearn.autolog(extra_tags={"auto": "yes"})
    x, y = frame()
    try:
        with mlflow.start_run(run_name="forest") as forest:
            RandomForestRegressor(n_estimators=3, random_state=0).fit(x, y).score(x, y)
        mlflow.sklearn.autolog(log_models=False)
        with mlflow.start_run(run_name="grid") as grid:
            GridSearchCV(RandomForestRegressor(random_state=0), {"n_estimators": [1, 2]}, cv=2).fit(x, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    c = MlflowClient()
    r.step("the forest", c.get_run, forest.info.run_id)
    r.step("its files", tree, c, forest.info.run_id)
    r.step("its model", lambda: c.search_logged_models([forest.info.experiment_id]))
    r.step("a grid", lambda: {k: v for k, v in c.get_run(grid.info.run_id).data.params.items()})
    r.step("its children", lambda: [
        (run.data.params["n_estimators"], sorted(run.data.metrics), sorted(run.data.tags)) for run in mlflow.search_runs(
            filter_string=f"tags.mlflow.parentRunId = '{grid.info.run_id}'", order_by=["params.n_estimators"], output_format="list")])


def autolog_xgboost(r):
    mlflow.set_experiment("autolog XGBoost")
    mlflow.xgboost.autolog()
    x, y = frame()
    train = xgboost.DMatrix(x.astype(float), y)
    try:
        with mlflow.start_run(run_name="boosted") as run:
            xgboost.train({"max_depth": 2, "nthread": 1, "eval_metric": "rmse"}, train, 6, evals=[(train, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    c = MlflowClient()
    r.step("the run", c.get_run, run.info.run_id)
    r.step("its history", c.get_metric_history, run.info.run_id, "train-rmse")
    r.step("its files", tree, c, run.info.run_id)
    r.step("its model", lambda: c.search_logged_models([run.info.experiment_id]))


PARTS = [logged, search, log_model, xgboost_model, autolog_sklearn, autolog_xgboost]
