//! What `torch.load(weights_only=True)` would do with a name, as data: the list of PyTorch 2.9's
//! `torch/_weights_only_unpickler.py`, `_get_allowed_globals`, without what a program adds to it.
use super::super::pickle::Global;

/// What `weights_only` would do with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsOnly {
    /// Take it: it is on the list.
    Allowed,
    /// Refuse the file, unless the program had put the name on the list.
    Refused,
    /// Refuse the file whatever the program says.
    Blocked,
}

impl WeightsOnly {
    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
        }
    }
}

/// Modules of which nothing is ever taken.
static BLOCKED: &[&str] = &["sys", "os", "posix", "nt"];

/// Names, whole.
static NAMES: &[&str] = &[
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
    "collections.Counter",
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch._tensor._rebuild_from_type_v2",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_wrapper_subclass",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.per_channel_affine",
    "torch.per_channel_affine_float_qparams",
    "torch.per_channel_symmetric",
    "torch.per_tensor_affine",
    "torch.per_tensor_symmetric",
    "torch.serialization._get_layout",
    "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage",
];

/// Element types, `torch.` before them.
static DTYPES: &[&str] = &[
    "bfloat16",
    "bits16",
    "bits1x8",
    "bits2x4",
    "bits4x2",
    "bits8",
    "bool",
    "complex128",
    "complex32",
    "complex64",
    "float16",
    "float32",
    "float64",
    "float4_e2m1fn_x2",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "int1",
    "int16",
    "int2",
    "int3",
    "int32",
    "int4",
    "int5",
    "int6",
    "int64",
    "int7",
    "int8",
    "qint32",
    "qint8",
    "quint2x4",
    "quint4x2",
    "quint8",
    "uint1",
    "uint16",
    "uint2",
    "uint3",
    "uint32",
    "uint4",
    "uint5",
    "uint6",
    "uint64",
    "uint7",
    "uint8",
];

/// Kinds of tensors: `torch.FloatTensor`, `torch.cuda.sparse.FloatTensor` and so on.
static TENSORS: &[&str] = &["BFloat16", "Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short"];

/// Kinds of storages: `torch.FloatStorage`, `torch.cuda.FloatStorage` and so on.
static STORAGES: &[&str] = &[
    "BFloat16",
    "Bool",
    "Byte",
    "Char",
    "ComplexDouble",
    "ComplexFloat",
    "Double",
    "Float",
    "Half",
    "Int",
    "Long",
    "QInt32",
    "QInt8",
    "QUInt2x4",
    "QUInt4x2",
    "QUInt8",
    "Short",
];

/// Modules that Python 3 has under another name, as far as a name on the list can come of it.
static RENAMED: &[(&str, &str)] = &[
    ("__builtin__", "builtins"),
    ("UserDict", "collections"),
    ("UserList", "collections"),
    ("UserString", "collections"),
];

/// Whether this is an element type of PyTorch, `torch.` being before it.
pub(super) fn is_dtype(name: &str) -> bool {
    DTYPES.contains(&name)
}

/// What `weights_only` would do with this name.
#[must_use]
pub fn weights_only(global: &Global) -> WeightsOnly {
    let module = RENAMED.iter().find(|(old, _)| *old == global.module).map_or(global.module.as_str(), |(_, new)| *new);
    if BLOCKED.contains(&module) {
        return WeightsOnly::Blocked;
    }
    // Joined as it is there: a dot in the name may be one in the module.
    let path = format!("{module}.{}", global.name);
    let of_torch = path.strip_prefix("torch.").is_some_and(|rest| {
        let on_device = rest.strip_prefix("cuda.").unwrap_or(rest);
        let tensor = on_device.strip_prefix("sparse.").unwrap_or(on_device).strip_suffix("Tensor");
        is_dtype(rest)
            || tensor.is_some_and(|kind| TENSORS.contains(&kind))
            || on_device.strip_suffix("Storage").is_some_and(|kind| STORAGES.contains(&kind))
    });
    if of_torch || NAMES.contains(&path.as_str()) { WeightsOnly::Allowed } else { WeightsOnly::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(module: &str, name: &str) -> WeightsOnly {
        weights_only(&Global { module: module.into(), name: name.into(), at: 0, calls: 0 })
    }

    #[test]
    fn the_list_is_that_of_pytorch() {
        for (module, name) in [
            ("torch", "FloatStorage"),
            ("torch.cuda", "HalfStorage"),
            ("torch.cuda.sparse", "HalfTensor"),
            ("torch", "float8_e4m3fn"),
            ("torch", "storage.UntypedStorage"),
            ("__builtin__", "set"),
            ("collections", "OrderedDict"),
        ] {
            assert_eq!(verdict(module, name), WeightsOnly::Allowed, "{module}.{name}");
        }
        for (module, name) in
            [("builtins", "eval"), ("torch.hub", "load"), ("torch", "load"), ("numpy", "dtype"), ("torchX", "Size")]
        {
            assert_eq!(verdict(module, name), WeightsOnly::Refused, "{module}.{name}");
        }
        for module in ["os", "posix", "nt", "sys"] {
            assert_eq!(verdict(module, "system"), WeightsOnly::Blocked);
        }
    }
}
