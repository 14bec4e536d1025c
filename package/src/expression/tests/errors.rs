//! Faults have their place, name what they are about, and say what to do.

use jiff::civil::DateTime;

use super::surroundings::Surroundings;
use crate::expression::limits::{DEPTH_MAX, EXPRESSION_BYTES_MAX};
use crate::expression::{Context, Datum, ExpressionError, Input, Name, Names, Parsed, Type, UnknownName};

fn fault(text: &str) -> ExpressionError {
    let surroundings = Surroundings::common();
    surroundings.evaluate(text).expect_err(text)
}

/// A text, the place of its fault, the message, and what to do.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>);

#[track_caller]
fn faults(cases: &[Case]) {
    for (text, place, message, help) in cases {
        let error = fault(text);
        assert_eq!(&text[error.span.clone()], *place, "{text}: {error}");
        assert_eq!((error.message.as_str(), error.help.as_deref()), (*message, *help), "{text}");
    }
}

#[test]
fn faults_of_types_have_their_place_and_what_to_do() {
    faults(&[
        ("1 + LENN(\"a\")", "LENN", "unknown function LENN", Some("did you mean `LEN`?")),
        ("SUBSTRING(\"a\", 1)", "SUBSTRING(\"a\", 1)", "SUBSTRING takes 3 arguments, found 2", None),
        ("LEN()", "LEN()", "LEN takes 1 argument, found 0", None),
        (
            "SUBSTRING(\"a\", \"b\", 1)",
            "\"b\"",
            "argument 2 of SUBSTRING must be a whole number, found DT_WSTR(1)",
            None,
        ),
        (
            "UPPER(@i4)",
            "@i4",
            "argument 1 of UPPER must be a text (DT_WSTR or DT_STR), found DT_I4",
            Some("cast it: (DT_WSTR,50)value"),
        ),
        ("@i4 = 5", "=", "= assigns, and nothing can be assigned here", Some("write == to compare")),
        (
            "1 + @i4 * @ui8",
            "@i4 * @ui8",
            "* cannot be applied to DT_I4 and DT_UI8",
            Some("a DT_UI8 and a number with sign have no type in common: cast one of them"),
        ),
    ]);
}

#[test]
fn faults_of_writing_have_their_place_and_what_to_do() {
    faults(&[
        ("1 +", "", "the expression ends here: a value is missing", None),
        ("(1", "", "the expression ends here: expected ) to close the bracket", None),
        ("1 + )", ")", "nothing is open that this ) closes", None),
        ("1 2", "2", "expected an operator between two values", None),
        ("TRUE ? 1", "", "the expression ends here: expected : and the value for the other case", None),
        ("", "", "the expression ends here: a value is missing", None),
        ("(DT_INT4)1", "DT_INT4", "unknown type DT_INT4", Some("did you mean `DT_I4`?")),
        ("(DT_TEXT,1252)1", "DT_TEXT,1252", "the type DT_TEXT is not supported", Some("take DT_STR")),
        ("(DT_WSTR)\"a\"", "DT_WSTR", "DT_WSTR takes 1 parameter, found 0", Some("write (DT_WSTR,length)")),
        ("(DT_I4,5)1", "DT_I4,5", "DT_I4 takes no parameters", Some("write (DT_I4)")),
        ("(DT_NUMERIC,39,0)1", "DT_NUMERIC,39,0", "the precision of DT_NUMERIC is 1 to 38, found 39", None),
        ("(DT_NUMERIC,5,6)1", "DT_NUMERIC,5,6", "the scale of DT_NUMERIC is 0 to 5, found 6", None),
        (
            "@User::x",
            ":",
            ": cannot stand here: a value is missing",
            Some("a namespace stands in brackets: @[User::name]"),
        ),
        ("@i4 <> 1", ">", "> cannot stand here: a value is missing", Some("unequal is !=")),
        ("TRUE AND FALSE", "AND", "expected an operator between two values", Some("and is &&")),
        ("NULL", "NULL", "NULL needs a type", Some("write NULL(DT_I4)")),
        (
            "@",
            "@",
            "expected a name after @",
            Some("a name that does not begin with a letter or _ stands in brackets: @[User::7days]"),
        ),
        (
            "@[User::x",
            "[",
            "the bracket has no closing ]",
            Some("write @[Namespace::name], or [name] for a column"),
        ),
        ("@[User::]", "@[User::]", "a part of the name is empty: write @[Namespace::name]", None),
        (
            "#12",
            "#",
            "this character begins nothing that an expression knows",
            Some("columns are named, not numbered: write the column's name"),
        ),
        (
            "DATEADD(\"dayy\", 1, GETDATE())",
            "\"dayy\"",
            "DATEADD does not know this part of a date",
            Some("did you mean `day`?"),
        ),
        (
            "2147483647 + @i4",
            "2147483647 + @i4",
            "+ overflows DT_I4",
            Some("cast an operand to a wider type first: (DT_I8)value"),
        ),
    ]);
}

