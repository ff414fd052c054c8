//! The OpenAPI document describes every operation completely.

use std::collections::BTreeSet;

use serde_json::Value;

/// Operations that change something and take no body.
const WITHOUT_BODY: [&str; 11] = [
    "POST /v1/schedules/{id}/pause",
    "POST /v1/schedules/{id}/resume",
    "POST /v1/schedules/{id}/cancel",
    "POST /v1/schedules/{id}/run",
    "POST /v1/notifications/{id}/read",
    "POST /v1/runs/{id}/cancel",
    "POST /v1/sessions/{id}/compact",
    "POST /v1/admin/skills/{key}/enable",
    "POST /v1/admin/skills/{key}/disable",
    "POST /v1/platform/skills/{key}/enable",
    "POST /v1/platform/skills/{key}/disable",
];
/// Operations that refuse nothing.
const NEVER_REFUSE: [&str; 2] = ["GET /healthz", "GET /openapi.json"];

fn document() -> Value {
    serde_json::to_value(server::openapi()).expect("JSON")
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations");
            methods
                .iter()
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
        })
        .collect()
}

/// Every `$ref` below this value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner {
                    Value::String(target) if name == "$ref" => drop(found.insert(target.clone())),
                    inner => references(inner, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_is_fully_described() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let described = parameters.iter().any(|parameter| {
                parameter["in"] == "path"
                    && parameter["name"] == part
                    && parameter["required"] == true
                    && parameter["schema"].is_object()
            });
            assert!(described, "{name}: {part} is not described");
        }
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{name}: parameters that are not in the path");
        for parameter in &parameters {
            assert!(parameter["schema"].is_object(), "{name}: {parameter}");
        }
        let takes_body =
            ["POST", "PUT", "PATCH"].contains(&method.as_str()) && !WITHOUT_BODY.contains(&name.as_str());
        let body = &operation["requestBody"]["content"];
        assert_eq!(body.is_object(), takes_body, "{name}: the body");
        if takes_body {
            assert!(body["application/json"]["schema"].is_object(), "{name}: {body}");
        }
        answers(&name, &operation["responses"]);
        let secured = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(secured, path.starts_with("/v1/"), "{name}: security");
        assert!(operation["tags"][0].is_string(), "{name}: a tag");
    }
}

fn answers(name: &str, responses: &Value) {
    let responses = responses.as_object().expect("responses");
    let mut good = responses.iter().filter(|(status, _)| status.starts_with('2')).peekable();
    assert!(good.peek().is_some(), "{name}: no good answer");
    for (status, response) in good {
        let content = response["content"].as_object();
        let schemas = content.is_some_and(|content| content.values().all(|body| body["schema"].is_object()));
        assert_eq!(schemas, status != "204", "{name}: {status}: {response}");
    }
    if !NEVER_REFUSE.contains(&name) {
        let problem = &responses["4XX"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{name}: refusals");
        assert!(responses.contains_key("5XX"), "{name}");
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = document();
    let ids: Vec<String> = operations(&document)
        .into_iter()
        .map(|(method, path, operation)| match operation["operationId"].as_str() {
            Some(id) => id.to_owned(),
            None => panic!("{method} {path} has no id"),
        })
        .collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for target in found {
        let pointer = target.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}
