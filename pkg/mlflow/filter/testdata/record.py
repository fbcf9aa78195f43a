"""Records what MLflow says to filters and orders, for the tests of this package.

    pip install mlflow==3.17.2
    python record.py | gzip -9n > verdicts.jsonl.gz

Every line has a kind, a filter or an order,
and either what MLflow parsed, or its error, or how it crashed.
"""

import json
import logging
import math
import os
import tempfile

logging.disable(logging.WARNING)

import mlflow
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking
from mlflow.utils import search_logged_model_utils as lm
from mlflow.utils.search_utils import (
    SearchExperimentsUtils,
    SearchModelUtils,
    SearchModelVersionUtils,
    SearchUtils,
)

# Every one of these is asked of every kind.
COMMON = r"""
name = 'a'
name = "a"
name='a'
name != 'a'
name LIKE 'a%'
name like 'a%'
name ILIKE 'A_'
name ilike 'A_'
name NOT LIKE 'a%'
name IN ('a', 'b')
name in ('a')
name NOT IN ('a')
name IS NULL
name > 'a'
name = 5
name = a
name = `a`
name = NULL
name
name =
= 'a'
name 'a'
`name` = 'a'
"name" = 'a'
attribute.name = 'a'
attributes.name = 'a'
attr.name = 'a'
attribute.`name` = 'a'
attribute.nope = 'a'
nope = 'a'
metrics.name = 'a'
metric.rmse < 5
metrics.rmse < 5
metrics.rmse > -5
metrics.rmse >= .5
metrics.rmse <= 5.
metrics.rmse = 1e5
metrics.rmse = 1.5E-3
metrics.rmse != -1.5e-3
metrics.rmse = 1e+5
metrics.rmse = +5
metrics.rmse = - 5
metrics.rmse = 0x1F
metrics.rmse = 1.5e
metrics.rmse = 12ab
metrics.rmse = 1_000
metrics.rmse = '5'
metrics.rmse = nan
metrics.rmse = inf
metrics.rmse = 1e999
metrics.rmse LIKE '5'
metrics.rmse IN (1, 2)
metrics.rmse == 5
metrics.rmse <> 5
metrics.rmse >< 5
metrics.rmse => 5
metrics.rmse IS NULL
metrics.rmse
metrics.rmse >
metrics. rmse > 5
metrics .rmse > 5
metrics . rmse > 5
metrics.a.b.c > 5
metrics.`a b` > 5
metrics."a b" > 5
metrics.'a b' > 5
metrics.`a``b` > 5
metrics.[a b] > 5
metrics.a-b > 5
metrics.a/b > 5
metrics.a b > 5
metrics.a$b > 5
metrics.a#b > 5
metrics.ü > 5
metrics.日本 > 5
metrics.2nd > 5
metrics.2 > 5
metrics.22nd > 5
metrics.2.2 > 5
metrics._x > 5
metrics. > 5
metrics > 5
`metrics`.rmse > 5
"metrics".rmse > 5
'metrics'.rmse > 5
METRICS.rmse > 5
metrics.rmse > 5 AND metrics.mae < 3
metrics.rmse > 5 and metrics.mae < 3
metrics.rmse > 5 metrics.mae < 3
AND metrics.rmse > 5
metrics.rmse > 5 AND
metrics.rmse > 5 AND AND metrics.mae < 3
AND
metrics.rmse > 5 OR metrics.mae < 3
metrics.rmse > 5, metrics.mae < 3
metrics.rmse > 5;
metrics.rmse > 5; metrics.mae < 3
metrics.rmse > 5;;
;
(metrics.rmse > 5)
((metrics.rmse > 5))
(metrics.rmse > 5 AND metrics.mae < 3)
NOT metrics.rmse > 5
5 < metrics.rmse
metrics.rmse > metrics.mae
metrics.rmse > 5 > 3
metrics.rmse BETWEEN 1 AND 3
metrics.rmse > 5 -- more
metrics.rmse > 5 /* more */
/* more */ metrics.rmse > 5
metrics.rmse > 5 LIMIT 3
metrics.rmse > 5 ORDER BY name
metrics.rmse DESC > 5
params.lr = '0.1'
param.lr = '0.1'
parameter.lr = '0.1'
parameters.lr = '0.1'
params.lr = "0.1"
params.lr = 0.1
params.lr = x
params.lr = `x`
params.lr = 'x
params.lr = x'
params.lr = "x
params.lr = 'x"
params.lr = 'it''s'
params.lr = 'it\'s'
params.lr = "it's"
params.lr = 'say "x"'
params.lr = ''
params.lr = ""
params.lr = 'a' 'b'
params.lr = 'ends\'
params.lr = 'a''
metrics.`a`` > 5
metrics._x#y > 5
metrics._x$y > 5
run_id IN ('a\nb\rc\\d\qe\'f"g', "h'i")
params.lr = 'a = ''b'' AND c'
params.lr = f('x')
params.lr = ('x')
params.lr = ?
params.lr = NULL
params.lr = NONE
params.lr = TRUE
params.lr LIKE '%0%'
params.lr like '%0%'
params.lr ILIKE 'X_'
params.lr RLIKE 'x'
params.lr REGEXP 'x'
params.lr ~ 'x'
params.lr > '0'
params.lr < 5
params.lr == '0.1'
params.lr IN ('a')
params.lr NOT IN ('a')
params.lr IS NULL
params.lr is null
params.lr IS NOT NULL
params.lr is not null
params.lr IS  NOT  NULL
params.lr IS NOT  NULL
params.lr IS 'x'
params.lr IS
params.lr NOT NULL
params.lr IS NULL AND params.b = 'x'
params.b = 'x' AND params.lr IS NULL
params.b = 'x' AND params.lr IS NOT NULL AND tags.a IS NULL
tags.a = 'x'
tag.a = 'x'
tags.a != 'x'
tags.a LIKE 'x%'
tags.a ilike 'x%'
tags.a like 'x%'
tags.a IN ('x')
tags.a > 'x'
tags.a >= 'x'
tags.a = 5
tags.a = x
tags.a IS NULL
tags.a IS NOT NULL
tags.a is null
tags.mlflow.user = 'x'
tags.`mlflow.user` = 'x'
tags."mlflow.user" = 'x'
tags.'mlflow.user' = 'x'
tags.my-tag = 'x'
tags.`my-tag` = 'x'
tags.order = 'x'
tags.select = 'x'
tags.in = 'x'
tags.from = 'x'
tags.* = 'x'
tags.a = 'x' AND tags.b = 'y' AND tags.c != 'z'
tags.a = 'x' tags.b = 'y'
tags.a = 'x' AND name = 'b'
TAGS.a = 'x'
tags = 'x'
tags. = 'x'
.a = 'x'
tags..a = 'x'
tags.`` = 'x'
tags."" = 'x'
tags.a='x'AND tags.b='y'
tags.a='x'and tags.b='y'
tags.a = 'x'tags.b = 'y'
tags.`mlflow.prompt.is_prompt` != 'true'
tags.`mlflow.prompt.is_prompt` = 'true'
tags.`mlflow.prompt.is_prompt` = 'false'
tag.`mlflow.prompt.is_prompt` != 'FALSE'
tag.`mlflow.prompt.is_prompt` LIKE 't%'
dataset.name = 'a'
datasets.name = 'a'
dataset.name IN ('a', 'b')
dataset.name in ('a')
dataset.digest LIKE 'a%'
dataset.digest NOT IN ('a')
dataset.context = 'train'
dataset.context != 'train'
dataset.context ilike 'TRAIN'
dataset.context = 5
dataset.context IS NULL
dataset.nope = 'a'
dataset.name > 'a'
dataset.name = 5
foo.bar = 'a'
foo.bar > 5
run.status = 'RUNNING'
status = 'RUNNING'
status != "FAILED"
status = RUNNING
status LIKE 'RUN%'
status IN ('RUNNING')
status = 5
status > 'RUNNING'
attributes.status = 'RUNNING'
attr.status = 'RUNNING'
run_id = 'a'
run_id IN ('a', 'b')
run_id in ('a','b')
run_id In ('a')
run_id IN('a')
run_id IN ("a")
run_id IN ('a',)
run_id IN ('a' 'b')
run_id IN ('a''b')
run_id IN (('a'))
run_id IN (('a', 'b'))
run_id IN (('a', 'b'), 'c')
run_id IN ()
run_id IN ( )
run_id IN (1)
run_id IN (1, 2)
run_id IN ('a', 1)
run_id IN ('a', 2.5)
run_id IN (a)
run_id IN ('a', b)
run_id IN ('a',,'b')
run_id IN (,)
run_id IN ('a'
run_id IN 'a'
run_id IN a
run_id IN ['a']
run_id IN ("it's", 'it\'s', 'tab\t')
run_id NOT IN ('a')
run_id NOT  IN ('a')
run_id not in ('a')
run_id NOT IN 'a'
run_id NOT ('a')
run_id = ('a')
run_id LIKE ('a')
run_id = 5
run_id > 'a'
run_id IN ('a') AND status = 'RUNNING'
status = 'RUNNING' AND run_id IN ('a')
status = 'RUNNING' AND run_id NOT IN ('a') AND metrics.rmse > 5
attribute.run_id IN ('a')
attributes.run_id NOT IN ('a')
run_name = 'a'
run_name LIKE 'a%'
run_name IN ('a')
`run name` = 'a'
"run name" = 'a'
`Run name` ILIKE 'a%'
`Run Name` != 'a'
attributes."run name" = 'a'
attributes.`Run name` = 'a'
run name = 'a'
RUN_NAME = 'a'
start_time > 5
start_time >= 1664067852747
start_time > 5.5
start_time > '5'
start_time = 5
start_time LIKE '5'
start_time IN (5)
start_time IS NULL
start_time > 99999999999999999999
attributes.start_time != 5
end_time <= 5
created > 5
Created < 5
attribute.created > 5
attributes.Created LIKE 5
user_id = 'me'
artifact_uri LIKE '%x'
experiment_id = '1'
experiment_id = 1
experiment_id = 'x'
experiment_id = ' 1 '
experiment_id != '1'
experiment_id IN ('1', '2')
experiment_id in ('1')
experiment_id IN ('x')
experiment_id IN (1)
experiment_id NOT IN ('1')
experiment_id > '1'
experiment_id LIKE '1'
attribute.experiment_id = '1'
creation_time > 5
creation_time > 5.5
creation_time = '5'
creation_time LIKE 5
creation_time LIKE '5'
creation_time >= 1664067852747 AND name = 'a'
attribute.creation_time > 5
attributes.creation_time > 5
last_update_time < 5
last_update_time IN ('5')
creation_timestamp > 5
creation_timestamp > 5.5
creation_timestamp LIKE '5'
attributes.creation_timestamp > 5
attributes.creation_timestamp_ms > 5
creation_timestamp_ms <= 5
last_updated_timestamp > 5
last_updated_timestamp_ms = 5
last_updated_time > 5
model_id = 'm-1'
model_id IN ('m-1', 'm-2')
model_id IN ()
model_id NOT IN ('m-1')
model_type = 'a'
model_type like 'a%'
source_run_id = 'a'
status_message = 'a'
artifact_location LIKE 'a%'
attributes.model_id = 'a'
attributes.name like 'a%'
attributes.name > 'a'
version_number = 5
version_number = 5.5
version_number = '5'
version_number = 'x'
version_number > 1 AND version_number <= 3
version_number LIKE '1'
version_number IN ('1')
version_number IS NULL
attribute.version_number != 5
version = 5
source_path = 'a'
source_path LIKE '%a'
source_path IN ('a')
source_path = 5
run_id LIKE 'a%'
current_stage = 'Production'
timestamp > 5
TIMESTAMP > 5
user = 'x'
lifecycle_stage = 'active'
'name' = 'a'
5 = 5
'a' = 'a'
name = 'a' b
name b = 'a'
name = 'a' AND b
name == 'a'
name <> 'a'
name = 'a' = 'b'
name = 'a' 'b'
name = 'a', name = 'b'
name = 'a' AND (name = 'b')
name = 'a' && name = 'b'
name := 'a'
name::text = 'a'
name = %s
name = 'é'
name = '日本 🙂'
name = 'a%' AND name LIKE '\%'
name = '  a  '
  name = 'a'
name = 'a'  
name(x) = 'a'
f(name) = 'a'
name = ('a')
name = ('a', 'b')
name = ()
name + 1 = 'a'
name = 'a' + 'b'
$1 = 'a'
@name = 'a'
name = @a
!
'
"
`
(
)
()
'a'
5
*
name * 'a'
name\ = 'a'
""" + "\n".join(
    [
        "a",
        "b" * 300 + " = 'a'",
        "name = '" + "a" * 300 + "'",
        " AND ".join(f"tags.t{i} = '{i}'" for i in range(30)),
        "run_id IN (" + ", ".join(f"'{i:032x}'" for i in range(60)) + ")",
        "(" * 20 + "name = 'a'" + ")" * 20,
    ]
)

