#!/usr/bin/env python3
"""Turns an agent productivity report into intervals with DuckDB or polars: the yardstick for `wfm-history`.

intervals_by_hand.py duckdb|polars FILE ZONE SCRATCH [--check]

Prints how many intervals there are and their sums, as a line of JSON; with --check also a number that binds each interval's key to its
values. On one thread. Only what a query says in a few lines is done: neither the rows of a repeated hour are told apart, nor faulty rows listed,
nor intervals refused, and they come in no order.
"""

import argparse
import json
import os

os.environ["POLARS_MAX_THREADS"] = "1"

KINDS = ("Conversation", "Conversation in Progress", "Agent Status", "Agent Status in Progress")
TEXTS = ("Date", "Time", "Agent SID", "Agent", "Queue SID", "Queue", "Kind", "Activity")
NUMBERS = ("Activity Time", "Talk Time", "Wrap Up Time", "Hold Time", "Conversations")
# The order of the sums, and what each weighs in the check.
SUMS = ("activity", "ready", "not_ready", "talk", "wrap_up", "hold", "handled")
WEIGHTS = (1, 3, 5, 7, 11, 13, 17)
MODULUS = 4_294_967_291


def with_duckdb(arguments):
    import duckdb

    limit = "192MB"
    database = duckdb.connect()
    database.execute("SET threads = 1")
    database.execute("SET preserve_insertion_order = false")
    # Bounded, as it would be beside other work: what does not fit is spilled.
    database.execute(f"SET memory_limit = '{limit}'")
    database.execute("SET temp_directory = $1", [arguments.scratch])
    types = {"Date": "DATE", "Time": "TIME", **{name: "VARCHAR" for name in TEXTS[2:]}, **{name: "BIGINT" for name in NUMBERS}}
    groups = f"""
        SELECT epoch(timezone($2, "Date" + "Time"))::BIGINT // 900 AS quarter, "Agent SID" AS agent, "Queue SID" AS queue,
            coalesce(sum("Activity Time"), 0) AS activity,
            coalesce(sum("Activity Time") FILTER (Activity = 'Available'), 0) AS ready,
            coalesce(sum("Activity Time") FILTER (Activity = 'Break'), 0) AS not_ready,
            coalesce(sum("Talk Time"), 0) AS talk, coalesce(sum("Wrap Up Time"), 0) AS wrap_up,
            coalesce(sum("Hold Time"), 0) AS hold, coalesce(sum(Conversations), 0) AS handled
        FROM read_csv($1, header = true, delim = ',', columns = {types}, buffer_size = 4000000)
        WHERE Kind IN {KINDS} GROUP BY ALL"""
    digits = "('0x' || coalesce(right({}, 7), '0'))::BIGINT"
    place = f"(quarter + {digits.format('agent')} + 3 * {digits.format('queue')})"
    value = " + ".join(f"{weight} * {name}" for weight, name in zip(WEIGHTS, SUMS))
    check = f"sum({place} * ({value})::BIGINT % {MODULUS})" if arguments.check else "NULL"
    sums = ", ".join(f"sum({name})" for name in SUMS)
    found = database.execute(f"SELECT count(*), {sums}, {check} FROM ({groups})", [arguments.file, arguments.zone]).fetchone()
    return f"DuckDB {duckdb.__version__}, memory_limit {limit}", found


def with_polars(arguments):
    import polars as pl

    schema = {**{name: pl.String for name in TEXTS}, **{name: pl.Int64 for name in NUMBERS}}
    local = pl.concat_str("Date", "Time", separator=" ").str.to_datetime("%Y-%m-%d %H:%M")
    time = pl.col("Activity Time")
    groups = (
        pl.scan_csv(arguments.file, schema=schema)
        .filter(pl.col("Kind").is_in(KINDS))
        .group_by(
            quarter=local.dt.replace_time_zone(arguments.zone).dt.epoch("s") // 900,
            agent=pl.col("Agent SID"),
            queue=pl.col("Queue SID"),
        )
        .agg(
            activity=time.sum(),
            ready=time.filter(pl.col("Activity") == "Available").sum(),
            not_ready=time.filter(pl.col("Activity") == "Break").sum(),
            talk=pl.col("Talk Time").sum(),
            wrap_up=pl.col("Wrap Up Time").sum(),
            hold=pl.col("Hold Time").sum(),
            handled=pl.col("Conversations").sum(),
        )
    )
    check = pl.lit(None)
    if arguments.check:

        def digits(name):
            return pl.col(name).str.tail(7).str.to_integer(base=16).fill_null(0)

        value = pl.sum_horizontal(pl.col(name) * weight for weight, name in zip(WEIGHTS, SUMS))
        check = ((pl.col("quarter") + digits("agent") + 3 * digits("queue")) * value % MODULUS).sum()
    found = groups.select(pl.len(), pl.col(SUMS).sum(), check=check).collect(engine="streaming").row(0)
    return f"polars {pl.__version__}, streaming", found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["duckdb", "polars"])
    parser.add_argument("file")
    parser.add_argument("zone")
    parser.add_argument("scratch")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    by, found = {"duckdb": with_duckdb, "polars": with_polars}[arguments.engine](arguments)
    count, *sums, check = (None if value is None else int(value) for value in found)
    print(json.dumps({"by": by, "intervals": count, "sums": dict(zip(SUMS, sums)), "check": check}))


if __name__ == "__main__":
    main()
