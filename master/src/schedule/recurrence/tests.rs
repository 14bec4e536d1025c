//! Tables over both clock changes of a year, and properties over all zones' changes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The runs after `from` and before `to`, on the zone's clock.
fn runs(cron: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let recurrence = Recurrence::new(cron, zone, at(from)).unwrap();
    let runs = std::iter::successors(recurrence.next(at(from)), |run| recurrence.next(*run));
    let shown = |run: Timestamp| run.to_zoned(recurrence.zone().clone()).strftime("%dT%H:%M%:z").to_string();
    runs.take_while(|run| *run < at(to)).map(shown).collect()
}

/// In Paris, the clock goes from 02:00 to 03:00 on 2026-03-29.
fn spring(cron: &str) -> Vec<String> {
    runs(cron, "Europe/Paris", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z")
}

/// And from 03:00 back to 02:00 on 2026-10-25.
fn autumn(cron: &str) -> Vec<String> {
    runs(cron, "Europe/Paris", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")
}

#[test]
fn a_time_of_the_day_that_is_skipped_in_spring_comes_once() {
    assert_eq!(spring("30 2 * * *"), ["29T03:30+02:00", "30T02:30+02:00"]);
    assert_eq!(spring("0 2 * * *"), ["29T03:00+02:00", "30T02:00+02:00"]);
    assert_eq!(spring("30 1 * * *"), ["29T01:30+01:00", "30T01:30+02:00"]);
    assert_eq!(spring("0 3 * * *"), ["29T03:00+02:00", "30T03:00+02:00"]);
    // Two names of one moment are one run.
    assert_eq!(spring("0 2,3 * * *"), ["29T03:00+02:00", "30T02:00+02:00", "30T03:00+02:00"]);
    let expected = ["29T03:00+02:00", "29T03:20+02:00", "29T03:40+02:00"];
    assert_eq!(spring("*/20 2 29 * *"), expected);
    let expected = ["29T03:00+02:00", "29T03:45+02:00", "29T04:00+02:00", "29T04:45+02:00"];
    assert_eq!(spring("0,45 2-4 29 3 *"), expected);
    // Sunday the 29th, by its name.
    assert_eq!(spring("30 2 * * SUN"), ["29T03:30+02:00"]);
}

#[test]
fn a_time_of_the_day_that_comes_twice_in_autumn_runs_once() {
    assert_eq!(autumn("30 2 * * *"), ["25T02:30+02:00", "26T02:30+01:00"]);
    assert_eq!(autumn("0 2 * * *"), ["25T02:00+02:00", "26T02:00+01:00"]);
    assert_eq!(autumn("0 3 * * *"), ["25T03:00+01:00", "26T03:00+01:00"]);
    assert_eq!(autumn("*/30 2 25 * *"), ["25T02:00+02:00", "25T02:30+02:00"]);
}

#[test]
fn what_comes_every_hour_goes_on_in_real_time() {
    for (cron, minutes) in [("0 * * * *", 60), ("*/30 * * * *", 30), ("*/7 * * * *", 0), ("15 * * * *", 60)] {
        for (from, to) in [
            ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ] {
            let recurrence = Recurrence::new(cron, "Europe/Paris", at(from)).unwrap();
            let runs: Vec<Timestamp> =
                std::iter::successors(recurrence.next(at(from)), |run| recurrence.next(*run))
                    .take_while(|run| *run < at(to))
                    .collect();
            let steps: BTreeSet<i64> =
                runs.windows(2).map(|two| two[1].duration_since(two[0]).as_mins()).collect();
            let expected = if minutes == 0 { BTreeSet::from([4, 7]) } else { BTreeSet::from([minutes]) };
            assert_eq!(steps, expected, "{cron} from {from}");
        }
    }
}

#[test]
fn other_zones_change_in_other_ways() {
    // Half an hour, at 02:00 on 2026-10-04 and 2026-04-05.
    let spring = runs("15,40 2 * * *", "Australia/Lord_Howe", "2026-10-03T10:00:00Z", "2026-10-04T12:00:00Z");
    assert_eq!(spring, ["04T02:40+11:00", "04T02:45+11:00"]);
    let autumn = runs("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T10:00:00Z", "2026-04-05T12:00:00Z");
    assert_eq!(autumn, ["05T01:45+11:00"]);
    // At midnight: the day has none.
    let beirut = runs("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(beirut, ["29T01:00+03:00", "30T00:00+03:00"]);
    // A whole day was left out, and its run came on the next.
    let apia = runs("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z");
    assert_eq!(apia, ["29T12:00-10:00", "31T12:00+14:00"]);
    assert_eq!(runs("0 2 * * *", "UTC", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), ["29T02:00+00:00"]);
}

#[test]
fn a_pattern_is_five_fields_of_cron() {
    let first = |cron: &str| runs(cron, "UTC", "2026-02-27T12:00:00Z", "2032-12-31T00:00:00Z").remove(0);
    let cases = [
        ("5 4 * * *", "28T04:05+00:00"),
        ("@daily", "28T00:00+00:00"),
        ("0 0 29 2 *", "29T00:00+00:00"),
        ("0 9 1 * MON", "01T09:00+00:00"),
        ("0 0 * * 7", "01T00:00+00:00"),
        ("0 18 L * *", "28T18:00+00:00"),
        ("0 8 * * MON#1", "02T08:00+00:00"),
        ("*/15 8-17 * JAN,mar mon-fri", "02T08:00+00:00"),
    ];
    for (cron, expected) in cases {
        assert_eq!(first(cron), expected, "{cron}");
    }
}

#[test]
fn what_is_none_is_told_why() {
    let error = |cron: &str, zone: &str| {
        Recurrence::new(cron, zone, at("2026-01-01T00:00:00Z")).unwrap_err().to_string()
    };
    for bad in [
        "",
        "* * * *",
        "0 0 2 * * *",
        "0 0 2 * * * 2027",
        "60 * * * *",
        "* 24 * * *",
        "0 2 * * DAY",
        "@reboot",
        "a b c d e",
    ] {
        let said = error(bad, "UTC");
        assert!(said.contains("is no cron pattern") && said.contains("\"0 2 * * *\""), "{bad}: {said}");
    }
    let began = std::time::Instant::now();
    for never in ["0 2 30 2 *", "0 0 31 4,6 *"] {
        assert!(error(never, "Europe/Paris").contains("never comes"), "{never}");
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    for bad in ["", "Europe/Pairs", "+01:00", "CET-1CEST,M3.5.0,M10.5.0/3", "../etc/passwd"] {
        assert!(error("0 2 * * *", bad).contains("there is no time zone"), "{bad}");
    }
    assert!(error(&"1,".repeat(200), "UTC").contains("longer than 256 characters"));
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kolkata",
];

proptest! {
    /// A time of the day comes on each of 400 days, once; and `next` goes forwards, whatever it counts from.
    #[test]
    fn each_day_has_each_time_once(zone in 0..ZONES.len(), hour in 0..24, minute in 0..60, start in 1_700_000_000_i64..1_900_000_000) {
        let start = Timestamp::from_second(start).unwrap();
        let recurrence = Recurrence::new(&format!("{minute} {hour} * * *"), ZONES[zone], start).unwrap();
        let runs: Vec<Timestamp> =
            std::iter::successors(recurrence.next(start), |run| recurrence.next(*run)).take(400).collect();
        for two in runs.windows(2) {
            let days = [two[0], two[1]].map(|run| run.to_zoned(recurrence.zone().clone()).date());
            prop_assert_eq!(days[0].tomorrow().unwrap(), days[1], "{:?}", two);
            let middle = two[0] + two[1].duration_since(two[0]) / 2;
            prop_assert_eq!(recurrence.next(middle), Some(two[1]));
        }
    }
}
