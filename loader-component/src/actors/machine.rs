//! The macros that every actor is made with: where a table meets its machine, and the one way in which events are dispatched.

/// Gives the same rows to `sml!` and to [`crate::actors::Table`]: the diagrams and the inspector show the table that runs.
///
/// The table stands in named sections. The first row begins with `*`, and its state is the one that the machine begins in.
macro_rules! machine {
    (
        $name:literal, pooled: $pooled:literal, owns: $owns:expr;
        $machine:ident[$($attributes:tt)*] {
            $first:literal: { * $($start:tt)* }
            $($section:literal: { $($rows:tt)* })*
        }
    ) => {
        ::sml::sml! { $machine[$($attributes)*] { * $($start)* $($($rows)*)* } }

        /// The table of this machine.
        pub const TABLE: $crate::actors::Table = $crate::actors::Table {
            machine: $name,
            pooled: $pooled,
            owns: $owns,
            sections: &[
                ($first, $crate::actors::rows! { $($start)* }),
                $(($section, $crate::actors::rows! { $($rows)* }),)*
            ],
        };
    };
}
pub(crate) use machine;

/// Rows as data: `"target"_s <= "source"_s + event<Event> [guard] / action,`, where the target and the guard may be absent.
macro_rules! rows {
    ($(
        $first:literal $(<= $second:literal)? + $kind:ident<$event:tt> $([$guard:ident])? / $action:ident,
    )*) => {
        &[$($crate::actors::Row::new(
            (stringify!($first), concat!($(stringify!($second))?)),
            (stringify!($kind), stringify!($event)),
            concat!($(stringify!($guard))?),
            stringify!($action),
        )),*]
    };
}
pub(crate) use rows;

/// The policy that lets a machine be put into a state. `sml` calls it one for testing, and seals the trait so that no other
/// can take its place: it means machines that keep their own state. Here the state is the actor's data (which is cloned,
/// compared, hashed, and kept for a million tensors over one table), so each dispatch begins by putting it back. Nothing
/// but [`dispatch`] does so.
pub(crate) type KeepsStateOutside = ::sml::TestingPolicy;

/// Puts the machine where the actor's data says it stands, runs one event to completion, and takes the new state back.
/// So an actor is plain data: it can be cloned, compared and hashed, and a million tensors share one table.
macro_rules! dispatch {
    ($machine:ident, $state:expr, $context:expr, $event:expr, $trace:expr) => {{
        type Outside = $crate::actors::KeepsStateOutside;
        type Bundle<'t> = ::sml::Policies<$crate::observe::Trace<'t>, (), ::sml::JumpTable, (), Outside>;
        let bundle: Bundle<'_> = ::sml::Policies::new(
            $trace,
            (),
            (),
            Outside::default(),
            ::sml::DefaultQueuePolicy,
            ::sml::DefaultQueuePolicy,
        );
        let mut machine = $machine::new_with_policy($context, bundle);
        machine.set_current_states($state);
        // Every state answers every event, so there is no error to see; a test dispatches every event in every state.
        let answered = machine.process_event($event).is_ok();
        debug_assert!(answered);
        machine.visit_current_states(|state| $state = *state);
    }};
}
pub(crate) use dispatch;

/// Actions that refuse a request, each with its cause, over a context that has `refuse`.
macro_rules! refusals {
    ($($action:ident($event:ty) => $why:ident,)*) => {
        $(fn $action(&mut self, _: &$event) -> Result<(), ()> {
            self.refuse($crate::types::Cause::$why);
            Ok(())
        })*
    };
}
pub(crate) use refusals;

/// Actions that put an answer aside that nobody had asked for, over a context that has an `output`.
macro_rules! strays {
    ($($action:ident($event:ty)),*) => {
        $(fn $action(&mut self, _: &$event) -> Result<(), ()> {
            self.output.stray = true;
            Ok(())
        })*
    };
}
pub(crate) use strays;

/// An actor with one machine and a context that `begin`s and `end`s each dispatch: where the machine stands, and its data.
macro_rules! actor {
    ($(#[$doc:meta])* $actor:ident: $machine:ident, $states:ident::$initial:ident, $events:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $actor {
            state: $states,
            context: Context,
        }

        impl Default for $actor {
            fn default() -> Self {
                Self { state: $states::$initial, context: Context::default() }
            }
        }

        impl $actor {
            /// The name that the observer and the diagrams use.
            pub const NAME: &'static str = TABLE.machine;

            /// The same with its commands counted from another number. Answers are only ever compared with the number of
            /// the command that is out, so a checker that renumbers misses nothing, and comes to an end.
            #[must_use]
            pub fn counting_from(mut self, ticket: $crate::actors::Ticket) -> Self {
                self.context.ticket = ticket;
                self
            }

            /// Runs one event to completion.
            pub fn dispatch(&mut self, event: impl Into<$events>, watch: &$crate::observe::Watch) -> Output {
                self.context.begin();
                let trace = watch.of(Self::NAME, None);
                $crate::actors::dispatch!($machine, self.state, &mut self.context, event.into(), trace);
                self.context.end()
            }

            /// What outlives a dispatch.
            #[must_use]
            pub const fn context(&self) -> &Context {
                &self.context
            }

            /// Where the machine stands.
            #[must_use]
            pub fn state(&self) -> String {
                $crate::actors::snake(sml::StateName::name(&self.state))
            }
        }
    };
}
pub(crate) use actor;
