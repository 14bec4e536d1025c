//! Casts from and to every type: range, truncation, formats.

use super::surroundings::{Surroundings, holds};
use crate::expression::{Parsed, ParsedAssignment};

#[test]
fn numbers_are_cast_within_their_range() {
    holds(&[
        ("(DT_I4) 3.57", "3 : DT_I4"),
        ("(DT_I4) -3.57", "-3 : DT_I4"),
        ("(DT_I4)3.99e0", "3 : DT_I4"),
        ("(DT_I2)40000", "error: cannot turn DT_I4 into DT_I2: the value is beyond its range"),
        ("(DT_UI1)-1", "error: cannot turn DT_I4 into DT_UI1: the value is beyond its range"),
        ("(DT_UI8)1e300", "error: cannot turn DT_R8 into DT_UI8: the value is beyond its range"),
        ("(DT_I8)\" 42 \"", "42 : DT_I8"),
        ("(DT_I4)\"4.2\"", "error: cannot turn DT_WSTR(3) into DT_I4: the text is not a number of that type"),
        ("(DT_I4)\"\"", "error: cannot turn DT_WSTR(0) into DT_I4: the text is not a number of that type"),
        ("(DT_I4)TRUE", "-1 : DT_I4"),
        ("(DT_I4)FALSE", "0 : DT_I4"),
        ("(DT_UI4)TRUE", "error: DT_BOOL cannot be cast to DT_UI4"),
        ("(DT_BOOL)2", "True : DT_BOOL"),
        ("(DT_BOOL)0.00", "False : DT_BOOL"),
        ("(DT_BOOL)\"tRUE\"", "True : DT_BOOL"),
        ("(DT_BOOL)\"0\"", "False : DT_BOOL"),
        (
            "(DT_BOOL)\"yes\"",
            "error: cannot turn DT_WSTR(3) into DT_BOOL: the text is neither True nor False",
        ),
        ("(DT_R4)0.1", "0.1 : DT_R4"),
        ("(DT_R4)1e300", "error: cannot turn DT_R8 into DT_R4: the value is beyond its range"),
        ("(DT_R8)\"1.5e3\"", "1500 : DT_R8"),
        ("(DT_R8)\"inf\"", "error: cannot turn DT_WSTR(3) into DT_R8: the text is not a number of that type"),
        ("(DT_R8)\"1e999\"", "error: cannot turn DT_WSTR(5) into DT_R8: the value is beyond its range"),
        ("(DT_DECIMAl,2)500", "500.00 : DT_DECIMAL(2)"),
        ("(DT_DECIMAL,0)79228162514264337593543950335.", "79228162514264337593543950335 : DT_DECIMAL(0)"),
        (
            "(DT_DECIMAL,0)79228162514264337593543950336.",
            "error: cannot turn DT_NUMERIC(29,0) into DT_DECIMAL(0): the value is beyond its range",
        ),
        ("(DT_NUMERIC,7,3)4000", "4000.000 : DT_NUMERIC(7,3)"),
        (
            "(DT_NUMERIC,7,3)40000",
            "error: cannot turn DT_I4 into DT_NUMERIC(7,3): the value is beyond its range",
        ),
        ("(DT_NUMERIC,4,2)1.999", "1.99 : DT_NUMERIC(4,2)"),
        ("(DT_NUMERIC,10,2)0.29e0", "0.29 : DT_NUMERIC(10,2)"),
        ("(DT_NUMERIC,10,2)\"1.5e1\"", "15.00 : DT_NUMERIC(10,2)"),
        ("(DT_CY)\"-1.23456\"", "-1.2345 : DT_CY"),
        ("(DT_CY)1e15", "error: cannot turn DT_R8 into DT_CY: the value is beyond its range"),
    ]);
}

#[test]
fn texts_are_cast_by_length() {
    holds(&[
        ("(DT_WSTR,3)\"Cat\"", "\"Cat\" : DT_WSTR(3)"),
        ("(DT_WSTR,3)\"Category\"", "\"Cat\" : DT_WSTR(3)"),
        ("(DT_STR,3,65001)\"né!\"", "\"né\" : DT_STR(3,65001)"),
        ("(DT_STR,9,1252)\"日本 ok\"", "\"?? ok\" : DT_STR(9,1252)"),
        ("(DT_STR,9,1252)\"日本\" + \"\"", "\"日本\" : DT_WSTR(9)"),
        ("(DT_STR,1,1252)5", "\"5\" : DT_STR(1,1252)"),
        (
            "(DT_WSTR,2)123",
            "error: cannot turn DT_I4 into DT_WSTR(2): the value does not fit into that length",
        ),
        ("(DT_WSTR,10)TRUE", "\"True\" : DT_WSTR(10)"),
        ("(DT_WSTR,10)1.50", "\"1.50\" : DT_WSTR(10)"),
        ("(DT_WSTR,10)-.5", "\"-0.5\" : DT_WSTR(10)"),
        ("(DT_WSTR,30)1e15", "\"1E+15\" : DT_WSTR(30)"),
        ("(DT_WSTR,30)1.5e-7", "\"1.5E-7\" : DT_WSTR(30)"),
        ("(DT_WSTR,30)123456.789e0", "\"123456.789\" : DT_WSTR(30)"),
        ("(DT_WSTR,30)[Order Date]", "\"2024-02-29 13:14:15.678\" : DT_WSTR(30)"),
        ("(DT_WSTR,5000)\"a\"", "error: the length of DT_WSTR is 1 to 4000, found 5000"),
        ("(DT_STR,5,1)\"a\"", "error: the code page 1 is not known"),
    ]);
}

