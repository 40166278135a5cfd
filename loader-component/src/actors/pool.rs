//! What the pools of io/mmap and io/buffer have in common: numbered places that hold something of the host's. Tensors and
//! leases are counted; what nothing uses is given back, which may fail and is asked again; a number whose uses are used up
//! retires.

/// Guards and actions over a context with `change`, `tensors`, `is_stale`, `command`'s `busy`, `free` and `last_generation`,
/// and a function that finds a place by its handle. Of a place its kind is named, the field of a handle that has its number,
/// and the context's own list; of the answer to a give-back its type, its guards, what is done when it failed, and when it
/// is over.
macro_rules! pooled {
    (
        $kind:ident, $number:ident, $all:ident;
        $answer:ty: $stray:ident, $failed:ident, $fail:ident, $vacate:ident;
        pending: $pending:expr, retired: $retired:expr, gone: $gone:expr
    ) => {
        fn retain_stale(&self, retain: &Retain) -> Result<bool, ()> {
            Ok(self.is_stale(retain.handle))
        }

        fn retain_overflows(&self, retain: &Retain) -> Result<bool, ()> {
            Ok(self.$number(retain.handle).is_none_or(|place| place.tensors.checked_add(retain.tensors).is_none()))
        }

        fn retain(&mut self, retain: &Retain) -> Result<(), ()> {
            self.tensors(retain.handle.$number, |tensors| *tensors += retain.tensors);
            self.output.outcome = Some(Outcome::Kept);
            Ok(())
        }

        fn release_stale(&self, release: &Release) -> Result<bool, ()> {
            Ok(self.is_stale(release.handle))
        }

        fn release_too_many(&self, release: &Release) -> Result<bool, ()> {
            Ok(self.$number(release.handle).is_none_or(|place| release.tensors > place.tensors))
        }

        fn still_used(&self, release: &Release) -> Result<bool, ()> {
            let used = |place: &$kind| place.leased || release.tensors < place.tensors;
            Ok(self.$number(release.handle).is_some_and(used))
        }

        fn let_go(&mut self, release: &Release) -> Result<(), ()> {
            self.tensors(release.handle.$number, |tensors| *tensors -= release.tensors);
            self.output.outcome = Some(Outcome::Kept);
            Ok(())
        }

        fn abandon_stale(&self, abandon: &Abandon) -> Result<bool, ()> {
            Ok(self.is_stale(abandon.handle))
        }

        fn not_leased(&self, abandon: &Abandon) -> Result<bool, ()> {
            Ok(self.$number(abandon.handle).is_none_or(|place| !place.leased))
        }

        fn has_tensors(&self, abandon: &Abandon) -> Result<bool, ()> {
            Ok(self.$number(abandon.handle).is_some_and(|place| place.tensors > 0))
        }

        fn end_lease(&mut self, abandon: &Abandon) -> Result<(), ()> {
            self.change(abandon.handle.$number, |place| place.leased = false);
            self.output.outcome = Some(Outcome::Kept);
            Ok(())
        }

        fn $stray(&self, answer: &$answer) -> Result<bool, ()> {
            Ok(answer.ticket != self.ticket)
        }

        fn $failed(&self, answer: &$answer) -> Result<bool, ()> {
            Ok(answer.fault.is_some())
        }

        fn $fail(&mut self, answer: &$answer) -> Result<(), ()> {
            if let (Some((number, _)), Some(fault)) = (self.busy.take(), answer.fault) {
                self.change(number, |place| place.status = $pending);
                self.output.outcome = Some(Outcome::Refused(fault));
            }
            Ok(())
        }

        fn generations_used_up(&self, _: &$answer) -> Result<bool, ()> {
            let place = self.busy.and_then(|(number, _)| self.$all.get(number as usize));
            Ok(place.is_some_and(|place| place.generation >= self.last_generation))
        }

        fn retire(&mut self, _: &$answer) -> Result<(), ()> {
            if let Some((number, _)) = self.busy.take() {
                self.change(number, |place| *place = $kind { status: $retired, ..$kind::vacant(place.generation) });
                self.gone();
                self.output.outcome = Some($gone);
            }
            Ok(())
        }

        fn $vacate(&mut self, _: &$answer) -> Result<(), ()> {
            if let Some((number, _)) = self.busy.take() {
                self.change(number, |place| *place = $kind::vacant(place.generation + 1));
                self.free.push(number);
                self.gone();
                self.output.outcome = Some($gone);
            }
            Ok(())
        }

        refusals! {
            refuse_stale_retain(Retain) => StaleHandle,
            refuse_retain(Retain) => LimitExceeded,
            refuse_stale_release(Release) => StaleHandle,
            refuse_release(Release) => InvalidRequest,
            refuse_stale_abandon(Abandon) => StaleHandle,
            refuse_abandon(Abandon) => InvalidRequest,
        }
    };
}
pub(crate) use pooled;
