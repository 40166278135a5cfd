//! From what the guest says of a tensor's place to its bytes.
use super::Session;
use crate::{
    engine::Engine,
    host::Host,
    media::{Media, Span},
    table::{Buffer, Mapping, Table},
    types::escape,
    types::{Cause, Error, Lifecycle, Location, Phase, Place, TensorInfo, TensorState},
};
use std::sync::Arc;

/// What holds the bytes of a view, and lives as long as the view.
pub enum Held<M: Media> {
    /// A mapping.
    Mapped(Arc<Mapping<M>>),
    /// A buffer.
    Copied(Arc<Buffer<M>>),
    /// Nothing: the tensor has no bytes.
    Empty,
}

impl<M: Media> Clone for Held<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Mapped(mapping) => Self::Mapped(mapping.clone()),
            Self::Copied(buffer) => Self::Copied(buffer.clone()),
            Self::Empty => Self::Empty,
        }
    }
}

/// Where the bytes of a resident tensor lie. As long as it is there, releasing or evicting the tensor is answered `busy`.
pub struct View<M: Media> {
    /// What the header says of the tensor.
    pub info: TensorInfo,
    /// In what.
    pub held: Held<M>,
    /// Where in it.
    pub span: Span,
}

impl<M: Media> View<M> {
    /// The view of tensor `index`, of which the header says `info` and the guest `state`.
    ///
    /// # Errors
    /// `not-resident`, or the guest names a place that is not the tensor's.
    pub(crate) fn of(
        host: &Host<M>,
        index: u32,
        info: &TensorInfo,
        state: Option<&TensorState>,
    ) -> Result<Self, Error> {
        let name = || escape(&info.name);
        let (held, span) = match state {
            Some(TensorState { location: Some(location), .. }) => {
                let held = host.peek_table().ok_or(Refused::Foreign).and_then(|table| held(table, info, *location));
                held.map_err(|refused| match refused {
                    Refused::Foreign => foreign(index),
                    Refused::Consumed => {
                        let what = "went to a consumer; the host does not have its bytes";
                        absent(index, format!("tensor {} {what}", name()))
                    }
                })?
            }
            Some(TensorState { lifecycle: Lifecycle::Resident | Lifecycle::MmapResident, .. }) if info.bytes == 0 => {
                (Held::Empty, Span::within(0, 0, 0).map_err(|_| foreign(index))?)
            }
            _ => return Err(absent(index, format!("tensor {} is not resident; load it first", name()))),
        };
        Ok(Self { info: info.clone(), held, span })
    }
}

impl<E: Engine> Session<E> {
    /// The view of a resident tensor, by its exact name.
    ///
    /// # Errors
    /// `not-found`, `not-resident`, or the guest failed.
    pub fn view(&self, name: &str) -> Result<View<E::Media>, Error> {
        let index = self.find(name)?.ok_or_else(|| {
            let message = format!("the model has no tensor named {}; `tensors` lists those that it has", escape(name));
            Error::new(Phase::Request, Cause::NotFound, message)
        })?;
        self.view_at(index)
    }

    /// The view of a resident tensor, by its index.
    ///
    /// # Errors
    /// As [`Self::view`].
    pub fn view_at(&self, index: u32) -> Result<View<E::Media>, Error> {
        let info = self.tensors()?.get(index as usize).ok_or_else(|| {
            let message = format!("there is no tensor {index}; indices are those of `tensors`");
            Error::new(Phase::Request, Cause::NotFound, message)
        })?;
        let state = self.states()?.get(index as usize);
        self.shared().engine.host(|host| View::of(host, index, info, state))
    }

    /// The views of all resident tensors, in the order of the files.
    ///
    /// # Errors
    /// The guest failed. Tensors that are not resident, or that went to a consumer, are left out.
    pub fn resident(&self) -> Result<Vec<View<E::Media>>, Error> {
        let (infos, states) = (self.tensors()?, self.states()?);
        self.shared().engine.host(|host| {
            let views =
                (0..).zip(infos).zip(states).map(|((index, info), state)| View::of(host, index, info, Some(state)));
            views.filter(|view| !matches!(view, Err(error) if error.cause == Cause::NotResident)).collect()
        })
    }
}

pub(super) enum Refused {
    /// What the guest names is not of this session, or not where the tensor can be.
    Foreign,
    /// The bytes went to a consumer.
    Consumed,
}

/// Clamp: the guest says where a tensor lies; the host shows bytes only if that is a mapping or a buffer of this session,
/// inside it, of the tensor's length and, for a mapping, the place that the header names; for a buffer, the bytes must have
/// been moved there.
pub(super) fn held<M: Media>(
    table: &Table<M>,
    info: &TensorInfo,
    location: Location,
) -> Result<(Held<M>, Span), Refused> {
    if location.bytes != info.bytes {
        return Err(Refused::Foreign);
    }
    let within = |len| Span::within(location.offset, location.bytes, len).map_err(|_| Refused::Foreign);
    match location.place {
        Place::Mapping(id) => {
            let mapping = table.mapping(id).ok_or(Refused::Foreign)?;
            let source = table.source(info.source).ok_or(Refused::Foreign)?;
            if !Arc::ptr_eq(mapping.source(), source)
                || mapping.offset().checked_add(location.offset) != Some(info.offset)
            {
                return Err(Refused::Foreign);
            }
            Ok((Held::Mapped(mapping.clone()), within(mapping.len())?))
        }
        Place::Target(id) => match table.buffer(id) {
            Some(buffer) => {
                let span = within(buffer.len())?;
                if !buffer.holds(info.source, info.offset, span) {
                    return Err(Refused::Foreign);
                }
                Ok((Held::Copied(buffer.clone()), span))
            }
            None if table.is_consumed(id) => Err(Refused::Consumed),
            None => Err(Refused::Foreign),
        },
    }
}

fn absent(index: u32, message: String) -> Error {
    let mut error = Error::new(Phase::Request, Cause::NotResident, message);
    error.tensor = Some(index);
    error
}

fn foreign(index: u32) -> Error {
    let message =
        "the component says that the tensor lies where the host has nothing of it; no byte was shown. Please report it";
    let mut error = Error::new(Phase::Request, Cause::Internal, message);
    error.tensor = Some(index);
    error
}