#[test]
fn dates_are_cast_by_part() {
    holds(&[
        ("(DT_DBDATE) \"1999-10-11\"", "1999-10-11 : DT_DBDATE"),
        ("(DT_DBDATE)[Order Date]", "2024-02-29 : DT_DBDATE"),
        ("(DT_DBTIME)[Order Date]", "13:14:15 : DT_DBTIME"),
        ("(DT_DBTIME2, 5) \"16:34:52.12345\"", "16:34:52.12345 : DT_DBTIME2(5)"),
        ("(DT_DBTIME2,2)[Order Date]", "13:14:15.67 : DT_DBTIME2(2)"),
        ("(DT_DBTIMESTAMP)(DT_DBDATE)\"2024-01-01\"", "2024-01-01 00:00:00 : DT_DBTIMESTAMP"),
        (
            "(DT_DBTIMESTAMP2, 4) \"1999-10-11 16:34:52.1234\"",
            "1999-10-11 16:34:52.1234 : DT_DBTIMESTAMP2(4)",
        ),
        (
            "(DT_DBTIMESTAMPOFFSET, 7) \"1999-10-11 16:34:52.1234567 + 5:35\"",
            "1999-10-11 16:34:52.1234567 +05:35 : DT_DBTIMESTAMPOFFSET(7)",
        ),
        ("(DT_DBTIMESTAMPOFFSET,0)[Order Date]", "2024-02-29 13:14:15 +00:00 : DT_DBTIMESTAMPOFFSET(0)"),
        ("(DT_DBDATE)(DT_DBTIMESTAMPOFFSET,0)\"2024-01-01 01:00 +02:00\"", "2023-12-31 : DT_DBDATE"),
        (
            "(DT_DBTIMESTAMP)(DT_DBTIMESTAMP2,7)\"1700-01-01\"",
            "error: cannot turn DT_DBTIMESTAMP2(7) into DT_DBTIMESTAMP: the value is beyond its range",
        ),
        (
            "(DT_DBTIMESTAMP)\"2023-02-29\"",
            "error: cannot turn DT_WSTR(10) into DT_DBTIMESTAMP: the text is not in the format yyyy-mm-dd hh:mm:ss",
        ),
        ("(DT_DATE)\"2003-08-06\"", "2003-08-06 : DT_DATE"),
        ("(DT_R8)(DT_DATE)\"2003-08-06 12:00\"", "37839.5 : DT_R8"),
        ("(DT_DATE)37839.5", "2003-08-06 12:00:00 : DT_DATE"),
        ("(DT_I4)(DT_DBDATE)\"2003-08-06\"", "error: DT_DBDATE cannot be cast to DT_I4"),
        ("(DT_DBTIMESTAMP)5", "error: DT_I4 cannot be cast to DT_DBTIMESTAMP"),
    ]);
}

#[test]
fn guids_and_bytes() {
    holds(&[
        (
            "(DT_GUID)\"{0123abcd-0000-0000-0000-000000000001}\"",
            "{0123ABCD-0000-0000-0000-000000000001} : DT_GUID",
        ),
        ("(DT_GUID)\"x\"", "error: cannot turn DT_WSTR(1) into DT_GUID: the text is not a GUID"),
        ("(DT_GUID)5", "error: DT_I4 cannot be cast to DT_GUID"),
        ("(DT_BYTES,4)\"0xFF01\"", "FF01 : DT_BYTES(4)"),
        ("(DT_BYTES,1)\"ff01\"", "FF : DT_BYTES(1)"),
        (
            "(DT_BYTES,4)\"f\"",
            "error: cannot turn DT_WSTR(1) into DT_BYTES(4): the text is not made of pairs of hexadecimal digits",
        ),
        ("(DT_BYTES,2)\"ff\" == (DT_BYTES,4)\"FF\"", "True : DT_BOOL"),
        (
            "(DT_BYTES,2)\"ff\" < (DT_BYTES,4)\"FF\"",
            "error: DT_BYTES(2) has no order: < cannot be applied to it",
        ),
        ("TRUE ? (DT_BYTES,2)\"ff\" : (DT_BYTES,4)\"FF\"", "FF : DT_BYTES(4)"),
        ("TRUE < FALSE", "error: DT_BOOL has no order: < cannot be applied to it"),
    ]);
}

