"""Records how Python prints values and joins artifact URIs, for python_test.go.

    pip install mlflow==3.17.2
    python python.py python.json
"""

import json
import posixpath
import sys

from mlflow.utils.uri import append_to_uri_path
from mlflow.utils.validation import path_not_unique, validate_param_and_metric_name

TEXTS = ["", "a", "it's", 'say "x"', "it's \"x\"", "a\\b", "tab\tline\nret\r", "\x00\x1f\x7f\x85\xa0", "\u00e4\u6f22", "\U0001f600", "\u200b\u2028", "\ue000", "\U000e0001"]
FLOATS = [0.0, -0.0, 1.0, -2.5, 1e15, 1e16, 123456789012345680.0, 1e22, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, float("inf"), float("-inf"), float("nan")]
NAMES = ["", "a", "a/b", "a//b", "/a", "//a", "///a", "a/", ".", "..", "../a", "a/..", "a/./b", "..a", ".a", "a b", "a:b", "a\n", "a\n\n", "\n", "a\tb", "a#", "\u00e4", "\u6f22", "\u0663", "\u00b2", "\u2163", "\u00bd", "e\u0301", "\u200b", "_", "-", "a\x00b"]
URIS = ["s3://b", "s3://b/", "s3://b/p?x=1", "s3://b/p?x=1#f", "mlflow-artifacts:/", "file:///srv/a", "/srv/a?b", "/srv/a", "a b", "file:a/b", "hdfs://h:80/p"]


def checks(name):
    return bool(validate_param_and_metric_name(name)) and not path_not_unique(name)


record = {
    "repr": [[t, repr(t)] for t in TEXTS],
    "json": [[t, json.dumps(t)] for t in TEXTS],
    "float": [[str(f), repr(f)] for f in FLOATS],
    "name": [[n, checks(n), posixpath.normpath(n)] for n in NAMES],
    "uri": [[u, append_to_uri_path(u, "7", "artifacts")] for u in URIS],
}
with open(sys.argv[1], "w") as f:
    json.dump(record, f, indent=1)
    f.write("\n")
