"""A Llama of 110 million parameters with drawn weights, as GGUF: 12 layers, 768, 2048, 12 heads, vocabulary of 32 000.

usage: write_llama.py OUTPUT.gguf
"""

import sys

import gguf
import numpy as np

LAYERS, HIDDEN, FEED_FORWARD, HEADS, VOCABULARY, CONTEXT = 12, 768, 2048, 12, 32000, 512


def main():
    writer, random = gguf.GGUFWriter(sys.argv[1], "llama"), np.random.default_rng(1)

    def matrix(name, rows, columns):
        values = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(columns**-0.5)
        writer.add_tensor(name, values.astype(np.float16))

    def norm(name):
        writer.add_tensor(name, np.ones(HIDDEN, np.float32))

    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    matrix("token_embd.weight", VOCABULARY, HIDDEN)
    norm("output_norm.weight")
    matrix("output.weight", VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{i}.{name}.weight", HIDDEN, HIDDEN)
        matrix(f"blk.{i}.ffn_gate.weight", FEED_FORWARD, HIDDEN)
        matrix(f"blk.{i}.ffn_up.weight", FEED_FORWARD, HIDDEN)
        matrix(f"blk.{i}.ffn_down.weight", HIDDEN, FEED_FORWARD)
        norm(f"blk.{i}.attn_norm.weight")
        norm(f"blk.{i}.ffn_norm.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