/// A test thread has 2 MiB of stack, as a worker's threads have.
#[test]
fn depth_and_length_are_bounded() {
    let deep = |count: usize| -> [String; 6] {
        [
            format!("{}1{}", "(".repeat(count), ")".repeat(count)),
            format!("{}1", "-".repeat(count)),
            format!("{}TRUE", "!".repeat(count)),
            format!("1{}", " + 1".repeat(count)),
            format!("{}1{}", "ABS(".repeat(count), ")".repeat(count)),
            format!("{}1", "FALSE ? 1 : ".repeat(count)),
        ]
    };
    for text in deep(100) {
        Parsed::read(&text).unwrap().check(&Surroundings::default()).unwrap();
    }
    for text in deep(DEPTH_MAX + 10) {
        assert!(Parsed::read(&text).unwrap_err().message.contains("128 steps deep"), "{}", &text[..20]);
    }
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(4_000), close.repeat(4_000));
    for text in [nested("(", ")"), nested("1+(", ")"), nested("(DT_I4)(", ")"), nested("TRUE?(", "):1")] {
        assert!(Parsed::read(&text).is_err());
    }
    let longest = format!("\"{}\"", "x".repeat(EXPRESSION_BYTES_MAX - 2));
    assert!(Parsed::read(&longest).is_ok());
    let error = Parsed::read(&format!("{longest} ")).unwrap_err();
    assert_eq!(error.message, "the expression has 32769 bytes; at most 32768 are allowed");
}

#[test]
fn the_longest_row_and_the_deepest_tree_are_evaluated() {
    let surroundings = Surroundings::common();
    let row = format!("@i4{}", " + @i4".repeat(DEPTH_MAX - 1));
    assert_eq!(surroundings.shows(&row), format!("{} : DT_I4", 7 * DEPTH_MAX));
    let deep = format!("{}@i4", "-".repeat(DEPTH_MAX - 2));
    assert_eq!(surroundings.shows(&deep), "7 : DT_I4");
    let nested = format!("{}@i4{}", "(1 + ".repeat(60), ")".repeat(60));
    assert_eq!(surroundings.shows(&nested), "67 : DT_I4");
}

/// A context that breaks its word: whatever it gives is a fault, and nothing worse.
#[test]
fn values_that_are_not_what_they_were_checked_as_are_faults() {
    struct Liar(Datum);
    impl Names for Liar {
        fn type_of(&self, _: &Name) -> Result<Type, UnknownName> {
            Ok(Type::I4)
        }
    }
    impl Context for Liar {
        fn value(&self, _: &Input) -> Result<Option<Datum>, String> {
            Ok(Some(self.0.clone()))
        }
        fn now(&self) -> DateTime {
            DateTime::MIN
        }
        fn utc_now(&self) -> DateTime {
            DateTime::MAX
        }
    }
    for lie in
        [Datum::Integer(i128::MIN), Datum::Integer(1 << 31), Datum::Text("5".into()), Datum::Real(f64::NAN)]
    {
        let liar = Liar(lie);
        for text in ["-@x", "ABS(@x)", "~@x", "@x * @x", "HEX(@x)", "(DT_WSTR,20)@x"] {
            let error = Parsed::read(text).unwrap().check(&liar).unwrap().evaluate(&liar).unwrap_err();
            assert_eq!(
                error.message, "cannot read @x: its value is not the DT_I4 it was checked as",
                "{text}"
            );
        }
        let early = Parsed::read("GETDATE()").unwrap().check(&liar).unwrap().evaluate(&liar);
        assert_eq!(early.unwrap_err().message, "the date is beyond the range of DT_DBTIMESTAMP");
    }
}

/// What is checked by a master for strangers must not make long texts.
#[test]
fn checking_makes_no_long_text() {
    let checked = |text: &str| Parsed::read(text).unwrap().check(&Surroundings::default()).unwrap();
    assert!(checked("REPLICATE(\"x\", 1000000)").constant().is_none());
    assert!(checked("REPLACE(\"x\", \"x\", \"xxx\")").constant().is_none());
    assert!(checked("LEN(\"abc\") + 1").constant().is_some());
    assert!(checked("GETDATE()").constant().is_none());
    assert!(checked("(DT_DBDATE)(DT_DBTIME)\"10:00\"").constant().is_none());
}

#[test]
fn names_are_told_in_the_order_of_the_text() {
    let text = "@a + LEN([b c]) ? Source.[d e] : NULL(DT_I4) + @[User::f]";
    let parsed = Parsed::read(text).unwrap();
    let names: Vec<String> =
        parsed.names().iter().map(|(name, span)| format!("{name}|{}", &text[span.clone()])).collect();
    assert_eq!(names, ["@a|@a", "[b c]|[b c]", "Source.[d e]|Source.[d e]", "@[User::f]|@[User::f]"]);
}

#[test]
fn braces_end_an_expression_in_a_text() {
    let read = |text: &str| {
        Parsed::read_to_braces(text).map(|found| found.map(|(parsed, end)| (parsed.to_string(), end)))
    };
    assert_eq!(read(" @a }} rest"), Ok(Some(("@a".to_owned(), 4))));
    assert_eq!(read("\"}}\" + @[a}}b]}}"), Ok(Some(("\"}}\" + @[a}}b]".to_owned(), 14))));
    assert_eq!(read("@a"), Ok(None));
    assert!(read("}}").is_err());
    assert!(read("@a } }}").is_err());
}

#[test]
fn an_expression_works_on_so_much_text_and_no_more() {
    // 1 MiB for each.
    let texts = |count: usize| {
        let one = "LEN(REPLICATE(\"x\", 1048576))";
        let sum = |count: usize| vec![one; count].join(" + ");
        format!("({}) + ({})", sum(count / 2), sum(count - count / 2))
    };
    assert!(Surroundings::common().evaluate(&texts(60)).is_ok());
    let error = fault(&texts(70));
    assert_eq!(error.message, "the expression works on more than 67108864 bytes of text");
}
