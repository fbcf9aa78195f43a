"""Experiments and runs: make, change, log, delete, restore, and what is refused."""

import math

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag, ViewType


def experiments(r):
    c = MlflowClient()
    r.step("the default experiment", c.get_experiment, "0")
    id = r.step("create an experiment", c.create_experiment, "Sales/Österreich 🛒", tags={"team": "forecast", "empty": ""})
    r.step("get it", c.get_experiment, id)
    r.step("get it by name", c.get_experiment_by_name, "Sales/Österreich 🛒")
    r.step("a name that nobody has", c.get_experiment_by_name, "nobody")
    r.step("set a tag", c.set_experiment_tag, id, "team", "planning")
    r.step("set a number as a tag", c.set_experiment_tag, id, "n", 7)
    r.step("delete a tag", c.delete_experiment_tag, id, "empty")
    r.step("rename", c.rename_experiment, id, "Sales renamed")
    r.step("after the changes", c.get_experiment, id)
    placed = r.step("with a place of its own", c.create_experiment, "placed", artifact_location="s3://bucket/path")
    r.step("get the placed one", c.get_experiment, placed)
    r.step("delete", c.delete_experiment, id)
    r.step("deleted", c.get_experiment, id)
    r.refuse("a run of a deleted experiment", c.create_run, id)
    r.refuse("the name of a deleted experiment", c.create_experiment, "Sales renamed")
    r.step("restore", c.restore_experiment, id)
    r.step("restored", c.get_experiment, id)
    r.step("set_experiment", lambda: mlflow.set_experiment("Sales renamed").experiment_id == id)


def experiments_refused(r):
    c = MlflowClient()
    r.refuse("no experiment of that id", c.get_experiment, "987654")
    r.refuse("an id that is no number", c.get_experiment, "x")
    r.refuse("a name twice", c.create_experiment, "Default")
    r.refuse("an empty name", c.create_experiment, "")
    r.step("a name of spaces", lambda: c.get_experiment(c.create_experiment("   ")).name)
    r.refuse("a name of 501 letters", c.create_experiment, "n" * 501)
    r.refuse("a place with a fragment", c.create_experiment, "fragment", artifact_location="s3://b/p#f")
    r.refuse("delete what is not there", c.delete_experiment, "987654")
    r.refuse("restore what is not there", c.restore_experiment, "987654")
    r.refuse("restore what is not deleted", c.restore_experiment, "0")
    r.refuse("rename what is not there", c.rename_experiment, "987654", "x")
    r.refuse("rename to a name that is taken", c.rename_experiment, c.create_experiment("renaming"), "Default")
    r.refuse("a tag of what is not there", c.set_experiment_tag, "987654", "a", "b")
    r.refuse("a tag with a long value", c.set_experiment_tag, "0", "a", "v" * 20001)
    r.refuse("a tag with a bad name", c.set_experiment_tag, "0", "a/../b", "v")
    r.refuse("delete a tag that is not there", c.delete_experiment_tag, "0", "no tag")


