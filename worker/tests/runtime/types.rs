//! Variables and parameters of the types of SSIS: on their way in and out of statements, programs, loops and packages.

use scaleout_common::wire::MessageType;

use super::sql;
use super::world::World;

/// The types, what a statement gives for each, and how a text shows it.
const TYPES: [(&str, &str, &str); 28] = [
    ("DT_BOOL", "true", "true"),
    ("DT_I1", "(-128)::int2", "-128"),
    ("DT_UI1", "255::int2", "255"),
    ("DT_I2", "32767::int2", "32767"),
    ("DT_UI2", "65535::int4", "65535"),
    ("DT_I8", "9223372036854775807::int8", "9223372036854775807"),
    ("DT_UI8", "18446744073709551615.00::numeric", "18446744073709551615"),
    ("DT_I4", "(-2147483648)::int4", "-2147483648"),
    ("DT_UI4", "4294967295::int8", "4294967295"),
    ("DT_R4", "0.5::float4", "0.5"),
    ("DT_R8", "1e10::float8", "10000000000"),
    ("DT_CY", "12.5::numeric", "12.5000"),
    ("DT_DECIMAL(3)", "12::numeric(4,0)", "12.000"),
    ("DT_NUMERIC(9,2)", "12.5::numeric(60,40)", "12.50"),
    (
        "DT_NUMERIC(38,2)",
        "123456789012345678901234567890123456.78::numeric",
        "123456789012345678901234567890123456.78",
    ),
    ("DT_STR(4,1252)", "'caf\u{e9}'::text", "caf\u{e9}"),
    ("DT_WSTR(3)", "'a|b'::varchar", "a|b"),
    ("DT_DBTIME", "'10:00'::time", "10:00:00"),
    ("DT_DBTIMESTAMP2(2)", "'9999-12-31 23:59:59.25'::timestamp", "9999-12-31 23:59:59.25"),
    ("DT_DBTIMESTAMPOFFSET(0)", "'9999-12-31 23:59:59Z'::timestamptz", "9999-12-31 23:59:59 +00:00"),
    ("DT_R4", "0.1::float8::float4", "0.1"),
    ("DT_DBDATE", "'2024-02-29'::date", "2024-02-29"),
    ("DT_DBTIME2(6)", "'10:00:00.25'::time", "10:00:00.250000"),
    ("DT_DBTIMESTAMP", "'2024-02-29 10:00:00.25'::timestamp", "2024-02-29 10:00:00.250"),
    ("DT_DBTIMESTAMPOFFSET(3)", "'2024-02-29 10:00:00.25+02'::timestamptz", "2024-02-29T08:00:00.25Z"),
    ("DT_DATE", "'2024-02-29'::timestamp", "2024-02-29"),
    ("DT_GUID", "'01890a5d-ac96-774b-bcce-b302099a8057'::uuid", "{01890A5D-AC96-774B-BCCE-B302099A8057}"),
    ("DT_BYTES(3)", "'\\x0aff'::bytea", "0AFF"),
];

fn variables() -> String {
    let one = |(number, (name, ..)): (usize, &(&str, &str, &str))| {
        format!("[variables.v{number}]\ntype = \"{name}\"\n")
    };
    TYPES.iter().enumerate().map(one).collect()
}

fn each(of: impl Fn(usize) -> String) -> String {
    (0..TYPES.len()).map(of).collect::<Vec<_>>().join(", ")
}

