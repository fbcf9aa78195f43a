-- +goose Up

-- What the tables hold is told in the migration for SQLite. Each statement here
-- can be repeated, since the server commits after each one that makes a table.
-- Texts are compared byte for byte.

CREATE TABLE IF NOT EXISTS `load` (
    id        BIGINT      PRIMARY KEY,
    at        VARCHAR(30) NOT NULL,
    name      TEXT        NOT NULL,
    digest    TEXT        NOT NULL,
    sample    BOOLEAN     NOT NULL,
    replaces  BOOLEAN     NOT NULL,
    `schema`  MEDIUMTEXT  NOT NULL,
    format    MEDIUMTEXT  NOT NULL,
    `read`    BIGINT      NOT NULL,
    new       BIGINT      NOT NULL,
    corrected BIGINT      NOT NULL,
    unchanged BIGINT      NOT NULL,
    duplicate BIGINT      NOT NULL,
    refused   BIGINT      NOT NULL,
    CHECK (`read` = new + corrected + unchanged + duplicate + refused)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- An index over whole texts would be too long for the server, so that one over
-- their hash keeps them apart.
CREATE TABLE IF NOT EXISTS series (
    id     BIGINT PRIMARY KEY AUTO_INCREMENT,
    `key`  TEXT   NOT NULL,
    static TEXT   NOT NULL,
    hash   CHAR(64) CHARACTER SET ascii AS (SHA2(CONCAT(`key`, static), 256)) STORED,
    UNIQUE (hash),
    INDEX (`key`(190))
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS observation (
    series_id BIGINT     NOT NULL,
    period    BIGINT     NOT NULL,
    load_id   BIGINT     NOT NULL,
    target    DOUBLE,
    columns   MEDIUMTEXT NOT NULL,
    PRIMARY KEY (series_id, period, load_id),
    FOREIGN KEY (series_id) REFERENCES series (id),
    FOREIGN KEY (load_id) REFERENCES `load` (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS quarantine (
    id      BIGINT     PRIMARY KEY AUTO_INCREMENT,
    load_id BIGINT     NOT NULL,
    line    BIGINT     NOT NULL,
    reason  MEDIUMTEXT NOT NULL,
    raw     MEDIUMTEXT NOT NULL,
    INDEX (load_id, line),
    FOREIGN KEY (load_id) REFERENCES `load` (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prediction (
    id         BIGINT      PRIMARY KEY AUTO_INCREMENT,
    at         VARCHAR(30) NOT NULL,
    request_id TEXT        NOT NULL,
    model      TEXT        NOT NULL,
    version    TEXT        NOT NULL,
    `key`      TEXT        NOT NULL,
    period     BIGINT      NOT NULL,
    horizon    BIGINT      NOT NULL,
    value      DOUBLE,
    columns    MEDIUMTEXT,
    INDEX (at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- JSON_TABLE is in MySQL from 8.0 and in MariaDB from 10.6 on.
CREATE OR REPLACE VIEW walmart_sales AS
WITH mapping AS (
    SELECT `schema`, (SELECT COALESCE(MAX(id), 0) FROM `load` WHERE replaces) AS oldest
    FROM `load` ORDER BY id DESC LIMIT 1
), place AS ( -- where each one stands in observation.columns
    SELECT MAX(CASE name WHEN 'holiday_flag' THEN n - 1 END) AS holiday_flag,
           MAX(CASE name WHEN 'temperature'  THEN n - 1 END) AS temperature,
           MAX(CASE name WHEN 'fuel_price'   THEN n - 1 END) AS fuel_price,
           MAX(CASE name WHEN 'cpi'          THEN n - 1 END) AS cpi,
           MAX(CASE name WHEN 'unemployment' THEN n - 1 END) AS unemployment
    FROM mapping, JSON_TABLE(mapping.`schema`, '$.columns[*]'
                             COLUMNS (n FOR ORDINALITY, name VARCHAR(255) PATH '$')) AS listed
    WHERE JSON_LENGTH(mapping.`schema`, '$.keys') = 1
      AND JSON_UNQUOTE(JSON_EXTRACT(mapping.`schema`, '$.keys[0]')) = 'store'
), newest AS (
    SELECT JSON_UNQUOTE(JSON_EXTRACT(s.`key`, '$[0]')) AS store, o.period, o.target, o.columns,
           ROW_NUMBER() OVER (PARTITION BY s.`key`, o.period ORDER BY o.load_id DESC) AS age
    FROM mapping JOIN observation o ON o.load_id >= mapping.oldest JOIN series s ON s.id = o.series_id
)
SELECT CAST(store AS SIGNED)                                                AS Store,
       DATE_FORMAT(DATE_ADD('1970-01-01', INTERVAL period DAY), '%d-%m-%Y') AS Date,
       target                                                               AS Weekly_Sales,
       CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(columns, CONCAT('$[', place.holiday_flag, ']'))), 'null') AS SIGNED) AS Holiday_Flag,
       CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(columns, CONCAT('$[', place.temperature, ']'))), 'null') AS DOUBLE) AS Temperature,
       CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(columns, CONCAT('$[', place.fuel_price, ']'))), 'null') AS DOUBLE) AS Fuel_Price,
       CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(columns, CONCAT('$[', place.cpi, ']'))), 'null') AS DOUBLE) AS CPI,
       CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(columns, CONCAT('$[', place.unemployment, ']'))), 'null') AS DOUBLE) AS Unemployment
FROM newest, place
WHERE age = 1 AND place.holiday_flag + place.temperature + place.fuel_price + place.cpi + place.unemployment IS NOT NULL
  AND store REGEXP '^(0|-?[1-9][0-9]*)$';