#[test]
fn numbers_are_written_with_suffixes() {
    holds(&[
        ("37L", "37 : DT_I8"),
        ("37u", "37 : DT_UI4"),
        ("7945ul", "7945 : DT_UI8"),
        ("7945LU", "7945 : DT_UI8"),
        ("0xFF0A", "65290 : DT_I4"),
        ("0X000010000U", "65536 : DT_UI4"),
        ("4E8l", "400000000 : DT_R8"),
        ("13e-2f", "0.13 : DT_R4"),
        ("6.45E3f", "6450 : DT_R4"),
        (".89E-2l", "0.0089 : DT_R8"),
        ("1.E-4f", "0.0001 : DT_R4"),
        ("1.5F", "1.5 : DT_R4"),
        ("1.5L", "1.5 : DT_R8"),
        (".9", "0.9 : DT_NUMERIC(1,1)"),
        ("6.", "6 : DT_NUMERIC(1,0)"),
        ("0.346", "0.346 : DT_NUMERIC(3,3)"),
        ("5000000000", "error: the number is too large for a DT_I4"),
        ("5F", "error: the suffix F wants a point or an exponent: 5.0F"),
        ("5x", "error: a number runs into a word"),
        ("0x", "error: expected hexadecimal digits behind 0x"),
        ("1e400", "error: the number is too large for a DT_R8"),
    ]);
}

#[test]
fn casts_that_lose_data_warn() {
    let surroundings = Surroundings::common();
    let warned = |text: &str| -> Vec<String> {
        let expression = Parsed::read(text).unwrap().check(&surroundings).unwrap();
        let warnings = expression.warnings().iter();
        warnings.map(|warning| format!("{}: {}", &text[warning.span.clone()], warning.message)).collect()
    };
    assert_eq!(
        warned("1 + LEN((DT_WSTR,3)@text)"),
        ["(DT_WSTR,3)@text: the cast from DT_WSTR(5) to DT_WSTR(3) cuts longer texts off"]
    );
    assert_eq!(warned("(DT_I4)@r4").len(), 1);
    assert_eq!(warned("(DT_WSTR,5)@text"), [""; 0]);
    assert_eq!(warned("(DT_R8)@i4"), [""; 0]);
    assert_eq!(warned("(DT_I4)3.57"), [""; 0], "what is known already loses nothing unseen");
}

#[test]
fn assignments_take_the_type_of_their_target() {
    let surroundings = Surroundings::common();
    let assigned = |text: &str| -> String {
        let read = ParsedAssignment::read(text).and_then(|parsed| {
            let assignment = parsed.check(&surroundings)?;
            let value = assignment.value.evaluate(&surroundings)?;
            Ok(format!("{} = {:?} : {}", assignment.target, value, assignment.value.data_type()))
        });
        read.unwrap_or_else(|error| format!("error: {error} ({})", error.help.clone().unwrap_or_default()))
    };
    let cases = [
        ("@i4 = @i4 + 1", "@i4 = Some(Integer(8)) : DT_I4"),
        ("@[User::any name] = \"l\"", "@[User::any name] = Some(Text(\"l\")) : DT_WSTR(1)"),
        (
            "@[User::any name] = \"longer\"",
            "error: cannot turn DT_WSTR(6) into DT_WSTR(1): it is longer, or has characters that the code page lacks; \
             a cast cuts it, and puts ? for them ()",
        ),
        ("@[User::any name] = (DT_WSTR,1)\"longer\"", "@[User::any name] = Some(Text(\"l\")) : DT_WSTR(1)"),
        ("@ui1 = 5", "@ui1 = Some(Integer(5)) : DT_UI1"),
        ("@ui1 = 256", "error: cannot turn DT_I4 into DT_UI1: the value is beyond its range ()"),
        ("@i4 = 1.5", "error: the value is DT_NUMERIC(2,1), and DT_I4 is wanted (cast it: (DT_I4)(…))"),
        ("@yes = 1", "error: the value is DT_I4, and DT_BOOL is wanted (compare it: value != 0)"),
        ("@i4 == 1", "error: expected an assignment (write @name = expression)"),
        ("i4 = 1", "error: expected an assignment (write @name = expression)"),
        ("@gone = 1", "error: @gone is not known here ()"),
        ("@i4 = @i4 = 1", "error: = assigns, and nothing can be assigned here (write == to compare)"),
        ("", "error: expected an assignment (write @name = expression)"),
    ];
    for (text, expect) in cases {
        assert_eq!(assigned(text), expect, "{text}");
    }
}
