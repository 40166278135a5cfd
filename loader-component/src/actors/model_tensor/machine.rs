//! The table of model/tensor: every event in every state.
#![expect(clippy::derived_hash_with_manual_eq, reason = "sml compares states by variant, as the derive would")]
use super::context::{Context, Tensor};
use super::events::{Apply, Bind, BindEmpty, Ended, Evict, Fail, Output, Plan, Release};
use crate::actors::{dispatch, machine, snake};
use crate::observe::Watch;
use crate::types::Lifecycle;

machine! {
    "model/tensor", pooled: true, owns: None;
    ModelTensor[states_attr: #[derive(Clone, Copy, Debug, Eq, Hash)], events_attr: #[derive(Clone, Copy, Debug)]] {
        "unbound": {
            *"unbound"_s + event<Bind> / bind,
            "resident"_s <= "unbound"_s + event<BindEmpty> / bind_empty,
            "loading"_s <= "unbound"_s + event<Plan> / plan_fresh,
            "unbound"_s + event<Apply> / put_apply_aside,
            "unbound"_s + event<Fail> / put_fail_aside,
            "unbound"_s + event<Release> / refuse_release_unmapped,
            "unbound"_s + event<Evict> / refuse_evict_absent,
            "unbound"_s + event<Ended> / put_aside,
        }
        "loading": {
            "loading"_s + event<Bind> / refuse_bind_busy,
            "loading"_s + event<BindEmpty> / refuse_bind_empty_busy,
            "loading"_s + event<Plan> / refuse_plan_busy,
            "loading"_s + event<Apply> [apply_stray] / put_apply_aside,
            "loading"_s + event<Apply> [hold_empty] / refuse_empty_hold,
            "mmap_resident"_s <= "loading"_s + event<Apply> [hold_mapped] / apply,
            "resident"_s <= "loading"_s + event<Apply> / apply,
            "loading"_s + event<Fail> [fail_stray] / put_fail_aside,
            "evicted"_s <= "loading"_s + event<Fail> [was_evicted] / fail_load,
            "unbound"_s <= "loading"_s + event<Fail> / fail_load,
            "loading"_s + event<Release> / refuse_release_busy,
            "loading"_s + event<Evict> / refuse_evict_busy,
            "loading"_s + event<Ended> / put_aside,
        }
        "resident": {
            "resident"_s + event<Bind> / refuse_bind_resident,
            "resident"_s + event<BindEmpty> / refuse_bind_empty_resident,
            "resident"_s + event<Plan> / refuse_plan_resident,
            "resident"_s + event<Apply> / put_apply_aside,
            "resident"_s + event<Fail> / put_fail_aside,
            "resident"_s + event<Release> / refuse_release_unmapped,
            "evicting"_s <= "resident"_s + event<Evict> / evict,
            "resident"_s + event<Ended> / put_aside,
        }
        "evicting": {
            "evicting"_s + event<Bind> / refuse_bind_busy,
            "evicting"_s + event<BindEmpty> / refuse_bind_empty_busy,
            "evicting"_s + event<Plan> / refuse_plan_busy,
            "evicting"_s + event<Apply> / put_apply_aside,
            "evicting"_s + event<Fail> / put_fail_aside,
            "evicting"_s + event<Release> / refuse_release_unmapped,
            "evicting"_s + event<Evict> / refuse_evict_busy,
            "evicting"_s + event<Ended> [ended_stray] / put_aside,
            "resident"_s <= "evicting"_s + event<Ended> [still_held] / fail_end,
            "evicted"_s <= "evicting"_s + event<Ended> / let_go,
        }
        "mmap_resident": {
            "mmap_resident"_s + event<Bind> / refuse_bind_mapped,
            "mmap_resident"_s + event<BindEmpty> / refuse_bind_empty_mapped,
            "mmap_resident"_s + event<Plan> / refuse_plan_resident,
            "mmap_resident"_s + event<Apply> / put_apply_aside,
            "mmap_resident"_s + event<Fail> / put_fail_aside,
            "releasing"_s <= "mmap_resident"_s + event<Release> / release,
            "mmap_resident"_s + event<Evict> / refuse_evict_mapped,
            "mmap_resident"_s + event<Ended> / put_aside,
        }
        "releasing": {
            "releasing"_s + event<Bind> / refuse_bind_mapped,
            "releasing"_s + event<BindEmpty> / refuse_bind_empty_mapped,
            "releasing"_s + event<Plan> / refuse_plan_busy,
            "releasing"_s + event<Apply> / put_apply_aside,
            "releasing"_s + event<Fail> / put_fail_aside,
            "releasing"_s + event<Release> / refuse_release_busy,
            "releasing"_s + event<Evict> / refuse_evict_mapped,
            "releasing"_s + event<Ended> [ended_stray] / put_aside,
            "mmap_resident"_s <= "releasing"_s + event<Ended> [still_held] / fail_end,
            "evicted"_s <= "releasing"_s + event<Ended> / let_go,
        }
        "evicted": {
            "unbound"_s <= "evicted"_s + event<Bind> / bind,
            "resident"_s <= "evicted"_s + event<BindEmpty> / bind_empty,
            "loading"_s <= "evicted"_s + event<Plan> / plan_again,
            "evicted"_s + event<Apply> / put_apply_aside,
            "evicted"_s + event<Fail> / put_fail_aside,
            "evicted"_s + event<Release> / refuse_release_unmapped,
            "evicted"_s + event<Evict> / evict_again,
            "evicted"_s + event<Ended> / put_aside,
        }
    }
}

