//! Properties of the rules: what holds for every input, not only for the ones that somebody thought of.

use std::collections::BTreeMap;

use lambda_model::{
    billing,
    concurrency::{Admission, ConcurrencyInUse},
    environment::pool_policy::{self, Placement, PoolCounts},
    function::settings,
    invocation::error_type,
    limits,
    platform_log::{self, PlatformEvent},
};
use proptest::prelude::*;

/// What happens to a pool, in any order.
#[derive(Debug, Clone, Copy)]
enum Happening {
    RequestArrives,
    PatientRequestArrives,
    PatienceEnds,
    /// Those that wait for a finishing environment have done so for long.
    GraceEnds,
    StartedEnvironmentIsReady,
    BusyEnvironmentResponds,
    FinishingEnvironmentIsReady,
    IdleEnvironmentIsRetired,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        Just(Happening::RequestArrives),
        Just(Happening::PatientRequestArrives),
        Just(Happening::PatienceEnds),
        Just(Happening::GraceEnds),
        Just(Happening::StartedEnvironmentIsReady),
        Just(Happening::BusyEnvironmentResponds),
        Just(Happening::FinishingEnvironmentIsReady),
        Just(Happening::IdleEnvironmentIsRetired),
    ]
}

/// A pool in numbers: it takes the policy's word and does the bookkeeping around it.
#[derive(Debug, Default)]
struct Pool {
    counts: PoolCounts,
    patient: usize,
    busy: usize,
}

impl Pool {
    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::RequestArrives => self.place(false),
            Happening::PatientRequestArrives => self.place(true),
            Happening::PatienceEnds => {
                self.counts.starting += pool_policy::starts_for_patient(self.counts, self.patient);
            }
            Happening::GraceEnds => self.counts.starting = self.counts.starting.max(self.counts.waiting),
            Happening::StartedEnvironmentIsReady if self.counts.starting > 0 => {
                self.counts.starting -= 1;
                self.counts.alive += 1;
                self.is_ready();
            }
            Happening::BusyEnvironmentResponds if self.busy > 0 => {
                self.busy -= 1;
                self.counts.finishing += 1;
            }
            Happening::FinishingEnvironmentIsReady if self.counts.finishing > 0 => {
                self.counts.finishing -= 1;
                self.is_ready();
            }
            Happening::IdleEnvironmentIsRetired if self.counts.idle > 0 => {
                self.counts.idle -= 1;
                self.counts.alive -= 1;
            }
            _ => {}
        }
    }

    fn place(&mut self, is_patient: bool) {
        match pool_policy::place(self.counts, is_patient) {
            Placement::MostRecentlyUsed => {
                self.counts.idle -= 1;
                self.busy += 1;
            }
            Placement::WaitForFinishing | Placement::WaitForStarting => self.counts.waiting += 1,
            Placement::WaitForAny => self.patient += 1,
            Placement::StartAnother => {
                self.counts.waiting += 1;
                self.counts.starting += 1;
            }
        }
    }

    fn is_ready(&mut self) {
        if self.counts.waiting > 0 {
            self.counts.waiting -= 1;
            self.busy += 1;
        } else if self.patient > 0 {
            self.patient -= 1;
            self.busy += 1;
        } else {
            self.counts.idle += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_waiting_request_has_an_environment_on_its_way(happenings in prop::collection::vec(happening(), 0..200)) {
        let mut pool = Pool::default();
        for happening in happenings {
            pool.happens(happening);
            let on_their_way = pool.counts.starting + pool.counts.finishing;
            prop_assert!(pool.counts.waiting <= on_their_way, "{pool:?}");
            prop_assert!(pool.counts.waiting + pool.patient == 0 || pool.counts.idle == 0, "{pool:?}");
            let someone_comes = on_their_way + pool.busy > 0;
            let is_patience_over = matches!(happening, Happening::PatienceEnds);
            prop_assert!(!is_patience_over || pool.patient == 0 || someone_comes, "{pool:?}");
        }
    }

    #[test]
    fn there_are_never_more_environments_than_were_in_use_and_asked_for_at_a_time(
        happenings in prop::collection::vec(happening(), 0..200),
    ) {
        let (mut pool, mut most) = (Pool::default(), 0);
        for happening in happenings {
            pool.happens(happening);
            let PoolCounts { waiting, finishing, alive, starting, .. } = pool.counts;
            most = most.max(pool.busy + finishing + waiting + pool.patient);
            prop_assert!(alive + starting <= most, "{pool:?}");
        }
    }

    #[test]
    fn admission_never_exceeds_a_limit(
        unreserved_max in 0u32..50,
        reserved in prop::option::of(0u32..50),
        arrivals in prop::collection::vec(any::<bool>(), 0..300),
    ) {
        let admission = Admission { unreserved_max, reserved, ..Admission::default() };
        let mut running = 0;
        for arrives in arrivals {
            let in_use = ConcurrencyInUse { unreserved: running, on_demand: running, provisioned: 0 };
            if !arrives {
                running = running.saturating_sub(1);
            } else if admission.check(in_use).is_ok() {
                running += 1;
            }
            prop_assert!(running <= reserved.unwrap_or(unreserved_max));
        }
    }

    #[test]
    fn the_bill_covers_the_time_and_rounds_up_by_less_than_a_millisecond(
        init_us in prop::option::of(0u64..20_000_000),
        duration_us in 0u64..900_000_000,
    ) {
        let billed_us = billing::billed_duration_ms(init_us, duration_us) * 1_000;
        let used_us = init_us.unwrap_or(0) + duration_us;
        prop_assert!((used_us..used_us + 1_000).contains(&billed_us));
    }

    #[test]
    fn no_error_type_of_a_runtime_can_break_a_line_of_the_platform(header in prop::option::of(".*")) {
        let error_type = error_type::sanitize(header.as_deref());
        prop_assert!(error_type.starts_with("Runtime.") || error_type.starts_with("Function."));
        prop_assert!(error_type.chars().all(|c| c.is_ascii_alphabetic() || c == '.'));
        let report = PlatformEvent::Report(platform_log::Report {
            request_id: "id".into(),
            duration_us: 1,
            billed_duration_ms: 1,
            memory_size_mb: 128,
            memory_used_max_mb: 1,
            init_us: None,
            status: platform_log::Status::Error(error_type),
            spans: Vec::new(),
            tracing: None,
            sampled: None,
        });
        let line = report.text().unwrap();
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert_eq!(line.matches("REPORT").count(), 1);
    }

    #[test]
    fn accepted_variables_are_small_and_leave_the_platforms_alone(
        variables in prop::collection::btree_map("[A-Z_]{1,12}", ".{0,600}", 0..12),
        reserved in prop::sample::select(vec!["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"]),
    ) {
        let size = serde_json::to_string(&variables).unwrap().len();
        let accepted = settings::check_environment(&variables).is_ok();
        prop_assert_eq!(accepted, size <= limits::ENVIRONMENT_VARIABLES_BYTES_MAX);
        let with_reserved: BTreeMap<String, String> =
            variables.into_iter().chain([(reserved.to_owned(), String::new())]).collect();
        prop_assert!(settings::check_environment(&with_reserved).is_err());
    }
}
