//! A batch of checked spans: what comes as fresh memory is kept as it came, several pieces at the same time where a source
//! can; what is filled where it lies is filled in pieces.
use super::{
    Buffer, Web,
    runs::{Place, extent, runs},
    source::{Begun, Source, storage_error},
};
use js_sys::{Array, Uint8Array};
use std::{collections::VecDeque, ops::Range};
use weighbridge_core::{BatchError, Control, Fill, StorageError, Usage};

/// A span with what it is of.
struct Part<'a> {
    index: u32,
    source: &'a Source,
    buffer: &'a Buffer,
}

/// Work on one batch.
struct Work<'a> {
    media: &'a Web,
    control: &'a Control,
    usage: &'a Usage,
    parts: Vec<Part<'a>>,
    places: Vec<Place>,
    /// Runs that others are reading.
    begun: VecDeque<(Range<usize>, Begun)>,
}

pub(super) fn fill(media: &Web, fills: &[Fill<'_, Web>], control: &Control, usage: &Usage) -> Result<(), BatchError> {
    let mut all: Vec<(Part<'_>, Place)> = Vec::new();
    for fill in fills {
        let buffer: &Buffer = fill.buffer;
        for piece in &fill.pieces {
            let source = piece.source;
            let place = Place {
                source: std::ptr::from_ref(source).addr(),
                from: piece.from.offset(),
                len: piece.from.len(),
                to: piece.to.offset(),
                is_fetched: source.can_fetch && !buffer.is_registered && piece.from.len() <= source.whole,
                piece: source.piece,
            };
            all.push((Part { index: piece.index, source, buffer }, place));
        }
    }
    // In the order of the batch, which is that of the files.
    all.sort_by_key(|(part, _)| part.index);
    let (parts, places): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let coming = |(part, place): &(&Part<'_>, &Place)| part.buffer.memory.expects(place.to as f64, place.len as f64);
    if let Some((part, _)) = parts.iter().zip(&places).find(coming) {
        return Err(BatchError { span: part.index, error: StorageError::Busy });
    }
    let mut work = Work { media, control, usage, parts, places, begun: VecDeque::new() };
    let done = work.run();
    // What was begun and is not wanted any more: a reader is free when it is done.
    for (_, begun) in work.begun {
        while begun.wait().is_none() {}
    }
    done
}

impl Work<'_> {
    fn run(&mut self) -> Result<(), BatchError> {
        let runs = runs(&self.places);
        let several = runs.len() > 1;
        for run in runs {
            self.at(&run, self.media.check(self.control))?;
            let mut begun = self.begin(&run, several);
            while begun.is_none() && !self.begun.is_empty() {
                self.finish()?;
                begun = self.begin(&run, several);
            }
            match begun {
                Some(begun) => self.begun.push_back((run, begun)),
                None => self.at(&run, self.read(&run))?,
            }
        }
        while !self.begun.is_empty() {
            self.finish()?;
        }
        Ok(())
    }

    /// An error is of the first span of its run.
    fn at<T>(&self, run: &Range<usize>, result: Result<T, StorageError>) -> Result<T, BatchError> {
        let span = self.parts.get(run.start).map_or(0, |part| part.index);
        result.map_err(|error| BatchError { span, error })
    }

    fn begin(&self, run: &Range<usize>, several: bool) -> Option<Begun> {
        let (part, place) = (self.parts.get(run.start)?, self.places.get(run.start)?);
        if !several || !place.is_fetched {
            return None;
        }
        part.source.begin(place.from, extent(self.places.get(run.clone())?))
    }

    /// Waits for the run that was begun first.
    fn finish(&mut self) -> Result<(), BatchError> {
        let read = loop {
            let Some((run, begun)) = self.begun.front() else { return Ok(()) };
            match begun.wait() {
                Some(read) => break read,
                None => self.at(run, self.media.check(self.control))?,
            }
        };
        let Some((run, begun)) = self.begun.pop_front() else { return Ok(()) };
        if read {
            let (takers, mut at, mut len) = (Array::new(), Vec::new(), Vec::new());
            let first = self.places.get(run.start).map_or(0, |place| place.from);
            for (part, place) in self.of(&run) {
                takers.push(&part.buffer.memory.expect(place.to as f64, place.len as f64));
                at.push((place.from - first) as f64);
                len.push(place.len as f64);
            }
            self.media.hooks.arrive(&begun.bytes(), &takers, &at, &len, self.is_shared(&run));
            self.count(&run);
            return Ok(());
        }
        // It fails here too, and this time says why; or it was of the moment.
        self.at(&run, self.read(&run))
    }

    fn of(&self, run: &Range<usize>) -> impl Iterator<Item = (&Part<'_>, &Place)> {
        self.parts.iter().zip(&self.places).take(run.end).skip(run.start)
    }

    fn is_shared(&self, run: &Range<usize>) -> bool {
        let first = self.parts.get(run.start).map(|part| std::ptr::from_ref(part.buffer));
        self.of(run).any(|(part, _)| Some(std::ptr::from_ref(part.buffer)) != first)
    }

    fn count(&self, run: &Range<usize>) {
        self.media.count(self.usage, self.of(run).map(|(_, place)| place.len).sum());
    }

    /// Reads a run here.
    fn read(&self, run: &Range<usize>) -> Result<(), StorageError> {
        let (Some(part), Some(places)) = (self.parts.get(run.start), self.places.get(run.clone())) else {
            return Ok(());
        };
        let Some(first) = places.first() else { return Ok(()) };
        if !first.is_fetched {
            return self.fill(part, first);
        }
        let bytes = part.source.fetch(first.from, extent(places))?;
        let is_shared = self.is_shared(run);
        for (part, place) in self.of(run) {
            let at = (place.from - first.from) as u32;
            let mut bytes = bytes.subarray(at, at + place.len as u32);
            // Where it is of several targets, none keeps alive what is mostly not its own.
            if is_shared && bytes.length() * 2 < bytes.buffer().byte_length() {
                bytes = bytes.slice(0, bytes.length());
            }
            part.buffer.memory.put(place.to as f64, &bytes).map_err(|thrown| storage_error(&thrown))?;
        }
        self.count(run);
        Ok(())
    }

    /// Fills a span where a view will find it in one piece.
    fn fill(&self, part: &Part<'_>, place: &Place) -> Result<(), StorageError> {
        let (source, buffer) = (part.source, part.buffer);
        // A source that fills memory fills that of the whole target, as it was allocated.
        let (base, len) = if source.can_fetch { (place.to, place.len) } else { (0, buffer.len) };
        // What JavaScript cannot point at, there is no memory for.
        if place.to - base + place.len > u64::from(u32::MAX) {
            return Err(StorageError::Exhausted);
        }
        let memory: Uint8Array = buffer.bytes(base, len).map_err(|thrown| storage_error(&thrown))?;
        let mut done = 0;
        while done < place.len {
            self.media.check(self.control)?;
            let now = source.piece.min(place.len - done);
            let at = (place.to - base + done) as u32;
            source.read_into(&memory.subarray(at, at + now as u32), place.from + done)?;
            done += now;
            self.media.count(self.usage, now);
        }
        Ok(())
    }
}