def runs(r):
    c = MlflowClient()
    e = c.create_experiment("runs")
    run = r.step("create a run", c.create_run, e, start_time=1000, tags={"a": "1", "mlflow.user": "ann"}, run_name="first").info.run_id
    r.step("without a name", c.create_run, e, start_time=2000)
    named = r.step("named by its tag", c.create_run, e, start_time=3000, tags={"mlflow.runName": "tagged"}).info.run_id
    r.refuse("two names", c.create_run, e, tags={"mlflow.runName": "one"}, run_name="two")
    r.step("log a param", c.log_param, run, "depth", 3)
    r.step("the same param again", c.log_param, run, "depth", 3)
    r.refuse("another value of a param", c.log_param, run, "depth", 4)
    r.step("a param of 6000 letters", c.log_param, run, "long", "ü" * 6000)
    r.step("a param of 6001 letters", c.log_param, run, "longer", "v" * 6001)
    r.step("an empty param", c.log_param, run, "empty", "")
    r.step("log a metric", c.log_metric, run, "rmse", 0.1 + 0.2, timestamp=5, step=1)
    r.step("a metric without a step", c.log_metric, run, "rmse", 1 / 3, timestamp=6)
    for value in (math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, -0.0, True):
        r.step(f"metric {value}", c.log_metric, run, "odd", value, timestamp=7, step=2)
    r.step("a negative step", c.log_metric, run, "odd", 4, timestamp=7, step=-5)
    r.step("the largest step", c.log_metric, run, "far", 4, timestamp=7, step=2**63 - 1)
    r.step("a tag", c.set_tag, run, "tag/with.all-of_it: here", "v" * 5000)
    r.step("a tag that is no text", c.set_tag, run, "number", 1.5)
    r.step("delete a tag", c.delete_tag, run, "number")
    r.step("get", c.get_run, run)
    r.step("history", c.get_metric_history, run, "rmse")
    r.step("history of odd values", c.get_metric_history, run, "odd")
    r.step("history of nothing", c.get_metric_history, run, "none")
    r.step("rename", c.update_run, run, name="renamed")
    r.step("set a status", c.update_run, run, status="FAILED")
    r.step("renamed and failed", c.get_run, run)
    r.step("rename by the tag", c.set_tag, named, "mlflow.runName", "by tag")
    r.step("renamed by the tag", c.get_run, named)
    r.step("finish", c.set_terminated, run, end_time=9000)
    r.step("kill", c.set_terminated, named, "KILLED", 9001)
    r.step("finished", c.get_run, run)
    r.step("killed", c.get_run, named)
    r.step("delete", c.delete_run, run)
    r.step("deleted", lambda: c.get_run(run).info)
    r.refuse("log into a deleted run", c.log_metric, run, "x", 1)
    r.refuse("a tag of a deleted run", c.set_tag, run, "x", "y")
    r.step("restore", c.restore_run, run)
    r.step("restored", lambda: c.get_run(run).info)
    r.step("delete its experiment", c.delete_experiment, e)
    r.step("a run of a deleted experiment", lambda: c.get_run(run).info)
    r.step("restore its experiment", c.restore_experiment, e)
    r.step("a run of a restored experiment", lambda: c.get_run(run).info)


def batches(r):
    c = MlflowClient()
    run = c.create_run("0", start_time=1, run_name="batches").info.run_id
    r.step("a batch", c.log_batch, run, [Metric("m", i / 7, i, i) for i in range(900)],
           [Param(f"p{i}", str(i)) for i in range(50)], [RunTag(f"t{i}", "v") for i in range(50)])
    r.step("the last value counts", c.log_batch, run, [Metric("last", 1, 5, 3), Metric("last", 2, 4, 3), Metric("last", 3, 9, 2)])
    r.step("the same points again", c.log_batch, run, [Metric("last", 1, 5, 3)] * 3)
    r.step("an empty batch", c.log_batch, run)
    r.step("after the batches", c.get_run, run)
    r.step("history", c.get_metric_history, run, "last")
    r.step("a long history", lambda: [m.value for m in c.get_metric_history(run, "m")])
    r.refuse("a param with two values", c.log_batch, run, params=[Param("two", "1"), Param("two", "2")])
    r.refuse("a param that changes", c.log_batch, run, [Metric("unseen", 1, 1, 1)], [Param("p1", "other")])
    r.step("nothing of a refused batch", lambda: "unseen" in c.get_run(run).data.metrics)
    r.refuse("a bad name in a batch", c.log_batch, run, [Metric("../x", 1, 1, 1)])
    r.step("log a dict", lambda: run_with(lambda: mlflow.log_params({"x": 1, "y": [1, 2]})))
    r.step("log metrics at once", lambda: run_with(lambda: mlflow.log_metrics({"a": 1, "b": 2.5}, step=4, timestamp=8)))
    r.step("tags at once", lambda: run_with(lambda: mlflow.set_tags({"a": "1", "b": "2"})))


def run_with(log):
    """Returns the data of a new run into which log wrote."""
    with mlflow.start_run(run_name="fluent") as run:
        log()
    return MlflowClient().get_run(run.info.run_id).data


