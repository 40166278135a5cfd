//! Patterns that select tensors by name, against a second reading of the same rules.
use weighbridge_loader::glob::matcher;

/// The pattern is the first line, the name is the rest: both readings say the same.
pub fn glob(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, ""));
    let pattern: String = pattern.chars().take(200).collect();
    let name: String = name.chars().take(400).collect();
    match matcher(&pattern) {
        Ok(matcher) => {
            let expected = read(&pattern).map(|pieces| fits(&pieces, &name));
            assert_eq!(Some(matcher.matches(&name)), expected, "{pattern:?} on {name:?}");
        }
        Err(error) => {
            assert_eq!(read(&pattern), None, "{pattern:?} is refused: {}", error.message);
            assert!(!error.message.chars().any(char::is_control), "the message is not for a terminal");
        }
    }
}

/// One piece of a pattern.
#[derive(Debug, PartialEq)]
enum Piece {
    Star,
    /// Characters that are taken, or, with `true`, the only ones that are not.
    Set(Vec<(char, char)>, bool),
}

/// Reads a pattern; none where it breaks the rules.
fn read(pattern: &str) -> Option<Vec<Piece>> {
    let text: Vec<char> = pattern.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let only = |c: char| Piece::Set(vec![(c, c)], false);
        at += 1;
        match text[at - 1] {
            '*' => pieces.push(Piece::Star),
            '?' => pieces.push(Piece::Set(Vec::new(), true)),
            '\\' => {
                pieces.push(only(*text.get(at)?));
                at += 1;
            }
            '[' => pieces.push(set(&text, &mut at)?),
            c => pieces.push(only(c)),
        }
    }
    Some(pieces)
}

/// Reads a set behind its bracket.
fn set(text: &[char], at: &mut usize) -> Option<Piece> {
    let negated = matches!(text.get(*at)?, '!' | '^');
    *at += usize::from(negated);
    let character = |at: &mut usize| {
        *at += usize::from(text.get(*at) == Some(&'\\'));
        *at += 1;
        text.get(*at - 1).copied()
    };
    let mut ranges = Vec::new();
    while ranges.is_empty() || *text.get(*at)? != ']' {
        let from = character(at)?;
        // A hyphen before the closing bracket is a hyphen.
        let range = text.get(*at) == Some(&'-') && text.get(*at + 1).is_some_and(|next| *next != ']');
        *at += usize::from(range);
        let to = if range { character(at)? } else { from };
        if to < from {
            return None;
        }
        ranges.push((from, to));
    }
    *at += 1;
    Some(Piece::Set(ranges, negated))
}

/// Whether a name fits, by a table over all prefixes of both.
fn fits(pieces: &[Piece], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for piece in pieces {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match piece {
                Piece::Star => row[at] || (at > 0 && next[at - 1]),
                Piece::Set(ranges, negated) => {
                    at > 0
                        && row[at - 1]
                        && ranges.iter().any(|(from, to)| (*from..=*to).contains(&name[at - 1])) != *negated
                }
            };
        }
        row = next;
    }
    row[name.len()]
}
