//! What an author may have meant.

/// The nearest of the names, if it is near enough to have been meant.
pub(super) fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let given: String = given.to_lowercase().chars().take(64).collect();
    let near = |name: &&str| strsim::damerau_levenshtein(&given, name);
    let best = names.min_by_key(near)?;
    (near(&best) <= 1 + best.chars().count() / 4).then(|| best.to_owned())
}
