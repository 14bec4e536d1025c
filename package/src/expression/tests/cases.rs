//! Operators: precedence, integers, exact numbers, floats, logic, NULL in every position.

use super::surroundings::holds;

#[test]
fn operators_bind_as_documented() {
    holds(&[
        ("1 + 2 * 3", "7 : DT_I4"),
        ("(1 + 2) * 3", "9 : DT_I4"),
        ("10 - 4 - 3", "3 : DT_I4"),
        ("100 / 10 / 5", "2 : DT_I4"),
        ("-2 + 3", "1 : DT_I4"),
        ("- -2", "2 : DT_I4"),
        ("(DT_I8)1 + 2", "3 : DT_I8"),
        ("(DT_I1)-(DT_I4)5", "-5 : DT_I1"),
        ("1 < 2 == TRUE", "True : DT_BOOL"),
        ("1 | 2 ^ 3 & 1", "3 : DT_I4"),
        ("(1 & 1) == 1 && TRUE", "True : DT_BOOL"),
        ("FALSE && FALSE || TRUE", "True : DT_BOOL"),
        ("TRUE || TRUE && FALSE", "True : DT_BOOL"),
        ("!FALSE == TRUE", "True : DT_BOOL"),
        ("TRUE ? 1 : FALSE ? 2 : 3", "1 : DT_I4"),
        ("FALSE ? 1 : FALSE ? 2 : 3", "3 : DT_I4"),
        ("1 == 1 ? \"a\" : \"bc\"", "\"a\" : DT_WSTR(2)"),
        ("1 + 1 == 2 ? 10 : 20", "10 : DT_I4"),
        ("42 % 13", "3 : DT_I4"),
        ("1 & 2 == 2", "error: both operands of & must be whole numbers, found DT_I4 and DT_BOOL"),
    ]);
}

#[test]
fn whole_numbers_never_wrap() {
    holds(&[
        ("7 / 2", "3 : DT_I4"),
        ("-7 / 2", "-3 : DT_I4"),
        ("-7 % 2", "-1 : DT_I4"),
        ("7 % -2", "1 : DT_I4"),
        ("2147483647 + 1", "error: + overflows DT_I4"),
        ("2147483647L + 1", "2147483648 : DT_I8"),
        ("-2147483648", "-2147483648 : DT_I4"),
        ("-2147483648 - 1", "error: - overflows DT_I4"),
        ("-(-2147483648)", "error: - overflows DT_I4"),
        ("-2147483648 / -1", "error: / overflows DT_I4"),
        ("-2147483648 % -1", "0 : DT_I4"),
        ("-9223372036854775808L", "-9223372036854775808 : DT_I8"),
        ("9223372036854775807L * 2", "error: * overflows DT_I8"),
        ("18446744073709551615UL * 18446744073709551615UL", "error: * overflows DT_UI8"),
        ("18446744073709551615UL + 1U", "error: + overflows DT_UI8"),
        ("3U - 4U", "error: - overflows DT_UI4"),
        ("@i1 + @i1", "error: + overflows DT_I1"),
        ("@i1 + 100", "200 : DT_I4"),
        ("@ui1 + @i1", "300 : DT_I2"),
        ("@i4 + 5U", "12 : DT_I8"),
        ("@ui1 * 2", "400 : DT_I4"),
        ("@ui8 + 5U", "10 : DT_UI8"),
        ("@ui8 + 5", "error: + cannot be applied to DT_UI8 and DT_I4"),
        ("@ui8 > 5", "error: > cannot be applied to DT_UI8 and DT_I4"),
        ("~0", "-1 : DT_I4"),
        ("~170", "-171 : DT_I4"),
        ("~@ui1", "55 : DT_UI1"),
        ("~0UL", "18446744073709551615 : DT_UI8"),
        ("0xFFu & 0x0FU", "15 : DT_UI4"),
        ("3 & 5", "1 : DT_I4"),
        ("3 | 8L", "11 : DT_I8"),
        ("3 ^ 5", "6 : DT_I4"),
        ("-1 & 255", "255 : DT_I4"),
        ("3 & 5U", "error: both operands of & have a sign or both have none, found DT_I4 and DT_UI4"),
        ("ABS(-2147483648)", "error: ABS overflows DT_I4"),
    ]);
}

