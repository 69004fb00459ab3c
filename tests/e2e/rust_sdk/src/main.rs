//! Drives the function API with the AWS SDK for Rust as it comes, waiters and paginators included. The endpoint, the Region and the
//! credentials come from the environment, the names from the arguments. A panic is the failure of the test.

use std::time::Duration;

use aws_sdk_lambda::{
    Client,
    client::Waiters,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{FunctionCode, LogType, Runtime, State},
};
use aws_smithy_http_client::tls;

const WAIT: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, runtime, package] = arguments.as_slice() else { panic!("NAME RUNTIME PACKAGE") };
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let client = Client::new(&aws_config::from_env().http_client(http).load().await);

    let code = FunctionCode::builder().zip_file(Blob::new(std::fs::read(package).unwrap())).build();
    let created = client
        .create_function()
        .function_name(name)
        .runtime(Runtime::from(runtime.as_str()))
        .handler("app.handler")
        .role("arn:aws:iam::000000000000:role/e2e")
        .code(code)
        .send()
        .await
        .unwrap();
    assert_eq!(created.state(), Some(&State::Pending));
    client.wait_until_function_active_v2().function_name(name).wait(WAIT).await.unwrap();

    let payload = Blob::new(r#"{"word": "hello"}"#);
    let answer =
        client.invoke().function_name(name).payload(payload).log_type(LogType::Tail).send().await.unwrap();
    assert_eq!(answer.status_code(), 200);
    assert_eq!(answer.payload().unwrap().as_ref(), br#"{"word": "hello"}"#);
    assert!(answer.log_result().is_some());

    client.update_function_configuration().function_name(name).timeout(9).send().await.unwrap();
    client.wait_until_function_updated_v2().function_name(name).wait(WAIT).await.unwrap();
    let published = client.publish_version().function_name(name).send().await.unwrap();
    assert_eq!(published.version(), Some("1"));
    client.wait_until_published_version_active().function_name(name).qualifier("1").wait(WAIT).await.unwrap();
    client.create_alias().function_name(name).name("live").function_version("1").send().await.unwrap();
    let answer = client.invoke().function_name(name).qualifier("live").send().await.unwrap();
    assert_eq!(answer.executed_version(), Some("1"));

    let mut pages = client.list_versions_by_function().function_name(name).into_paginator().page_size(1).send();
    let mut versions = Vec::new();
    while let Some(page) = pages.next().await {
        versions.extend(page.unwrap().versions().iter().map(|version| version.version().unwrap().to_owned()));
    }
    assert_eq!(versions, ["$LATEST", "1"]);

    let refused = client.get_alias().function_name(name).name("nobody").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ResourceNotFoundException"));
    let refused = refused.into_service_error();
    assert!(refused.is_resource_not_found_exception(), "{refused:?}");

    client.delete_function().function_name(name).send().await.unwrap();
    let gone = client.get_function().function_name(name).send().await.unwrap_err();
    assert!(gone.into_service_error().is_resource_not_found_exception());
    println!("done");
}
