//! Setters of what an embedder says: a field more is no break for who uses them.
use crate::{ExtentPolicy, GuestOptions, Level, Limits, LoadOptions, Selection, Strategy, StrategyPolicy, Validation};

/// Chainable setters, each with the name of its field.
macro_rules! setters {
    ($of:ident: $($field:ident: $type:ty),* $(,)?) => {
        impl $of {
            /// All as they are by default.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! { Limits:
    header_bytes: u64,
    tensors: u32,
    metadata_entries: u32,
    name_bytes: u32,
    nesting: u32,
}

setters! { GuestOptions:
    slots: u32,
    limits: Limits,
    observe: Level,
    partial: bool,
}

setters! { Validation:
    structure: bool,
    architecture: bool,
}

setters! { LoadOptions:
    extent: ExtentPolicy,
    staging_bytes: u64,
    validate: Validation,
}

impl LoadOptions {
    /// Sets [`policy`](Self#structfield.policy): one strategy and no other, or several in their order.
    ///
    /// ```
    /// use weighbridge_wit::{ExtentPolicy, LoadOptions, Strategy, StrategyPolicy};
    ///
    /// let options = LoadOptions::new().policy(Strategy::ReadCopy).extent(ExtentPolicy::PerTensor);
    /// assert_eq!(options.policy, StrategyPolicy::Only(Strategy::ReadCopy));
    /// let either = LoadOptions::new().policy([Strategy::MappedFile, Strategy::ReadCopy]);
    /// assert!(matches!(either.policy, StrategyPolicy::FirstAvailable(order) if order.len() == 2));
    /// ```
    #[must_use]
    pub fn policy(mut self, policy: impl Into<StrategyPolicy>) -> Self {
        self.policy = policy.into();
        self
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            policy: StrategyPolicy::Auto,
            extent: ExtentPolicy::Auto,
            staging_bytes: 0,
            validate: Validation::default(),
        }
    }
}

impl From<Strategy> for StrategyPolicy {
    fn from(strategy: Strategy) -> Self {
        Self::Only(strategy)
    }
}

impl From<Vec<Strategy>> for StrategyPolicy {
    fn from(order: Vec<Strategy>) -> Self {
        Self::FirstAvailable(order)
    }
}

impl<const N: usize> From<[Strategy; N]> for StrategyPolicy {
    fn from(order: [Strategy; N]) -> Self {
        Self::FirstAvailable(order.into())
    }
}

impl From<Vec<u32>> for Selection {
    fn from(tensors: Vec<u32>) -> Self {
        Self::Tensors(tensors)
    }
}

impl<const N: usize> From<[u32; N]> for Selection {
    fn from(tensors: [u32; N]) -> Self {
        Self::Tensors(tensors.into())
    }
}

impl From<u32> for Selection {
    fn from(tensor: u32) -> Self {
        Self::Tensors(vec![tensor])
    }
}
