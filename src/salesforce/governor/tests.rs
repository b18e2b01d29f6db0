use super::*;

fn usage(used: u32, limit: u32) -> Usage {
    Usage { used, limit }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn governor(quota: Quota) -> Governor {
    Governor::new("acme".to_owned(), quota)
}

#[test]
fn the_header_is_read() {
    for (text, read) in [
        ("api-usage=18/15000", Some((18, 15_000))),
        ("api-usage=18/15000; per-app-api-usage=17/250(appName=sample)", Some((18, 15_000))),
        ("per-app-api-usage=17/250(appName=sample); api-usage=18/15000", Some((18, 15_000))),
        ("per-app-api-usage=17/250(appName=sample),api-usage = 1/2", None),
        ("api-usage=99999999999/15000", Some((u32::MAX, 15_000))),
        ("api-usage=-1/15000", None),
        ("api-usage=18", None),
        ("", None),
    ] {
        assert_eq!(Usage::of_header(text), read.map(|(used, limit)| usage(used, limit)), "{text}");
    }
}

/// Waits in milliseconds; `None` is held.
#[test]
fn the_tempo_follows_the_usage() {
    let quota = |slow_at, hold_at, reserve| Quota { slow_at, hold_at, reserve, concurrency: 1 };
    let usual = || quota(0.8, 0.95, 0);
    let free = Some(None);
    for (quota, used, limit, wait) in [
        (usual(), 0, 15_000, free),
        (usual(), 11_999, 15_000, free),
        // Nothing at first, and more with each call: half of the way, 1,125 calls are left for the day.
        (usual(), 12_000, 15_000, Some(Some(0))),
        (usual(), 12_225, 15_000, Some(Some(4_266))),
        (usual(), 13_125, 15_000, Some(Some(38_400))),
        (usual(), 14_025, 15_000, Some(Some(345_600))),
        (usual(), 14_249, 15_000, Some(Some(900_000))),
        (usual(), 14_250, 15_000, None),
        (usual(), 16_000, 15_000, None),
        // A large org has calls enough that the waits are short.
        (usual(), 4_375_000, 5_000_000, Some(Some(115))),
        // Without the calls of others, 10,000 are left.
        (quota(0.8, 0.95, 5_000), 7_999, 15_000, free),
        (quota(0.8, 0.95, 5_000), 8_750, 15_000, Some(Some(57_600))),
        (quota(0.8, 0.95, 5_000), 9_500, 15_000, None),
        (quota(0.8, 0.95, 15_000), 0, 15_000, None),
        (quota(0.8, 0.95, 20_000), 0, 15_000, None),
        (quota(0.5, 0.5, 0), 49, 100, free),
        (quota(0.5, 0.5, 0), 50, 100, None),
        (quota(1.0, 1.0, 0), 99, 100, free),
        (quota(0.0, 1.0, 0), 50, 100, Some(Some(864_000))),
    ] {
        let tempo = match quota.tempo(usage(used, limit)) {
            Tempo::Free => free,
            Tempo::Spread(wait) => Some(Some(wait.as_millis())),
            Tempo::Hold => None,
        };
        assert_eq!(tempo, wait, "{used} of {limit} with {quota:?}");
    }
}

#[test]
fn what_is_left_lasts_for_a_day() {
    let quota = Quota::default();
    let (mut used, mut seconds) = (12_000, 0.0);
    // One call a delivery, and nothing comes back.
    while seconds < WINDOW {
        match quota.tempo(usage(used, 15_000)) {
            Tempo::Spread(wait) => seconds += wait.as_secs_f64(),
            tempo => panic!("{tempo:?} after {seconds} s"),
        }
        used += 1;
    }
    assert!(used > 13_500, "and most of it is used: {used}");
}

#[test]
fn deliveries_are_admitted_at_the_tempo() {
    let governor = governor(Quota::default());
    let admit = |seconds, wanted| {
        let admission = governor.admit(at(seconds), wanted);
        (admission.ordinary, admission.again.map(|wait| wait.as_millis()))
    };
    assert_eq!(admit(0, 8), (8, None), "nothing is known");
    governor.observe(Some(usage(13_125, 15_000)), at(0));
    assert_eq!(admit(0, 8), (1, Some(38_400)));
    governor.taken(at(0));
    assert_eq!(admit(0, 8), (0, Some(38_400)));
    assert_eq!(admit(38, 8), (0, Some(400)));
    assert_eq!(admit(39, 8), (1, Some(38_400)));
    assert_eq!(admit(-5, 8), (1, Some(38_400)), "the clock was set back");
    // 115 ms each: those of one second together, but no more after a long silence.
    governor.observe(Some(usage(4_375_000, 5_000_000)), at(40));
    assert_eq!(admit(1, 8), (8, Some(115)));
    assert_eq!(admit(100_000, 20), (8, Some(115)));
    governor.observe(Some(usage(14_250, 15_000)), at(41));
    assert_eq!(admit(100_000, 8), (0, None));
    governor.observe(Some(usage(10, 15_000)), at(42));
    assert_eq!(admit(42, 8), (8, None));
}

#[test]
fn a_refusal_says_that_everything_is_used() {
    for known in [None, Some(usage(18, 15_000))] {
        let governor = governor(Quota::default());
        governor.observe(known, at(0));
        governor.exhausted(at(1));
        let standing = governor.standing();
        assert_eq!(standing.tempo, Tempo::Hold);
        assert_eq!(standing.usage, known.map(|_| usage(15_000, 15_000)));
        governor.observe(known, at(2));
        assert_eq!(governor.standing().tempo, Tempo::Free);
    }
    // An answer without a word of the usage says nothing against what was told before.
    let governor = governor(Quota::default());
    governor.observe(Some(usage(15_000, 15_000)), at(0));
    governor.observe(None, at(1));
    assert_eq!(governor.standing().tempo, Tempo::Hold);
}

#[test]
fn the_org_is_asked_now_and_then() {
    let governor = governor(Quota::default());
    let look = |always, seconds| governor.look(always, at(seconds));
    assert!(!look(false, 0), "without REST there is nobody to ask");
    assert!(look(true, 0), "at the start");
    assert!(!look(true, 899));
    assert!(look(true, 900));
    governor.observe(Some(usage(18, 15_000)), at(1000));
    assert!(!look(true, 1899), "an answer told");
    governor.observe(None, at(1500));
    assert!(look(true, 1900), "another did not");
    governor.exhausted(at(2000));
    for always in [true, false] {
        governor.exhausted(at(2000));
        assert!(!look(always, 2299));
        assert!(look(always, 2300), "while everything is held");
        assert!(!look(always, 2599));
        assert!(look(always, 1000), "the clock was set back");
    }
}
