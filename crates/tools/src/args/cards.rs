//! Arguments of the tools that show cards, and what can be known of them without the record.

use domain::{
    card::{CardAction, MAX_DATA, MAX_URL},
    visible::visible,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A card as the model asks for it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewCard {
    #[serde(rename = "type")]
    pub card_type: String,
    pub summary: String,
    pub data: Map<String, Value>,
    /// See [`NewCard::actions`].
    #[serde(default)]
    actions: Vec<Value>,
}

impl NewCard {
    /// What is wrong with summary or data. Characters are counted by the schema of the tool.
    pub fn problem(&self) -> Option<String> {
        if visible(&self.summary).trim().is_empty() {
            return Some("summary: must not be blank".into());
        }
        let size = Value::Object(self.data.clone()).to_string().len();
        (size > MAX_DATA).then(|| format!("data: has {size} bytes of JSON, and {MAX_DATA} is the most"))
    }

    /// The actions, or which one is wrong and why. Whether what they name is there, the
    /// record knows.
    pub fn actions(&self) -> Result<Vec<CardAction>, String> {
        let numbered = self.actions.iter().enumerate();
        numbered.map(|(i, action)| read(action).map_err(|why| format!("actions[{i}]{why}"))).collect()
    }
}

fn read(action: &Value) -> Result<CardAction, String> {
    let mut read: CardAction =
        serde_json::from_value(action.clone()).map_err(|error| format!(": {error}"))?;
    let label = read.label_mut();
    *label = visible(label);
    if label.trim().is_empty() {
        return Err(".label: must not be blank".into());
    }
    match &mut read {
        CardAction::SendMessage { prompt, .. } if prompt.trim().is_empty() => {
            return Err(".prompt: must not be blank".into());
        }
        // As it was understood here, so that no other reader understands it otherwise.
        CardAction::OpenUrl { url, .. } => *url = web_address(url).map_err(|why| format!(".url: {why}"))?,
        _ => {}
    }
    Ok(read)
}

fn web_address(text: &str) -> Result<String, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("must not hold white space".into());
    }
    let url = Url::parse(text).map_err(|error| format!("is no address of a page: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(format!("must begin with http:// or https://, not {}:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user's name or password".into());
    }
    let url = String::from(url);
    if url.chars().count() > MAX_URL {
        return Err(format!("must be at most {MAX_URL} characters"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(action: &Value) -> NewCard {
        let card = json!({"type": "text", "summary": "s", "data": {},
            "actions": [{"type": "send_message", "label": "Go on", "prompt": "Go on."}, action]});
        serde_json::from_value(card).expect("a card")
    }

    #[test]
    fn each_action_is_read_and_an_address_is_kept_as_it_was_understood() {
        for (action, kept) in [
            (json!({"type": "open", "label": "Look", "kind": "deal", "id": "D-1"}), "D-1"),
            (
                json!({"type": "open_url", "label": "Site", "url": "HTTPS://Acme.example\\@x.example"}),
                "https://acme.example/@x.example",
            ),
            (
                json!({"type": "approve", "label": "Yes", "approval_id": "01a2032b-664e-7750-baf9-f1824535916a"}),
                "01a2032b",
            ),
            (json!({"type": "send_message", "label": "A\u{202E}B", "prompt": "x"}), "\"AB\""),
        ] {
            let actions = card(&action).actions().expect("actions");
            let json = serde_json::to_string(&actions[1]).expect("JSON");
            assert!(json.contains(kept), "{json}");
        }
    }

    #[test]
    fn a_refusal_says_which_action_is_wrong_and_why() {
        let url = |url: &str| json!({"type": "open_url", "label": "Site", "url": url});
        for (action, words) in [
            (json!({"type": "open", "label": "Look", "id": "D-1"}), "actions[1]: missing field `kind`"),
            (json!({"type": "pay", "label": "Pay"}), "actions[1]: unknown variant `pay`"),
            (json!({"type": "approve", "label": "Yes", "approval_id": "7"}), "actions[1]: "),
            (
                json!({"type": "send_message", "label": "\u{200B}", "prompt": "x"}),
                "actions[1].label: must not be blank",
            ),
            (
                json!({"type": "send_message", "label": "x", "prompt": " "}),
                "actions[1].prompt: must not be blank",
            ),
            (url("javascript:alert(1)"), "actions[1].url: must begin with http"),
            (url("data:text/html,x"), "must begin with http"),
            (url("file:///etc/passwd"), "must begin with http"),
            (url("/deals/1"), "is no address"),
            (url("https://"), "is no address"),
            (url("https://alice@acme.example"), "must not hold a user's name"),
            (url("https://:x@acme.example"), "must not hold a user's name or password"),
            (url("https://acme.example/a b"), "white space"),
            (url("java\nscript:alert(1)"), "white space"),
            (url(&format!("https://acme.example/{}", "\u{fc}".repeat(500))), "at most 2048"),
        ] {
            let why = card(&action).actions().expect_err(words);
            assert!(why.contains(words), "{action}: {why}");
        }
    }

    #[test]
    fn summary_and_data_have_limits() {
        let card = |summary: &str, data: Value| -> NewCard {
            serde_json::from_value(json!({"type": "text", "summary": summary, "data": data})).expect("a card")
        };
        assert_eq!(card("s", json!({"x": "y".repeat(MAX_DATA - 8)})).problem(), None);
        let large = card("s", json!({"x": "y".repeat(MAX_DATA - 7)})).problem();
        assert_eq!(large.as_deref(), Some("data: has 16385 bytes of JSON, and 16384 is the most"));
        assert_eq!(card(" \u{200B}", json!({})).problem().as_deref(), Some("summary: must not be blank"));
    }
}