#[test]
fn zero_divides_nothing() {
    holds(&[
        ("1 / 0", "error: the right side of / is zero"),
        ("1 % 0", "error: the right side of % is zero"),
        ("1.0 / 0", "error: the right side of / is zero"),
        ("1e0 / 0", "error: the right side of / is zero"),
        ("@i4 / 0.0", "error: the right side of / is zero"),
        ("@i4 / (1 - 1)", "error: the right side of / is zero"),
        ("@i4 / @zero", "error: the right side of / is zero"),
        ("@null_i4 / 0", "error: the right side of / is zero"),
        ("@null_i4 / @zero", "NULL : DT_I4"),
        ("@zero == 0 ? 0 : @i4 / @zero", "0 : DT_I4"),
        ("FALSE && 1 / 0 == 1", "error: the right side of / is zero"),
        ("FALSE && 1 / @zero == 1", "False : DT_BOOL"),
    ]);
}

#[test]
fn exact_numbers_keep_their_digits() {
    holds(&[
        ("5 + 6.09 + 7.0", "18.09 : DT_NUMERIC(14,2)"),
        ("5 - 6.09", "-1.09 : DT_NUMERIC(13,2)"),
        ("5 * 6.09", "30.45 : DT_NUMERIC(14,2)"),
        ("2.0 / 3", "0.666666666667 : DT_NUMERIC(13,12)"),
        ("1.10 == 1.1", "True : DT_BOOL"),
        ("0.1 + 0.2 == 0.3", "True : DT_BOOL"),
        ("1e-1 + 2e-1 == 3e-1", "False : DT_BOOL"),
        ("99999999999999999999999999999999999999 == 1", "error: the whole number has more than 64 bits"),
        ("99999999999999999999999999999999999999. + 1", "error: + overflows DT_NUMERIC(38,0)"),
        ("99999999999999999999999999999999999999. * 10", "error: * overflows DT_NUMERIC(38,0)"),
        ("9999999999.99 * 9999999999.99", "99999999999800000000.0001 : DT_NUMERIC(25,4)"),
        ("(DT_DECIMAL,2)1.5 + (DT_DECIMAL,2)1", "2.50 : DT_NUMERIC(30,2)"),
        ("@cy + @cy", "25.0000 : DT_CY"),
        ("@cy * 2", "25.0000 : DT_CY"),
        ("@cy / 3", "4.1667 : DT_CY"),
        ("@cy * .2", "2.50000 : DT_NUMERIC(21,5)"),
        ("(DT_CY)922337203685477.5807 + (DT_CY)0.0001", "error: + overflows DT_CY"),
        ("-(DT_CY)1", "-1.0000 : DT_CY"),
        ("1.5 > 1", "True : DT_BOOL"),
        ("3 < 2.999999999999999999999999999999999999", "False : DT_BOOL"),
    ]);
}

#[test]
fn floats_are_finite() {
    holds(&[
        ("1e308 * 10", "error: * overflows DT_R8"),
        ("3e38F + 3e38F", "error: + overflows DT_R4"),
        ("@r4 + 1", "2.5 : DT_R8"),
        ("@r4 + @i1", "101.5 : DT_R4"),
        ("0.1F == 0.1", "False : DT_BOOL"),
        ("0.1F + 0.2F", "0.3 : DT_R4"),
        ("1.0L / 3", "0.3333333333333333 : DT_R8"),
        ("-1e0 * 0 == 0", "True : DT_BOOL"),
        ("5E+2L % 2", "error: both operands of % must be whole numbers, found DT_R8 and DT_I4"),
    ]);
}

#[test]
fn logic_has_three_values() {
    holds(&[
        ("TRUE && @null_bool", "NULL : DT_BOOL"),
        ("@null_bool && TRUE", "NULL : DT_BOOL"),
        ("FALSE && @null_bool", "False : DT_BOOL"),
        ("@null_bool && FALSE", "False : DT_BOOL"),
        ("@null_bool && @null_bool", "NULL : DT_BOOL"),
        ("TRUE || @null_bool", "True : DT_BOOL"),
        ("@null_bool || TRUE", "True : DT_BOOL"),
        ("FALSE || @null_bool", "NULL : DT_BOOL"),
        ("@null_bool || FALSE", "NULL : DT_BOOL"),
        ("@null_bool || @null_bool", "NULL : DT_BOOL"),
        ("!@null_bool", "NULL : DT_BOOL"),
        ("@null_bool ? 1 : 2", "NULL : DT_I4"),
        ("TRUE ? 1 : @null_i4", "1 : DT_I4"),
        ("FALSE ? 1 : @null_i4", "NULL : DT_I4"),
        ("1 && TRUE", "error: both operands of && must be DT_BOOL, found DT_I4"),
        ("\"true\" ? 1 : 2", "error: the condition of ? : must be DT_BOOL, found DT_WSTR(4)"),
        ("!1", "error: the operand of ! must be DT_BOOL, found DT_I4"),
    ]);
}

