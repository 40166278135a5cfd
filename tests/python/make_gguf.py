"""Makes the GGUF files and the sharded safetensors that the tests load, from the real MiniLM weights.

    make_gguf.py MODEL_DIR OUT_DIR

MODEL_DIR holds model.safetensors, config.json and vocab.txt as their publisher ships them. The weights are read with
the `safetensors` package and written with the `gguf` package, so that the files are what others make.
"""

import json
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open
from safetensors.numpy import save_file

SHARDS = 3
KINDS = {"f32": Type.F32, "f16": Type.F16, "q8_0": Type.Q8_0, "q4_0": Type.Q4_0}
FILE_TYPES = {
    Type.F32: gguf.LlamaFileType.ALL_F32,
    Type.F16: gguf.LlamaFileType.MOSTLY_F16,
    Type.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
    Type.Q4_0: gguf.LlamaFileType.MOSTLY_Q4_0,
}


def gguf_name(names, name):
    """The GGUF name of a tensor; its own name where GGUF has none (the pooler, the position ids)."""
    return names.get_name(name, (".weight", ".bias")) or name


def encoded(tensor, kind):
    """The bytes of one tensor and their type: matrices in `kind` where their rows fit its blocks, the rest as it is."""
    if tensor.dtype != np.float32 or tensor.ndim < 2 or kind == Type.F32:
        return tensor, None
    if kind == Type.F16:
        return tensor.astype(np.float16), None
    if tensor.shape[-1] % 32 != 0:
        return tensor, None
    return gguf.quants.quantize(tensor, kind), kind


def write_gguf(path, tensors, config, vocabulary, kind, shards=1):
    """Writes one model; with `shards` > 1 as `gguf-split` does: PATH-00001-of-0000N.gguf, metadata in the first."""
    layers = config["num_hidden_layers"]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    per_shard = -(-len(tensors) // shards) if shards > 1 else 0
    writer = gguf.GGUFWriter(path, "bert", split_max_tensors=per_shard)
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_tags(["sentence-similarity", "feature-extraction", "bert"])
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_tokenizer_model("bert")
    writer.add_token_list(vocabulary)
    for name, tensor in tensors.items():
        data, raw_type = encoded(tensor, kind)
        writer.add_tensor(gguf_name(names, name), data, raw_dtype=raw_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_sharded(folder, tensors):
    """Writes safetensors shards and the index that names them, in the form that `transformers` publishes."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(tensors)
    per_shard = -(-len(names) // SHARDS)
    weight_map = {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        part = names[shard * per_shard : (shard + 1) * per_shard]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map.update({name: file for name in part})
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_gguf.py MODEL_DIR OUT_DIR")
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((source / "config.json").read_text())
    vocabulary = (source / "vocab.txt").read_text(encoding="utf-8").split("\n")[: config["vocab_size"]]
    with safe_open(source / "model.safetensors", "numpy") as model:
        tensors = {name: model.get_tensor(name) for name in sorted(model.keys())}
    for label, kind in KINDS.items():
        print(f"minilm-{label}.gguf", file=sys.stderr)
        write_gguf(out / f"minilm-{label}.gguf", tensors, config, vocabulary, kind)
    print(f"minilm-q8_0 in {SHARDS} shards", file=sys.stderr)
    write_gguf(out / "minilm-q8_0.gguf", tensors, config, vocabulary, Type.Q8_0, SHARDS)
    print(f"minilm-sharded in {SHARDS} shards", file=sys.stderr)
    write_sharded(out / "minilm-sharded", tensors)
    shutil.copyfile(source / "model.safetensors", out / "minilm.safetensors")


if __name__ == "__main__":
    main()