MORE = [" ", "\t", "\n", "name\n=\n'a'", "tags.a\t=\t'x'\r\nAND\r\ntags.b = 'y'", "name = 'a\nb'", "run_id IN ('a\nb')"]

ORDERS = r"""
name
name ASC
name asc
name DESC
name desc
name Desc
name  DESC
name DESC NULLS LAST
name FOO
name DESC DESC
name ASC, run_id
 name
name 
name;
attribute.name
attribute.name DESC
attributes.name DESC
attr.name
metrics.rmse
metrics.rmse DESC
metric.rmse ASC
metrics.`a b`
metrics.`a b` DESC
metrics."a b"
metrics."a b" DESC
metrics.'a b' DESC
metrics.a-b DESC
metrics.a.b.c DESC
metrics
metrics.
metrics.`a"b` DESC
metrics."it's" DESC
params.lr
params.lr DESC
parameters.lr
tags.a
tags.`mlflow.user` DESC
tags.name
tag.name DESC
dataset.name
foo.bar
nope
nope DESC
run_id
run_id DESC
run_name
run name
`run name` DESC
"run_name" DESC
`run_name`
status
start_time
start_time DESC
attributes.start_time
attribute.start_time ASC
created
Created DESC
end_time ASC
artifact_uri
user_id DESC
experiment_id
experiment_id ASC
experiment_id DESC
creation_time
creation_time DESC
last_update_time ASC
timestamp
timestamp DESC
timestamp  asc
timestamp foo
Timestamp
TIMESTAMP DESC
last_updated_timestamp
last_updated_timestamp DESC
creation_timestamp DESC
version_number
version_number DESC
version
version DESC
lifecycle_stage
DESC
ASC
name = 'a'
'name'
'name' DESC
"name" DESC
"name"
(name)
name()
5
5 DESC
name + 1
name / 2 DESC
*
metrics.rmse DESC foo
NAME
metrics.order DESC
metrics.desc DESC
metrics.desc
metrics.rmse DESC -- x
"""