#[test]
fn null_makes_null() {
    for operator in ["*", "/", "%", "+", "-", "&", "^", "|", "<", ">", "<=", ">=", "==", "!="] {
        let result = if "< > <= >= == !=".contains(operator) { "DT_BOOL" } else { "DT_I4" };
        let expect = format!("NULL : {result}");
        holds(&[
            (&format!("@i4 {operator} @null_i4"), &expect),
            (&format!("@null_i4 {operator} @i4"), &expect),
            (&format!("@null_i4 {operator} @null_i4"), &expect),
        ]);
    }
    holds(&[
        ("-@null_i4", "NULL : DT_I4"),
        ("~@null_ui1", "NULL : DT_UI1"),
        ("(DT_WSTR,5)@null_i4", "NULL : DT_WSTR(5)"),
        ("\"a\" + @null_text", "NULL : DT_WSTR(11)"),
        ("@null_text + \"a\"", "NULL : DT_WSTR(11)"),
        ("@null_date == @null_date", "NULL : DT_BOOL"),
        ("@null_guid == @null_guid", "NULL : DT_BOOL"),
        ("@null_bytes != @null_bytes", "NULL : DT_BOOL"),
        ("ISNULL(@null_i4 + @i4)", "True : DT_BOOL"),
        ("ISNULL(@i4)", "False : DT_BOOL"),
        ("REPLACENULL(@null_i4, 3)", "3 : DT_I4"),
        ("REPLACENULL(@i4, 1 / @zero)", "7 : DT_I4"),
        ("REPLACENULL(@null_i4, @null_r8)", "NULL : DT_I4"),
        ("REPLACENULL(@null_i4, \"12\")", "12 : DT_I4"),
        ("REPLACENULL(@null_date, \"1900-01-01\")", "1900-01-01 00:00:00 : DT_DBTIMESTAMP"),
        ("REPLACENULL(@null_text, \"a longer text\")", "\"a longer text\" : DT_WSTR(13)"),
        ("NULL(DT_STR,10,1252)", "NULL : DT_STR(10,1252)"),
        ("(DT_STR,10,1252)NULL(DT_STR,10,1252) + \"\"", "NULL : DT_WSTR(10)"),
        ("NULL(DT_STR,10,1252) + \"\"", "error: NULL of DT_STR cannot stand inside an expression"),
        ("ISNULL(NULL(DT_WSTR,10))", "True : DT_BOOL"),
    ]);
}

#[test]
fn mathematics() {
    holds(&[
        ("ABS(-1.23)", "1.23 : DT_NUMERIC(3,2)"),
        ("ABS(@ui1)", "200 : DT_UI1"),
        ("ABS(-1.5e0)", "1.5 : DT_R8"),
        ("CEILING(123.74)", "124.00 : DT_NUMERIC(6,2)"),
        ("CEILING(-124.27)", "-124.00 : DT_NUMERIC(6,2)"),
        ("CEILING(0.00)", "0.00 : DT_NUMERIC(3,2)"),
        ("CEILING(9.9)", "10.0 : DT_NUMERIC(3,1)"),
        ("FLOOR(123.45)", "123.00 : DT_NUMERIC(6,2)"),
        ("FLOOR(-123.45)", "-124.00 : DT_NUMERIC(6,2)"),
        ("FLOOR(-1.5e0)", "-2 : DT_R8"),
        ("FLOOR(7)", "7 : DT_I4"),
        ("EXP(74)", "1.3733829795401761E+32 : DT_R8"),
        ("EXP(0)", "1 : DT_R8"),
        ("EXP(1000)", "error: EXP overflows DT_R8"),
        ("LN(42)", "3.7376696182833684 : DT_R8"),
        ("LN(0)", "NULL : DT_R8"),
        ("LOG(1000)", "3 : DT_R8"),
        ("LOG(-1)", "NULL : DT_R8"),
        ("POWER(4,3)", "64 : DT_R8"),
        ("POWER(2,0.5)", "1.4142135623730951 : DT_R8"),
        ("POWER(-8,0.5)", "NULL : DT_R8"),
        ("POWER(0,-1)", "error: POWER of zero to a negative number"),
        ("POWER(10,400)", "error: POWER overflows DT_R8"),
        ("ROUND(137.1574,3)", "137.1570 : DT_NUMERIC(8,4)"),
        ("ROUND(137.1575,3)", "137.1580 : DT_NUMERIC(8,4)"),
        ("ROUND(-2.5,0)", "-3.0 : DT_NUMERIC(3,1)"),
        ("ROUND(2.675e0,2)", "2.68 : DT_R8"),
        ("ROUND(0.6e0,0)", "1 : DT_R8"),
        ("ROUND(0.4e0,0)", "0 : DT_R8"),
        ("ROUND(1234.5e0,0)", "1235 : DT_R8"),
        ("ROUND(-0.005e0,2)", "-0.01 : DT_R8"),
        ("ROUND(1e300,2) == 1e300", "True : DT_BOOL"),
        ("ROUND(5,2)", "5 : DT_I4"),
        (
            "ROUND(5.55,-1)",
            "error: argument 2 of ROUND is negative: it is how many digits stay behind the point",
        ),
        ("SIGN(-123.45)", "-1 : DT_I4"),
        ("SIGN(0e0)", "0 : DT_I4"),
        ("SIGN(@ui1)", "error: argument 1 of SIGN must be a number with sign, found DT_UI1"),
        ("SQUARE(12)", "144 : DT_R8"),
        ("SQRT(144)", "12 : DT_R8"),
        ("SQRT(-1)", "error: SQRT of a negative number"),
        ("SQRT(SQUARE(3) + SQUARE(4))", "5 : DT_R8"),
    ]);
}

