//! Paths into JSON: `a.b[0].c`, `a[*].c`.

use serde_json::Value;

/// Longest path, in hops.
const MAX_HOPS: usize = 32;
/// Most values that one path finds.
const MAX_FOUND: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    Field(String),
    Index(usize),
    /// Each item of a list.
    Each,
    /// The member `data`, or the value itself where it has none.
    Data,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    One(&'a Value),
    /// The path has a `[*]`: what each item gave, none where it has nothing there.
    Many(Vec<Option<&'a Value>>),
}

/// None if that is no path.
pub fn parse(text: &str) -> Option<Vec<Hop>> {
    let (mut hops, mut rest) = (Vec::new(), text);
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !is_name(name) {
            return None;
        }
        hops.push(Hop::Field(name.to_owned()));
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            hops.push(if index == "*" { Hop::Each } else { Hop::Index(number(index)?) });
            rest = after;
        }
        if hops.len() > MAX_HOPS {
            return None;
        }
        if rest.is_empty() {
            return Some(hops);
        }
        rest = rest.strip_prefix('.')?;
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Digits only: `parse` would take a sign.
fn number(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// What stands there; none if there is nothing, or nothing in any item.
pub fn find<'a>(value: &'a Value, hops: &[Hop]) -> Option<Found<'a>> {
    let Some(each) = hops.iter().position(|hop| *hop == Hop::Each) else {
        return one(value, hops).map(Found::One);
    };
    let mut found = vec![Some(one(value, &hops[..each])?)];
    for part in hops[each..].split(|hop| *hop == Hop::Each).skip(1) {
        let lists = found.iter().flatten().filter_map(|value| value.as_array());
        let mut next = Vec::new();
        let mut any = false;
        for list in lists {
            any = true;
            let room = MAX_FOUND - next.len();
            next.extend(list.iter().take(room).map(|item| one(item, part)));
        }
        if !any {
            return None;
        }
        found = next;
    }
    (found.is_empty() || found.iter().any(Option::is_some)).then_some(Found::Many(found))
}

fn one<'a>(value: &'a Value, hops: &[Hop]) -> Option<&'a Value> {
    hops.iter().try_fold(value, |value, hop| match hop {
        Hop::Field(name) => value.get(name),
        Hop::Index(index) => value.get(index),
        Hop::Data => Some(value.get("data").unwrap_or(value)),
        Hop::Each => None,
    })
}

/// About how many bytes a value takes as JSON.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 3,
        Value::Array(items) => 2 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>()
        }
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(value: &Value, path: &str) -> Option<Value> {
        Some(match find(value, &parse(path).expect("a path"))? {
            Found::One(value) => value.clone(),
            Found::Many(values) => values.into_iter().map(Option::<&Value>::cloned).collect(),
        })
    }

    #[test]
    fn a_path_finds_members_items_and_each_of_them() {
        let value = json!({"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "lists": [[1], [2, 3]], "none": []});
        assert_eq!(at(&value, "a.b[1].c"), Some(json!(2)));
        assert_eq!(at(&value, "a.b[*].c"), Some(json!([1, 2, null])));
        assert_eq!(at(&value, "lists[*][*]"), Some(json!([1, 2, 3])));
        assert_eq!(at(&value, "none[*].c"), Some(json!([])));
        for nothing in ["a.x", "a.b[3]", "a.b[*].x", "a[*]", "a[0]", "a.b.c"] {
            assert_eq!(at(&value, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_path_is_not_read_as_one() {
        let long = vec!["a"; 40].join(".");
        for text in
            ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[-1]", "a[+1]", "a[x]", "a b", "a[0]b", &long]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("a[99999999999999999999999]"), None);
    }

    #[test]
    fn lists_in_lists_give_a_bounded_number_of_values() {
        let row = Value::Array(vec![json!(1); 1_000]);
        let value = json!({"rows": vec![row; 1_000]});
        let Some(Found::Many(values)) = find(&value, &parse("rows[*][*]").expect("a path")) else {
            panic!("many values");
        };
        assert_eq!(values.len(), MAX_FOUND);
    }
}
