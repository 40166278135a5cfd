//! The query box: `actor:mmap state:error tensor:blk.3* dur>1ms`. Terms are joined by "and"; `-` in front says "not".
use super::row::{Kind, NONE, OPEN, Ok3, Row};
use super::store::Store;

/// What a term asks of a row.
#[derive(Clone, Debug, PartialEq)]
enum Ask {
    /// Any name has it.
    Any(String),
    /// The lane's name.
    Actor(String),
    /// From or to.
    State(String),
    /// From and to.
    Edge(String, String),
    Event(String),
    Guard(String),
    Action(String),
    Command(String),
    Call(String),
    Kind(String),
    Tensor(String),
    Slot(u32),
    Good(bool),
    Longer(u64),
    Shorter(u64),
    After(u64),
    Before(u64),
}

/// A query that was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    terms: Vec<(bool, Ask)>,
}

/// What the box explains.
pub const HELP: &str = "actor:mmap  state:error  edge:ready>mapping  event:Map  guard:pool_empty  action:reserve  \
command:map  call:read  kind:call  tensor:blk.3*  slot:2  ok:no  dur>1ms  dur<10us  at>2s  -event:Tick  any text";

impl Query {
    /// Understands a query.
    ///
    /// # Errors
    /// A sentence that names the term.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for word in text.split_whitespace() {
            let (not, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word),
            };
            terms.push((not, ask(word)?));
        }
        Ok(Self { terms })
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Makes it quick for one store: names become bits.
    #[must_use]
    pub fn prepare(&self, store: &Store, tensors: &[String]) -> Prepared {
        Prepared {
            terms: self.terms.iter().map(|(not, ask)| (*not, Test::of(ask, store, tensors))).collect(),
            names: store.names.len(),
        }
    }
}

fn ask(word: &str) -> Result<Ask, String> {
    for (sign, longer) in [('>', true), ('<', false)] {
        if let Some((key, value)) = word.split_once(sign).filter(|(k, _)| matches!(*k, "dur" | "at")) {
            let ns = nanoseconds(value).ok_or_else(|| format!("{word}: say a time such as 1ms, 20us or 3s"))?;
            return Ok(match (key, longer) {
                ("dur", true) => Ask::Longer(ns),
                ("dur", false) => Ask::Shorter(ns),
                (_, true) => Ask::After(ns),
                (_, false) => Ask::Before(ns),
            });
        }
    }
    let Some((key, value)) = word.split_once(':') else { return Ok(Ask::Any(word.to_lowercase())) };
    if value.is_empty() {
        return Err(format!("{word} what?"));
    }
    let value = value.to_lowercase();
    Ok(match key.to_lowercase().as_str() {
        "actor" | "machine" => Ask::Actor(value),
        "state" => Ask::State(value),
        "edge" => {
            let (from, to) = value.split_once('>').ok_or_else(|| format!("{word}: say edge:from>to"))?;
            Ask::Edge(from.into(), to.into())
        }
        "event" => Ask::Event(value),
        "guard" => Ask::Guard(value),
        "action" => Ask::Action(value),
        "command" => Ask::Command(value),
        "call" => Ask::Call(value),
        "kind" => Ask::Kind(value),
        "tensor" => Ask::Tensor(value),
        "slot" => Ask::Slot(value.parse().map_err(|_| format!("{word}: a slot is a number"))?),
        "ok" => match value.as_str() {
            "yes" | "true" => Ask::Good(true),
            "no" | "false" => Ask::Good(false),
            _ => return Err(format!("{word}: say ok:yes or ok:no")),
        },
        _ => {
            return Err(format!(
                "{key}: is no key; keys are actor state edge event guard action command call kind tensor slot ok dur at"
            ));
        }
    })
}

fn nanoseconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let value: f64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" | "" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((value * unit) as u64)
}

/// `*` stands for anything, `?` for one character; without either, a part of the name is enough.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    if !pattern.contains(['*', '?']) {
        return name.contains(pattern);
    }
    let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The usual two-pointer walk: linear but for the last star, so no pattern is slow.
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < n.len() {
        if i < p.len() && (p[i] == '?' || p[i] == n[j]) && p[i] != '*' {
            i += 1;
            j += 1;
        } else if i < p.len() && p[i] == '*' {
            star = Some((i, j));
            i += 1;
        } else if let Some((si, sj)) = star {
            i = si + 1;
            j = sj + 1;
            star = Some((si, j));
        } else {
            return false;
        }
    }
    p[i..].iter().all(|&c| c == '*')
}

/// A set of names, or of lanes, or of tensors.
#[derive(Clone, Debug)]
struct Bits(Vec<bool>);

impl Bits {
    fn has(&self, i: usize) -> bool {
        self.0.get(i).copied().unwrap_or(false)
    }
}