REPEATED = [["name", "name DESC"], ["metrics.a", "metrics.a"], ["metrics.a", "params.a"], ["start_time", "created"],
            ["timestamp", "last_updated_timestamp DESC"], ["name", "version_number"], ["metrics.a", "metric.`a`"]]


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return list(value) if isinstance(value, tuple) else value


def runs(text):
    return [
        dict(entity=c["type"], key=SearchUtils.translate_key_alias(c["key"]), op=c["comparator"].upper(), value=plain(c["value"]))
        for c in SearchUtils.parse_search_filter(text)
    ]


def others(utils):
    return lambda text: [
        dict(entity=c["type"], key=c["key"], op=c["comparator"].upper(), value=plain(c["value"]))
        for c in utils.parse_search_filter(text)
    ]


def models(text):
    names = {"attributes": "attribute", "metrics": "metric", "params": "parameter", "tags": "tag"}
    return [
        dict(entity=names[c.entity.type.value], key=c.entity.key, op=c.op, value=plain(c.value))
        for c in lm.parse_filter_string(text)
    ]


def verdict(ask, parse):
    try:
        ask()
        return {"parsed": parse()}
    except MlflowException as e:
        # What Python or the database says is no verdict of the grammar.
        database = "sqlalchemy" in type(e.__cause__).__module__
        if database or e.error_code == "INTERNAL_ERROR" and e.__cause__:
            return {"crash": e.message.splitlines()[0][:80]}
        return {"error": e.message}
    except Exception as e:
        return {"crash": f"{type(e).__name__}: {e}".splitlines()[0][:80]}


