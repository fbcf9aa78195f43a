"""Writes the schema of MLflow's tracking database as plain SQL.

    pip install mlflow==3.17.2 pymysql
    python extract.py sqlite.sql
    python extract.py mysql.sql mysql+pymysql://root@127.0.0.1:3306/empty

MLflow itself makes the database, by all of its migrations, and this script reads
it back: the tables in an order in which every foreign key finds what it refers
to, indexes, triggers, and the rows that a fresh database holds. The first lines
name the release, the revision that its tables are at, and the older ones. Without a URI it
is a new SQLite file; otherwise the URI names an empty MariaDB or MySQL database.

A statement ends with a semicolon at the end of a line before an empty line: the
body of a trigger has semicolons of its own.
"""

import re
import sys
import tempfile
from pathlib import Path

import mlflow
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config, _initialize_tables

# What MariaDB says and MySQL need not be told, or would refuse.
MARIADB = [
    (r" AUTO_INCREMENT=\d+", ""),
    (r" DEFAULT CHARSET=\S+", ""),  # the database's own, as MLflow leaves it
    (r" COLLATE=\S+", ""),
    (r"\blongtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin( NOT NULL| DEFAULT NULL)? CHECK \(json_valid\(`\w+`\)\)", r"json\1"),
    (r"CONSTRAINT `CONSTRAINT_\d+` CHECK", "CHECK"),  # MySQL's names are unique in a database
    (r"\b(int|bigint)\(\d+\)", r"\1"),
    (r" DEFINER=`[^`]*`@`[^`]*`", ""),
]


def sqlite(connection):
    """The statements that SQLite keeps, and the tables' names in order."""
    rows = connection.execute(sa.text(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    )).all()
    tables = {name: tidy(sql) for kind, name, _, sql in rows if kind == "table"}
    order = sort(tables, r"REFERENCES \"?(\w+)")
    rest = sorted((("index", "trigger").index(kind), table, name, sql) for kind, name, table, sql in rows if kind != "table")
    return order, [tables[t] for t in order] + [tidy(sql) for *_, sql in rest]


def mysql(connection):
    """The statements that MariaDB or MySQL shows, and the tables' names in order."""
    tables = {}
    for (name,) in connection.execute(sa.text("SHOW TABLES")).all():
        sql = connection.execute(sa.text(f"SHOW CREATE TABLE `{name}`")).one()[1]
        tables[name] = clean(sql)
    order = sort(tables, r"REFERENCES `(\w+)`")
    triggers = []
    for row in connection.execute(sa.text("SHOW TRIGGERS")).all():
        triggers.append(clean(connection.execute(sa.text(f"SHOW CREATE TRIGGER `{row[0]}`")).one()[2]))
    return order, [tables[t] for t in order] + sorted(triggers)


def clean(sql):
    for pattern, replacement in MARIADB:
        sql = re.sub(pattern, replacement, sql)
    return tidy(sql)


def tidy(sql):
    """One form for white space at the ends of lines, none of them empty."""
    return "\n".join(line.rstrip() for line in sql.strip().rstrip(";").splitlines() if line.strip())


def sort(tables, reference):
    """The tables' names, each after those that it refers to."""
    order, waiting = [], sorted(tables)
    while waiting:
        ready = [t for t in waiting if all(r in order or r == t for r in re.findall(reference, tables[t]))]
        if not ready:
            sys.exit(f"the foreign keys of {waiting} go in a circle")
        order += ready
        waiting = [t for t in waiting if t not in ready]
    return order


def inserts(connection, tables, quote):
    """The rows of a fresh database."""
    for table in tables:
        for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all():
            filled = {k: v for k, v in row.items() if v is not None}
            names = ", ".join(quote + k + quote for k in filled)
            values = ", ".join("'" + str(v).replace("'", "''") + "'" for v in filled.values())
            yield f"INSERT INTO {table} ({names}) VALUES ({values})"


def main():
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        uri = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{scratch}/fresh.db"
        engine = sa.create_engine(uri)
        _initialize_tables(engine)
        with engine.connect() as connection:
            dialect = engine.dialect.name
            tables, statements = {"sqlite": sqlite, "mysql": mysql}[dialect](connection)
            statements += inserts(connection, tables, {"sqlite": '"', "mysql": "`"}[dialect])
        engine.dispose()
    head, *before = [s.revision for s in ScriptDirectory.from_config(_get_alembic_config("")).walk_revisions()]
    lines = [f"-- release: {mlflow.__version__}", f"-- head: {head}"]
    lines += [f"-- before: {' '.join(before[i : i + 6])}" for i in range(0, len(before), 6)]
    lines += ["-- Made by extract.py. Do not edit.", ""]
    target.write_text("\n".join(lines) + "\n" + "".join(f"{s};\n\n" for s in statements))
    print(f"{target}: {len(tables)} tables, {len(statements)} statements, head {head}")


main()
