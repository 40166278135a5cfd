//! The names that mean something here, as data. Each is matched by exact module and name.
use super::super::pickle::Global;
use super::allowed::is_dtype;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Makes a tensor of storage, offset, shape and strides.
    Rebuild(Rebuild),
    /// Makes a parameter of a tensor, the first of so few or so many arguments.
    Parameter,
    /// Makes a tensor by one of the others: function, type, arguments, state.
    FromType,
    /// A tensor's own type.
    TensorType,
    /// A dictionary with an order.
    OrderedDict,
    /// A shape.
    Size,
    /// A function of TorchScript whose first argument is what it makes.
    Transparent,
    /// A type of storage: the element type; bytes where it has none.
    Storage(Option<&'static str>),
    /// An element type; none where the contract has none like it.
    Dtype(Option<&'static str>),
    /// A tensor of a kind that is not read: which.
    Refused(&'static str),
}

/// The functions that make a dense tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rebuild {
    /// Of before 0.4: storage, offset, shape, strides.
    First,
    /// And requires-grad, hooks, metadata.
    Second,
    /// And requires-grad, hooks, element type, metadata.
    Third,
}

type Row = (&'static str, &'static str, Known);

const UTILS: &str = "torch._utils";
const SCRIPT: &str = "torch.jit._pickle";

static NAMES: &[Row] = &[
    (UTILS, "_rebuild_tensor", Known::Rebuild(Rebuild::First)),
    (UTILS, "_rebuild_tensor_v2", Known::Rebuild(Rebuild::Second)),
    (UTILS, "_rebuild_tensor_v3", Known::Rebuild(Rebuild::Third)),
    (UTILS, "_rebuild_parameter", Known::Parameter),
    (UTILS, "_rebuild_parameter_with_state", Known::Parameter),
    ("torch._tensor", "_rebuild_from_type_v2", Known::FromType),
    ("torch", "Tensor", Known::TensorType),
    ("torch.nn.parameter", "Parameter", Known::TensorType),
    ("collections", "OrderedDict", Known::OrderedDict),
    ("torch", "Size", Known::Size),
    (SCRIPT, "build_intlist", Known::Transparent),
    (SCRIPT, "build_doublelist", Known::Transparent),
    (SCRIPT, "build_boollist", Known::Transparent),
    (SCRIPT, "build_tensorlist", Known::Transparent),
    (SCRIPT, "restore_type_tag", Known::Transparent),
    (UTILS, "_rebuild_qtensor", Known::Refused("quantized")),
    (UTILS, "_rebuild_sparse_tensor", Known::Refused("sparse")),
    (UTILS, "_rebuild_sparse_csr_tensor", Known::Refused("sparse")),
    (UTILS, "_rebuild_nested_tensor", Known::Refused("nested")),
    (UTILS, "_rebuild_meta_tensor_no_storage", Known::Refused("of the meta device, without data,")),
    (UTILS, "_rebuild_wrapper_subclass", Known::Refused("a wrapper subclass")),
    (UTILS, "_rebuild_device_tensor_from_numpy", Known::Refused("kept as a NumPy array")),
    (UTILS, "_rebuild_device_tensor_from_cpu_tensor", Known::Refused("of another device")),
    (UTILS, "_rebuild_xla_tensor", Known::Refused("of another device")),
];

/// Storages that were once per element type.
static STORAGES: &[(&str, &str)] = &[
    ("DoubleStorage", "F64"),
    ("FloatStorage", "F32"),
    ("HalfStorage", "F16"),
    ("BFloat16Storage", "BF16"),
    ("LongStorage", "I64"),
    ("IntStorage", "I32"),
    ("ShortStorage", "I16"),
    ("CharStorage", "I8"),
    ("ByteStorage", "U8"),
    ("BoolStorage", "BOOL"),
    ("ComplexFloatStorage", "C64"),
];

/// Storages whose elements no tensor of the contract has.
static UNREAD_STORAGES: &[&str] = &[
    "ComplexDoubleStorage",
    "QUInt8Storage",
    "QInt8Storage",
    "QInt32Storage",
    "QUInt4x2Storage",
    "QUInt2x4Storage",
    "TypedStorage",
];

/// Element types, with those of safetensors.
static DTYPES: &[(&str, &str)] = &[
    ("float64", "F64"),
    ("float32", "F32"),
    ("float16", "F16"),
    ("bfloat16", "BF16"),
    ("int64", "I64"),
    ("int32", "I32"),
    ("int16", "I16"),
    ("int8", "I8"),
    ("uint8", "U8"),
    ("uint16", "U16"),
    ("uint32", "U32"),
    ("uint64", "U64"),
    ("bool", "BOOL"),
    ("complex64", "C64"),
    ("float8_e4m3fn", "F8_E4M3"),
    ("float8_e5m2", "F8_E5M2"),
    ("float8_e4m3fnuz", "F8_E4M3FNUZ"),
    ("float8_e5m2fnuz", "F8_E5M2FNUZ"),
    ("float8_e8m0fnu", "F8_E8M0"),
];

/// Types whose objects were tensors before 0.4, and take their memory by `BUILD`.
static OLD_TENSORS: &[&str] = &[
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "LongTensor",
    "IntTensor",
    "ShortTensor",
    "CharTensor",
    "ByteTensor",
    "BoolTensor",
    "BFloat16Tensor",
];

/// What this name means; none where it means nothing here.
pub(super) fn known(global: &Global) -> Option<Known> {
    if let Some((_, _, known)) = NAMES.iter().find(|(module, name, _)| global.is(module, name)) {
        return Some(*known);
    }
    let name = global.name.as_str();
    match global.module.as_str() {
        "torch.storage" if name == "UntypedStorage" => Some(Known::Storage(None)),
        "torch.storage" if name == "TypedStorage" => {
            Some(Known::Refused("in a storage whose element type is not given"))
        }
        "torch" | "torch.cuda" => {
            let storage = STORAGES.iter().find(|(storage, _)| *storage == name);
            let dtype = DTYPES.iter().find(|(dtype, _)| *dtype == name).map(|(_, dtype)| *dtype);
            let is_dtype = global.module == "torch" && is_dtype(name);
            let unread = UNREAD_STORAGES.contains(&name) || OLD_TENSORS.contains(&name);
            storage
                .map(|(_, dtype)| Known::Storage(Some(dtype)))
                .or_else(|| is_dtype.then_some(Known::Dtype(dtype)))
                .or_else(|| unread.then_some(Known::Refused("of a type that the contract has not,")))
        }
        _ => None,
    }
}
