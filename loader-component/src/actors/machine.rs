//! Two macros: the one place where a table meets its machine, and the one way in which events are dispatched.

/// Hands the same tokens to `sml!` and to a string, from which [`super::Table`] is read: the diagrams and the inspector
/// show the table that runs.
macro_rules! machine {
    ($name:literal: $($tokens:tt)*) => {
        ::sml::sml! { $($tokens)* }

        /// This machine's name and the tokens of its table.
        pub const SOURCE: (&str, &str) = ($name, stringify!($($tokens)*));
    };
}
pub(crate) use machine;

/// Puts the machine where the actor's data says it stands, runs one event to completion, and takes the new state back.
/// So an actor is plain data: it can be cloned, compared and hashed, and a million tensors share one table.
macro_rules! dispatch {
    ($machine:ident, $state:expr, $context:expr, $event:expr, $trace:expr) => {{
        type Bundle<'t> = ::sml::Policies<$crate::observe::Trace<'t>, (), ::sml::JumpTable, (), ::sml::TestingPolicy>;
        let bundle: Bundle<'_> = ::sml::Policies::new(
            $trace,
            (),
            (),
            ::sml::TestingPolicy,
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
            self.refuse($crate::actors::Why::$why);
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
            pub const NAME: &'static str = SOURCE.0;

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
