//! A slice of the fuzz run, three seconds a target; the whole of it is `make fuzz`. The seed is fixed: what fails here
//! fails again.

use std::time::Duration;

use scaleout_tests::fuzz::{self, Budget, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn slice() -> Budget {
    let folder = std::env::temp_dir().join("scaleout-fuzz");
    Budget { seed: 1, time: Duration::from_secs(3), folder }
}

#[test]
fn whatever_bytes_come_the_decoder_says_what_they_are() {
    let figures = fuzz::fuzz_decoder(&slice()).unwrap_or_else(|finding| panic!("{finding}"));
    assert!(figures.iterations > 1_000 && figures.shapes > 20, "too little was tried: {figures}");
}

#[test]
fn whatever_is_written_the_expression_language_says_what_it_is() {
    let figures = fuzz::fuzz_expression(&slice()).unwrap_or_else(|finding| panic!("{finding}"));
    assert!(figures.iterations > 1_000 && figures.shapes > 100, "too little was tried: {figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_the_master_answers_in_the_one_shape() {
    let found = Box::pin(fuzz::fuzz_api(&slice())).await;
    let figures = found.unwrap_or_else(|finding| panic!("{finding}"));
    assert!(figures.iterations > 60 && figures.shapes > 20, "too little was tried: {figures}");
}
