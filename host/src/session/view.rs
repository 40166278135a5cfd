//! From what the guest says of a tensor's place to its bytes.
use super::Session;
use crate::{
    tensor::{Tensor, View},
    text::escape,
    types::{Cause, Error, Lifecycle, Location, Phase, Place, TensorInfo, TensorState},
};
use std::sync::Arc;

impl Session {
    /// The view of a resident tensor, by its exact name.
    ///
    /// # Errors
    /// `not-found`, `not-resident`, or the guest failed.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor, Error> {
        let index = self.find(name)?.ok_or_else(|| {
            let message = format!("the model has no tensor named {}; `tensors` lists those that it has", escape(name));
            Error::new(Phase::Request, Cause::NotFound, message)
        })?;
        self.tensor_at(index)
    }

    /// The view of a resident tensor, by its index.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn tensor_at(&mut self, index: u32) -> Result<Tensor, Error> {
        let info = self.tensors()?.get(index as usize).cloned().ok_or_else(|| {
            let message = format!("there is no tensor {index}; indices are those of `tensors`");
            Error::new(Phase::Request, Cause::NotFound, message)
        })?;
        let state = self.guest.states(index, 1)?.first().copied();
        self.shown(index, info, state)
    }

    /// The views of all resident tensors, in the order of the files. It asks the guest for thousands of them at a time, where
    /// [`Self::tensor_at`] asks for each.
    ///
    /// # Errors
    /// The guest failed. Tensors that are not resident, or that went to a consumer, are left out.
    pub fn resident(&mut self) -> Result<Vec<Tensor>, Error> {
        let (states, infos) = (self.states()?, self.tensors()?.to_vec());
        let mut views = Vec::with_capacity(states.len());
        for ((index, info), state) in (0..).zip(infos).zip(states) {
            match self.shown(index, info, Some(state)) {
                Ok(view) => views.push(view),
                Err(error) if error.cause == Cause::NotResident => {}
                Err(error) => return Err(error),
            }
        }
        Ok(views)
    }

    fn shown(&mut self, index: u32, info: TensorInfo, state: Option<TensorState>) -> Result<Tensor, Error> {
        let absent = |message: String| {
            let mut error = Error::new(Phase::Request, Cause::NotResident, message);
            error.tensor = Some(index);
            error
        };
        match state {
            Some(TensorState { location: Some(location), .. }) => self.view(index, info, location),
            Some(TensorState { lifecycle: Lifecycle::Resident | Lifecycle::MmapResident, .. }) if info.bytes == 0 => {
                Tensor::new(info, View::Empty, 0, 0).map_err(|_| strange(index))
            }
            _ => Err(absent(format!("tensor {} is not resident; load it first", escape(&info.name)))),
        }
    }

    /// Clamp: the guest says where a tensor lies; the host shows bytes only if that is a mapping or a buffer of this
    /// session, inside it, of the tensor's length and, for a mapping, the place that the header names.
    fn view(&mut self, index: u32, info: TensorInfo, location: Location) -> Result<Tensor, Error> {
        let native = self.native()?;
        let view = match location.place {
            Place::Mapping(id) => {
                let mapping = native.mapping(id).ok_or_else(|| strange(index))?;
                let source = native.sources.get(info.source as usize).ok_or_else(|| strange(index))?;
                let same_file = Arc::ptr_eq(&mapping.source.file, &source.file);
                if !same_file || mapping.offset.checked_add(location.offset) != Some(info.offset) {
                    return Err(strange(index));
                }
                View::Mapped(mapping.clone())
            }
            Place::Target(id) => match native.buffer(id) {
                Some(buffer) => View::Copied(buffer.clone()),
                None if native.is_consumed(id) => {
                    let message =
                        format!("tensor {} went to a consumer; the host does not have its bytes", escape(&info.name));
                    let mut error = Error::new(Phase::Request, Cause::NotResident, message);
                    error.tensor = Some(index);
                    return Err(error);
                }
                None => return Err(strange(index)),
            },
        };
        if location.bytes != info.bytes {
            return Err(strange(index));
        }
        Tensor::new(info, view, location.offset, location.bytes).map_err(|_| strange(index))
    }
}

fn strange(index: u32) -> Error {
    let mut error = Error::new(
        Phase::Request,
        Cause::Internal,
        "the component says that the tensor lies where the host has nothing of it; no byte was shown. Please report it",
    );
    error.tensor = Some(index);
    error
}
