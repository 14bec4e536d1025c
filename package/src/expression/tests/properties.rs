//! Properties over expressions that are made at random from the grammar itself.

use proptest::prelude::*;

use super::surroundings::Surroundings;
use crate::expression::{Context, Datum, Input, Name, Names, Parsed, Type, UnknownName};

/// Expressions of any type, most of them wrong somewhere: for reading and printing.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        r"[0-9]{1,12}(u|L|ul)?",
        r"[0-9]{0,4}\.[0-9]{1,4}(e-?[0-9]{1,2}[fL])?",
        r"[0-9]{1,4}e[0-9]{1,2}F?",
        r#""(\PC|\\[nt\\"]|\\x00[4-7][0-9a-f]){0,6}""#.prop_filter("escaped", |s| {
            s[1..s.len() - 1].chars().all(|c| c != '"') || s.contains("\\\"")
        }),
        r"@[a-zA-Z_][a-z0-9_$#@]{0,4}",
        r"@\[(User::|\$Project::)?[a-zA-Z ./-]{1,6}\]",
        r"\[[a-zA-Z .{}-]{1,6}\]",
        r"[b-d][a-z]{0,3}(\.\[[a-z ]{1,3}\])?",
        Just("TRUE".to_owned()),
        Just("NULL(DT_NUMERIC,10,2)".to_owned()),
        Just("GETDATE()".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let binary = prop_oneof![
            Just("*"),
            Just("/"),
            Just("%"),
            Just("+"),
            Just("-"),
            Just("<"),
            Just(">"),
            Just("<="),
            Just(">="),
            Just("=="),
            Just("!="),
            Just("&"),
            Just("^"),
            Just("|"),
            Just("&&"),
            Just("||"),
        ];
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, operator, b)| format!("{a}{operator} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("- {a}")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("(DT_WSTR, 20) {a}")),
            inner.clone().prop_map(|a| format!("[len]({a})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a}?{b}:{c}")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("substring({a},{b},{c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_printed_is_read_as_the_same(text in any_expression()) {
        if let Ok(parsed) = Parsed::read(&text) {
            let printed = parsed.to_string();
            let again = Parsed::read(&printed);
            prop_assert!(again.is_ok(), "{} was printed as {}: {:?}", text, printed, again);
            prop_assert_eq!(again.unwrap().to_string(), printed);
        }
    }

    /// The same tree, too: it gives the same value with as without the brackets that printing leaves out.
    #[test]
    fn what_is_printed_means_the_same(text in number(true)) {
        let surroundings = Surroundings::common();
        let printed = Parsed::read(&text).unwrap().to_string();
        let message = |text: &str| surroundings.evaluate(text).map_err(|error| error.message);
        prop_assert_eq!(message(&text), message(&printed), "{} as {}", text, printed);
    }

    #[test]
    fn no_text_makes_anything_panic(text in r#"(\PC|[-+*/%!~<>=&|^?:(),.@\[\]"\\{}#]|DT_|[0-9]|[eEfFlLuU]){0,60}"#) {
        let surroundings = Surroundings::common();
        if let Err(error) = surroundings.evaluate(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error.span, text);
        }
    }

    /// Every row but those where a name is NULL has the value that the row without NULL has; where NULL reaches the
    /// result, it is NULL. Nothing that fails without NULL starts to give a value other than NULL.
    #[test]
    fn null_spreads_and_changes_nothing_else(text in number(false), null in 0_usize..3) {
        let full = Row { null: None };
        let holed = Row { null: Some(["@x", "@y", "@z"][null]) };
        let expression = Parsed::read(&text).unwrap().check(&full);
        let Ok(expression) = expression else { return Ok(()) };
        let uses = expression.inputs().iter().any(|input| Some(input.name.to_string().as_str()) == holed.null);
        match (expression.evaluate(&full), expression.evaluate(&holed)) {
            (Ok(value), Ok(other)) if !uses => prop_assert_eq!(value, other),
            // Without conditions, every operand counts.
            (_, Ok(other)) if uses => prop_assert_eq!(other, None, "{}", text),
            _ => {}
        }
    }

    /// What was checked as a type is of that type.
    #[test]
    fn values_are_of_the_type_that_was_checked(text in number(true)) {
        let surroundings = Surroundings::common();
        let Ok(expression) = Parsed::read(&text).unwrap().check(&surroundings) else { return Ok(()) };
        if let Ok(Some(value)) = expression.evaluate(&surroundings) {
            prop_assert!(value.is_of(expression.data_type()), "{} is {:?}, no {}", text, value, expression.data_type());
        }
    }
}

/// Expressions of numbers that nearly all have the right types; with `? :` and names of the common surroundings, or
/// without, of `@x`, `@y` and `@z`.
fn number(conditions: bool) -> impl Strategy<Value = String> {
    let names = if conditions {
        vec!["@i4", "@i1", "@ui1", "@r4", "@cy", "@null_i4"]
    } else {
        vec!["@x", "@y", "@z"]
    };
    let leaf = prop_oneof![
        proptest::sample::select(names).prop_map(str::to_owned),
        (0..200_i32).prop_map(|n| n.to_string()),
        Just("2147483647".to_owned()),
        Just("0.5".to_owned()),
        Just("1e3".to_owned()),
        Just("99999999999999999999999999999999999999.".to_owned()),
    ];
    leaf.prop_recursive(5, 30, 3, move |inner| {
        let binary = proptest::sample::select(vec!["*", "/", "%", "+", "-", "&", "|", "^"]);
        let unary =
            proptest::sample::select(vec!["-", "~", "(DT_I8)", "(DT_NUMERIC,20,3)", "(DT_R8)", "(DT_UI2)"]);
        let call = proptest::sample::select(vec!["ABS", "CEILING", "FLOOR", "SIGN", "SQUARE", "EXP"]);
        let some = prop_oneof![
            (inner.clone(), binary, inner.clone())
                .prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            (unary, inner.clone()).prop_map(|(operator, a)| format!("{operator}({a})")),
            (call, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
        ];
        let compared = (inner.clone(), inner.clone(), inner.clone()).prop_map(move |(a, b, c)| {
            if conditions {
                format!("(({a}) < ({b}) || ISNULL({c})) ? ({b}) : ({c})")
            } else {
                format!("({a}) - ({b})")
            }
        });
        prop_oneof![4 => some, 1 => compared]
    })
}

/// A row of three numbers, one of which may be NULL.
struct Row {
    null: Option<&'static str>,
}

impl Names for Row {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        Ok(match name.base() {
            "x" => Type::I4,
            "y" => Type::Numeric { precision: 10, scale: 2 },
            _ => Type::R8,
        })
    }
}

impl Context for Row {
    fn value(&self, input: &Input) -> Result<Option<Datum>, String> {
        if self.null == Some(input.name.to_string().as_str()) {
            return Ok(None);
        }
        Ok(Some(match input.name.base() {
            "x" => Datum::Integer(7),
            "y" => Datum::Exact(crate::expression::Numeric::new(-12_345, 2).expect("five digits")),
            _ => Datum::Real(2.5),
        }))
    }

    fn now(&self) -> jiff::civil::DateTime {
        jiff::civil::DateTime::ZERO
    }

    fn utc_now(&self) -> jiff::civil::DateTime {
        jiff::civil::DateTime::ZERO
    }
}
