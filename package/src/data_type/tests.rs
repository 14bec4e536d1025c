//! What types read, hold and refuse.

use serde_json::json;

use super::*;

/// What a text becomes as a value of a type, as JSON; or why it is none.
fn parsed(data_type: &str, text: &str) -> String {
    let data_type: DataType = data_type.parse().unwrap();
    match Value::parse(data_type, text) {
        Ok(value) => {
            assert!(data_type.holds(&value), "{text:?} as {data_type}");
            assert_eq!(Value::from_json(data_type, &value.to_json()), Ok(value.clone()), "{text:?}");
            value.render().unwrap()
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_type_reads_what_it_prints() {
    let of_ssis = [
        "DT_BOOL",
        "DT_I1",
        "DT_UI8",
        "DT_R4",
        "DT_CY",
        "DT_DECIMAL(3)",
        "DT_NUMERIC(38,10)",
        "DT_STR(50,1252)",
        "DT_WSTR(4000)",
        "DT_DBTIME2(7)",
        "DT_DBTIMESTAMP",
        "DT_DBTIMESTAMPOFFSET(0)",
        "DT_DATE",
        "DT_GUID",
        "DT_BYTES(16)",
    ];
    for name in DataType::WORDS.map(DataType::word).into_iter().chain(of_ssis) {
        let data_type: DataType = name.parse().unwrap();
        assert_eq!(data_type.to_string(), name);
        assert_eq!(serde_json::to_value(data_type).unwrap(), json!(name));
        assert!(!matches!(data_type.known_before(), DataType::Ssis(_)), "{name}");
        assert_eq!(serde_json::from_value::<DataType>(json!(name)).unwrap(), data_type);
    }
    assert_eq!("dt_numeric( 18, 2 )".parse::<DataType>().unwrap().to_string(), "DT_NUMERIC(18,2)");
}

#[test]
fn what_is_no_type_is_told_with_what_to_write() {
    let cases = [
        ("int", "unknown type `int`", "did you mean `int64`?"),
        ("DT_INT4", "unknown type DT_INT4", "did you mean `DT_I4`?"),
        ("DT_STR(50)", "DT_STR takes 2 parameters, found 1", "write DT_STR(length,codepage)"),
        ("DT_WSTR", "DT_WSTR takes 1 parameter, found 0", "write DT_WSTR(length)"),
        ("DT_I4(5)", "DT_I4 takes no parameters", "write DT_I4"),
        ("DT_NTEXT", "the type DT_NTEXT is not supported", "take DT_WSTR"),
        ("DT_NUMERIC(39,0)", "the precision of DT_NUMERIC is 1 to 38, found 39", ""),
        (
            "DT_WSTR(x)",
            "unknown type `DT_WSTR(x)`",
            "a type is written as DT_NUMERIC(10,2), with whole numbers",
        ),
        (
            "DT_WSTR(5",
            "unknown type `DT_WSTR(5`",
            "a type is written as DT_NUMERIC(10,2), with whole numbers",
        ),
    ];
    for (text, message, help) in cases {
        let error = text.parse::<DataType>().unwrap_err();
        assert_eq!((error.message.as_str(), error.help.as_deref().unwrap_or_default()), (message, help));
    }
}

#[test]
fn a_value_is_of_its_type_or_refused_and_never_cut() {
    let cases = [
        ("DT_BOOL", "True", "true"),
        ("DT_I1", "-128", "-128"),
        ("DT_I1", "128", "expected a whole number from -128 to 127, found \"128\""),
        ("DT_UI8", "18446744073709551615", "18446744073709551615"),
        ("DT_UI1", "-1", "expected a whole number from 0 to 255, found \"-1\""),
        ("DT_R4", "0.1", "0.1"),
        ("DT_BOOL", "2", "expected True or False, found \"2\""),
        ("DT_R8", "NaN", "expected a finite number such as 1.5 or 1e6, found \"NaN\""),
        ("DT_CY", "1.25", "1.2500"),
        ("DT_NUMERIC(5,2)", "123.4", "123.40"),
        (
            "DT_NUMERIC(5,2)",
            "1.234",
            "expected a number of at most 5 digits, 2 of them behind the point, found \"1.234\"",
        ),
        (
            "DT_NUMERIC(38,0)",
            "99999999999999999999999999999999999999",
            "99999999999999999999999999999999999999",
        ),
        ("DT_WSTR(3)", "äöü", "äöü"),
        ("DT_WSTR(3)", "abcd", "expected text of at most 3 characters, found \"abcd\""),
        ("DT_STR(2,65001)", "äö", "expected text of at most 2 bytes in code page 65001, found \"äö\""),
        ("DT_STR(9,1252)", "東", "expected text of at most 9 bytes in code page 1252, found \"東\""),
        ("DT_DBDATE", "2024-02-29", "2024-02-29"),
        ("DT_DBDATE", "2024-02-29 10:00", "expected YYYY-MM-DD, found \"2024-02-29 10:00\""),
        ("DT_DBTIME2(2)", "10:00:00.25", "10:00:00.25"),
        (
            "DT_DBTIME",
            "10:00:00.5",
            "expected hh:mm:ss with at most 0 digits of a fraction, found \"10:00:00.5\"",
        ),
        ("DT_DBTIMESTAMP", "2024-02-29T10:00:00.5", "2024-02-29 10:00:00.500"),
        (
            "DT_DBTIMESTAMP",
            "2024-02-29T10:00:00Z",
            "expected YYYY-MM-DD hh:mm:ss with at most 3 digits of a fraction and without offset, \
             found \"2024-02-29T10:00:00Z\"",
        ),
        ("DT_DBTIMESTAMPOFFSET(0)", "2024-02-29 10:00:00 +02:00", "2024-02-29T08:00:00Z"),
        (
            "DT_DBTIMESTAMPOFFSET(0)",
            "2024-02-29 10:00:00",
            "expected YYYY-MM-DD hh:mm:ss with at most 0 digits of a fraction and its offset such as +02:00, \
             found \"2024-02-29 10:00:00\"",
        ),
        ("DT_GUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"),
        ("DT_BYTES(2)", "0aFF", "0AFF"),
        ("DT_BYTES(1)", "0aFF", "expected pairs of hexadecimal digits, of at most 1 bytes, found \"0aFF\""),
    ];
    for (data_type, text, expect) in cases {
        assert_eq!(parsed(data_type, text), expect, "{text:?} as {data_type}");
    }
}

#[test]
fn json_numbers_and_booleans_are_of_the_types_that_have_them() {
    let read = |name: &str, json| Value::from_json(name.parse().unwrap(), &json).map(|value| value.to_json());
    assert_eq!(read("DT_I2", json!(7)), Ok(json!(7)));
    assert_eq!(read("DT_NUMERIC(5,2)", json!(1.5)), Ok(json!("1.50")));
    assert_eq!(read("DT_R4", json!(0.1)), Ok(json!("0.1")));
    assert_eq!(read("DT_BOOL", json!(true)), Ok(json!(true)));
    assert_eq!(read("DT_GUID", json!(null)), Ok(json!(null)));
    for (name, json) in [("DT_I2", json!(40_000)), ("DT_WSTR(5)", json!(7)), ("DT_I4", json!(true))] {
        assert!(read(name, json.clone()).is_err(), "{json} as {name}");
    }
}

#[test]
fn likeness_is_of_what_values_are_made_of() {
    let like = |a: &str, b: &str| a.parse::<DataType>().unwrap().is_like(b.parse().unwrap());
    assert!(like("int64", "DT_UI1") && like("DT_STR(5,1252)", "string") && like("DT_DATE", "DT_DBTIMESTAMP"));
    assert!(like("table", "table") && like("timestamp", "DT_DBTIMESTAMPOFFSET(3)"));
    assert!(!like("timestamp", "DT_DBTIMESTAMP") && !like("int64", "DT_CY") && !like("table", "string"));
}

#[test]
fn what_a_variable_holds_has_the_digits_of_its_type() {
    let fitted = |name: &str, value: Value| {
        let fitted = name.parse::<DataType>().unwrap().fitted(&value)?;
        Some(fitted.render().unwrap_or_else(|_| "NULL".to_owned()))
    };
    let of = |name: &str, text: &str| Value::parse(name.parse().unwrap(), text).unwrap();
    let cases = [
        ("DT_NUMERIC(9,2)", Value::Int64(12), Some("12.00")),
        ("DT_CY", of("decimal", "12.5"), Some("12.5000")),
        ("DT_NUMERIC(4,2)", of("decimal", "123.5"), None),
        (
            "DT_NUMERIC(38,4)",
            of("DT_NUMERIC(38,2)", "123456789012345678901234567890.25"),
            Some("123456789012345678901234567890.2500"),
        ),
        ("DT_NUMERIC(38,0)", of("DT_NUMERIC(38,2)", "123456789012345678901234567890.25"), None),
        ("DT_DBTIMESTAMP", of("DT_DATE", "2024-02-29"), Some("2024-02-29 00:00:00")),
        ("DT_DBTIME", of("DT_DBTIME2(3)", "10:00:00.5"), None),
        ("DT_R4", Value::Float64(0.1), Some("0.1")),
        ("DT_R4", Value::Float64(1e300), None),
        ("DT_WSTR(3)", Value::String("abc".into()), Some("abc")),
        ("DT_WSTR(2)", Value::String("abc".into()), None),
        ("float64", of("DT_R4", "0.5"), Some("0.5")),
        ("decimal", of("DT_NUMERIC(38,28)", "12.5"), Some("12.500000000000000000000000000")),
        ("int64", of("DT_UI8", "18446744073709551615"), None),
        ("DT_R8", of("DT_UI8", "18446744073709551615"), None),
        (
            "DT_DBTIMESTAMPOFFSET(7)",
            of("timestamp", "2024-02-29T10:00:00.000000001Z"),
            Some("2024-02-29T10:00:00Z"),
        ),
        ("int64", Value::Null, Some("NULL")),
        ("int64", Value::Bool(true), None),
    ];
    for (name, value, expect) in cases {
        assert_eq!(fitted(name, value.clone()).as_deref(), expect, "{value:?} as {name}");
    }
}

#[test]
fn an_older_master_reads_parameters_of_the_types_of_ssis() {
    let parameter = crate::model::Parameter {
        name: "price".into(),
        data_type: "DT_NUMERIC(9,2)".parse().unwrap(),
        required: false,
        sensitive: false,
        default: Value::parse("DT_NUMERIC(9,2)".parse().unwrap(), "12.5").ok(),
        description: String::new(),
    };
    let stored = serde_json::to_value(parameter.clone()).unwrap();
    assert_eq!((&stored["type"], &stored["ssis"]), (&json!("decimal"), &json!("DT_NUMERIC(9,2)")));
    assert_eq!(serde_json::from_value::<crate::model::Parameter>(stored).unwrap(), parameter);
    let plain = crate::model::Parameter { data_type: DataType::Int64, default: None, ..parameter };
    assert_eq!(serde_json::to_value(plain).unwrap().get("ssis"), None, "as before");
}
