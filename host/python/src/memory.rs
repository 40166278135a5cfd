//! Memory that Python may read: the bytes of a tensor where they lie, through the buffer protocol and DLPack. All `unsafe` of
//! this crate is here.
//!
//! `Memory` is a class of its own making, not of PyO3's: `bf_getbuffer` of PyO3's classes needs the stable ABI of Python 3.11,
//! and this one serves 3.9 too. Types made of a spec have had that slot (by its number, which is part of the stable ABI since
//! 3.11) since 3.9; the buffer itself is filled by Python's own `PyBuffer_FillInfo`, so that nothing here knows how it is laid out.
//!
//! What makes it sound:
//! - An object owns a view of a tensor (`weighbridge::Tensor`), which keeps the mapping or the buffer alive that the bytes are
//!   in. A Python buffer holds the object; a DLPack capsule has a view of its own. So no pointer outlives its bytes, whatever
//!   becomes of the model.
//! - All that goes out is read-only: writers are refused before they get a pointer, and DLPack says so in its flags.
//! - The pointer to the view is written once, before anybody else has the object, and never changes; views are `Send + Sync`.
#![allow(unsafe_code)]

use crate::error::Failure;
use pyo3::{
    exceptions::{PyBufferError, PyTypeError},
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyByteArray, PyType},
};
use std::{
    ffi::{CStr, c_int, c_void},
    ptr,
};
use weighbridge::{Cause, Tensor};

/// `Py_bf_getbuffer` of `typeslots.h`.
const BF_GETBUFFER: c_int = 1;
/// `PyBUF_WRITABLE` of `object.h`.
const WRITABLE: c_int = 1;

unsafe extern "C" {
    /// Fills a `Py_buffer`, and refuses what its flags ask for and cannot be. Part of the stable ABI since 3.11, and there before.
    fn PyBuffer_FillInfo(
        view: *mut c_void,
        exporter: *mut ffi::PyObject,
        bytes: *mut c_void,
        len: ffi::Py_ssize_t,
        readonly: c_int,
        flags: c_int,
    ) -> c_int;
}

/// An object of the class, and what every object of a derived class begins with. `view` is null from its allocation to the end of [`memory`], within which nobody else has it.
#[repr(C)]
struct Object {
    head: ffi::PyObject,
    view: *mut Tensor,
}

/// The class. It can be derived from, which is how Python gives it names, and is made here alone.
pub(crate) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || new_class(py)).map(|class| class.bind(py))
}

fn new_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    const DOC: &CStr = c"Bytes of a tensor, where they lie; read-only.";
    let slot = |slot, pfunc: *const c_void| ffi::PyType_Slot { slot, pfunc: pfunc.cast_mut() };
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast()),
        slot(ffi::Py_tp_new, refuse_new as *const c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *const c_void),
        slot(BF_GETBUFFER, get_buffer as *const c_void),
        slot(0, ptr::null()),
    ];
    let basicsize = c_int::try_from(size_of::<Object>()).map_err(|error| PyTypeError::new_err(error.to_string()))?;
    let mut spec = ffi::PyType_Spec {
        name: c"weighbridge._native.Memory".as_ptr(),
        basicsize,
        itemsize: 0,
        flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE)?,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: spec and slots are whole and end with the slot 0; Python copies what it keeps of them, but the name and the
    // documentation, which are static. The functions have the signatures of their slots. The result is a new reference to a
    // type, or null with an exception set.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))?;
        Ok(made.cast_into::<PyType>()?.unbind())
    }
}

/// `tp_new`: a program makes none.
unsafe extern "C" fn refuse_new(
    _class: *mut ffi::PyTypeObject,
    _args: *mut ffi::PyObject,
    _kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    const WHY: &CStr =
        c"tensors are not made, they are read: ask a model for them, weighbridge.open(path).tensor(name)";
    // SAFETY: Python calls this attached, and the text is a C string. Null with an exception set is how a slot refuses.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_TypeError, WHY.as_ptr()) };
    ptr::null_mut()
}

