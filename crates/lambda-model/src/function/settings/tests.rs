//! Settings that go together, and those that do not.

use super::*;

#[test]
fn log_levels_need_the_json_format() {
    let text = LoggingConfiguration::default();
    assert_eq!(complete_logging(text.clone(), None, None), Ok(text.clone()));
    assert!(complete_logging(text.clone(), Some("WARN".into()), None).is_err());
    let json = LoggingConfiguration { log_format: "JSON".into(), ..text };
    let completed = complete_logging(json, Some("WARN".into()), None).unwrap();
    assert_eq!(completed.application_log_level.as_deref(), Some("WARN"));
    assert_eq!(completed.system_log_level.as_deref(), Some("INFO"));
    let back = LoggingConfiguration { log_format: "Text".into(), ..completed };
    assert_eq!(complete_logging(back, None, None), Ok(LoggingConfiguration::default()));
}

#[test]
fn snap_start_is_for_the_runtimes_that_have_it() {
    for runtime in ["java11", "java21", "java17.al2023", "python3.12", "python3.13", "dotnet8"] {
        assert_eq!(check_snap_start(runtime), Ok(()), "{runtime}");
    }
    for runtime in ["java8", "java8.al2", "python3.11", "dotnet6", "nodejs22.x", "provided.al2023"] {
        assert!(check_snap_start(runtime).is_err(), "{runtime}");
    }
}

#[test]
fn dead_letters_go_to_a_queue_or_a_topic() {
    for arn in ["", "arn:aws:sqs:us-east-1:0:q", "arn:aws:sns:us-east-1:0:t"] {
        assert_eq!(check_dead_letter_target(Some(arn)), Ok(()), "{arn}");
    }
    assert!(check_dead_letter_target(Some("arn:aws:lambda:us-east-1:0:function:f")).is_err());
}
