//! Patterns that select tensors by name ([`Selection::Matching`](crate::Selection::Matching)): `*`, `?` and `[…]`, none of which
//! cares for `.` or `/`. Components and hosts understand them alike, so they are part of the contract.
//!
//! Written here because no small crate has just this: `wildmatch` has no sets, and with `fast-glob` a `*` stops at `/`
//! while `{`, `}` and `!` mean something.
#![cfg_attr(test, allow(clippy::unwrap_used))]
/// Longest pattern in bytes; together with the bound on names it bounds the work of one match.
const LONGEST: usize = 4_096;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Any characters, or none.
    Any,
    /// One character.
    One,
    /// This character.
    Just(char),
    /// One character that is, or is not, in one of these ranges.
    Of { ranges: Vec<(char, char)>, negated: bool },
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Just(wanted) => *wanted == c,
            Self::Of { ranges, negated } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

/// A pattern that has been understood.
#[derive(Clone, Debug)]
pub struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Understands a pattern: `*` is any text, `?` any character, `[a-z]` a character of a set, `[!a-z]` or `[^a-z]` one that
    /// is not (a `]` right after the bracket stands for itself), and `\` takes the meaning from what follows.
    ///
    /// # Errors
    /// Why it is none: a set is not closed, a range runs backwards, a `\` ends it, or it has more than 4,096 bytes.
    pub fn new(pattern: &str) -> Result<Self, &'static str> {
        if pattern.len() > LONGEST {
            return Err("it has more than 4096 bytes");
        }
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            match c {
                // Two stars in a row are one; more would only cost time.
                '*' if tokens.last() == Some(&Token::Any) => {}
                '*' => tokens.push(Token::Any),
                '?' => tokens.push(Token::One),
                '\\' => tokens.push(Token::Just(rest.next().ok_or("it ends with a backslash")?)),
                '[' => tokens.push(set(&mut rest)?),
                c => tokens.push(Token::Just(c)),
            }
        }
        Ok(Self { tokens })
    }

    /// Whether the whole name fits. At most pattern × name steps: only the last `*` is ever tried again.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (mut token, mut rest) = (0usize, name.chars());
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Token::Any) = self.tokens.get(token) {
                token += 1;
                retry = Some((token, rest.clone()));
                continue;
            }
            match (self.tokens.get(token), rest.next()) {
                (None, None) => return true,
                (Some(wanted), Some(c)) if wanted.takes(c) => token += 1,
                (_, _) => {
                    // The last star takes one character more.
                    let Some((after, from)) = &mut retry else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (token, rest) = (*after, from.clone());
                }
            }
        }
    }
}

fn set(rest: &mut std::str::Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "a [ is not closed";
    let mut ranges = Vec::new();
    let mut next = rest.next().ok_or(OPEN)?;
    let negated = matches!(next, '!' | '^');
    if negated {
        next = rest.next().ok_or(OPEN)?;
    }
    loop {
        let from = if next == '\\' { rest.next().ok_or(OPEN)? } else { next };
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                *rest = ahead;
                if to == '\\' { rest.next().ok_or(OPEN)? } else { to }
            }
            _ => from,
        };
        if to < from {
            return Err("a range runs backwards");
        }
        ranges.push((from, to));
        next = rest.next().ok_or(OPEN)?;
        if next == ']' {
            return Ok(Token::Of { ranges, negated });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_cross_everything() {
        assert!(fits("*", "") && fits("*", "a/b.c") && fits("blk.*.weight", "blk.0.attn/q.weight"));
        assert!(fits("blk.?.attn_[qkv].weight", "blk.3.attn_k.weight"));
        assert!(!fits("blk.?.attn_[qkv].weight", "blk.3.attn_o.weight"));
        assert!(fits("*a*b*c", "xxaxxbxxbxc") && !fits("*a*b*c", "xxaxxbxxbx"));
        assert!(fits("", "") && !fits("", "a") && !fits("a", "") && fits("größ?", "größe"));
    }

    #[test]
    fn sets_and_escapes() {
        assert!(fits("[!0-9]x", "ax") && !fits("[^0-9]x", "5x"));
        assert!(
            fits("[]a]", "]") && fits("[a-]", "-") && fits("[a\\]b]", "]") && fits("\\*", "*") && !fits("\\*", "a")
        );
    }

    #[test]
    fn bad_patterns_are_none() {
        for bad in ["[", "[a", "[!", "[z-a]", "a\\", "[a-", &"x".repeat(5_000)] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hostile_patterns_are_not_exponential() {
        let pattern = "*a".repeat(1_000) + "b";
        let name = "a".repeat(4_000);
        let begun = std::time::Instant::now();
        assert!(!fits(&pattern, &name));
        assert!(begun.elapsed().as_secs() < 5);
    }
}
