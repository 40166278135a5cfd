//! What people call the rules of the component's findings, and what to do where the finding itself does not say.

/// A title for a rule, and what to do.
const RULES: &[(&str, &str, &str)] = &[
    ("absent-tensors", "Tensors that no file has", ""),
    (
        "unindexed-tensors",
        "Tensors that the index does not name",
        "They are not listed and not loaded. Open the file alone to see them.",
    ),
    ("shard-alone", "One file of several", ""),
    ("unknown-dtype", "Types that are not known here", "Load a selection without these tensors, or convert the model."),
    (
        "trailing-bytes",
        "Bytes behind the last tensor",
        "Readers pass over them. If nobody put them there on purpose, fetch the file again.",
    ),
    ("name-ending", "The name ends as another format's", "Rename the file, so that other programs read it too."),
    ("long-names", "Names that ggml does not read", "Programs made of ggml refuse this model; others read it."),
    (
        "many-dimensions",
        "Dimensions that ggml does not read",
        "Programs made of ggml refuse this model; others read it.",
    ),
];

/// The title of a rule, and what to do; of a rule that is not known here its own words.
pub(super) fn rule(name: &str) -> (String, &'static str) {
    match RULES.iter().find(|(known, ..)| *known == name) {
        Some((_, title, advice)) => ((*title).to_owned(), advice),
        None => {
            let words = name.replace(['-', '/'], " ");
            let mut letters = words.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            (first.into_iter().chain(letters).collect(), "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn a_rule_of_a_later_component_has_a_title_too() {
        assert_eq!(rule("name-ending").0, "The name ends as another format's");
        assert_eq!(rule("values/all-zero"), ("Values all zero".to_owned(), ""));
        assert_eq!(rule(""), (String::new(), ""));
    }
}
