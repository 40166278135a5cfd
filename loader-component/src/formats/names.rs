//! Names in one string, and an index over them that no choice of names makes slow.
use std::hash::{DefaultHasher, Hasher};

/// Longest run of occupied slots before the table takes another seed. With half of the slots free, runs of this length
/// do not happen by chance, so someone has searched for names that collide; they cannot have done so for every seed.
const LONGEST_RUN: usize = 512;
/// Seeds that are tried before the names are given up as hostile.
const SEEDS: u64 = 8;

/// Bytes of a tensor's name, more or less.
const USUAL: usize = 24;

/// Cause a name was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is there already, with this number.
    Duplicate(u32),
    /// More than 4 GiB of names, or names made to collide.
    Full,
}

/// Finds a number by its name. Holds 8 bytes per slot and no names: those stay with the owner, who passes `name_of`.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameIndex {
    /// Hash in the upper half, number + 1 in the lower; 0 = free. A power of two of them, half free.
    slots: Vec<u64>,
    len: usize,
    seed: u64,
}

enum Probe {
    Found(u32),
    Free(usize),
    Crowded,
}

impl NameIndex {
    fn probe<'n>(&self, hash: u32, name: &str, name_of: impl Fn(u32) -> &'n str) -> Probe {
        let mask = self.slots.len().wrapping_sub(1);
        let first = hash as usize;
        for step in 0..LONGEST_RUN.min(self.slots.len()) {
            let at = first.wrapping_add(step) & mask;
            match self.slots.get(at) {
                Some(0) => return Probe::Free(at),
                Some(slot) if (slot >> 32) as u32 == hash => {
                    let number = (*slot as u32).wrapping_sub(1);
                    if name_of(number) == name {
                        return Probe::Found(number);
                    }
                }
                _ => {}
            }
        }
        Probe::Crowded
    }

    /// The number of a name.
    pub(crate) fn find<'n>(&self, name: &str, name_of: impl Fn(u32) -> &'n str) -> Option<u32> {
        match self.probe(hash(self.seed, name), name, name_of) {
            Probe::Found(number) => Some(number),
            Probe::Free(_) | Probe::Crowded => None,
        }
    }

    /// Adds a name under a number.
    pub(crate) fn insert<'n>(
        &mut self,
        name: &str,
        number: u32,
        name_of: impl Fn(u32) -> &'n str,
    ) -> Result<(), Refused> {
        if self.len.saturating_add(1).saturating_mul(2) > self.slots.len() {
            self.widen(self.slots.len().saturating_mul(2).max(16), &name_of)?;
        }
        loop {
            let hash = hash(self.seed, name);
            match self.probe(hash, name, &name_of) {
                Probe::Found(number) => return Err(Refused::Duplicate(number)),
                Probe::Free(at) => {
                    if let Some(slot) = self.slots.get_mut(at) {
                        *slot = pack(hash, number);
                    }
                    self.len += 1;
                    return Ok(());
                }
                Probe::Crowded => self.reseed(&self.slots.clone(), &name_of)?,
            }
        }
    }

    /// Gives it this many slots, a power of two; where that crowds them, under another seed.
    fn widen<'n>(&mut self, wanted: usize, name_of: impl Fn(u32) -> &'n str) -> Result<(), Refused> {
        let old = std::mem::replace(&mut self.slots, vec![0; wanted]);
        let fits = old.iter().filter(|slot| **slot != 0).all(|slot| place(&mut self.slots, *slot));
        if fits { Ok(()) } else { self.reseed(&old, name_of) }
    }

    /// Places these entries anew under the first further seed with which `find` reaches every one of them.
    fn reseed<'n>(&mut self, entries: &[u64], name_of: impl Fn(u32) -> &'n str) -> Result<(), Refused> {
        while self.seed + 1 < SEEDS {
            self.seed += 1;
            self.slots.fill(0);
            let fits = entries.iter().filter(|slot| **slot != 0).all(|slot| {
                let number = (*slot as u32).wrapping_sub(1);
                place(&mut self.slots, pack(hash(self.seed, name_of(number)), number))
            });
            if fits {
                return Ok(());
            }
        }
        Err(Refused::Full)
    }
}

fn hash(seed: u64, name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(seed);
    hasher.write(name.as_bytes());
    (hasher.finish() >> 32) as u32
}

fn pack(hash: u32, number: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(number.wrapping_add(1))
}

/// Puts an entry into the first free slot from its own on; false where that is so far away that nobody would look there.
fn place(slots: &mut [u64], packed: u64) -> bool {
    let mask = slots.len().wrapping_sub(1);
    let first = (packed >> 32) as usize;
    for step in 0..LONGEST_RUN.min(slots.len()) {
        if let Some(slot) = slots.get_mut(first.wrapping_add(step) & mask)
            && *slot == 0
        {
            *slot = packed;
            return true;
        }
    }
    false
}