/// `tp_dealloc`: gives the view back, then the object's memory and its hold on its class, as heap types have to.
unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: Python calls this once for an object of the class or of one derived from it, whose first field are `Object`'s;
    // nobody has it any more. The view is null or came out of `Box::into_raw`. A derived class's own dealloc has done what is
    // its own, and leaves the object and the reference to the class to this one, as this one's class is a heap type as well.
    // `tp_free` of the object's very class is what fits how it was allocated.
    unsafe {
        let view = (*object.cast::<Object>()).view;
        if !view.is_null() {
            drop(Box::from_raw(view));
        }
        let class = ffi::Py_TYPE(object);
        let free = ffi::PyType_GetSlot(class, ffi::Py_tp_free);
        if !free.is_null() {
            std::mem::transmute::<*mut c_void, ffi::freefunc>(free)(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// `bf_getbuffer`: one dimension of bytes, read-only.
unsafe extern "C" fn get_buffer(object: *mut ffi::PyObject, buffer: *mut c_void, flags: c_int) -> c_int {
    const WHY: &CStr = c"the bytes of a tensor are read-only: they may be the model's file itself. Write to a copy (bytearray(tensor), tensor.numpy().copy())";
    // SAFETY: Python calls this attached, with an object of the class. `bytes` lie where the view keeps them, which the object
    // keeps until it goes; `PyBuffer_FillInfo` takes a reference to the object into the buffer. Read-only bytes are never
    // written through the pointer, as it is given out with `readonly` alone.
    unsafe {
        let view = (*object.cast::<Object>()).view.as_ref();
        let (Some(view), 0) = (view, flags & WRITABLE) else {
            ffi::PyErr_SetString(ffi::PyExc_BufferError, WHY.as_ptr());
            return -1;
        };
        let bytes = view.bytes();
        let len = bytes.len().cast_signed();
        PyBuffer_FillInfo(buffer, object, bytes.as_ptr().cast_mut().cast(), len, 1, flags)
    }
}

/// An object of `class`, which is `Memory` or derived from it, with a view of a tensor.
pub(crate) fn memory<'py>(class_: &Bound<'py, PyType>, tensor: Tensor) -> PyResult<Bound<'py, PyAny>> {
    let py = class_.py();
    if !class_.is_subclass(class(py)?)? {
        return Err(PyTypeError::new_err("a tensor's class is derived from weighbridge._native.Memory"));
    }
    // SAFETY: `class_` is a type whose objects begin with `Object`, and its `tp_alloc` answers a new object whose fields are
    // zero, so that `view` is null until it is written; or null with an exception set.
    unsafe {
        let class_ = class_.as_type_ptr();
        let alloc = ffi::PyType_GetSlot(class_, ffi::Py_tp_alloc);
        if alloc.is_null() {
            return Err(PyTypeError::new_err("the class of a tensor cannot be instantiated"));
        }
        let alloc = std::mem::transmute::<*mut c_void, ffi::allocfunc>(alloc);
        let object = Bound::from_owned_ptr_or_err(py, alloc(class_, 0))?;
        (*object.as_ptr().cast::<Object>()).view = Box::into_raw(Box::new(tensor));
        Ok(object)
    }
}

/// The view that an object has.
fn view(object: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    if !object.is_instance(class(object.py())?)? {
        return Err(PyTypeError::new_err("this is no tensor of weighbridge"));
    }
    // SAFETY: an object of the class begins with `Object`, and its pointer is null or that of a view, which is there as long
    // as the object is.
    let view = unsafe { (*object.as_ptr().cast::<Object>()).view.as_ref() };
    view.cloned().ok_or_else(|| PyTypeError::new_err("this tensor was not read from a model"))
}

/// Whether the bytes are those of a mapped file, and not of a copy.
#[pyfunction]
pub(crate) fn is_mapped(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(view(object)?.is_mapped())
}

/// A copy of `len` bytes from `offset` on, read from the file by position: a file that was cut off is an error, no signal.
#[pyfunction]
pub(crate) fn read<'py>(object: &Bound<'py, PyAny>, offset: u64, len: usize) -> PyResult<Bound<'py, PyAny>> {
    let (py, tensor) = (object.py(), view(object)?);
    let copied = py.detach(|| {
        let mut bytes = Vec::new();
        let room = bytes.try_reserve_exact(len.min(tensor.len()));
        room.map_err(|_| Failure::request(Cause::OutOfMemory, format!("there is no memory for {len} bytes")))?;
        bytes.resize(len.min(tensor.len()), 0);
        tensor.copy_to(offset, &mut bytes)?;
        Ok::<_, Failure>(bytes)
    });
    let bytes = copied.map_err(|failure| failure.raise(py))?;
    Ok(PyByteArray::new(py, &bytes).into_any())
}

/// `DLManagedTensor` of DLPack before 1.0.
#[repr(C)]
struct Managed {
    tensor: DlTensor,
    context: *mut c_void,
    deleter: unsafe extern "C" fn(*mut Managed),
}

