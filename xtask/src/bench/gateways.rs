//! What the doors in front of a function cost: its URL, an HTTP API, and a REST API that hands the request over or renders templates.
//!
//! Beside them, in the same minute: the same function invoked directly, and a plain HTTP server of the same language behind nginx.

mod plain;

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Effort;
use super::http::{About, Connection};
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
use super::package;
use super::report::{self, Row};
use super::runtimes::Subject;
use super::sources::ask;
use crate::failure::Failure;
use plain::Plain;

/// Callers at a time.
const CALLERS: &[usize] = &[1, 8, 32];
const BODY_BYTES: usize = 1 << 10;

/// Hands the body back, as what a door takes and as what templates take.
const PYTHON: &[u8] =
    b"def handler(event, context):\n    return {'statusCode': 200, 'body': event['body']}\n";
const NODE: &[u8] = b"exports.handler = async (event) => ({statusCode: 200, body: event.body});\n";

/// A way to the function.
struct Door {
    name: &'static str,
    path: String,
}

/// All rows; without nginx those beside it are left out.
///
/// # Errors
/// When something cannot be measured.
pub(super) fn rows(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for subject in subjects {
        let (file, code, plain) = match subject.name {
            "python" => ("app.py", PYTHON, plain::PYTHON),
            "node" => ("app.js", NODE, plain::NODE),
            _ => continue,
        };
        let failed = |error: io::Error| Failure::during(format!("gateways of {}", subject.name), error);
        let name = format!("behind-{}", subject.name);
        let invoked = server.deploy_package(subject, &name, &package::zip(&[(file, code)]))?;
        let doors = open(server, &name).map_err(failed)?;
        let plain = Plain::start(folder, subject, plain)?;
        for callers in CALLERS {
            let measured = measure(server, &invoked, &doors, plain.as_ref(), *callers, effort);
            for mut row in measured.map_err(failed)? {
                row.name = format!("{} {}", subject.name, row.name);
                println!("{}", report::line(&row));
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// Everything with so many callers, one after another.
fn measure(
    server: &Lambent,
    invoked: &str,
    doors: &[Door],
    plain: Option<&Plain>,
    callers: usize,
    effort: &Effort,
) -> io::Result<Vec<Row>> {
    let body = json!({"x": "x".repeat(BODY_BYTES)}).to_string();
    let event = json!({"body": body}).to_string();
    let run = |address: &str, path: &str, body: &str, kind: Kind| -> io::Result<Latencies> {
        let target = Target { address, path, body: body.as_bytes(), kind };
        load::run(&target, callers, super::WARM_UP.min(effort.warm))?;
        load::run(&target, callers, effort.warm)
    };
    let direct = run(&server.address, invoked, &event, Kind::Answer)?;
    let web = Kind::Done(About::Web);
    let plain = plain.map(|plain| run(&plain.address, "/", &body, web)).transpose()?;
    let mut rows = Vec::new();
    for door in doors {
        let lambent = run(&server.address, &door.path, &body, web)?;
        let beside = [("Invoke", Some(&direct)), ("nginx", plain.as_ref())];
        for (what, floor) in beside.into_iter().filter_map(|(what, floor)| Some((what, floor?))) {
            let name = format!("{}, {callers} : {what}", door.name);
            rows.push(Row { name, lambent: lambent.clone(), floor: floor.clone() });
        }
    }
    Ok(rows)
}

/// Makes the function's URL and its APIs, and asks each door once.
fn open(server: &Lambent, name: &str) -> io::Result<Vec<Door>> {
    let mut connection = Connection::open(&server.address)?;
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
    let mut doors = vec![Door { name: "URL", path: url(&mut connection, name)? }];
    allow(
        &mut connection,
        name,
        "apis",
        json!({"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}),
    )?;
    doors.push(Door { name: "HTTP API", path: http_api(&mut connection, &arn)? });
    let rest = rest_api(&mut connection, &arn)?;
    doors.push(Door { name: "REST proxy", path: format!("{rest}/proxy") });
    doors.push(Door { name: "REST templates", path: format!("{rest}/templates") });
    for door in &doors {
        let body = br#"{"x":"it comes back"}"#;
        let answer = connection.call("POST", &door.path, body, About::Web)?;
        if answer.status != 200 || answer.body != body {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(io::Error::other(format!("{} answered {}: {text}", door.name, answer.status)));
        }
    }
    Ok(doors)
}

fn url(connection: &mut Connection, name: &str) -> io::Result<String> {
    let path = format!("/2021-10-31/functions/{name}/url");
    let made = call(connection, "POST", &path, &json!({"AuthType": "NONE"}), About::Lambda)?;
    allow(
        connection,
        name,
        "url",
        json!({
            "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE",
        }),
    )?;
    allow(
        connection,
        name,
        "via-url",
        json!({
            "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true,
        }),
    )?;
    let id = text(&made, "FunctionUrl")?.split(['/', '.']).nth(2).unwrap_or_default().to_owned();
    Ok(format!("/_lambent/lambda-url/{id}/"))
}

fn http_api(connection: &mut Connection, arn: &str) -> io::Result<String> {
    let asked = json!({"name": "bench", "protocolType": "HTTP", "target": arn});
    let made = call(connection, "POST", "/v2/apis", &asked, About::ApiGateway)?;
    Ok(format!("/_lambent/execute-api/{}/", text(&made, "apiId")?))
}

/// An API with a resource for each of its ways; the path of its stage.
fn rest_api(connection: &mut Connection, arn: &str) -> io::Result<String> {
    let uri = format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    let method = |integration: Value| {
        json!({"post": {
            "responses": {"200": {"description": "what came"}},
            "x-amazon-apigateway-integration": integration,
        }})
    };
    let request = json!({
        "body": "$BODY", "who": "$input.params('who')", "from": "$context.identity.sourceIp", "id": "$context.requestId",
    });
    let request = request.to_string().replace("\"$BODY\"", "$input.json('$')");
    let document = json!({
        "openapi": "3.0.1",
        "info": {"title": "bench", "version": "1"},
        "paths": {
            "/proxy": method(json!({"type": "aws_proxy", "httpMethod": "POST", "uri": uri})),
            "/templates": method(json!({
                "type": "aws", "httpMethod": "POST", "uri": uri, "passthroughBehavior": "never",
                "requestTemplates": {"application/json": request},
                "responses": {"default": {
                    "statusCode": "200", "responseTemplates": {"application/json": "$input.json('$.body')"},
                }},
            })),
        },
    });
    let made = call(connection, "POST", "/restapis?mode=import", &document, About::ApiGateway)?;
    let id = text(&made, "id")?;
    let path = format!("/restapis/{id}/deployments");
    call(connection, "POST", &path, &json!({"stageName": "bench"}), About::ApiGateway)?;
    Ok(format!("/_lambent/execute-api/{id}/bench"))
}

fn allow(connection: &mut Connection, name: &str, id: &str, mut statement: Value) -> io::Result<()> {
    statement["StatementId"] = id.into();
    let path = format!("/2015-03-31/functions/{name}/policy");
    call(connection, "POST", &path, &statement, About::Lambda).map(drop)
}

fn call(
    connection: &mut Connection,
    method: &str,
    path: &str,
    asked: &Value,
    about: About,
) -> io::Result<Value> {
    ask(connection, (method, path), asked.to_string().as_bytes(), about)
}

fn text<'a>(answer: &'a Value, name: &str) -> io::Result<&'a str> {
    answer[name].as_str().ok_or_else(|| io::Error::other(format!("no {name} in {answer}")))
}
