//! Thousands of runs, each from its seed. `LAMBENT_SIMULATION_SEED` runs one of them, `LAMBENT_SIMULATION_SEEDS` so many.

use simulation::{
    disk::Mutant,
    ledger::Counts,
    run::{Outcome, run},
};

const SEEDS_DEFAULT: u64 = 3_000;
/// Runs after which a broken rule must have been found.
const SEEDS_OF_MUTANT: u64 = 200;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_event_that_was_accepted_has_one_end_whatever_happens() {
    let one = number("LAMBENT_SIMULATION_SEED");
    let seeds =
        one.map_or(0..number("LAMBENT_SIMULATION_SEEDS").unwrap_or(SEEDS_DEFAULT), |seed| seed..seed + 1);
    let mut total = Counts::default();
    for seed in seeds {
        let Outcome { wrong, counts } = run(seed, None);
        assert!(wrong.is_empty(), "LAMBENT_SIMULATION_SEED={seed} ({counts:?}):\n{}", wrong.join("\n"));
        total.acknowledged += counts.acknowledged;
        total.attempts += counts.attempts;
        total.crashes += counts.crashes;
        total.told += counts.told;
    }
    if one.is_none() {
        assert!(
            total.crashes > 1_000 && total.attempts > total.acknowledged,
            "it is worth judging: {total:?}"
        );
    }
}

#[test]
fn a_seed_runs_the_same_again() {
    for seed in 0..50 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

#[test]
fn a_broken_rule_is_found() {
    for mutant in [
        Mutant::EarlyAcknowledgement,
        Mutant::LostRecord,
        Mutant::DoubleSettlement,
        Mutant::LostRetry,
        Mutant::ClaimedTwice,
        Mutant::NoWake,
        Mutant::ClockPutBack,
    ] {
        let found = (0..SEEDS_OF_MUTANT).find(|seed| !run(*seed, Some(mutant)).wrong.is_empty());
        assert!(found.is_some(), "{mutant:?} was not found");
    }
}
