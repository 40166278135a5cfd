//! Names in one string, and an index over them that no choice of names makes slow.
use std::hash::{DefaultHasher, Hasher};

/// Longest run of occupied slots before the table takes another seed. With half of the slots free, runs of this length
/// do not happen by chance, so someone has searched for names that collide; they cannot have done so for every seed.
const LONGEST_RUN: usize = 512;
/// Seeds that are tried before the names are given up as hostile.
const SEEDS: u64 = 8;

/// Bytes of a tensor's name, more or less.
const USUAL: usize = 24;

/// Why a name was not taken.
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
    fn hash(&self, name: &str) -> u32 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write(name.as_bytes());
        (hasher.finish() >> 32) as u32
    }

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
        match self.probe(self.hash(name), name, name_of) {
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
            self.grow();
        }
        loop {
            let hash = self.hash(name);
            match self.probe(hash, name, &name_of) {
                Probe::Found(number) => return Err(Refused::Duplicate(number)),
                Probe::Free(at) => {
                    if let Some(slot) = self.slots.get_mut(at) {
                        *slot = pack(hash, number);
                    }
                    self.len += 1;
                    return Ok(());
                }
                Probe::Crowded => {
                    self.seed += 1;
                    if self.seed >= SEEDS {
                        return Err(Refused::Full);
                    }
                    self.reseed(&name_of);
                }
            }
        }
    }

    fn grow(&mut self) {
        self.widen(self.slots.len().saturating_mul(2).max(16));
    }

    /// Gives it this many slots, a power of two.
    fn widen(&mut self, wanted: usize) {
        let old = std::mem::replace(&mut self.slots, vec![0; wanted]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            place(&mut self.slots, slot);
        }
    }

    fn reseed<'n>(&mut self, name_of: impl Fn(u32) -> &'n str) {
        let empty = vec![0; self.slots.len()];
        let old = std::mem::replace(&mut self.slots, empty);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let number = (slot as u32).wrapping_sub(1);
            let hash = self.hash(name_of(number));
            place(&mut self.slots, pack(hash, number));
        }
    }
}

fn pack(hash: u32, number: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(number.wrapping_add(1))
}

fn place(slots: &mut [u64], packed: u64) {
    let mask = slots.len().wrapping_sub(1);
    let first = (packed >> 32) as usize;
    for step in 0..slots.len() {
        if let Some(slot) = slots.get_mut(first.wrapping_add(step) & mask)
            && *slot == 0
        {
            *slot = packed;
            return;
        }
    }
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
            self.index.widen(names.saturating_mul(2).next_power_of_two().max(16));
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

    #[test]
    fn colliding_names_get_another_seed() {
        // A table whose every slot around the name's place is taken, as if someone had computed it.
        let mut index = NameIndex { slots: vec![0; 4096], len: 0, seed: 0 };
        let hash = index.hash("victim");
        for step in 0..600u32 {
            place(&mut index.slots, pack(hash, step));
            index.len += 1;
        }
        let others: Vec<String> = (0..600).map(|n| format!("other.{n}")).collect();
        let name_of = |n: u32| others.get(n as usize).map_or("victim", String::as_str);
        assert_eq!(index.insert("victim", 600, name_of), Ok(()));
        assert_eq!(index.seed, 1);
        assert_eq!(index.find("victim", name_of), Some(600));
        assert_eq!(index.find("other.5", name_of), Some(5));
    }
}