/// From a statement into variables, back into a statement, and into texts.
#[tokio::test]
async fn every_type_comes_from_postgresql_and_goes_back() {
    let (world, _, _) = sql::world().await;
    let given = TYPES.map(|(_, sql, _)| sql).join(", ");
    let same: Vec<String> =
        TYPES.iter().enumerate().map(|(n, (_, sql, _))| format!("{sql} = ${}", n + 1)).collect();
    let text = format!(
        "{variables}
[tasks.read]
kind = \"sql\"
connection = \"warehouse\"
statement = \"\"\"select {given}\"\"\"
into = [{names}]
[tasks.back]
kind = \"sql\"
connection = \"warehouse\"
statement = \"\"\"select 1 where {same}\"\"\"
arguments = [{references}]
after = [\"read\"]
[tasks.show]
kind = \"process\"
command = [\"echo\", \"{shown}\"]
after = [\"back\"]
",
        variables = variables(),
        given = given.replace('\\', "\\\\"),
        names = each(|n| format!("\"v{n}\"")),
        same = same.join(" and ").replace('\\', "\\\\"),
        references = each(|n| format!("\"@v{n}\"")),
        shown = (0..TYPES.len()).map(|n| format!("{{{{ @v{n} }}}}")).collect::<Vec<_>>().join(";"),
    );
    let went = world.run(&text).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["1 row", "1 row"]);
    assert_eq!(went.stdout(), [TYPES.map(|(.., shown)| shown).join(";")]);
}

#[tokio::test]
async fn what_a_statement_gives_beyond_the_type_is_refused() {
    let (world, _, _) = sql::world().await;
    let cases = [
        ("DT_I2", "40000::int4", "column v holds what no DT_I2 can"),
        ("DT_NUMERIC(4,2)", "1.234::numeric", "column v holds what no DT_NUMERIC(4,2) can"),
        ("DT_WSTR(3)", "'abcd'::text", "column v holds what no DT_WSTR(3) can"),
        ("DT_STR(9,1252)", "'\u{6771}'::text", "column v holds what no DT_STR(9,1252) can"),
        (
            "DT_DBTIMESTAMP",
            "'2024-02-29 10:00:00.0001'::timestamp",
            "column v holds what no DT_DBTIMESTAMP can",
        ),
        ("DT_DBTIME", "'24:00'::time", "column v holds what no DT_DBTIME can"),
        ("DT_DBTIMESTAMP", "now()", "cast it in the statement (v::timestamp)"),
        ("DT_GUID", "'x'::text", "cast it in the statement (v::uuid)"),
        ("DT_UI1", "1.5::numeric", "cast it in the statement (v::int8)"),
    ];
    for (data_type, given, expect) in cases {
        let text = format!(
            "[variables.v]\ntype = \"{data_type}\"\n[tasks.read]\nkind = \"sql\"\nconnection = \"warehouse\"\n\
             statement = \"select {given} as v\"\ninto = [\"v\"]\n"
        );
        let went = world.run(&text).await;
        assert!(went.error().contains(expect), "{data_type}: {}", went.error());
    }
}

/// What programs print, loops give and expressions make.
#[tokio::test]
async fn variables_hold_what_their_type_says() {
    let world = World::new().await;
    let text = |more: &str| {
        format!(
            "[variables.n]\ntype = \"DT_I2\"\nvalue = 300\n[variables.name]\ntype = \"DT_WSTR(3)\"\n\
             [variables.price]\ntype = \"DT_NUMERIC(9,2)\"\nvalue = 12.5\n[variables.at]\ntype = \"DT_DBTIMESTAMP\"\n{more}"
        )
    };
    let print = |text: &str, into: &str| {
        format!("[tasks.a]\nkind = \"process\"\ncommand = [\"echo\", \"{text}\"]\nstdout = \"{into}\"\n")
    };
    let assign = |what: &str| format!("[tasks.a]\nkind = \"expression\"\nassign = '{what}'\n");
    let refused = [
        (print("40000", "n"), "what it printed is not a DT_I2: expected a whole number from -32768 to 32767"),
        (print("long", "name"), "what it printed is not a DT_WSTR(3): expected text of at most 3 characters"),
        (assign("@n = @n * 200"), "cannot turn DT_I4 into DT_I2: the value is beyond its range"),
        (assign("@name = @[System::TaskName] + \"long\""), "it is longer"),
        (
            "[tasks.a]\nkind = \"foreach\"\nlist = [[\"{{ @[System::PackageName] }}!\"]]\ninto = [\"name\"]\n".to_owned(),
            "variable name is a DT_WSTR(3), and cannot hold this value: it holds text of at most 3 characters",
        ),
        (
            "[tasks.a]\nkind = \"foreach\"\nnumbers = { from = 32767, to = \"1 + @n * 0 + 32767\" }\ninto = [\"n\"]\n".to_owned(),
            "variable n is a DT_I2, and cannot hold this value: it holds a whole number from -32768 to 32767",
        ),
    ];
    for (more, expect) in refused {
        let went = world.run(&text(&more)).await;
        assert!(went.error().contains(expect), "{expect}: {}", went.error());
    }
    let more = "[variables.began]\ntype = \"DT_DBTIMESTAMPOFFSET(7)\"\nvalue = \"@[System::StartTime]\"\n";
    world.run(&text(more)).await.succeeded();
    let show = "[tasks.b]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @n }} {{ @price }} {{ DATEPART(\\\"year\\\", @at) }}\"]\nafter = [\"a\"]\n";
    let went = world.run(&text(&[assign("@at = GETDATE()").as_str(), show].concat())).await;
    went.succeeded();
    assert!(went.stdout()[0].starts_with("300 12.50 20"), "{:?}", went.stdout());
}

/// From columns of a table into variables of other types that are like them.
#[tokio::test]
async fn a_loop_over_rows_gives_values_of_the_types_of_its_variables() {
    let (world, _, _) = sql::world().await;
    let text = "
[variables.rows]
type = \"table\"
columns = { n = \"decimal\", at = \"DT_DATE\", t = \"DT_DBTIME2(6)\", many = \"DT_NUMERIC(38,2)\", r = \"DT_R4\" }
[variables.n]
type = \"DT_NUMERIC(9,2)\"
[variables.at]
type = \"DT_DBTIMESTAMP\"
[variables.t]
type = \"DT_DBTIME\"
[variables.many]
type = \"DT_NUMERIC(38,4)\"
[variables.r]
type = \"float64\"
[tasks.read]
kind = \"sql\"
connection = \"warehouse\"
statement = \"\"\"select 12.5::numeric as n, '2024-02-29'::timestamp as at, '10:00'::time as t,
             123456789012345678901234567890.25::numeric as many, 0.5::float4 as r\"\"\"
rows = \"rows\"
[tasks.each]
kind = \"foreach\"
rows = \"rows\"
into = [\"n\", \"at\", \"t\", \"many\", \"r\"]
after = [\"read\"]
[tasks.each.tasks.show]
kind = \"process\"
command = [\"echo\", \"{{ @n }};{{ @at }};{{ @t }};{{ @many }};{{ @r }}\"]
";
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["12.50;2024-02-29 00:00:00;10:00:00;123456789012345678901234567890.2500;0.5"]);
}

#[tokio::test]
async fn secrets_are_masked_however_they_are_written() {
    let mut world = World::new().await;
    let parameter = |name: &str, data_type: &str| {
        format!("[parameters.{name}]\ntype = \"{data_type}\"\nsensitive = true\n")
    };
    world.values = serde_json::json!({ "key": "DEADBEEF", "id": "{01890A5D-AC96-774B-BCCE-B302099A8057}" });
    let text = format!(
        "{}{}[tasks.a]\nkind = \"process\"\ncommand = [\"echo\", \"deadbeef DEADBEEF 01890a5d-ac96-774b-bcce-b302099a8057 {{{{ @id }}}}\"]\n",
        parameter("key", "DT_BYTES(8)"),
        parameter("id", "DT_GUID")
    );
    let went = world.run(&text).await;
    went.succeeded();
    let shown = went.stdout().concat().to_lowercase();
    assert!(!shown.contains("beef") && !shown.contains("01890a5d"), "{shown}");
}

#[tokio::test]
async fn a_literal_in_a_list_keeps_its_braces() {
    let world = World::new().await;
    let text = "[tasks.a]\nkind = \"foreach\"\nlist = ['\\{{ raw']\ninto = [\"v\"]\n[tasks.a.variables.v]\ntype = \"string\"\n\
                [tasks.a.tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @v }}\"]\n";
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["{{ raw"]);
}