def main():
    with tempfile.TemporaryDirectory() as d:
        uri = "sqlite:///" + os.path.join(d, "x.db")
        t, r = Tracking(uri, d), Registry(uri)
        kinds = {
            "experiments": (lambda **k: t.search_experiments(ViewType.ALL, **k), others(SearchExperimentsUtils), SearchExperimentsUtils.parse_order_by_for_search_experiments),
            "runs": (lambda **k: t.search_runs(["0"], k.get("filter_string"), ViewType.ALL, order_by=k.get("order_by")), runs, SearchUtils.parse_order_by_for_search_runs),
            "logged models": (lambda **k: t.search_logged_models(["0"], **k), models, None),
            "registered models": (r.search_registered_models, others(SearchModelUtils), lambda o: ("attribute", *SearchUtils.parse_order_by_for_search_registered_models(o))),
            "versions": (r.search_model_versions, others(SearchModelVersionUtils), SearchModelVersionUtils.parse_order_by_for_search_model_versions),
        }
        print(json.dumps({"mlflow": mlflow.__version__}))
        filters = list(dict.fromkeys(COMMON.split("\n")[1:] + MORE))
        orders = [[o] for o in ORDERS.split("\n")[1:]] + REPEATED
        for kind, (search, parse, order) in kinds.items():
            for f in filters:
                v = verdict(lambda: search(filter_string=f), lambda: parse(f))
                print(json.dumps({"kind": kind, "filter": f, **v}, ensure_ascii=False))
            for o in orders if order else []:
                v = verdict(lambda: search(order_by=o), lambda: [list(order(c)) for c in o])
                print(json.dumps({"kind": kind, "order": o, **v}, ensure_ascii=False))


main()