/// Distinct names, numbered in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    index: NameIndex,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Makes room for so many names of a usual length, before there are any.
    pub(crate) fn reserve(&mut self, names: usize) {
        self.text.reserve(names.saturating_mul(USUAL));
        self.ends.reserve_exact(names);
        if self.index.slots.is_empty() {
            self.index.slots = vec![0; names.saturating_mul(2).next_power_of_two().max(16)];
        }
    }

    /// The name with this number; empty for a number that was never given.
    pub(crate) fn get(&self, number: u32) -> &str {
        name_at(&self.text, &self.ends, number)
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.index.find(name, |number| self.get(number))
    }

    /// Takes a name that was not there before, and answers its number.
    pub(crate) fn push(&mut self, name: &str) -> Result<u32, Refused> {
        let number = u32::try_from(self.ends.len()).ok().filter(|n| *n < u32::MAX).ok_or(Refused::Full)?;
        let end = self.text.len().checked_add(name.len()).and_then(|end| u32::try_from(end).ok());
        let end = end.ok_or(Refused::Full)?;
        let (text, ends) = (&self.text, &self.ends);
        self.index.insert(name, number, |n| name_at(text, ends, n))?;
        self.text.push_str(name);
        self.ends.push(end);
        Ok(number)
    }
}

fn name_at<'t>(text: &'t str, ends: &[u32], number: u32) -> &'t str {
    let at = number as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
    ends.get(at).and_then(|end| text.get(start..*end as usize)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_name_apart() {
        let mut names = Names::default();
        for n in 0..50_000u32 {
            assert_eq!(names.push(&format!("tensor.{n}")), Ok(n));
        }
        assert_eq!(names.push("tensor.777"), Err(Refused::Duplicate(777)));
        assert_eq!(names.len(), 50_000);
        assert_eq!(names.find("tensor.49999"), Some(49_999));
        assert_eq!(names.find("tensor.50000"), None);
        assert_eq!(names.get(12), "tensor.12");
        assert_eq!(names.get(50_000), "");
    }

    /// 600 entries in one run, all of this hash.
    fn crowd(index: &mut NameIndex, hash: u32) {
        let mask = index.slots.len() - 1;
        for number in 0..600u32 {
            index.slots[(hash as usize + number as usize) & mask] = pack(hash, number);
        }
        index.len = 600;
    }

    /// 600 names that a second seed puts close together too.
    fn crowded_under(seed: u64) -> Vec<String> {
        let close = |name: &String| hash(seed, name) & 4095 < 64;
        (0..).map(|n| format!("name.{n}")).filter(close).take(600).collect()
    }

    #[test]
    fn a_seed_that_crowds_as_much_is_passed_over() {
        let names = crowded_under(1);
        let name_of = |n: u32| names.get(n as usize).map_or("victim", String::as_str);
        // Nothing is free for the newcomer, or the table grows into what is as crowded.
        for slots in [4096, 1024] {
            let mut index = NameIndex { slots: vec![0; slots], len: 0, seed: 0 };
            crowd(&mut index, hash(0, "victim"));
            assert_eq!(index.insert("victim", 600, name_of), Ok(()));
            let lost: Vec<u32> = (0..=600).filter(|n| index.find(name_of(*n), name_of) != Some(*n)).collect();
            assert!(lost.is_empty(), "with {slots} slots: {lost:?}");
        }
    }

    #[test]
    fn names_that_crowd_every_seed_are_refused() {
        let mut index = NameIndex { slots: vec![0; 4096], len: 0, seed: SEEDS - 2 };
        let names = crowded_under(SEEDS - 1);
        let name_of = |n: u32| names.get(n as usize).map_or("victim", String::as_str);
        crowd(&mut index, hash(SEEDS - 2, "victim"));
        assert_eq!(index.insert("victim", 600, name_of), Err(Refused::Full));
    }

    #[test]
    fn colliding_names_get_another_seed() {
        // A table whose every slot around the name's place is taken, as if someone had computed it.
        let mut index = NameIndex { slots: vec![0; 4096], len: 0, seed: 0 };
        crowd(&mut index, hash(0, "victim"));
        let others: Vec<String> = (0..600).map(|n| format!("other.{n}")).collect();
        let name_of = |n: u32| others.get(n as usize).map_or("victim", String::as_str);
        assert_eq!(index.insert("victim", 600, name_of), Ok(()));
        assert_eq!(index.seed, 1);
        assert_eq!(index.find("victim", name_of), Some(600));
        assert_eq!(index.find("other.5", name_of), Some(5));
    }
}
