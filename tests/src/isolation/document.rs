//! The matrix and the OpenAPI document speak of the same operations and the same parameters.

use std::collections::BTreeSet;

use serde_json::Value;

use super::operations::{At, Names, OPERATIONS, PLACES, PLAIN};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// Method, path and description of each documented operation.
pub fn documented() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(server::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").clone();
    paths
        .into_iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations").clone();
            operations
                .into_iter()
                .filter(|(name, _)| METHODS.contains(&name.as_str()))
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

/// The names of a schema's members that are ids, as `entity.id`; lists do not show.
fn ids_of(schema: &Value, components: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()) {
        ids_of(&components[name], components, at, found);
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for inner in schema[part].as_array().into_iter().flatten() {
            ids_of(inner, components, at, found);
        }
    }
    if schema["items"].is_object() {
        ids_of(&schema["items"], components, at, found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        if name == "id" || name.ends_with("_id") {
            found.insert(at.clone());
        }
        ids_of(inner, components, &at, found);
    }
}

/// The places of a body in which `{id}` stands.
fn ids_in(body: &Value, at: &str, found: &mut BTreeSet<String>) {
    match body {
        Value::String(text) if text == "{id}" => drop(found.insert(at.to_owned())),
        Value::Array(items) => items.iter().for_each(|item| ids_in(item, at, found)),
        Value::Object(members) => {
            for (name, inner) in members {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                ids_in(inner, &at, found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_matrix_covers_every_operation() {
    let documented: BTreeSet<(String, String)> =
        documented().into_iter().map(|(method, path, _)| (method, path)).collect();
    let bare = |path: &str| path.split('?').next().unwrap_or(path).to_owned();
    let covered: BTreeSet<(String, String)> =
        OPERATIONS.iter().map(|operation| (operation.method.to_owned(), bare(operation.path))).collect();
    assert_eq!(covered.len(), OPERATIONS.len(), "an operation stands twice in the matrix");
    assert_eq!(documented, covered);
    for operation in OPERATIONS {
        let parameters = operation.path.matches('{').count();
        assert_eq!(parameters == 0, operation.names == Names::Nothing, "{}", operation.path);
    }
}

#[test]
fn the_matrix_covers_every_parameter_and_every_id_in_a_body() {
    let document = serde_json::to_value(server::openapi()).expect("JSON");
    let components = &document["components"]["schemas"];
    let mut seen = 0;
    for (method, path, operation) in documented() {
        let places = || PLACES.iter().filter(|place| place.method == method && place.path == path);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (place, name) =
                (parameter["in"].as_str().expect("a place"), parameter["name"].as_str().expect("a name"));
            let covered = places().any(|known| match known.at {
                At::Query(query) => place == "query" && query.contains(&format!("{name}={{")),
                At::Header(header) => place == "header" && header.eq_ignore_ascii_case(name),
                At::Path | At::Body(_) => false,
            });
            let plain = PLAIN.iter().any(|(at, plain)| *plain == name && (at.is_empty() || *at == path));
            assert!(
                place == "path" || covered || plain,
                "{method} {path}: {name} is in no place of the matrix"
            );
            seen += 1;
        }
        let (mut wanted, mut covered) = (BTreeSet::new(), BTreeSet::new());
        for content in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            ids_of(&content.1["schema"], components, "", &mut wanted);
        }
        for known in places() {
            if let At::Body(body) = known.at {
                ids_in(&serde_json::from_str(body).expect("JSON"), "", &mut covered);
            }
        }
        assert_eq!(wanted, covered, "ids in the body of {method} {path}");
        seen += wanted.len();
    }
    assert!(seen > 60, "{seen}");
}