/// Every function with NULL in each of its places, and something else in the others. What does not make NULL of it, and is
/// tested by itself: `ISNULL`, `REPLACENULL`, and `TOKENCOUNT` of a NULL text.
#[test]
fn functions_make_null_of_null_in_every_place() {
    let (text, number, real, date) = ("\"ab\"", "1", "1.5", "GETDATE()");
    let (no_text, no_number, no_real, no_date) = ("@null_text", "@null_i4", "@null_r8", "@null_date");
    let pairs: [(&str, &'static str); 4] =
        [(text, no_text), (number, no_number), (real, no_real), (date, no_date)];
    let null_of = |given: &str| {
        let is_it = |(one, _): &&(&str, &'static str)| *one == given;
        pairs.iter().find(is_it).map_or(no_text, |(_, null)| *null)
    };
    let functions: [(&str, &[&str]); 38] = [
        ("ABS", &[real]),
        ("CEILING", &[real]),
        ("EXP", &[real]),
        ("FLOOR", &[real]),
        ("LN", &[real]),
        ("LOG", &[real]),
        ("POWER", &[real, real]),
        ("ROUND", &[real, number]),
        ("SIGN", &[real]),
        ("SQUARE", &[real]),
        ("SQRT", &[real]),
        ("CODEPOINT", &[text]),
        ("FINDSTRING", &[text, text, number]),
        ("HEX", &[number]),
        ("LEFT", &[text, number]),
        ("LEN", &[text]),
        ("LOWER", &[text]),
        ("LTRIM", &[text]),
        ("REPLACE", &[text, text, text]),
        ("REPLICATE", &[text, number]),
        ("REVERSE", &[text]),
        ("RIGHT", &[text, number]),
        ("RTRIM", &[text]),
        ("SUBSTRING", &[text, number, number]),
        ("TOKEN", &[text, "\",\"", number]),
        ("TRIM", &[text]),
        ("UPPER", &[text]),
        ("DATEADD \"day\"", &[number, date]),
        ("DATEADD \"month\"", &[number, date]),
        ("DATEDIFF \"day\"", &[date, date]),
        ("DATEDIFF \"ms\"", &[date, date]),
        ("DATEPART \"year\"", &[date]),
        ("DATEPART \"weekday\"", &[date]),
        ("DAY", &[date]),
        ("MONTH", &[date]),
        ("YEAR", &[date]),
        ("(DT_WSTR,9)", &[real]),
        ("(DT_DBDATE)", &[date]),
    ];
    for (function, given) in functions {
        for at in 0..given.len() {
            let mut arguments: Vec<&str> = given.to_vec();
            arguments[at] = null_of(given[at]);
            // What comes first is a word, and a cast stands before what it casts.
            let (name, word) = function.split_once(' ').unwrap_or((function, ""));
            arguments.splice(0..0, (!word.is_empty()).then_some(word));
            let call = format!("ISNULL({name}({}))", arguments.join(", "));
            holds(&[(&call, "True : DT_BOOL")]);
        }
        let (name, word) = function.split_once(' ').unwrap_or((function, ""));
        let arguments: Vec<&str> =
            (!word.is_empty()).then_some(word).into_iter().chain(given.iter().copied()).collect();
        holds(&[(&format!("ISNULL({name}({}))", arguments.join(", ")), "False : DT_BOOL")]);
    }
}