def runs_refused(r):
    c = MlflowClient()
    run = c.create_run("0", run_name="refused").info.run_id
    r.refuse("no such run", c.get_run, "0" * 32)
    r.refuse("a bad run id", c.get_run, "no/id")
    r.refuse("no such experiment", c.create_run, "987654")
    for name in ("", "../up", "a/./b", "/rooted", "x" * 251, "new\nline", "hash#", "100%"):
        r.refuse(f"metric {name!r}", c.log_metric, run, name, 1)
        r.refuse(f"param {name!r}", c.log_param, run, name, 1)
        r.refuse(f"tag {name!r}", c.set_tag, run, name, 1)
    r.refuse("a metric of nothing", c.log_metric, run, "m", None)
    r.refuse("a metric of no run", c.log_metric, "0" * 32, "m", 1)
    r.refuse("a param of no run", c.log_param, "0" * 32, "p", 1)
    r.refuse("a tag of no run", c.set_tag, "0" * 32, "t", 1)
    r.step("a tag of 8001 letters", c.set_tag, run, "t", "v" * 8001)
    r.refuse("delete a tag that is not there", c.delete_tag, run, "none")
    r.refuse("delete no run", c.delete_run, "0" * 32)
    r.refuse("restore no run", c.restore_run, "0" * 32)


def nested(r):
    mlflow.set_experiment("nested")
    with mlflow.start_run(run_name="parent", tags={"role": "parent"}, description="the **whole**") as parent:
        for depth in (2, 4):
            with mlflow.start_run(run_name=f"child {depth}", nested=True) as child:
                mlflow.log_param("depth", depth)
                mlflow.log_metric("rmse", 1 / depth, timestamp=depth)
    c = MlflowClient()
    r.step("the parent", c.get_run, parent.info.run_id)
    r.step("the last child", c.get_run, child.info.run_id)
    r.step("the child's parent", c.get_parent_run, child.info.run_id)
    r.step("the parent's parent", c.get_parent_run, parent.info.run_id)
    r.step("children", lambda: mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["params.depth"], output_format="list"))
    with mlflow.start_run(run_id=child.info.run_id):
        mlflow.log_metric("rmse", 0.1, step=1, timestamp=9)
    r.step("a run that goes on", c.get_run, child.info.run_id)


def failing():
    with mlflow.start_run(run_name="failing") as run:
        mlflow.log_metric("before", 1, timestamp=1)
        raise KeyError(run.info.run_id)


def broken(r):
    try:
        failing()
    except KeyError as e:
        r.step("a run that broke off", MlflowClient().get_run, e.args[0])


def datasets(r):
    e = mlflow.set_experiment("datasets").experiment_id
    frame = pd.DataFrame({"store": [1, 1, 2], "sales": [1.5, 2.5, 3.0], "holiday": [True, False, True], "name": list("abc")})
    train = from_pandas(frame, source="s3://bucket/train.csv", name="train", targets="sales")
    with mlflow.start_run(run_name="with data") as run:
        mlflow.log_input(train, context="training", tags={"more": "yes"})
        mlflow.log_input(train, context="training")
        mlflow.log_input(from_pandas(frame.head(2), name="test"), context="testing")
    r.step("inputs", lambda: MlflowClient().get_run(run.info.run_id).inputs)
    r.step("runs by dataset", lambda: names(mlflow.search_runs(filter_string="dataset.name = 'train'", output_format="list")))
    r.step("by context", lambda: names(mlflow.search_runs(filter_string="dataset.context ILIKE 'TEST%'", output_format="list")))
    r.step("by digest", lambda: names(mlflow.search_runs(filter_string=f"dataset.digest = '{train.digest}'", output_format="list")))
    r.step("source", lambda: mlflow.data.get_source(MlflowClient().get_run(run.info.run_id).inputs.dataset_inputs[0]).to_dict())
    c = MlflowClient()
    model = c.create_logged_model(e, name="used", source_run_id=run.info.run_id)
    c.log_inputs(run.info.run_id, models=[LoggedModelInput(model_id=model.model_id)])
    c.log_outputs(run.info.run_id, models=[LoggedModelOutput(model_id=model.model_id, step=3)])
    r.step("models in and out", c.get_run, run.info.run_id)
    r.refuse("inputs of no run", c.log_inputs, "0" * 32, models=[LoggedModelInput(model_id=model.model_id)])


def names(runs):
    return [run.info.run_name for run in runs]


def views(r):
    c = MlflowClient()
    e = c.create_experiment("views")
    for i in range(3):
        c.create_run(e, start_time=i, run_name=f"run {i}")
    c.delete_run(c.search_runs([e], "attributes.run_name = 'run 1'")[0].info.run_id)
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        r.step(f"view {ViewType.to_string(view)}", lambda: names(c.search_runs([e], run_view_type=view)))


PARTS = [experiments, experiments_refused, runs, batches, runs_refused, nested, broken, datasets, views]
