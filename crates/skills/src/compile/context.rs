//! The organization's facts as a block of Markdown, chosen by `context_profile`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    found::{Found, Place},
    template::told,
};

/// Longest block, in bytes. Facts that have no room are left out, with a warning.
const MAX_BLOCK: usize = 24_576;
const HEADING: &str = "## The organization\n\n";

/// Which facts stand in the block. Any other profile, `full` above all, means every fact.
const PROFILES: [(&str, &[&str]); 3] = [
    (
        "sales",
        &[
            "company_name",
            "company_website",
            "company_bio",
            "industry",
            "products",
            "value_propositions",
            "competitors",
            "target_market",
            "ideal_customer_profile",
            "buying_personas",
            "pain_points",
            "objections",
            "case_studies",
            "customer_logos",
            "pricing_model",
            "sales_methodology",
            "sales_process",
            "currency",
            "timezone",
            "language",
            "booking_link",
        ],
    ),
    (
        "research",
        &[
            "company_name",
            "company_website",
            "company_bio",
            "industry",
            "company_size",
            "headquarters",
            "products",
            "value_propositions",
            "competitors",
            "target_market",
            "ideal_customer_profile",
            "buying_personas",
            "pain_points",
            "language",
        ],
    ),
    (
        "communication",
        &[
            "company_name",
            "company_website",
            "tagline",
            "company_bio",
            "products",
            "value_propositions",
            "brand_voice",
            "brand_tone",
            "key_phrases",
            "words_to_avoid",
            "case_studies",
            "customer_logos",
            "timezone",
            "language",
            "email_signature",
            "booking_link",
        ],
    ),
];

/// The names of a profile, or of all facts in the order of the profile's table.
fn chosen<'a>(facts: &'a Map<String, Value>, profile: Option<&str>) -> Vec<&'a str> {
    if let Some((_, names)) = PROFILES.iter().find(|(name, _)| Some(*name) == profile) {
        return names.to_vec();
    }
    let others = facts.keys().map(String::as_str);
    let others = others.filter(|name| !domain::profile::keys().any(|key| key == *name));
    domain::profile::keys().chain(others).collect()
}

/// The block, or nothing if the organization has told nothing.
pub(super) fn block(facts: &Map<String, Value>, profile: Option<&str>, found: &mut Found) -> String {
    let place = || Place::field("metadata.context_profile");
    let (mut block, mut left_out) = (HEADING.to_owned(), Vec::new());
    for name in chosen(facts, profile) {
        let Some(value) = facts.get(name) else { continue };
        let mut fact = String::new();
        tell(name, value, 0, &mut fact);
        if block.len() + fact.len() > MAX_BLOCK {
            left_out.push(name);
        } else {
            block.push_str(&fact);
        }
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        found.warn(place(), format!("the facts have more than {MAX_BLOCK} bytes; left out: {names}"));
    }
    if block.len() == HEADING.len() {
        found.warn(place(), "the organization's profile has no fact for this skill".into());
        block.clear();
    }
    block
}

/// One fact as an item of a list, deeper ones below it. Its recursion is bounded by the profile's depth.
fn tell(name: &str, value: &Value, depth: usize, out: &mut String) {
    let (indent, label) = ("  ".repeat(depth), label(name));
    match value {
        Value::Null => {}
        Value::Array(items) => {
            out.push_str(&format!("{indent}- {label}:\n"));
            for item in items {
                entry(item, depth + 1, out);
            }
        }
        Value::Object(members) => {
            out.push_str(&format!("{indent}- {label}:\n"));
            for (name, value) in members {
                tell(name, value, depth + 1, out);
            }
        }
        other => out.push_str(&format!("{indent}- {label}: {}\n", inside(&told(other), depth))),
    }
}

/// An item of a list: a record stands under its name, if it has one.
fn entry(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let head = match value {
        Value::Object(members) => {
            let head = ["name", "customer", "objection"].iter().find(|name| members.contains_key(**name));
            head.map(|name| (*name, members))
        }
        _ => None,
    };
    match (head, value) {
        (Some((head, members)), _) => {
            out.push_str(&format!("{indent}- {}\n", inside(&told(&members[head]), depth)));
            for (name, value) in members.iter().filter(|(name, _)| name.as_str() != head) {
                tell(name, value, depth + 1, out);
            }
        }
        (None, Value::Object(_) | Value::Array(_)) => out.push_str(&format!("{indent}- {value}\n")),
        (None, other) => out.push_str(&format!("{indent}- {}\n", inside(&told(other), depth))),
    }
}

/// A text that stays inside its item: no line of it can begin a heading or a fence of its own.
fn inside(text: &str, depth: usize) -> Cow<'_, str> {
    if text.contains('\n') {
        Cow::Owned(text.trim_end().replace('\n', &format!("\n{}", "  ".repeat(depth + 1))))
    } else {
        Cow::Borrowed(text)
    }
}

/// `company_name` as `Company name`.
fn label(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).map(|c| if c == '_' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_name_facts_that_exist() {
        for (profile, names) in PROFILES {
            for name in names {
                assert!(domain::profile::keys().any(|key| key == *name), "{profile}: {name}");
            }
        }
    }
}
