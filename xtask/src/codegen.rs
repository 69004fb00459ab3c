//! `cargo xtask codegen`: turns botocore's API models into `crates/aws-api/src/generated`.
//!
//! The models are not checked in: they come from the pinned botocore package, fetched into `target/codegen` with pip and checked
//! against its hash. The output is checked in, without the models' documentation text. `--check` regenerates and fails when the
//! tree differs. One folder per service, three files each: operations, shapes (the table that the codecs and the validation
//! walk) and types (the structures that handlers see).

mod built;
mod fetch;
mod model;
mod names;
mod operations;
mod rustfmt;
mod shapes;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// One service to generate.
struct Service {
    /// Folder below `generated` and module name.
    module: &'static str,
    /// Path of the model inside botocore.
    model: &'static str,
    /// The operations whose shapes are wanted; `None` for all. Every operation is known by name all the same.
    built: Option<&'static [&'static str]>,
    /// Whether the service itself says what is wrong with a word that the model does not list.
    refuses_words: bool,
}

/// Every service whose model is generated. Adding one is a line here and a `pub mod` in `generated/mod.rs`.
const SERVICES: &[Service] = &[
    Service {
        module: "lambda",
        model: "botocore/data/lambda/2015-03-31/service-2.json.gz",
        built: None,
        refuses_words: false,
    },
    Service {
        module: "iam",
        model: "botocore/data/iam/2010-05-08/service-2.json.gz",
        built: Some(built::IAM),
        refuses_words: false,
    },
    Service {
        module: "sts",
        model: "botocore/data/sts/2011-06-15/service-2.json.gz",
        built: Some(built::STS),
        refuses_words: false,
    },
    Service {
        module: "logs",
        model: "botocore/data/logs/2014-03-28/service-2.json.gz",
        built: Some(built::LOGS),
        refuses_words: false,
    },
    Service {
        module: "sqs",
        model: "botocore/data/sqs/2012-11-05/service-2.json.gz",
        built: None,
        refuses_words: true,
    },
    Service {
        module: "sns",
        model: "botocore/data/sns/2010-03-31/service-2.json.gz",
        built: None,
        refuses_words: false,
    },
    Service {
        module: "events",
        model: "botocore/data/events/2015-10-07/service-2.json.gz",
        built: Some(built::EVENTS),
        refuses_words: false,
    },
    Service {
        module: "kinesis",
        model: "botocore/data/kinesis/2013-12-02/service-2.json.gz",
        built: Some(built::KINESIS),
        refuses_words: false,
    },
    Service {
        module: "dynamodb",
        model: "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        built: Some(built::DYNAMODB),
        refuses_words: false,
    },
    Service {
        module: "dynamodbstreams",
        model: "botocore/data/dynamodbstreams/2012-08-10/service-2.json.gz",
        built: None,
        refuses_words: false,
    },
    Service {
        module: "secretsmanager",
        model: "botocore/data/secretsmanager/2017-10-17/service-2.json.gz",
        built: Some(built::SECRETSMANAGER),
        refuses_words: false,
    },
    Service {
        module: "iot",
        model: "botocore/data/iot/2015-05-28/service-2.json.gz",
        built: Some(built::IOT),
        refuses_words: false,
    },
    Service {
        module: "apigateway",
        model: "botocore/data/apigateway/2015-07-09/service-2.json.gz",
        built: Some(built::APIGATEWAY),
        refuses_words: false,
    },
    Service {
        module: "apigatewayv2",
        model: "botocore/data/apigatewayv2/2018-11-29/service-2.json.gz",
        built: Some(built::APIGATEWAYV2),
        refuses_words: false,
    },
    Service {
        module: "scheduler",
        model: "botocore/data/scheduler/2021-06-30/service-2.json.gz",
        built: None,
        refuses_words: false,
    },
];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let check = arguments.iter().any(|argument| argument == "--check");
    let generated = Path::new("crates/aws-api/src/generated");
    let botocore = fetch::botocore()?;
    let mut differing = Vec::new();
    for service in SERVICES {
        let mut model = model::read(&botocore, service.model)?;
        if let Some(built) = service.built {
            model.keep(built)?;
        }
        if service.refuses_words {
            model.take_any_word();
        }
        let folder = generated.join(service.module);
        fs::create_dir_all(&folder).map_err(|error| Failure::during(folder.display(), error))?;
        for (file, text) in [
            ("operations.rs", operations::render(&model)),
            ("shapes.rs", shapes::render(&model)),
            ("types.rs", types::render(&model)),
        ] {
            let path: PathBuf = folder.join(file);
            let text = rustfmt::format(&text)?;
            if fs::read_to_string(&path).unwrap_or_default() != text {
                differing.push(path.display().to_string());
                if !check {
                    fs::write(&path, text)
                        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                }
            }
        }
    }
    match (check, differing.is_empty()) {
        (true, false) => Err(Failure::new(format!(
            "generated code differs from the model: {} (run `cargo xtask codegen`)",
            differing.join(", ")
        ))),
        _ => {
            println!("codegen: {} files changed", differing.len());
            Ok(())
        }
    }
}
