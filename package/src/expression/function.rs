//! The functions: names, and what each takes. What they do is in `evaluate`, what they give in `check`.

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Any number.
    Number,
    /// A number of a type with sign.
    Signed,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// A type with a day.
    Date,
    /// The name of a part of a date, as a text that is known when the expression is checked.
    DatePart,
    /// Anything.
    Any,
}

impl Takes {
    /// For messages: expected …
    pub(super) fn expected(self) -> &'static str {
        match self {
            Takes::Number => "a number",
            Takes::Signed => "a number with sign",
            Takes::Integer => "a whole number",
            Takes::Text => "a text (DT_WSTR or DT_STR)",
            Takes::Date => "a date (DT_DBDATE, DT_DATE or one of the DT_DBTIMESTAMP types)",
            Takes::DatePart => "a part of a date in quotes, such as \"day\"",
            Takes::Any => "anything",
        }
    }
}

macro_rules! functions {
    ($($variant:ident $name:literal ($($argument:ident),*),)*) => {
        /// A function by name. `NULL(type)` is none: its argument is a type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($variant,)* }

        impl Function {
            /// Every function.
            pub(super) const ALL: &'static [Function] = &[$(Function::$variant,)*];

            /// The name, in upper case.
            pub(super) fn name(self) -> &'static str {
                match self { $(Function::$variant => $name,)* }
            }

            /// What each argument must be.
            pub(super) fn takes(self) -> &'static [Takes] {
                match self { $(Function::$variant => &[$(Takes::$argument),*],)* }
            }
        }
    };
}

functions! {
    Abs "ABS" (Number),
    Ceiling "CEILING" (Number),
    Exp "EXP" (Number),
    Floor "FLOOR" (Number),
    Ln "LN" (Number),
    Log "LOG" (Number),
    Power "POWER" (Number, Number),
    Round "ROUND" (Number, Integer),
    Sign "SIGN" (Signed),
    Square "SQUARE" (Number),
    Sqrt "SQRT" (Number),
    Codepoint "CODEPOINT" (Text),
    FindString "FINDSTRING" (Text, Text, Integer),
    Hex "HEX" (Integer),
    Left "LEFT" (Text, Integer),
    Len "LEN" (Text),
    Lower "LOWER" (Text),
    LTrim "LTRIM" (Text),
    Replace "REPLACE" (Text, Text, Text),
    Replicate "REPLICATE" (Text, Integer),
    Reverse "REVERSE" (Text),
    Right "RIGHT" (Text, Integer),
    RTrim "RTRIM" (Text),
    Substring "SUBSTRING" (Text, Integer, Integer),
    Token "TOKEN" (Text, Text, Integer),
    TokenCount "TOKENCOUNT" (Text, Text),
    Trim "TRIM" (Text),
    Upper "UPPER" (Text),
    DateAdd "DATEADD" (DatePart, Integer, Date),
    DateDiff "DATEDIFF" (DatePart, Date, Date),
    DatePartOf "DATEPART" (DatePart, Date),
    Day "DAY" (Date),
    GetDate "GETDATE" (),
    GetUtcDate "GETUTCDATE" (),
    Month "MONTH" (Date),
    Year "YEAR" (Date),
    IsNull "ISNULL" (Any),
    ReplaceNull "REPLACENULL" (Any, Any),
}

/// `NULL(type)`, which the parser reads itself.
pub(super) const NULL: &str = "NULL";

impl Function {
    /// The function called `name`, in upper or lower case.
    pub(super) fn from_name(name: &str) -> Option<Function> {
        Function::ALL.iter().copied().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// Every name, `NULL` included.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Function::ALL.iter().map(|function| function.name()).chain([NULL])
    }
}

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatePart {
    Year,
    Quarter,
    Month,
    DayOfYear,
    Day,
    Week,
    Weekday,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// Each part with its names; the first is the long one.
const PARTS: [(DatePart, &[&str]); 11] = [
    (DatePart::Year, &["year", "yy", "yyyy"]),
    (DatePart::Quarter, &["quarter", "qq", "q"]),
    (DatePart::Month, &["month", "mm", "m"]),
    (DatePart::DayOfYear, &["dayofyear", "dy", "y"]),
    (DatePart::Day, &["day", "dd", "d"]),
    (DatePart::Week, &["week", "wk", "ww"]),
    (DatePart::Weekday, &["weekday", "dw", "w"]),
    (DatePart::Hour, &["hour", "hh"]),
    (DatePart::Minute, &["minute", "mi", "n"]),
    (DatePart::Second, &["second", "ss", "s"]),
    (DatePart::Millisecond, &["millisecond", "ms"]),
];

impl DatePart {
    /// The part called `name`, in upper or lower case.
    pub(super) fn from_name(name: &str) -> Option<DatePart> {
        let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        PARTS.iter().find(|(_, names)| is(names)).map(|(part, _)| *part)
    }

    /// The long name of every part.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        PARTS.iter().filter_map(|(_, names)| names.first().copied())
    }
}
