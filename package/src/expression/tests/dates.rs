//! Dates and times: parts at the ends of years, differences, additions, comparisons, the clock.

use super::surroundings::holds;

#[test]
fn parts_at_the_ends_of_years() {
    holds(&[
        ("DATEPART(\"week\", (DT_DBDATE)\"2023-01-01\")", "1 : DT_I4"),
        ("DATEPART(\"week\", (DT_DBDATE)\"2022-12-31\")", "53 : DT_I4"),
        ("DATEPART(\"wk\", (DT_DBDATE)\"2024-12-31\")", "53 : DT_I4"),
        ("DATEPART(\"ww\", (DT_DBDATE)\"2024-01-06\")", "1 : DT_I4"),
        ("DATEPART(\"week\", (DT_DBDATE)\"2024-01-07\")", "2 : DT_I4"),
        ("DATEPART(\"dw\", (DT_DBDATE)\"2024-12-29\")", "1 : DT_I4"),
        ("DATEPART(\"weekday\", (DT_DBDATE)\"2024-12-28\")", "7 : DT_I4"),
        ("DATEPART(\"dy\", (DT_DBDATE)\"2024-12-31\")", "366 : DT_I4"),
        ("DATEPART(\"dayofyear\", (DT_DBDATE)\"2023-12-31\")", "365 : DT_I4"),
        ("DATEPART(\"qq\", (DT_DBDATE)\"2024-03-31\")", "1 : DT_I4"),
        ("DATEPART(\"quarter\", (DT_DBDATE)\"2024-12-31\")", "4 : DT_I4"),
        ("DATEPART(\"Hh\", [Order Date])", "13 : DT_I4"),
        ("DATEPART(\"n\", [Order Date])", "14 : DT_I4"),
        ("DATEPART(\"s\", [Order Date])", "15 : DT_I4"),
        ("DATEPART(\"Ms\", [Order Date])", "678 : DT_I4"),
        ("DATEPART(\"hh\", (DT_DBDATE)\"2024-12-31\")", "0 : DT_I4"),
        ("YEAR([Order Date]) * 10000 + MONTH([Order Date]) * 100 + DAY([Order Date])", "20240229 : DT_I4"),
        ("DAY((DT_DBTIMESTAMPOFFSET,0)\"2024-03-01 01:00 +02:00\")", "29 : DT_I4"),
        ("DATEPART(\"decade\", [Order Date])", "error: DATEPART does not know this part of a date"),
        (
            "DATEPART(@text, [Order Date])",
            "error: argument 1 of DATEPART must be a part of a date in quotes, such as \"day\"",
        ),
        (
            "DAY(\"2024-01-01\")",
            "error: argument 1 of DAY must be a date (DT_DBDATE, DT_DATE or one of the DT_DBTIMESTAMP types), found DT_WSTR(10)",
        ),
    ]);
}

#[test]
fn differences_count_boundaries() {
    let day = |part: &str, from: &str, to: &str, expect: &str| {
        let text = format!("DATEDIFF(\"{part}\", (DT_DBTIMESTAMP)\"{from}\", (DT_DBTIMESTAMP)\"{to}\")");
        holds(&[(&text, expect)]);
    };
    day("dd", "8/1/2003", "8/8/2003", "7 : DT_I4");
    day("year", "2023-12-31 23:59:59.999", "2024-01-01", "1 : DT_I4");
    day("quarter", "2023-12-31", "2024-04-01", "2 : DT_I4");
    day("month", "2024-01-31", "2024-02-01", "1 : DT_I4");
    day("month", "2024-02-01", "2024-01-31", "-1 : DT_I4");
    day("week", "2024-01-06", "2024-01-07", "1 : DT_I4");
    day("week", "2024-01-07", "2024-01-13", "0 : DT_I4");
    day("hour", "2024-01-01 00:59:59", "2024-01-01 01:00", "1 : DT_I4");
    day("minute", "2024-01-01 00:00:59.999", "2024-01-01 00:01", "1 : DT_I4");
    day("second", "2024-01-01 00:00:00.999", "2024-01-01 00:00:01", "1 : DT_I4");
    day("ms", "2023-12-31 23:59:59.999", "2024-01-01", "1 : DT_I4");
    day("ms", "2023-12-01", "2024-01-01", "error: DATEDIFF overflows DT_I4");
    day("day", "2024-01-01 23:59", "2024-01-01", "0 : DT_I4");
    holds(&[("DATEDIFF(\"dd\", @null_date, GETDATE())", "NULL : DT_I4")]);
}

