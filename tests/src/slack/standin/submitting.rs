//! Views that a person submits: what stands in their inputs, and what the app may answer.

use serde_json::{Map, Value, json};

use super::blocks;

/// The state of a view: what stood in its inputs, and what a person wrote into some of them (by block).
pub fn state(view: &Value, written: &[(&str, &str)]) -> Value {
    let mut values = Map::new();
    for block in inputs(view) {
        let (id, element) = (block["block_id"].as_str().unwrap_or_default(), &block["element"]);
        let other = written.iter().find(|(block, _)| *block == id).map(|(_, text)| *text);
        let kind = element["type"].as_str().unwrap_or_default();
        let mut said = json!({"type": kind});
        match kind {
            "static_select" => {
                let options = element["options"].as_array().into_iter().flatten();
                let chosen = other.map(|value| {
                    options.clone().find(|option| option["value"] == value).expect("an option").clone()
                });
                said["selected_option"] = chosen.unwrap_or_else(|| element["initial_option"].clone());
            }
            "datepicker" => {
                said["selected_date"] = other.map_or_else(|| element["initial_date"].clone(), Into::into);
            }
            _ => said["value"] = other.map_or_else(|| element["initial_value"].clone(), Into::into),
        }
        let action = element["action_id"].as_str().unwrap_or_default();
        values.insert(id.to_owned(), json!({ action: said }));
    }
    json!({ "values": values })
}

/// Whether Slack takes this for an answer to a submission: nothing, errors of its inputs, or another view.
pub fn answer(view: &Value, body: &str) -> Result<(), String> {
    if body.is_empty() {
        return Ok(());
    }
    let answer: Value = serde_json::from_str(body).map_err(|_| format!("no JSON: {body}"))?;
    match answer["response_action"].as_str() {
        Some("clear") => Ok(()),
        Some("update" | "push") => blocks::view(&answer["view"]),
        Some("errors") => {
            let known: Vec<&Value> = inputs(view).map(|block| &block["block_id"]).collect();
            let errors = answer["errors"].as_object().filter(|errors| !errors.is_empty());
            let errors = errors.ok_or("errors that are none")?;
            match errors.iter().find(|(id, why)| !known.contains(&&json!(id)) || why.as_str() == Some("")) {
                Some((id, why)) => Err(format!("the error {why} of {id}, which is no input")),
                None => Ok(()),
            }
        }
        _ => Err(format!("what is no answer: {answer}")),
    }
}

fn inputs(view: &Value) -> impl Iterator<Item = &Value> {
    view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input")
}
