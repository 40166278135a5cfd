//! The rules that findings go by: their names stay as they are, so that policies and reports can rely on them.
use super::Severity;
use crate::Cause;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its name.
    pub id: &'static str,
    /// How much it matters, where no policy says otherwise.
    pub level: Severity,
    /// What goes against it, as a sentence.
    pub what: &'static str,
}

const fn rule(id: &'static str, level: Severity, what: &'static str) -> Rule {
    Rule { id, level, what }
}

/// Every rule, in the order in which they are documented.
pub const RULES: &[Rule] = &[
    rule("not-a-model", Severity::Error, "A file is no model: a pointer, a web page, an archive, zeros."),
    rule("malformed", Severity::Error, "A file breaks the rules of its format."),
    rule("unsupported", Severity::Error, "A file is of a format, a version or a type that is not read."),
    rule("limit-exceeded", Severity::Error, "A header has more of something than is read."),
    rule("cut-off", Severity::Error, "A file ends before its header says."),
    rule("missing-files", Severity::Error, "Files of the model are not there."),
    rule("dangling-link", Severity::Error, "A file of the model is a link that leads nowhere."),
    rule("unreadable-file", Severity::Error, "A file of the model is there and cannot be read."),
    rule("unfinished-download", Severity::Warning, "A control file says that a download has not ended."),
    rule("absent-tensors", Severity::Error, "The index names tensors that no file has."),
    rule("unindexed-tensors", Severity::Warning, "Files have tensors that the index does not place there."),
    rule("shard-alone", Severity::Warning, "A file is one of several by its name, and was given without their index."),
    rule("unknown-dtype", Severity::Error, "Tensors are of a type that is not known."),
    rule("strided-tensors", Severity::Error, "The elements of a tensor do not lie one after the other."),
    rule("unreadable-tensor", Severity::Error, "A tensor is listed and cannot be read here."),
    rule("trailing-bytes", Severity::Warning, "Bytes lie behind the last tensor."),
    rule("bytes-outside", Severity::Warning, "Bytes of an archive belong to none of its entries."),
    rule("name-ending", Severity::Note, "A file's name ends as those of another format do."),
    rule("long-names", Severity::Note, "Tensors have names that some programs do not read."),
    rule("many-dimensions", Severity::Note, "Tensors have more dimensions than some programs read."),
    rule("pytorch-code", Severity::Error, "PyTorch could run code with this file."),
    rule(
        "pytorch-global",
        Severity::Note,
        "A pickle names something that `torch.load(weights_only=True)` does not load.",
    ),
    rule("values/nan", Severity::Error, "A tensor has elements that are NaN."),
    rule("values/infinite", Severity::Error, "A tensor has elements that are infinite."),
    rule("values/all-zero", Severity::Warning, "Every byte of a tensor is zero."),
    rule("policy/format", Severity::Error, "The model is of a format that the policy does not allow."),
    rule("policy/size", Severity::Error, "The model is larger than the policy allows."),
    rule("policy/metadata", Severity::Error, "Metadata that the policy requires are not there."),
    rule("policy/global", Severity::Error, "A pickle names something that the policy denies."),
];

impl Rule {
    /// The rule of this name.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.id == id)
    }

    /// The rule that a file goes against which cannot be opened for this cause; none where that says nothing of the file.
    #[must_use]
    pub fn of_cause(cause: Cause) -> Option<&'static Self> {
        Self::find(match cause {
            Cause::NotAModel => "not-a-model",
            Cause::Malformed => "malformed",
            Cause::UnsupportedFormat | Cause::UnsupportedDtype => "unsupported",
            Cause::LimitExceeded => "limit-exceeded",
            Cause::EndOfSource => "cut-off",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_one_name_each() {
        for (at, rule) in RULES.iter().enumerate() {
            assert_eq!(RULES.iter().position(|other| other.id == rule.id), Some(at), "{}", rule.id);
            assert!(rule.what.ends_with('.'), "{}", rule.id);
            assert!(
                rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'/')),
                "{}",
                rule.id
            );
        }
        assert_eq!(Rule::of_cause(Cause::EndOfSource), Rule::find("cut-off"));
        assert_eq!(Rule::of_cause(Cause::Cancelled), None);
    }
}