/// `DLManagedTensorVersioned` of DLPack 1.0.
#[repr(C)]
struct ManagedVersioned {
    version: (u32, u32),
    context: *mut c_void,
    deleter: unsafe extern "C" fn(*mut ManagedVersioned),
    flags: u64,
    tensor: DlTensor,
}

/// `DLTensor`: where the bytes are, and what they mean.
#[repr(C)]
struct DlTensor {
    data: *mut c_void,
    /// `kDLCPU`, 0.
    device: (i32, i32),
    dimensions: i32,
    dtype: DlType,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct DlType {
    code: u8,
    bits: u8,
    lanes: u16,
}

/// What a capsule owns, behind `context`.
struct Owned {
    shape: Vec<i64>,
    /// Keeps the bytes where `data` points.
    _tensor: Tensor,
}

const READ_ONLY: u64 = 1;
const NAME: &CStr = c"dltensor";
const NAME_VERSIONED: &CStr = c"dltensor_versioned";

/// A DLPack capsule of the bytes as elements of a type (its code and bits) in a shape, row by row.
#[pyfunction]
pub(crate) fn dlpack<'py>(
    object: &Bound<'py, PyAny>,
    code: u8,
    bits: u8,
    shape: Vec<i64>,
    versioned: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, view) = (object.py(), view(object)?);
    let elements = shape.iter().try_fold(1i64, |all, &size| all.checked_mul(size).filter(|_| size >= 0));
    let bytes = elements.and_then(|elements| elements.checked_mul(i64::from(bits / 8)));
    let dimensions = i32::try_from(shape.len()).ok();
    let (Some(dimensions), true) = (dimensions, bytes == i64::try_from(view.len()).ok()) else {
        return Err(PyBufferError::new_err("the tensor's bytes are not those of this shape and type"));
    };
    let data = view.bytes().as_ptr().cast_mut().cast();
    let mut owned = Box::new(Owned { shape, _tensor: view });
    let tensor = DlTensor {
        data,
        device: (1, 0),
        dimensions,
        dtype: DlType { code, bits, lanes: 1 },
        shape: owned.shape.as_mut_ptr(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    let context = Box::into_raw(owned).cast();
    // SAFETY: the structures are laid out as `dlpack.h` has them, and `context`, made above, keeps what they point to until
    // their deleter is called. The capsule owns the structure until a consumer renames it; then the consumer calls the deleter.
    unsafe {
        let (pointer, name, end): (*mut c_void, _, ffi::PyCapsule_Destructor) = if versioned {
            let managed =
                ManagedVersioned { version: (1, 0), context, deleter: delete_versioned, flags: READ_ONLY, tensor };
            (Box::into_raw(Box::new(managed)).cast(), NAME_VERSIONED, end_versioned)
        } else {
            (Box::into_raw(Box::new(Managed { tensor, context, deleter: delete })).cast(), NAME, end)
        };
        let capsule = ffi::PyCapsule_New(pointer, name.as_ptr(), Some(end));
        if capsule.is_null() && versioned {
            delete_versioned(pointer.cast());
        } else if capsule.is_null() {
            delete(pointer.cast());
        }
        Bound::from_owned_ptr_or_err(py, capsule)
    }
}

/// SAFETY: `managed` came out of [`dlpack`], and is not used after this. Any thread may call it: nothing of Python is touched.
unsafe extern "C" fn delete(managed: *mut Managed) {
    if !managed.is_null() {
        // SAFETY: both came out of `Box::into_raw`, and this is the one call that DLPack allows.
        unsafe {
            let managed = Box::from_raw(managed);
            drop(Box::from_raw(managed.context.cast::<Owned>()));
        }
    }
}

/// SAFETY: as of [`delete`].
unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    if !managed.is_null() {
        // SAFETY: both came out of `Box::into_raw`, and this is the one call that DLPack allows.
        unsafe {
            let managed = Box::from_raw(managed);
            drop(Box::from_raw(managed.context.cast::<Owned>()));
        }
    }
}

/// A capsule that nobody consumed still has its first name.
unsafe extern "C" fn end(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this once, attached, with the capsule; a pointer under this name is that of `dlpack`.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, NAME.as_ptr()) == 1 {
            delete(ffi::PyCapsule_GetPointer(capsule, NAME.as_ptr()).cast());
        }
    }
}

/// As [`end`], of the other structure.
unsafe extern "C" fn end_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: as of `end`.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, NAME_VERSIONED.as_ptr()) == 1 {
            delete_versioned(ffi::PyCapsule_GetPointer(capsule, NAME_VERSIONED.as_ptr()).cast());
        }
    }
}