#[derive(Clone, Debug)]
enum Test {
    Any(Bits),
    Lane(Bits),
    State(Bits),
    Edge(Bits, Bits),
    Event(Bits),
    Guard(Bits),
    Action(Bits),
    Command(Bits),
    Call(Bits),
    Kind(String),
    Tensor(Bits),
    Slot(u32),
    Good(bool),
    Longer(u64),
    Shorter(u64),
    After(u64),
    Before(u64),
}

impl Test {
    fn of(ask: &Ask, store: &Store, tensors: &[String]) -> Self {
        let names = |p: &String| {
            #[allow(clippy::cast_possible_truncation)]
            Bits((0..store.names.len()).map(|i| i > 0 && matches(p, store.name(i as u16))).collect())
        };
        match ask {
            Ask::Any(p) => Self::Any(names(p)),
            Ask::Actor(p) => Self::Lane(names(p)),
            Ask::State(p) => Self::State(names(p)),
            Ask::Edge(a, b) => Self::Edge(names(a), names(b)),
            Ask::Event(p) => Self::Event(names(p)),
            Ask::Guard(p) => Self::Guard(names(p)),
            Ask::Action(p) => Self::Action(names(p)),
            Ask::Command(p) => Self::Command(names(p)),
            Ask::Call(p) => Self::Call(names(p)),
            Ask::Kind(k) => Self::Kind(k.clone()),
            Ask::Tensor(p) => match p.parse::<usize>() {
                Ok(index) => Self::Tensor(Bits((0..=index.min(1 << 23)).map(|i| i == index).collect())),
                Err(_) => Self::Tensor(Bits(tensors.iter().map(|t| matches(p, t)).collect())),
            },
            Ask::Slot(s) => Self::Slot(*s),
            Ask::Good(g) => Self::Good(*g),
            Ask::Longer(n) => Self::Longer(*n),
            Ask::Shorter(n) => Self::Shorter(*n),
            Ask::After(n) => Self::After(*n),
            Ask::Before(n) => Self::Before(*n),
        }
    }

    fn holds(&self, store: &Store, row: &Row) -> bool {
        let edge = store.edge(row);
        let lane = || store.lanes.get(usize::from(row.lane)).map_or(0, |l| l.name);
        let has = |bits: &Bits, id: u16| bits.has(usize::from(id));
        match self {
            Self::Any(b) => {
                [edge.from, edge.to, edge.event, edge.action, row.command, row.outcome, lane()]
                    .iter()
                    .any(|&n| has(b, n))
                    || store.guards(row).any(|(g, _)| has(b, g))
            }
            Self::Lane(b) => has(b, lane()),
            Self::State(b) => has(b, edge.from) || has(b, edge.to),
            Self::Edge(a, b) => has(a, edge.from) && has(b, edge.to),
            Self::Event(b) => row.kind == Kind::Transition && has(b, edge.event),
            Self::Guard(b) => store.guards(row).any(|(g, _)| has(b, g)),
            Self::Action(b) => has(b, edge.action),
            Self::Command(b) => has(b, row.command),
            Self::Call(b) => row.kind == Kind::Call && has(b, edge.event),
            Self::Kind(k) => row.kind.name().starts_with(k.as_str()),
            Self::Tensor(b) => {
                row.instance != NONE
                    && store.lanes.get(usize::from(row.lane)).is_some_and(|l| l.machine.pooled)
                    && b.has(row.instance as usize)
            }
            Self::Slot(s) => {
                row.instance == *s && store.lanes.get(usize::from(row.lane)).is_some_and(|l| !l.machine.pooled)
            }
            Self::Good(good) => row.ok == if *good { Ok3::Yes } else { Ok3::No },
            Self::Longer(ns) => row.dur != OPEN && row.dur > *ns,
            Self::Shorter(ns) => row.dur < *ns,
            Self::After(ns) => row.at > *ns,
            Self::Before(ns) => row.at < *ns,
        }
    }
}

/// A query for one store, as long as no name is added.
#[derive(Clone, Debug)]
pub struct Prepared {
    terms: Vec<(bool, Test)>,
    /// Names there were when it was prepared.
    pub names: usize,
}

impl Prepared {
    /// Whether a row answers it.
    #[must_use]
    pub fn holds(&self, store: &Store, row: &Row) -> bool {
        self.terms.iter().all(|(not, test)| test.holds(store, row) != *not)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(matches("blk.3*", "blk.3.attn"));
        assert!(!matches("blk.3*", "a.blk.3"));
        assert!(matches("*norm?", "blk.3.norm1"));
        assert!(matches("norm", "blk.norm1"));
        assert!(!matches(&"*a".repeat(40), &"b".repeat(200)));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Query::parse("dur>fast").is_err_and(|e| e.contains("dur>fast")));
        assert!(Query::parse("colour:red").is_err_and(|e| e.contains("colour")));
        assert!(Query::parse("actor:mmap dur>1ms -ok:yes").is_ok());
        assert_eq!(nanoseconds("1.5ms"), Some(1_500_000));
    }
}
