"""Records what FastAPI answers to the requests of this package's tests.

    python3 -m venv venv && venv/bin/pip install fastapi httpx
    venv/bin/python record.py > fastapi.jsonl

The first line of the output names the versions; every other line is a case: the
request, the status and the answer. A valid request is answered with what FastAPI
understood, so that a test can compare what was read as well as what was refused.
A date is compared as the ISO date that it means.
"""

import datetime
import json
import platform
import re
import sys
from typing import Annotated

import fastapi
import pydantic
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, Field, FiniteFloat

LAYOUTS = [r"(?P<d>[0-9]{1,2})-(?P<m>[0-9]{1,2})-(?P<y>[0-9]{4})", r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"]


def day(s: str) -> str:
    for layout in LAYOUTS:
        if m := re.fullmatch(layout, s):
            try:
                return datetime.date(int(m["y"]), int(m["m"]), int(m["d"])).isoformat()
            except ValueError:
                pass
    raise ValueError("Date should be a day as dd-mm-yyyy or yyyy-mm-dd")


class Row(BaseModel):
    Store: int
    Date: Annotated[str, AfterValidator(day)]
    Holiday_Flag: Annotated[int, Field(ge=0, le=1)]
    Temperature: FiniteFloat
    Fuel_Price: FiniteFloat
    CPI: FiniteFloat
    Unemployment: FiniteFloat


class Ask(BaseModel):
    model_config = {"protected_namespaces": ()}
    store_id: int
    steps: Annotated[int, Field(ge=1, le=520)] = 3
    model: str = "arima"


def client(route):
    app = fastapi.FastAPI()
    route(app)
    return TestClient(app, raise_server_exceptions=False)


def predict(app):
    @app.post("/predict_sales")
    def _(row: Row):
        return {**row.model_dump(), "Store": str(row.Store)}


def by_query(app):
    @app.post("/forecast_sales")
    def _(store_id: int, steps: Annotated[int, fastapi.Query(ge=1, le=520)] = 3, model: str = "arima"):
        return {"store_id": str(store_id), "steps": steps, "model": model}


def by_body(app):
    @app.post("/forecast_sales")
    def _(ask: Ask):
        return {**ask.model_dump(), "store_id": str(ask.store_id)}


PREDICT, QUERY, BODY = client(predict), client(by_query), client(by_body)
cases = 0


def record(to, path, query="", body=None, content_type="application/json"):
    global cases
    cases += 1
    raw = b"" if body is None else body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": content_type} if content_type is not None else {}
    got = to.post(path + ("?" + query if query else ""), content=raw, headers=headers)
    try:
        answer = got.json()
    except ValueError:
        answer = None  # a plain "Internal Server Error"
    case = {"query": query, "content_type": content_type, "body": raw.decode("latin-1"), "status": got.status_code, "answer": answer}
    print(json.dumps({"path": path, **case}, ensure_ascii=True))


def field(name, literal):
    """The README's row as JSON text with one value replaced by a literal, or left out."""
    row = {"Store": "1", "Date": '"03-11-2012"', "Holiday_Flag": "0", "Temperature": "75.5", "Fuel_Price": "3.45", "CPI": "238.2", "Unemployment": "5.8"}
    row[name] = literal
    return "{" + ", ".join(f'"{k}": {v}' for k, v in row.items() if v is not None) + "}"


NUMBERS = ["0", "1", "-1", "-0", "2", "45", "1.0", "1.5", "-0.0", "1e0", "1e2", "1E+2", "1.5e1", "15e-1", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity",
           "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "9.3e18", "9223372036854775808.0", "-9223372036854775808.0", "9223372036854774784.0", "1e20", "1" + "0" * 30, "1" + "0" * 400,
           "5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "520", "521", "100000"]
STRINGS = ["", " ", "abc", "1", "2", " 1 ", "\t1\n", "\u00a01", "+1", "-1", "--1", "+-1", "- 1", "001", "00", "-0", "1.0", "1.", ".0", "1.00", "-1.0", "+1.0", "1.5", "1.0.0", "1,0", "1_0", "1__0", "_1", "1_", "1_0.0", "1_0.5", "0_1", "+_1", "1e2", "1E2", "1e", "e2", ".5", "5.",
           "0x10", "0b1", "1f", "nan", "NaN", "+nan", "-nan", "inf", "-inf", "Infinity", "+infinity", "infin", "true", "null", "\u0661", "\uff11", "1\u0000", "\u20ac", "\U0001f600", "520", "521",
           "9223372036854775807", "9223372036854775808", "1" + "0" * 30, "0" * 30 + "1", " " * 20 + "1", "1" * 4301, "1e400", "1e-400", "999999999999999999", "-999999999999999999", "0" * 20 + ".0", "238.2", "1 000", "1\n", " 1.0 ", " 1_0 ", " 1.5 "]
OTHERS = ["null", "true", "false", "[]", "[1]", "{}", '{"a": {"b": [1, null, "\\u00e9"]}}']
DATES = ["03-11-2012", "3-11-2012", "1-1-2022", "01-01-2022", "2012-11-03", "2012-1-3", "31-02-2012", "29-02-2012", "29-02-2011", "soon", "", " 03-11-2012", "03-11-2012 ", "03/11/2012", "2012/11/03", "03-11-12", "3-13-2012", "00-11-2012", "32-01-2012",
         "2012-11-03T00:00:00", "20121103", "01-01-0001", "01-01-0000", "0000-01-01", "31-12-9999", "9999-12-31", "12345-01-01", "-03-11-2012", "03--11-2012", "003-11-2012", "\u0660\u0663-11-2012", "03\u201311\u20132012", "2012-11-3", "+3-11-2012"]
BROKEN = ["", " ", "{", "}", "[", "]", "{}", "[]", "[1]", "null", "true", "1", '"x"', "nul", "{]", "[}", '{"', '{"Store', '{"Store"', '{"Store":', '{"Store": ', '{"Store": 1', '{"Store": 1,', '{"Store": 1, ', '{"Store": 1,}', '{"Store" 1}', '{"Store"; 1}', '{"Store": 1 "Date": 2}',
          "{Store: 1}", "{'Store': 1}", '{"Store": 01}', '{"Store": +1}', '{"Store": .5}', '{"Store": 1.}', '{"Store": 1.e5}', '{"Store": 1e}', '{"Store": 1e+}', '{"Store": -}', '{"Store": --1}', '{"Store": -I}', '{"Store": -Infinit}', '{"Store": Inf}', '{"Store": Nan}', '{"Store": 0x1}', '{"Store": 1_0}', '{"Store": tru}', '{"Store": True}', '{"Store": None}',
          '{"Store": "\n"}', '{"Store": "\t"}', '{"Store": "\x1f"}', '{"Store": "\x7f"}', '{"Store": "a', '{"Store": "a\\', '{"Store": "a\\"', '{"Store": "\\x"}', '{"Store": "\\', '{"Store": "\\u', '{"Store": "\\u12', '{"Store": "\\u12"}', '{"Store": "\\u12g4"}', '{"Store": "\\u00e9"}', '{"Store": "\\u1234',
          '{"Store": "\\ud83d\\ude00"}', '{"Store": "\\ud83d\\u12g4"}', '{"Store": "\\ud83d\\u1"}', '{"Store": "\\b\\f\\n\\r\\t\\/\\\\\\""}', '{"\u00e9": 1, }', '{"\U0001f600": 1, }', '{"\u00e9\u00e9": "\\q"}', "{} {}", "{}x", "{},", "[1,]", "[1 2]", "[1,", "[1, ", "[,]", "[ ]", "[1", "{,}", "{ }", "\ufeff{}", "\u00a0{}", "\x0b{}", " \t\r\n{} \t\r\n", "// x\n{}", "{/**/}",
          '{"Store": 1, "Store": "x"}', '{"a": 1, "a": {"b": 1, "b": 2}}', "[" * 200 + "]" * 200, '{"a":' * 100 + "1" + "}" * 100, "[" * 100000, "1" * 4300, "1" * 4301, "-" + "1" * 4301, "1" * 5000 + ".0", '{"Store": ' + "1" * 4301 + "}"]
RAW = [b'{"Store": "\xff"}', b"\xc3", b'{"Store": "\xc3\xa9"}', b'\xef\xbb\xbf{"Store": "x"}', b"\xef\xbb\xbf", b'{"Store": "\xed\xa0\x80"}']
TYPES = [None, "", "text/plain", "text/json", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json", "application/x-www-form-urlencoded", "application/octet-stream", "application/jsonp", "application", "json", "multipart/form-data", " application/json", "application/json;", "application/json, text/plain", "application/ json", "application/+json", "application/json/x"]
QUERIES = ["", "store_id=1", "store_id=1&steps=5", "steps=5", "store_id=", "store_id", "steps=", "store_id=1&steps", "store_id=1&steps=", "store_id=abc", "store_id=1&steps=abc", "store_id=abc&steps=abc", "store_id=1&steps=0", "store_id=1&steps=-1", "store_id=1&steps=520", "store_id=1&steps=521", "store_id=1&steps=100000", "store_id=1&steps=5.0", "store_id=1&steps=5.5",
           "store_id=1&store_id=2", "store_id=1&store_id=abc", "store_id=abc&store_id=1", "store_id=1&steps=2&steps=9", "store_id=1&steps=9&steps=", "store_id=%201%20", "store_id=+1", "store_id=%2B1", "store_id=01", "store_id=1%", "store_id=%zz", "store_id=%3", "store_id=%C3%A9", "store_id=%FF", "store_id=%FF%FF", "store_id=%00", "store_id=1;steps=5", "store_id=1&amp;steps=5", "store_id=1&&steps=2", "&store_id=1&", "=1&store_id=1",
           "store_id=1=2", "store%5Fid=1", "Store_id=1", "store_id[]=1", "store_id=1&x=y", "store_id=1&model=auto", "store_id=1&model=", "store_id=1&model", "store_id=1&model=a&model=b", "store_id=1&model=%C3%A9+x", "store_id=99", "store_id=-1", "store_id=1e2", "store_id=1_0", "store_id=1&steps=1_0", "store_id=null", "store_id=true", "store_id=1&steps=" + "9" * 30, "store_id=1&steps=-" + "9" * 30, "store_id=1&steps=" + "1" * 4301, "steps=abc", "steps=0", "model=x"]

print(json.dumps({"python": platform.python_version(), "fastapi": fastapi.__version__, "pydantic": pydantic.VERSION}))
values = NUMBERS + OTHERS + [json.dumps(s) for s in STRINGS]
for name in ["Store", "Holiday_Flag", "CPI"]:
    for v in [None, *values]:
        record(PREDICT, "/predict_sales", body=field(name, v))
for name in ["Temperature", "Fuel_Price", "Unemployment"]:
    for v in [None, '"abc"', "null", "true", "[1]", "{}", '"NaN"', '""', "1"]:
        record(PREDICT, "/predict_sales", body=field(name, v))
for v in [None, *NUMBERS[:12], *OTHERS, *map(json.dumps, DATES)]:
    record(PREDICT, "/predict_sales", body=field("Date", v))
for v in ["{}", '{"Store": 1, "Date": "03-11-2012"}', '{"store": 1}', '{"Unemployment": "x", "CPI": null, "Fuel_Price": [], "Temperature": {}, "Holiday_Flag": 2, "Date": 1, "Store": 1.5}', field("more", '"ignored"'), field("more", "[" * 200 + "]" * 200), field("model_config", "1")]:
    record(PREDICT, "/predict_sales", body=v)
for v in BROKEN + RAW:
    record(PREDICT, "/predict_sales", body=v)
for t in TYPES:
    for v in [field("Store", "1"), "{", "\u00e9", "[1]"]:
        record(PREDICT, "/predict_sales", body=v, content_type=t)
    record(PREDICT, "/predict_sales", body=None, content_type=t)
record(PREDICT, "/predict_sales", query="Store=1&Date=x", body=field("Store", '"abc"'))
for q in QUERIES:
    record(QUERY, "/forecast_sales", query=q, body=None, content_type=None)
record(QUERY, "/forecast_sales", query="store_id=1&steps=5", body="{broken")
record(QUERY, "/forecast_sales", query="store_id=1&steps=5", body='{"store_id": 2, "steps": 7}')
for v in [None, *values]:
    rest = "" if v is None else f', "steps": {v}'
    record(BODY, "/forecast_sales", body='{"store_id": 1%s}' % rest)
for v in NUMBERS[:12] + OTHERS + ['"abc"', '"1"', '""']:
    record(BODY, "/forecast_sales", body='{"store_id": %s}' % v)
    record(BODY, "/forecast_sales", body='{"store_id": 1, "model": %s}' % v)
for v in ['{"steps": 5}', "{}", "[]", "null", "1", "{", '{"store_id": "x", "steps": 0, "model": 1}', '{"store_id": 1, "extra": true}', " "]:
    record(BODY, "/forecast_sales", body=v)
for t in TYPES:
    record(BODY, "/forecast_sales", body='{"store_id": 1}', content_type=t)
print(cases, "cases", file=sys.stderr)
