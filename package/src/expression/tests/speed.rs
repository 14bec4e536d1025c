//! How fast rows are evaluated. By hand, for what it prints:
//! `CARGO_PROFILE_TEST_OPT_LEVEL=3 cargo test -p scaleout-package --lib -- --ignored --nocapture how_fast`.

use std::time::Instant;

use super::surroundings::Surroundings;
use crate::expression::Parsed;

const ROWS: u32 = 200_000;

#[test]
#[ignore = "it measures, and holds nothing"]
#[expect(clippy::print_stdout, reason = "the figures are for whoever asked for them")]
fn how_fast_rows_are() {
    let surroundings = Surroundings::common();
    let texts = [
        "@i4 + 1",
        "(@i4 * 2 + 1) % 7 == 3 && @i1 > 5",
        "@cy * 1.19 > 10.00",
        "LEFT(UPPER(@text), 3) + \"-\" + (DT_WSTR,10)@i4",
        "DATEDIFF(\"day\", [Order Date], GETDATE())",
    ];
    for text in texts {
        let began = Instant::now();
        let expression =
            Parsed::read(text).and_then(|parsed| parsed.check(&surroundings)).expect("it is sound");
        let read = began.elapsed();
        let began = Instant::now();
        for _ in 0..ROWS {
            std::hint::black_box(expression.evaluate(&surroundings)).expect("it has a value");
        }
        let row = began.elapsed() / ROWS;
        println!("{text}: read and checked in {read:?}, a row in {row:?}");
    }
}
