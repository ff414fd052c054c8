//! What a person has written into the modal, read back into arguments.

use std::collections::BTreeMap;

use domain::FieldError;
use serde_json::{
    Number, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    blocks::{plain_text, section},
    limits,
    modal::{FIELD, Kind, WHOLE, lines},
    text::{cut, escape},
};

/// Longest error under an input.
const ERROR: usize = 300;

/// Why inputs were refused, by the id of their block.
pub type Errors = BTreeMap<String, String>;

/// What becomes of a field.
enum Edit {
    Keep,
    Set(Box<RawValue>),
    Remove,
}

/// The arguments with what was edited, from `view.state.values`. Fields that nobody has touched keep
/// their bytes.
pub fn edited_input(approval_input: &str, state_values: &Value) -> Result<Box<RawValue>, Errors> {
    let states = inputs(state_values);
    if let Some((_, _, state)) = states.iter().find(|(block, ..)| *block == WHOLE) {
        return whole(state).map_err(|why| Errors::from([(WHOLE.to_owned(), why)]));
    }
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(approval_input).unwrap_or_default();
    let (mut errors, mut touched) = (Errors::new(), false);
    for (block, action, state) in states {
        let Some(name) = block.strip_prefix(FIELD) else { continue };
        let now = fields.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok());
        match edit(action, state, now.as_ref()) {
            Ok(Edit::Keep) => {}
            Ok(Edit::Remove) => touched |= fields.remove(name).is_some(),
            Ok(Edit::Set(value)) => {
                touched = true;
                fields.insert(name.to_owned(), value);
            }
            Err(why) => drop(errors.insert(block.to_owned(), cut(&why, ERROR))),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // What Slack sent us is the person's word, whatever it holds: the engine checks it again.
    let text =
        if touched { serde_json::to_string(&fields).unwrap_or_default() } else { approval_input.to_owned() };
    RawValue::from_string(text).map_err(|why| Errors::from([(WHOLE.to_owned(), why.to_string())]))
}

/// The answer to a submission that holds errors: they stand under their inputs.
pub fn refused(errors: &Errors) -> Value {
    json!({"response_action": "errors", "errors": errors})
}

/// [`refused`] for what the service says of the arguments, such as `input.to: names no address`.
pub fn refused_fields(problems: &[FieldError], state_values: &Value) -> Value {
    let inputs = inputs(state_values);
    let mut errors = Errors::new();
    for problem in problems {
        let path = problem.field.strip_prefix("input").unwrap_or(&problem.field).trim_start_matches('.');
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let own = format!("{FIELD}{}", &path[..end]);
        let is_own = inputs.iter().any(|(block, ..)| *block == own);
        let Some(block) =
            (if is_own { Some(own) } else { inputs.first().map(|(block, ..)| (*block).to_owned()) })
        else {
            return explained(&problem.to_string());
        };
        let rest = if is_own { path[end..].trim_start_matches('.') } else { path };
        let colon = if rest.is_empty() { "" } else { ": " };
        let error = errors.entry(block).or_default();
        let gap = if error.is_empty() { "" } else { "; " };
        *error = cut(&format!("{error}{gap}{rest}{colon}{}", problem.error), ERROR);
    }
    refused(&errors)
}

/// In the place of the modal: words.
pub fn explained(words: &str) -> Value {
    let view = json!({
        "type": "modal",
        "title": plain_text("Not approved", limits::VIEW_TITLE),
        "close": plain_text("Close", limits::VIEW_TITLE),
        "blocks": [section(&escape(words, limits::SECTION))],
    });
    json!({"response_action": "update", "view": view})
}

/// Block, kind and state of each input.
fn inputs(state_values: &Value) -> Vec<(&str, &str, &Value)> {
    let blocks = state_values.as_object().into_iter().flatten();
    let one = |(block, actions)| {
        let (action, state) = Value::as_object(actions)?.iter().next()?;
        Some((String::as_str(block), action.as_str(), state))
    };
    blocks.filter_map(one).collect()
}

fn whole(state: &Value) -> Result<Box<RawValue>, String> {
    let text = state["value"].as_str().unwrap_or_default();
    let value: Value = serde_json::from_str(text).map_err(|why| format!("This is no JSON: {why}."))?;
    if !value.is_object() {
        return Err("This must be a JSON object: {…}.".into());
    }
    RawValue::from_string(text.trim().to_owned()).map_err(|why| format!("This is no JSON: {why}."))
}

fn edit(action: &str, state: &Value, now: Option<&Value>) -> Result<Edit, String> {
    let kind = Kind::parse(action).ok_or("This input is unknown.")?;
    let written = match kind {
        Kind::Choice | Kind::Boolean => &state["selected_option"]["value"],
        Kind::Date => &state["selected_date"],
        _ => &state["value"],
    };
    let written = written.as_str().unwrap_or_default();
    let value = match now {
        _ if !written.is_empty() => read(kind, written)?,
        // Nothing is written: an empty text or list that was there stays, all else goes.
        None => return Ok(Edit::Keep),
        Some(now) if now.is_null() || now.as_str() == Some("") => return Ok(Edit::Keep),
        Some(_) if kind == Kind::List => json!([]),
        Some(_) => return Ok(Edit::Remove),
    };
    if now.is_some_and(|now| same(kind, now, &value, written)) {
        return Ok(Edit::Keep);
    }
    to_raw_value(&value).map(Edit::Set).map_err(|why| why.to_string())
}

fn read(kind: Kind, written: &str) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text | Kind::Choice | Kind::Date => written.into(),
        Kind::Boolean => (written == "true").into(),
        Kind::List => {
            let lines = written.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.collect::<Vec<_>>().into()
        }
        Kind::Json => serde_json::from_str(written).map_err(|why| format!("This is no JSON: {why}."))?,
        Kind::Integer => {
            let written = written.trim();
            let signed = written.parse::<i64>().map(Number::from);
            let number = signed.or_else(|_| written.parse::<u64>().map(Number::from));
            Value::Number(number.map_err(|_| "This must be a whole number.")?)
        }
        Kind::Number => Value::Number(number(written.trim()).ok_or("This must be a number, such as 12.5.")?),
    })
}

fn number(written: &str) -> Option<Number> {
    if let Ok(whole) = written.parse::<i64>() {
        return Some(whole.into());
    }
    written.parse::<f64>().ok().and_then(Number::from_f64)
}

/// Whether it is what stood there before: Slack trims texts and ends lines its own way.
fn same(kind: Kind, now: &Value, value: &Value, written: &str) -> bool {
    let tidy = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    match kind {
        Kind::Text => now.as_str().is_some_and(|now| tidy(now) == tidy(written)),
        Kind::List => tidy(&lines(Some(now))) == tidy(written),
        Kind::Number => now.as_f64().is_some() && now.as_f64() == value.as_f64(),
        _ => now == value,
    }
}
