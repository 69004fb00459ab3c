//! The dependency table against made-up answers of `cargo metadata`.

use serde_json::json;

use super::*;

/// A workspace with every crate of the table and the given dependencies of one of them.
fn graph_with(crate_name: &str, dependencies: Value) -> Graph {
    let package = |name: &str| {
        let own = if name == crate_name { dependencies.clone() } else { json!([]) };
        json!({"id": name, "name": name, "dependencies": own, "targets": []})
    };
    let libraries = ["tokio", "middle", "hyper"];
    let members: Vec<&str> = WALLS.iter().map(|wall| wall.name).collect();
    let packages: Vec<Value> = members.iter().chain(&libraries).map(|name| package(name)).collect();
    let edges: Vec<Value> = array(&dependencies)
        .iter()
        .map(|dependency| json!({"pkg": dependency["name"], "dep_kinds": [{"kind": dependency["kind"]}]}))
        .collect();
    let nodes = json!([
        {"id": crate_name, "deps": edges},
        {"id": "middle", "deps": [{"pkg": "hyper", "dep_kinds": [{"kind": null}]}]},
    ]);
    let metadata = json!({
        "packages": packages,
        "workspace_members": members,
        "resolve": {"nodes": nodes},
    });
    Graph::from_metadata(&metadata)
}

fn check_edge(from: &str, to: &str, kind: Value, expected: &[&str]) {
    let graph = graph_with(from, json!([{"name": to, "kind": kind}]));
    let whats: Vec<String> = check(&graph).into_iter().map(|violation| violation.what).collect();
    assert_eq!(whats, expected, "{from} -> {to}");
}

#[test]
fn the_table_itself_holds() {
    check_edge("store", "lambda-model", Value::Null, &[]);
    check_edge("server", "sandbox", Value::Null, &[]);
}

#[test]
fn an_edge_against_the_direction_is_found() {
    check_edge("lambda-model", "store", Value::Null, &["depends on our crate store"]);
    check_edge("execution", "invocation", Value::Null, &["depends on our crate invocation"]);
    check_edge("services", "execution", json!("dev"), &["depends on our crate execution"]);
}

#[test]
fn a_library_behind_the_wall_is_found() {
    check_edge("lambda-model", "tokio", Value::Null, &["is built with the library tokio"]);
    check_edge("store", "middle", Value::Null, &["is built with the library hyper"]);
    check_edge("server", "rusqlite", Value::Null, &["names the library rusqlite"]);
}

#[test]
fn tests_may_use_more_libraries() {
    check_edge("sandbox", "tokio", json!("dev"), &[]);
    check_edge("store", "middle", json!("dev"), &[]);
}

#[test]
fn a_crate_that_is_not_in_the_table_is_found() {
    let mut graph = graph_with("store", json!([]));
    graph.members.push(Member { name: "worker".into(), ..Member::default() });
    graph.members.retain(|member| member.name != "sandbox");
    let whats: Vec<String> = check(&graph).into_iter().map(|violation| violation.what).collect();
    assert_eq!(
        whats,
        ["is not in the dependency table", "is in the dependency table but not in the workspace"]
    );
}
