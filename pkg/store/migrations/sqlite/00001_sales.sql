-- +goose Up

-- One run that brought something. replaces = 1 hides every older load.
CREATE TABLE load (
    id        INTEGER PRIMARY KEY,
    at        TEXT    NOT NULL, -- UTC, as 2006-01-02T15:04:05.000000000Z
    name      TEXT    NOT NULL, -- the path as the user gave it
    digest    TEXT    NOT NULL, -- SHA-256 of the bytes, hex
    sample    INTEGER NOT NULL,
    replaces  INTEGER NOT NULL,
    schema    TEXT    NOT NULL, -- JSON: frequency, keys, columns, static
    format    TEXT    NOT NULL, -- JSON: how the file writes them
    read      INTEGER NOT NULL,
    new       INTEGER NOT NULL,
    corrected INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    refused   INTEGER NOT NULL,
    CHECK (read = new + corrected + unchanged + duplicate + refused)
) STRICT;

-- A key with its static values; other static values make another series of the
-- same key, so that older versions keep theirs.
CREATE TABLE series (
    id     INTEGER PRIMARY KEY,
    key    TEXT NOT NULL, -- JSON array of strings
    static TEXT NOT NULL, -- JSON array of strings, by the schema
    UNIQUE (key, static)
) STRICT;

-- The versions of every period. Nothing is ever changed or deleted: of the loads
-- that are not hidden the newest wins.
CREATE TABLE observation (
    series_id INTEGER NOT NULL REFERENCES series (id),
    period    INTEGER NOT NULL, -- its last day, in days from 1970-01-01
    load_id   INTEGER NOT NULL REFERENCES load (id),
    target    REAL,             -- NULL: the period is known, its target is missing
    columns   TEXT    NOT NULL, -- JSON array of numbers and nulls, by the schema
    PRIMARY KEY (series_id, period, load_id)
) STRICT, WITHOUT ROWID;

-- The lines that were refused.
CREATE TABLE quarantine (
    load_id INTEGER NOT NULL REFERENCES load (id),
    line    INTEGER NOT NULL,
    reason  TEXT    NOT NULL,
    raw     TEXT    NOT NULL
) STRICT;
CREATE INDEX quarantine_load ON quarantine (load_id, line);

-- Every number that was given to somebody, apart from the actual sales.
CREATE TABLE prediction (
    id         INTEGER PRIMARY KEY,
    at         TEXT    NOT NULL, -- as in load
    request_id TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    key        TEXT    NOT NULL, -- as in series
    period     INTEGER NOT NULL,
    horizon    INTEGER NOT NULL, -- 0: from the period's own columns
    value      REAL,
    columns    TEXT              -- as in observation; NULL where there were none
) STRICT;
CREATE INDEX prediction_at ON prediction (at);

-- The table of the Python original, where its columns are mapped and the key is
-- one integer; else empty.
CREATE VIEW walmart_sales AS
WITH mapping AS (
    SELECT schema, (SELECT COALESCE(MAX(id), 0) FROM load WHERE replaces) AS oldest
    FROM load ORDER BY id DESC LIMIT 1
), place AS ( -- where each one stands in observation.columns
    SELECT MAX(CASE value WHEN 'holiday_flag' THEN key END) AS holiday_flag,
           MAX(CASE value WHEN 'temperature'  THEN key END) AS temperature,
           MAX(CASE value WHEN 'fuel_price'   THEN key END) AS fuel_price,
           MAX(CASE value WHEN 'cpi'          THEN key END) AS cpi,
           MAX(CASE value WHEN 'unemployment' THEN key END) AS unemployment
    FROM mapping, json_each(mapping.schema, '$.columns')
    WHERE json_extract(mapping.schema, '$.keys') = '["store"]'
), newest AS ( -- with MAX, SQLite takes the other values from the same row
    SELECT s.key ->> 0 AS store, o.period, MAX(o.load_id), o.target, o.columns
    FROM mapping, observation o JOIN series s ON s.id = o.series_id
    WHERE o.load_id >= mapping.oldest
    GROUP BY s.key, o.period
)
SELECT CAST(store AS INTEGER)                            AS Store,
       strftime('%d-%m-%Y', period * 86400, 'unixepoch') AS Date,
       target                                            AS Weekly_Sales,
       CAST(columns ->> place.holiday_flag AS INTEGER)   AS Holiday_Flag,
       columns ->> place.temperature                     AS Temperature,
       columns ->> place.fuel_price                      AS Fuel_Price,
       columns ->> place.cpi                             AS CPI,
       columns ->> place.unemployment                    AS Unemployment
FROM newest, place
WHERE place.holiday_flag + place.temperature + place.fuel_price + place.cpi + place.unemployment IS NOT NULL
  AND CAST(CAST(store AS INTEGER) AS TEXT) = store
ORDER BY CAST(store AS INTEGER), period;