#[test]
fn additions_stay_in_the_calendar() {
    let add = |part: &str, number: &str, to: &str, expect: &str| {
        let text = format!("DATEADD(\"{part}\", {number}, (DT_DBTIMESTAMP)\"{to}\")");
        holds(&[(&text, expect)]);
    };
    add("Month", "1", "2024-01-31", "2024-02-29 00:00:00 : DT_DBTIMESTAMP");
    add("mm", "-1", "2024-03-31", "2024-02-29 00:00:00 : DT_DBTIMESTAMP");
    add("yyyy", "1", "2024-02-29", "2025-02-28 00:00:00 : DT_DBTIMESTAMP");
    add("yyyy", "2", "8/6/2003", "2005-08-06 00:00:00 : DT_DBTIMESTAMP");
    add("q", "-1", "2024-05-31", "2024-02-29 00:00:00 : DT_DBTIMESTAMP");
    add("dy", "1", "2023-12-31", "2024-01-01 00:00:00 : DT_DBTIMESTAMP");
    add("wk", "1", "2023-12-31", "2024-01-07 00:00:00 : DT_DBTIMESTAMP");
    add("hh", "-1", "2024-01-01", "2023-12-31 23:00:00 : DT_DBTIMESTAMP");
    add("ms", "1", "2023-12-31 23:59:59.999", "2024-01-01 00:00:00 : DT_DBTIMESTAMP");
    add("ms", "5", "2024-01-01", "2024-01-01 00:00:00.005 : DT_DBTIMESTAMP");
    add("year", "8000", "2024-01-01", "error: the date is beyond the range of DT_DBTIMESTAMP");
    add("year", "-300", "2024-01-01", "error: the date is beyond the range of DT_DBTIMESTAMP");
    add("day", "9223372036854775807L", "2024-01-01", "error: the date is beyond the range of DT_DBTIMESTAMP");
    add(
        "day",
        "1.5",
        "2024-01-01",
        "error: argument 2 of DATEADD must be a whole number, found DT_NUMERIC(2,1)",
    );
    holds(&[
        ("DATEADD(\"day\", @null_i4, GETDATE())", "NULL : DT_DBTIMESTAMP"),
        ("DATEADD(\"day\", 1, @null_day)", "NULL : DT_DBTIMESTAMP"),
        (
            "DATEADD(\"day\", 1, (DT_DBDATE)\"1700-01-01\")",
            "error: the date is beyond the range of DT_DBTIMESTAMP",
        ),
    ]);
}

#[test]
fn the_clock_is_the_context_s() {
    holds(&[
        ("GETDATE()", "2024-12-31 23:30:00.123 : DT_DBTIMESTAMP"),
        ("GETUTCDATE()", "2024-12-31 22:30:00.123 : DT_DBTIMESTAMP"),
        ("DATEDIFF(\"hour\", GETUTCDATE(), GETDATE())", "1 : DT_I4"),
        ("(DT_DBTIMESTAMP)(DT_DBTIME)\"01:02:03\"", "2024-12-31 01:02:03 : DT_DBTIMESTAMP"),
        ("(DT_DBDATE)(DT_DBTIME)\"01:02:03\"", "2024-12-31 : DT_DBDATE"),
    ]);
}

#[test]
fn dates_compare_in_the_wider_type() {
    holds(&[
        (
            "(DT_DBTIMESTAMPOFFSET,3) \"1999-10-11 20:34:52.123 -3:30\" != (DT_DBDATE)\"1999-10-12\"",
            "True : DT_BOOL",
        ),
        (
            "(DT_DBTIMESTAMPOFFSET,0)\"2024-01-01 02:00 +02:00\" == (DT_DBTIMESTAMP)\"2024-01-01\"",
            "True : DT_BOOL",
        ),
        (
            "(DT_DBTIMESTAMPOFFSET,0)\"2024-01-01 02:00 +02:00\" == (DT_DBTIMESTAMPOFFSET,0)\"2024-01-01 00:00 +00:00\"",
            "True : DT_BOOL",
        ),
        ("(DT_DBDATE)\"2024-01-01\" < (DT_DBTIMESTAMP2,7)\"2024-01-01 00:00:00.0000001\"", "True : DT_BOOL"),
        ("(DT_DBDATE)\"1500-01-01\" < [Order Date]", "True : DT_BOOL"),
        ("(DT_DBTIME)\"10:00\" < (DT_DBTIME2,1)\"10:00:00.1\"", "True : DT_BOOL"),
        ("(DT_DBTIME)\"10:00\" < [Order Date]", "error: < cannot be applied to DT_DBTIME and DT_DBTIMESTAMP"),
        ("\"2/29/2024\" < [Order Date]", "True : DT_BOOL"),
        (
            "[Order Date] == \"soon\"",
            "error: cannot turn DT_WSTR(4) into DT_DBTIMESTAMP: the text is not in the format yyyy-mm-dd hh:mm:ss",
        ),
        ("[Order Date] + 1", "error: + cannot be applied to DT_DBTIMESTAMP and DT_I4"),
        ("TRUE ? (DT_DBDATE)\"2024-01-01\" : [Order Date]", "2024-01-01 00:00:00 : DT_DBTIMESTAMP"),
        ("TRUE ? (DT_DBTIME2,3)\"1:02:03.5\" : (DT_DBTIME)\"10:00\"", "01:02:03.500 : DT_DBTIME2(3)"),
        (
            "TRUE ? (DT_DBTIME)\"10:00\" : [Order Date]",
            "error: the two values of ? : are DT_DBTIME and DT_DBTIMESTAMP, which have no type in common",
        ),
    ]);
}
