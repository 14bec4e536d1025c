//! Texts: literals, joining, comparing, the functions.

use super::surroundings::holds;

#[test]
fn literals_have_escapes() {
    holds(&[
        (r#""a\tb\"c\\""#, r#""a\tb\"c\\" : DT_WSTR(6)"#),
        (r#""\x0041\x00e9""#, r#""Aé" : DT_WSTR(2)"#),
        (r#""\xD83D\xDE00""#, r#""😀" : DT_WSTR(1)"#),
        (r#""""#, r#""" : DT_WSTR(0)"#),
        (r#"LEN("\a\b\f\n\r\t\v")"#, "7 : DT_I4"),
        (r#""}}" + "{{""#, r#""}}{{" : DT_WSTR(4)"#),
        (r#""\xD83D""#, r"error: half of a character: \xD800 to \xDFFF stand in pairs"),
        (r#""\x0000""#, r"error: a text cannot hold the character \x0000"),
        (
            r#""c:\dir""#,
            r#"error: unknown escape: there are \a \b \f \n \r \t \v \" \\ and \xhhhh; a backslash itself is \\"#,
        ),
        (r#""open"#, "error: the text has no closing quotation mark"),
        ("'x'", "error: this character begins nothing that an expression knows"),
    ]);
}

#[test]
fn texts_join_and_compare() {
    holds(&[
        ("\"a\" + \"bc\"", "\"abc\" : DT_WSTR(3)"),
        ("\"a\" + 1", "error: + cannot be applied to DT_WSTR(1) and DT_I4"),
        ("\"a\" - \"b\"", "error: - cannot be applied to DT_WSTR(1) and DT_WSTR(1)"),
        ("\"a\" + (DT_WSTR,5)1", "\"a1\" : DT_WSTR(6)"),
        ("\"on \" + (DT_DBDATE)\"2024-02-29\"", "\"on 2024-02-29\" : DT_WSTR(37)"),
        ("\"a\" == \"A\"", "False : DT_BOOL"),
        ("\"a\" == \"a \"", "False : DT_BOOL"),
        ("\"B\" < \"a\"", "True : DT_BOOL"),
        ("\"é\" == \"e\"", "False : DT_BOOL"),
        ("\"5\" == 5", "error: == cannot be applied to DT_WSTR(1) and DT_I4"),
        ("(DT_STR,5,1252)\"a\" == \"a\"", "True : DT_BOOL"),
        ("@[User::any name] + @text", "\"xGrüße\" : DT_WSTR(6)"),
    ]);
}

#[test]
fn functions_of_texts() {
    holds(&[
        ("CODEPOINT(\"Mountain Bike\")", "77 : DT_UI2"),
        ("CODEPOINT(\"\")", "NULL : DT_UI2"),
        ("CODEPOINT(\"😀\")", "55357 : DT_UI2"),
        ("FINDSTRING(\"New York, NY, NY\", \"NY\", 1)", "11 : DT_I4"),
        ("FINDSTRING(\"New York, NY, NY\", \"NY\", 2)", "15 : DT_I4"),
        ("FINDSTRING(\"New York, NY, NY\", \"NY\", 3)", "0 : DT_I4"),
        ("FINDSTRING(\"aaaa\", \"aa\", 2)", "3 : DT_I4"),
        ("FINDSTRING(\"aaaa\", \"aa\", 3)", "0 : DT_I4"),
        ("FINDSTRING(\"éé\", \"é\", 2)", "2 : DT_I4"),
        ("FINDSTRING(\"a\", \"\", 1)", "0 : DT_I4"),
        ("FINDSTRING(\"a\", \"a\", 0)", "error: argument 3 of FINDSTRING is less than 1: it counts from 1"),
        ("HEX(400)", "\"190\" : DT_WSTR(8)"),
        ("HEX(-1)", "\"FFFFFFFF\" : DT_WSTR(8)"),
        ("HEX((DT_I1)-2)", "\"FE\" : DT_WSTR(2)"),
        ("HEX(18446744073709551615UL)", "\"FFFFFFFFFFFFFFFF\" : DT_WSTR(16)"),
        ("HEX(1.5)", "error: argument 1 of HEX must be a whole number, found DT_NUMERIC(2,1)"),
        ("LEFT(\"Mountain Bike\", 8)", "\"Mountain\" : DT_WSTR(13)"),
        ("LEFT(\"ab\", 8)", "\"ab\" : DT_WSTR(2)"),
        ("LEFT(\"ab\", 0)", "\"\" : DT_WSTR(2)"),
        ("LEFT(\"ab\", -1)", "error: argument 2 of LEFT is negative"),
        ("LEFT(@text, 3)", "\"Grü\" : DT_WSTR(5)"),
        ("RIGHT(\"Mountain Bike\", 4)", "\"Bike\" : DT_WSTR(13)"),
        ("RIGHT(@text, 2)", "\"ße\" : DT_WSTR(5)"),
        ("RIGHT(@text, 99)", "\"Grüße\" : DT_WSTR(5)"),
        ("RIGHT(@text, -1)", "error: argument 2 of RIGHT is negative"),
        ("LEN(\" Grüße \")", "7 : DT_I4"),
        ("LEN(5)", "error: argument 1 of LEN must be a text (DT_WSTR or DT_STR), found DT_I4"),
        ("LOWER(\"GRÜßE\")", "\"grüße\" : DT_WSTR(5)"),
        ("UPPER(@text)", "\"GRÜßE\" : DT_WSTR(5)"),
        ("LTRIM(\"  a \")", "\"a \" : DT_WSTR(4)"),
        ("RTRIM(\"  a \")", "\"  a\" : DT_WSTR(4)"),
        ("TRIM(\"  New York  \")", "\"New York\" : DT_WSTR(12)"),
        ("TRIM(\"\\ta \")", "\"\\ta\" : DT_WSTR(3)"),
        ("REPLACE(\"Mountain Bike\", \"Mountain\", \"All Terrain\")", "\"All Terrain Bike\" : DT_WSTR"),
        ("REPLACE(\"aXbX\", \"X\", \"\")", "\"ab\" : DT_WSTR"),
        (
            "REPLACE(\"a\", \"\", \"b\")",
            "error: argument 2 of REPLACE is empty: there is nothing to look for",
        ),
        ("REPLICATE(\"ab\", 3)", "\"ababab\" : DT_WSTR"),
        ("REPLICATE(\"ab\", 0)", "\"\" : DT_WSTR"),
        ("REPLICATE(\"ab\", -1)", "error: argument 2 of REPLICATE is negative"),
        ("REPLICATE(\"ab\", 524289)", "error: the text would be longer than 1048576 bytes"),
        ("REPLICATE(\"ab\", 9223372036854775807L)", "error: the text would be longer than 1048576 bytes"),
        ("LEN(REPLICATE(\"ab\", 524288))", "1048576 : DT_I4"),
        (
            "REPLACE(REPLICATE(\"ab\", 400000), \"a\", \"aaa\")",
            "error: the text would be longer than 1048576 bytes",
        ),
        ("REVERSE(@text)", "\"eßürG\" : DT_WSTR(5)"),
        ("SUBSTRING(\"elephant\", 4, 2)", "\"ph\" : DT_WSTR(8)"),
        ("SUBSTRING(\"elephant\", 4, 50)", "\"phant\" : DT_WSTR(8)"),
        ("SUBSTRING(\"elephant\", 9, 1)", "\"\" : DT_WSTR(8)"),
        ("SUBSTRING(\"Redmond\", 4, 0)", "\"\" : DT_WSTR(7)"),
        ("SUBSTRING(\"a\", 0, 1)", "error: argument 2 of SUBSTRING is less than 1: it counts from 1"),
        ("SUBSTRING(\"a\", 1, -1)", "error: argument 3 of SUBSTRING is negative"),
    ]);
}

/// Texts of the greatest length: what took a step for each pair of characters would not end.
#[test]
fn long_texts_are_gone_through_once() {
    let long = |text: &str| format!("REPLICATE(\"{text}\", 500000)");
    let (a, b) = (long("a"), long("b"));
    holds(&[
        (&format!("TOKENCOUNT({a}, {b})"), "1 : DT_I4"),
        (&format!("FINDSTRING({a}, LEFT({a}, 250000), 3)"), "0 : DT_I4"),
        (&format!("FINDSTRING({a} + \"b\", \"a\", 500000)"), "500000 : DT_I4"),
        (&format!("LEN(REPLACE({a}, \"a\", \"bb\"))"), "1000000 : DT_I4"),
        (&format!("REVERSE({a}) == {a} && {a} < {b}"), "True : DT_BOOL"),
    ]);
}

#[test]
fn tokens() {
    holds(&[
        ("TOKEN(\"a little white dog\", \" \", 1)", "\"a\" : DT_WSTR(18)"),
        ("TOKEN(\"a:little|white dog\", \"| ,.:\", 4)", "\"dog\" : DT_WSTR(18)"),
        ("TOKEN(\"a little white dog\", \" \", 99)", "NULL : DT_WSTR(18)"),
        ("TOKEN(\"a little white dog\", \"|\", 1)", "\"a little white dog\" : DT_WSTR(18)"),
        ("TOKEN(\"   a b\", \" \", 1)", "\"a\" : DT_WSTR(6)"),
        ("TOKEN(\"a,,b\", \",\", 2)", "\"b\" : DT_WSTR(4)"),
        ("TOKEN(\"a\", \",\", 0)", "error: argument 3 of TOKEN is less than 1: it counts from 1"),
        ("TOKEN(@null_text, \",\", 1)", "NULL : DT_WSTR(10)"),
        ("TOKENCOUNT(\"01/12/2011\", \"/\")", "3 : DT_I4"),
        ("TOKENCOUNT(\"   a little white dog\", \" \")", "4 : DT_I4"),
        ("TOKENCOUNT(\"\", \" \")", "0 : DT_I4"),
        ("TOKENCOUNT(@null_text, \" \")", "0 : DT_I4"),
        ("TOKENCOUNT(\"a\", @null_text)", "NULL : DT_I4"),
    ]);
}