/// Where one tensor's machine stands, and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    state: ModelTensorStates,
    tensor: Tensor,
}

/// The pool: every tensor of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelTensor {
    cells: Vec<Cell>,
}

impl ModelTensor {
    /// The name that the observer and the diagrams use.
    pub const NAME: &'static str = TABLE.machine;

    /// Binds so many tensors, none of them loaded. All that is allocated is allocated here.
    #[must_use]
    pub fn bound(tensors: u32) -> Self {
        let fresh = Cell { state: ModelTensorStates::Unbound, tensor: Tensor::default() };
        Self { cells: vec![fresh; tensors as usize] }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Runs one event of one tensor to completion. None if there is no such tensor.
    pub fn dispatch(&mut self, index: u32, event: impl Into<ModelTensorEvents>, watch: &Watch) -> Option<Output> {
        let cell = self.cells.get_mut(index as usize)?;
        let trace = watch.of(Self::NAME, Some(index));
        let mut output = Output::default();
        let context = Context { tensor: &mut cell.tensor, output: &mut output };
        dispatch!(ModelTensorStateMachine, cell.state, context, event.into(), trace);
        Some(output)
    }

    /// One tensor's data.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Tensor> {
        self.cells.get(index as usize).map(|cell| &cell.tensor)
    }

    /// Where one tensor's machine stands.
    #[must_use]
    pub fn state(&self, index: u32) -> Option<String> {
        self.cells.get(index as usize).map(|cell| snake(sml::StateName::name(&cell.state)))
    }

    /// One tensor's lifecycle: a tensor that is on its way out still has its bytes.
    #[must_use]
    pub fn lifecycle(&self, index: u32) -> Option<Lifecycle> {
        let cell = self.cells.get(index as usize)?;
        Some(match cell.state {
            ModelTensorStates::Loading => Lifecycle::Loading,
            ModelTensorStates::Resident | ModelTensorStates::Evicting => Lifecycle::Resident,
            ModelTensorStates::MmapResident | ModelTensorStates::Releasing => Lifecycle::MmapResident,
            ModelTensorStates::Evicted => Lifecycle::Evicted,
            _ => Lifecycle::Unbound,
        })
    }
}
