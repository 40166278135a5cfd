//! The host's targets that hold copied tensors, counted by the tensors in them.

/// One buffer, or one registered target.
#[derive(Clone)]
pub(super) struct Buffer<T> {
    pub(super) target: T,
    /// The host's name for it.
    pub(super) id: u64,
    /// Capacity in bytes.
    pub(super) len: u64,
    /// Tensors resident in it.
    pub(super) tensors: u32,
    /// The embedder's own: never freed here.
    pub(super) external: bool,
}

/// Buffers by number; a number is given out again when its buffer is gone.
#[derive(Clone)]
pub(super) struct Buffers<T> {
    places: Vec<Option<Buffer<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Buffers<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Buffers<T> {
    pub(super) fn insert(&mut self, buffer: Buffer<T>) -> u32 {
        let free = self.free.pop();
        match free.and_then(|at| Some((at, self.places.get_mut(at as usize)?))) {
            Some((at, place)) => {
                *place = Some(buffer);
                at
            }
            None => {
                self.places.push(Some(buffer));
                u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Option<&Buffer<T>>> {
        self.places.iter().map(Option::as_ref)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Buffer<T>> {
        self.places.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Buffer<T>> {
        self.places.get_mut(number as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Buffer<T>> {
        let buffer = self.places.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(buffer)
    }

    /// Numbers of buffers without a tensor: what a failed free left.
    pub(super) fn idle(&self) -> Vec<u32> {
        let idle = |(number, place): (usize, &Option<Buffer<T>>)| {
            place.as_ref().filter(|buffer| buffer.tensors == 0)?;
            u32::try_from(number).ok()
        };
        self.places.iter().enumerate().filter_map(idle).collect()
    }
}
